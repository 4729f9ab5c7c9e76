use mapvec_fourier::{
    Complex, Fft2, Norm, PlaneWave, ProposalConfig, Window, propose_waves, signed_bin,
};
use ndarray::{Array2, Array3, Axis, stack};
use proptest::prelude::*;

use crate::{channel, gap, noise};

fn found(picture: &Array3<f64>, config: &ProposalConfig) -> Vec<mapvec_fourier::WaveProposal> {
    propose_waves(picture.view(), None, config).unwrap()
}

proptest! {
    /// All signs, half the sampling rate included, at even and odd sizes.
    #[test]
    fn a_wave_of_a_bin_is_found_exactly(h in 8_usize..20, w in 8_usize..20, u in 0_usize..20, v in 0_usize..20, phase in -3.0..3.0_f64) {
        let (u, v) = (signed_bin(u % w, w), signed_bin(v % h, h));
        prop_assume!(u.hypot(v) >= 2.0 && (u / w as f64).hypot(v / h as f64) <= 0.5);
        // At half the sampling rate amplitude and phase are one number.
        let alone = (2.0 * u.abs() - w as f64).abs() < 0.1 && (v == 0.0 || (2.0 * v.abs() - h as f64).abs() < 0.1)
            || (2.0 * v.abs() - h as f64).abs() < 0.1 && u == 0.0;
        prop_assume!(!alone);
        let wave = PlaneWave::from_bin((h, w), [u, v], phase);
        let found = found(&channel(&wave.field((h, w)).mapv(|x| 5.0 + 0.5 * x)), &ProposalConfig::default());
        prop_assert_eq!(found.len(), 1);
        prop_assert!((found[0].amplitude - 0.5).abs() < 1e-9);
        prop_assert!((found[0].strength - 1.0).abs() < 1e-12);
        prop_assert!(gap(&found[0].wave.field((h, w)), &wave.field((h, w))) < 1e-9);
    }

    /// Against all bins one by one.
    #[test]
    fn proposals_are_the_strongest_local_bins(h in 5_usize..16, w in 5_usize..16, radius in 0_usize..3, seed in 0_u64..500) {
        let plane = noise((h, w), seed);
        let config = ProposalConfig { count: 1000, radius, ..ProposalConfig::default() };
        let fft = Fft2::new((h, w), Norm::Backward).unwrap();
        let mean = plane.mean().unwrap();
        let spectrum = fft.forward(plane.mapv(|v| Complex::new(v - mean, 0.0)).view()).unwrap();
        let holds = |v: usize, u: usize| {
            let (v, u) = (signed_bin(v, h), signed_bin(u, w));
            u.hypot(v) >= 2.0 && (u / w as f64).hypot(v / h as f64) <= 0.5
        };
        let strength = Array2::from_shape_fn((h, w), |(v, u)| if holds(v, u) { spectrum[(v, u)].norm() } else { 0.0 });
        let mut want = Vec::new();
        for ((v, u), &own) in strength.indexed_iter() {
            let pair = ((h - v) % h, (w - u) % w);
            let reach = |n: usize| radius.min((n - 1) / 2);
            let (down, across) = (reach(h), reach(w));
            let around = (0..=2 * down).flat_map(|dy| (0..=2 * across).map(move |dx| (dy, dx)));
            let peak = around.into_iter().all(|(dy, dx)| {
                let at = ((v + h + dy - down) % h, (u + w + dx - across) % w);
                at == (v, u) || at == pair || strength[at] < own
            });
            if own > 0.0 && (v, u) <= pair && peak {
                want.push(own);
            }
        }
        want.sort_by(|a, b| b.total_cmp(a));
        let got = found(&channel(&plane), &config);
        prop_assert_eq!(got.len(), want.len());
        for (got, want) in got.iter().zip(&want) {
            prop_assert!((got.amplitude * (h * w) as f64 / 2.0 - want).abs() < 1e-9);
        }
        prop_assert!(got.windows(2).all(|pair| pair[0].strength >= pair[1].strength));
    }
}

#[test]
fn each_wave_has_the_phase_of_its_channel() {
    let size = (32, 32);
    let (a, b) =
        (PlaneWave::from_bin(size, [5.0, 3.0], 0.7), PlaneWave::from_bin(size, [-4.0, 9.0], -2.0));
    let (a_field, b_field) = (a.field(size), b.field(size));
    // The first channel sees both, the second one only the second wave, upside down and faint.
    let picture = stack![Axis(0), &a_field * 0.5 + &b_field * 0.2, &b_field * -0.01];
    let found = found(&picture, &ProposalConfig::default());
    assert_eq!(found.len(), 2);
    // Each is the strongest of its channel; the second one is stronger in the second channel.
    let of = |channel| found.iter().find(|p| p.channel == channel).unwrap().wave.field(size);
    assert!(gap(&of(1), &(-b_field)) < 1e-9);
    assert!(gap(&of(0), &a_field) < 1e-9);
}

#[test]
fn masks_hide_what_they_leave_out() {
    let size = (64, 64);
    let (left, right) =
        (PlaneWave::from_crests(0.4, 6.0, 0.0), PlaneWave::from_crests(2.0, 4.0, 0.0));
    let (a, b) = (left.field(size), right.field(size));
    let picture = Array2::from_shape_fn(size, |at| if at.1 < 32 { a[at] } else { 3.0 * b[at] });
    let mask = Array2::from_shape_fn(size, |at| f64::from(u8::from(at.1 < 32)));
    let config = ProposalConfig { window: Window::Hann, ..ProposalConfig::default() };
    let picture = channel(&picture);
    let seen = propose_waves(picture.view(), Some(mask.view()), &config).unwrap();
    let [du, dv] = [0, 1].map(|i| seen[0].wave.frequency[i].abs() - left.frequency[i].abs());
    assert!(du.hypot(dv) < 1.0 / 32.0);
    let nothing = Array2::zeros(size);
    assert!(propose_waves(picture.view(), Some(nothing.view()), &config).unwrap().is_empty());
}

#[test]
fn what_does_not_vary_has_no_waves() {
    for value in [0.0, 0.1, 1e9] {
        let plane = Array2::from_elem((17, 20), value);
        assert!(found(&channel(&plane), &ProposalConfig::default()).is_empty(), "{value}");
    }
    let config = ProposalConfig { min_frequency: 0.0, ..ProposalConfig::default() };
    assert!(found(&channel(&Array2::from_elem((1, 1), 2.0)), &config).is_empty());
}
