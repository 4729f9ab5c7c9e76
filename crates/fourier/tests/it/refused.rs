use mapvec_fourier::{
    Complex, Error, Fft2, Norm, PatternConfig, PlaneWave, Pose, ProposalConfig, SearchConfig,
    Shear, SimilarityConfig, SuppressConfig, bin_angles, centred, dominant_wave, find_patterns,
    find_shift, fit_wave, phase_correlation, propose_waves, search_shift, shift_matrix, shifted,
    straighten, suppress_waves, unstraighten, wave_similarity, whole_spectrum,
};
use ndarray::{Array1, Array2, Array3, Axis};

fn field(error: Error) -> &'static str {
    match error {
        Error::Setting { field, .. }
        | Error::Shape { field, .. }
        | Error::NotFinite { field, .. } => field,
        other => panic!("{other}"),
    }
}

#[test]
fn sizes() {
    for size in [(0, 4), (4, 0), (1 << 20, 1 << 20), ((1 << 20) + 1, 1), (usize::MAX, 1)] {
        assert!(Fft2::<f64>::new(size, Norm::Backward).is_err(), "{size:?}");
    }
    let fft = Fft2::new((4, 6), Norm::Backward).unwrap();
    assert_eq!(field(fft.forward_real(Array2::<f64>::zeros((6, 4)).view()).unwrap_err()), "planes");
    assert_eq!(field(fft.forward_real(Array1::<f64>::zeros(6).view()).unwrap_err()), "planes");
    let half = Array2::from_elem((4, 6), Complex::new(0.0, 0.0));
    assert_eq!(field(fft.inverse_real(half.view()).unwrap_err()), "spectra");
    assert_eq!(field(whole_spectrum(half.view(), 6).unwrap_err()), "half");
    assert!(whole_spectrum(half.view(), 0).is_err());
    assert_eq!(field(centred(Array1::<f64>::zeros(6).view()).unwrap_err()), "spectrum");
    assert!(Shear::new(0).is_err());
}

#[test]
fn empty_batches_are_fine() {
    let fft = Fft2::<f64>::new((4, 6), Norm::Backward).unwrap();
    assert_eq!(fft.forward_real(Array3::zeros((0, 4, 6)).view()).unwrap().dim(), (0, 4, 4));
}

#[test]
fn values() {
    let mut plane = Array2::<f64>::zeros((8, 9));
    let ok = plane.clone();
    plane[(2, 3)] = f64::NAN;
    let config = ProposalConfig::default();
    let error = dominant_wave(plane.view(), None, &config).unwrap_err();
    assert!(error.to_string().contains("[0, 2, 3]"), "{error}");
    let wave = PlaneWave::from_crests(1.0, 4.0, 0.0);
    assert_eq!(field(fit_wave(plane.view(), None, &wave).unwrap_err()), "patch");
    assert_eq!(field(fit_wave(ok.view(), Some(plane.view()), &wave).unwrap_err()), "mask");
    assert_eq!(field(fit_wave(ok.view(), Some(ok.t()), &wave).unwrap_err()), "mask");
    assert_eq!(
        field(fit_wave(ok.view(), Some(ok.mapv(|_| -1.0).view()), &wave).unwrap_err()),
        "mask"
    );
    assert!(fit_wave(Array2::zeros((0, 3)).view(), None, &wave).is_err());
    assert!(shifted(ok.view(), [f64::NAN, 0.0]).is_err());
    assert!(shifted(Array1::zeros(4).view(), [0.0, 0.0]).is_err());
    assert!(shift_matrix((4, 4), [0.0, f64::INFINITY], 2).is_err());
    assert_eq!(field(shift_matrix((4, 4), [0.0, 1.0], 1_000_000).unwrap_err()), "copies");
    let long = shift_matrix((1 << 14, 1 << 14), [0.0, 1.0], 65_536);
    assert_eq!(field(long.unwrap_err()), "copies x bins");
    for shift in [[1e10, 0.0], [0.0, -1e300]] {
        assert_eq!(field(shifted(ok.view(), shift).unwrap_err()), "shift");
        assert_eq!(field(shift_matrix((4, 4), shift, 1).unwrap_err()), "shift");
    }
    for size in [(1 << 15, 1 << 14), (usize::MAX, 2), (1 << 40, 1 << 40)] {
        assert_eq!(field(shift_matrix(size, [0.0, 1.0], 1).unwrap_err()), "height x width");
        assert_eq!(field(bin_angles(size).unwrap_err()), "height x width");
    }
    assert_eq!(field(phase_correlation(ok.view(), ok.t()).unwrap_err()), "b");
    assert!(find_shift(Array2::zeros((0, 0)).view()).is_err());
    assert!(find_shift(Array2::from_elem((2, 2), f64::NAN).view()).is_err());
}

#[test]
fn waves() {
    let picture = Array3::zeros((1, 8, 8));
    for frequency in [[0.0, 0.0], [f64::NAN, 1.0], [f64::INFINITY, 0.0]] {
        let wave = PlaneWave { frequency, phase: 0.0 };
        assert_eq!(field(straighten(picture.view(), &wave, 0.0).unwrap_err()), "wave.frequency");
    }
    let wave = PlaneWave::from_crests(0.3, 4.0, 0.0);
    for jitter in [f64::NAN, 1e10, -1e300] {
        assert_eq!(field(straighten(picture.view(), &wave, jitter).unwrap_err()), "slope");
    }
    // Planes without pixels, with a pose that turns and one that does not.
    for wave in [wave, PlaneWave::from_crests(1.4, 4.0, 0.0)] {
        let pose = Pose::of(&wave).unwrap();
        for size in [(1, 0, 8), (1, 8, 0), (2, 0, 0)] {
            let empty = Array3::zeros(size);
            assert_eq!(field(straighten(empty.view(), &wave, 0.0).unwrap_err()), "planes");
            assert_eq!(field(unstraighten(empty.view(), pose).unwrap_err()), "planes");
        }
        assert_eq!(
            straighten(Array3::zeros((0, 4, 8)).view(), &wave, 0.0).unwrap().planes.len(),
            0
        );
    }
    assert!(unstraighten(picture.view(), Pose { turned: false, slope: f64::INFINITY }).is_err());
}

#[test]
fn waves_that_are_not_finite() {
    let wave = PlaneWave::from_crests(0.3, 4.0, 0.0);
    let patch = Array2::from_elem((8, 8), 1.0);
    let like = SimilarityConfig::default();
    for bad in [
        PlaneWave { phase: f64::NAN, ..wave },
        PlaneWave { frequency: [f64::INFINITY, 0.0], ..wave },
        PlaneWave { frequency: [0.1, f64::NAN], ..wave },
    ] {
        assert_eq!(field(fit_wave(patch.view(), None, &bad).unwrap_err()), "start");
        let search = search_shift(patch.view(), &bad, &SearchConfig::default());
        assert_eq!(field(search.unwrap_err()), "wave");
        assert_eq!(field(wave_similarity(&bad, &wave, &like).unwrap_err()), "a");
        assert_eq!(field(wave_similarity(&wave, &bad, &like).unwrap_err()), "b");
        assert!(bad.crests((8, 8)).is_empty());
    }
    let large = Array2::from_elem((8, 8), 1.5);
    let search = search_shift(large.view(), &wave, &SearchConfig::default());
    assert_eq!(field(search.unwrap_err()), "mask");
    // Whole turns change nothing, nor do they keep crests from ending.
    let turned = PlaneWave { phase: 1e17, ..wave };
    assert_eq!(turned.crests((8, 8)).len(), turned.canonical().crests((8, 8)).len());
    assert!(wave.crests((usize::MAX, usize::MAX)).is_empty());
}

#[test]
fn settings() {
    let picture = Array3::zeros((1, 8, 8));
    let refused =
        |config: ProposalConfig| field(propose_waves(picture.view(), None, &config).unwrap_err());
    let base = ProposalConfig::default;
    assert_eq!(refused(ProposalConfig { count: 0, ..base() }), "count");
    assert_eq!(refused(ProposalConfig { min_frequency: f64::NAN, ..base() }), "min_frequency");
    assert_eq!(refused(ProposalConfig { min_spacing: 1.0, ..base() }), "min_spacing");
    assert_eq!(refused(ProposalConfig { radius: 100, ..base() }), "radius");
    let refused = |config: PatternConfig| {
        field(find_patterns(picture.index_axis(Axis(0), 0), &config).unwrap_err())
    };
    let base = PatternConfig::default;
    assert_eq!(refused(PatternConfig { window: 4, ..base() }), "window");
    assert_eq!(refused(PatternConfig { stride: 0, ..base() }), "stride");
    assert_eq!(refused(PatternConfig { max_spacing: 2.0, ..base() }), "max_spacing");
    assert_eq!(refused(PatternConfig { min_share: f64::NAN, ..base() }), "min_share");
    assert_eq!(refused(PatternConfig { edge: 0.0, ..base() }), "edge");
    let nan = Array2::from_elem((40, 40), f64::NAN);
    assert_eq!(field(find_patterns(nan.view(), &base()).unwrap_err()), "picture");
    let wave = PlaneWave::from_crests(0.3, 4.0, 0.0);
    let mask = Array2::from_elem((8, 8), 1.0);
    let refused =
        |config: SearchConfig| field(search_shift(mask.view(), &wave, &config).unwrap_err());
    assert_eq!(refused(SearchConfig { range: 0.0, ..SearchConfig::default() }), "range");
    assert_eq!(refused(SearchConfig { step: 1e-9, ..SearchConfig::default() }), "step");
    assert_eq!(
        refused(SearchConfig { iterations: 1_000_000, ..SearchConfig::default() }),
        "iterations"
    );
    let bad = SuppressConfig { radius: -1.0, ..SuppressConfig::default() };
    assert_eq!(field(suppress_waves(&[wave], &[1.0], &bad).unwrap_err()), "radius");
    let fine = SuppressConfig::default();
    assert_eq!(field(suppress_waves(&[wave], &[], &fine).unwrap_err()), "scores");
    assert_eq!(field(suppress_waves(&[wave], &[f64::NAN], &fine).unwrap_err()), "scores");
    let none = SuppressConfig { harmonics: 0, ..fine };
    assert_eq!(field(suppress_waves(&[wave], &[1.0], &none).unwrap_err()), "harmonics");
    let zero = SimilarityConfig {
        magnitude_weight: 0.0,
        orientation_weight: 0.0,
        phase_weight: 0.0,
        at: [0.0; 2],
    };
    assert!(wave_similarity(&wave, &wave, &zero).is_err());
    let negative = SimilarityConfig { phase_weight: -1.0, ..SimilarityConfig::default() };
    assert_eq!(field(wave_similarity(&wave, &wave, &negative).unwrap_err()), "phase_weight");
    let unknown: Result<ProposalConfig, _> = serde_json::from_str(r#"{"counts": 3}"#);
    assert!(unknown.is_err());
}
