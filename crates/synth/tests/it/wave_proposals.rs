//! Proposals of waves in noisy scenes.

use mapvec_data::{Record, Source};
use mapvec_fourier::{PlaneWave, ProposalConfig, SimilarityConfig, propose_waves, wave_similarity};
use mapvec_synth::{
    DatasetConfig, Purpose, WaveConfig, WaveGenerator, WaveOutput, WaveProposalConfig,
    WaveProposalGenerator, WaveProposalOutput,
};
use ndarray::Array3;

use crate::arrays::{bytes, points, reals};

fn scene() -> Vec<WaveOutput> {
    vec![WaveOutput::Img, WaveOutput::Frequencies, WaveOutput::Phases]
}

fn waves(values: &[f32], size: usize) -> Vec<PlaneWave> {
    let wave = |w: &[f32]| PlaneWave {
        frequency: [0, 1].map(|i| f64::from(w[i]) / size as f64),
        phase: w[2].into(),
    };
    values.chunks_exact(3).map(wave).collect()
}

fn truth(record: &Record, size: usize) -> Vec<PlaneWave> {
    let phases = reals(record, "phases").iter();
    let wave = |(bins, phase): ([f64; 2], &f32)| PlaneWave {
        frequency: bins.map(|cycles| cycles / size as f64),
        phase: f64::from(*phase),
    };
    points(record, "frequencies").into_iter().zip(phases).map(wave).collect()
}

/// The picture, channel first.
fn picture(record: &Record, size: usize) -> Array3<f64> {
    let img = reals(record, "img");
    Array3::from_shape_fn((3, size, size), |(c, y, x)| f64::from(img[(y * size + x) * 3 + c]))
}

#[test]
fn records_hold_the_proposals_of_their_picture_with_their_qualities() {
    for size in [32, 64] {
        let scene = WaveConfig { size, outputs: scene(), ..WaveConfig::default() };
        let config = WaveProposalConfig { scene, ..WaveProposalConfig::default() };
        let source = WaveProposalGenerator::new(&config, 3, 30).unwrap();
        let at = [size as f64 / 2.0; 2];
        let similarity = SimilarityConfig { at, ..SimilarityConfig::default() };
        for index in 0..source.len() {
            let record = source.get(index).unwrap();
            let found = propose_waves(picture(&record, size).view(), None, &config.search).unwrap();
            let proposals = waves(reals(&record, "proposals"), size);
            let (strengths, qualities) =
                (reals(&record, "proposal_strengths"), reals(&record, "proposal_qualities"));
            let truth = truth(&record, size);
            let mask = bytes(&record, "proposals_mask");
            assert_eq!((mask.len(), proposals.len(), qualities.len()), (20, 20, 20));
            for k in 0..20 {
                assert_eq!(mask[k], u8::from(k < found.len()));
                let Some(expected) = found.get(k) else {
                    assert!(strengths[k] == 0.0 && qualities[k] == 0.0);
                    continue;
                };
                assert!((f64::from(strengths[k]) - expected.strength).abs() < 1e-6);
                assert!((proposals[k].phase - expected.wave.phase).abs() < 1e-5);
                let best = truth
                    .iter()
                    .map(|wave| wave_similarity(&proposals[k], wave, &similarity).unwrap());
                let best = best.fold(0.0, f64::max);
                assert!((f64::from(qualities[k]) - best).abs() < 1e-4, "record {index}: {best}");
            }
        }
    }
}

#[test]
fn noise_has_its_ratio_and_the_scene_is_that_of_the_waves() {
    let plain = WaveConfig { outputs: scene(), ..WaveConfig::default() };
    let clean = WaveGenerator::new(&plain, 9, 40).unwrap();
    for ratio in [None, Some(6.0), Some(-6.0)] {
        let config = WaveProposalConfig {
            scene: plain.clone(),
            snr: vec![ratio],
            ..WaveProposalConfig::default()
        };
        let noisy = WaveProposalGenerator::new(&config, 9, 40).unwrap();
        for index in 0..clean.len() {
            let (a, b) = (clean.get(index).unwrap(), noisy.get(index).unwrap());
            assert_eq!(reals(&a, "frequencies"), reals(&b, "frequencies"));
            let (a, b) = (picture(&a, 32), picture(&b, 32));
            let power = a.outer_iter().map(|plane| plane.var(0.0)).sum::<f64>() / 3.0;
            let noise = (&b - &a).mapv(|v| v * v).mean().unwrap();
            match ratio {
                None => assert!(noise <= 0.0, "record {index}: {noise}"),
                Some(decibels) => {
                    let found = 10.0 * (power / noise).log10();
                    assert!((found - decibels).abs() < 0.5, "record {index}: {found} dB");
                }
            }
        }
    }
}

#[test]
fn ratios_take_turns_and_a_record_depends_on_seed_and_index_alone() {
    let config = WaveProposalConfig::default();
    let source = WaveProposalGenerator::new(&config, 5, 200).unwrap();
    let quiet = (0..source.len())
        .filter(|&index| reals(&source.get(index).unwrap(), "noise_deviation") == [0.0]);
    // One of four.
    let quiet = quiet.count();
    assert!((30..=70).contains(&quiet), "{quiet} of 200");
    let again = WaveProposalGenerator::new(&config, 5, 50).unwrap();
    for index in [49, 3, 17] {
        assert!(source.get(index).unwrap() == again.get(index).unwrap(), "record {index}");
    }
    let other = WaveProposalGenerator::new(&config, 6, 50).unwrap();
    assert!(source.get(3).unwrap() != other.get(3).unwrap(), "the seed does not matter");
    assert!(source.get(200).is_err());
}

#[test]
fn added_waves_have_scores_of_all_sizes_and_strengths_of_their_frequency() {
    let search = ProposalConfig { count: 4, ..ProposalConfig::default() };
    let config = WaveProposalConfig {
        search,
        snr: vec![None],
        perturbed: 8,
        random: 8,
        outputs: WaveProposalOutput::ALL.to_vec(),
        ..WaveProposalConfig::default()
    };
    let source = WaveProposalGenerator::new(&config, 2, 60).unwrap();
    let (mut tenths, mut strong) = ([0; 10], [0.0; 2]);
    for index in 0..source.len() {
        let record = source.get(index).unwrap();
        assert_eq!(record.get("proposal_fields").unwrap().shape(), [20, 32, 32, 1]);
        let found = bytes(&record, "proposals_mask").iter().filter(|m| **m == 1).count();
        let first = found - 16;
        let (qualities, strengths) =
            (reals(&record, "proposal_qualities"), reals(&record, "proposal_strengths"));
        for k in first..found {
            let above = |tenth: &u8| qualities[k] >= f32::from(*tenth) / 10.0;
            tenths[(1..10).filter(above).count()] += 1;
            strong[usize::from(k >= first + 8)] += f64::from(strengths[k]);
        }
        // The field of a wave is its cosine.
        let wave = &waves(reals(&record, "proposals"), 32)[first];
        let field = &reals(&record, "proposal_fields")[first * 1024..][..1024];
        for (value, expected) in field.iter().zip(wave.field((32, 32))) {
            assert!((f64::from(*value) - expected).abs() < 1e-4);
        }
    }
    assert!(tenths[3..].iter().all(|count| *count > 10), "{tenths:?}");
    assert!(strong[0] > 2.0 * strong[1], "true waves are no stronger than random ones: {strong:?}");
}

#[test]
fn strengths_between_bins_go_on_from_those_of_bins() {
    // A perturbation of nothing: the true waves, whose frequencies are those of no bin.
    let config = WaveProposalConfig {
        snr: vec![None],
        perturbed: 3,
        perturbation: 0.0,
        scene: WaveConfig { patterns_num_range: [1, 2], ..WaveConfig::default() },
        ..WaveProposalConfig::default()
    };
    let source = WaveProposalGenerator::new(&config, 4, 40).unwrap();
    let mut compared = 0;
    for index in 0..source.len() {
        let record = source.get(index).unwrap();
        let found = bytes(&record, "proposals_mask").iter().filter(|m| **m == 1).count();
        let bins = |k: usize| [0, 1].map(|i| f64::from(reals(&record, "proposals")[3 * k + i]));
        let [truth] = points(&record, "frequencies")[..] else { continue };
        let apart = |[u, v]: [f64; 2]| {
            (u - truth[0]).hypot(v - truth[1]).min((u + truth[0]).hypot(v + truth[1]))
        };
        assert!(apart(bins(found - 1)) < 1e-3);
        let strengths = reals(&record, "proposal_strengths");
        // A bin beside the wave, if it is among the proposals, is about as strong.
        if let Some(k) = (0..found - 3).find(|&k| apart(bins(k)) < 0.3) {
            let ratio = strengths[found - 1] / strengths[k];
            assert!((0.85..1.35).contains(&ratio), "record {index}: {ratio}");
            compared += 1;
        }
    }
    assert!(compared > 0, "no proposal lay beside its wave");
}

#[test]
fn refined_proposals_are_nearer_to_the_truth() {
    let mean = |refine: bool| {
        let config =
            WaveProposalConfig { refine, snr: vec![None], ..WaveProposalConfig::default() };
        let source = WaveProposalGenerator::new(&config, 8, 40).unwrap();
        let best = (0..source.len()).map(|index| {
            let record = source.get(index).unwrap();
            reals(&record, "proposal_qualities").iter().copied().fold(0.0, f32::max)
        });
        best.sum::<f32>() / 40.0
    };
    let (plain, refined) = (mean(false), mean(true));
    assert!(refined > plain + 0.01, "{refined} {plain}");
}

#[test]
fn configurations_are_checked_and_data_sets_have_them() {
    let config = |text: &str| WaveProposalConfig::from_json(text).map(|_| ());
    assert!(config("{}").is_ok());
    for (text, word) in [
        (r#"{"snr": []}"#, "snr"),
        (r#"{"snr": [null, 90]}"#, "snr"),
        (r#"{"search": {"radius": 99}}"#, "radius"),
        (r#"{"search": {"count": 5000}}"#, "search.count"),
        (r#"{"perturbed": 5000}"#, "perturbed"),
        (r#"{"perturbation": -1}"#, "perturbation"),
        (r#"{"quality_weights": [0, 0, 0]}"#, "quality_weights"),
        (r#"{"outputs": []}"#, "outputs"),
        (r#"{"scene": {"size": 8}}"#, "size"),
        (r#"{"scene": {"sise": 32}}"#, "size"),
    ] {
        let message = config(text).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    }
    let text = r#"{"generator": {"wave_proposals": {"snr": [null], "scene": {"size": 64}}}}"#;
    let source = DatasetConfig::from_json(text).unwrap().source(1, 3, Purpose::Training).unwrap();
    assert_eq!(source.get(2).unwrap().get("proposal_qualities").unwrap().shape(), [20]);
}
