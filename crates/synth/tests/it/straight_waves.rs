//! Patterns of waves one by one, made level.
#![expect(clippy::unwrap_used, reason = "what cannot be made fails the test")]

use std::f64::consts::TAU;

use mapvec_data::{Record, Source};
use mapvec_fourier::{
    Pose, ProposalConfig, SearchConfig, propose_waves, search_shift, unstraighten,
};
use mapvec_synth::{
    DatasetConfig, Error, Purpose, StraightOutput, StraightWaveConfig, StraightWaveGenerator,
    WaveConfig, WaveError,
};
use ndarray::Array3;
use rayon::prelude::*;

use crate::arrays::{bytes, reals};

/// Without noise, errors of slopes and smoothing.
fn exact() -> StraightWaveConfig {
    let (snr_range, slope_jitter, mask_sigma) = (None, 0.0, 0.0);
    StraightWaveConfig { snr_range, slope_jitter, mask_sigma, ..StraightWaveConfig::default() }
}

fn source(config: &StraightWaveConfig, len: usize) -> StraightWaveGenerator {
    StraightWaveGenerator::new(config, 3, len).unwrap()
}

/// The first channel of an array `[S, S, C]` as planes of one channel.
fn planes(record: &Record, name: &str) -> Array3<f64> {
    let field = record.get(name).unwrap();
    let (side, channels) = (field.shape()[0], field.shape()[2]);
    let values = reals(record, name);
    Array3::from_shape_fn((1, side, side), |(_, y, x)| f64::from(values[(y * side + x) * channels]))
}

fn pose(record: &Record) -> Pose {
    let pose = reals(record, "pose");
    Pose { turned: pose[0] > 0.5, slope: pose[1].into() }
}

/// How much of the variance of a plane lies along its rows.
fn along_rows(plane: &Array3<f64>) -> f64 {
    let inner: f64 = plane.rows().into_iter().map(|row| row.var(0.0)).sum();
    inner / plane.rows().into_iter().count() as f64 / plane.var(0.0)
}

#[test]
fn lines_become_level_and_lie_on_crests() {
    let scenes = WaveConfig { patterns_num_range: [1, 2], min_width: 1.0, ..WaveConfig::default() };
    let config = StraightWaveConfig { scenes, ..exact() };
    let plain = StraightWaveConfig { straighten: false, ..config.clone() };
    let (level, plain) = (source(&config, 100), source(&plain, 100));
    let [mut level_share, mut plain_share, mut on, mut all] = [0.0; 4];
    for index in 0..100 {
        let records = [level.get(index).unwrap(), plain.get(index).unwrap()];
        level_share += along_rows(&planes(&records[0], "mask")) / 100.0;
        plain_share += along_rows(&planes(&records[1], "mask")) / 100.0;
        assert_eq!(records[0].get("truth").unwrap(), records[1].get("truth").unwrap());
        if level.seen(index).unwrap().wave.spacing() > 4.0 {
            for record in &records {
                // Columns that move by parts of a pixel ring beside lines.
                let mask = planes(record, "mask").mapv(|share| f64::from(u8::from(share > 0.5)));
                let wave = planes(record, "frequency");
                on += (&mask * &wave).sum();
                all += mask.sum();
            }
        }
    }
    // Not 0: lines end, and only a run of them is drawn.
    assert!(level_share < 0.6 * plain_share, "{level_share} of {plain_share}");
    assert!(on > 0.85 * all, "{on} of {all}");
}

#[test]
fn masks_come_back_to_the_scene() {
    for size in [32, 64] {
        let scenes = WaveConfig { size, ..WaveConfig::default() };
        let made = source(&StraightWaveConfig { scenes, ..exact() }, 40);
        let (mut turned, mut off) = (0, 0);
        for index in 0..40 {
            let record = made.get(index).unwrap();
            turned += usize::from(pose(&record).turned);
            let mask = planes(&record, "mask");
            let back = unstraighten(mask.view(), pose(&record)).unwrap();
            let truth = bytes(&record, "truth");
            off += back.iter().zip(truth).filter(|(b, t)| (**b > 0.5) != (**t == 1)).count();
        }
        assert!((8..33).contains(&turned), "{turned} of 40 are turned");
        // Shares beyond 0 and 1 were cut off.
        assert!(off < 40 * size * size / 200, "{off} pixels at {size} px");
    }
}

#[test]
fn records_depend_on_seed_and_index_alone_and_fit_their_shapes() {
    for size in [32, 64] {
        let scenes = WaveConfig { size, ..WaveConfig::default() };
        let config = StraightWaveConfig { scenes, ..StraightWaveConfig::default() };
        let few: Vec<Record> = (0..30).map(|i| source(&config, 30).get(i).unwrap()).collect();
        let many = source(&config, 1000);
        let parallel: Vec<Record> =
            (0..30).into_par_iter().rev().map(|i| many.get(i).unwrap()).collect();
        assert!(parallel.iter().rev().eq(&few), "another number of samples, another order");
        for record in &few {
            for output in StraightOutput::ALL {
                let field = record.get(output.name()).unwrap();
                assert_eq!(field.shape(), config.shape(*output), "{output:?}");
            }
            assert!(reals(record, "mask").iter().all(|share| (0.0..=1.0).contains(share)));
            assert!(reals(record, "frequency").iter().all(|value| value.abs() <= 1.0));
        }
        assert_ne!(StraightWaveGenerator::new(&config, 4, 9).unwrap().get(0).unwrap(), few[0]);
        assert!(many.get(1000).is_err());
    }
}

#[test]
fn noise_has_the_power_that_is_asked_for() {
    let noisy = source(&StraightWaveConfig { snr_range: Some([-6.0, -6.0]), ..exact() }, 50);
    let clean = source(&exact(), 50);
    let mut mean = 0.0;
    for index in 0..50 {
        let [noisy, clean] = [noisy.seen(index).unwrap(), clean.seen(index).unwrap()];
        assert_eq!(noisy.mask, clean.mask);
        let noise = (&noisy.picture - &clean.picture).mapv(|v| v * v).mean().unwrap();
        let power = clean.picture.outer_iter().map(|plane| plane.var(0.0)).sum::<f64>() / 3.0;
        mean += 10.0 * (power / noise).log10() / 50.0;
    }
    assert!((mean + 6.0).abs() < 0.1, "{mean} dB");
}

#[test]
fn estimates_have_the_errors_that_are_asked_for() {
    let made = source(&exact(), 40);
    for index in 0..40 {
        let seen = made.seen(index).unwrap();
        let tilted = seen.estimate(WaveError { slope: 0.1, ..WaveError::default() });
        let [truth, other] = [seen.wave, tilted].map(|wave| Pose::of(&wave).unwrap());
        if truth.turned == other.turned {
            assert!((other.slope - truth.slope - 0.1).abs() < 1e-9, "{truth:?} {other:?}");
        }
        let middle = [16.0; 2];
        assert!((seen.wave.value(middle) - tilted.value(middle)).abs() < 1e-9);
        let other = seen.estimate(WaveError { slope: 0.0, cycles: -0.25, phase: 0.5 });
        assert!((other.norm() * 32.0 - seen.wave.norm() * 32.0 + 0.25).abs() < 1e-9);
        let gap = (other.phase_at(middle) - seen.wave.phase_at(middle)).rem_euclid(TAU);
        assert!((gap - 0.5).abs() < 1e-9, "{gap}");
    }
}

/// Waves that were found in the picture make it as level as the true ones.
#[test]
fn proposals_take_the_place_of_the_truth() {
    let scenes = WaveConfig { patterns_num_range: [1, 2], min_lines: 4, ..WaveConfig::default() };
    let config = StraightWaveConfig { scenes, ..exact() };
    let made = source(&config, 60);
    let (mut same, mut all) = (0.0, 0.0);
    for index in 0..60 {
        let seen = made.seen(index).unwrap();
        let found = propose_waves(seen.picture.view(), None, &ProposalConfig::default()).unwrap();
        let near = |wave: &mapvec_fourier::PlaneWave| {
            let gap = |sign: f64| {
                let [u, v] = [0, 1].map(|i| wave.frequency[i] - sign * seen.wave.frequency[i]);
                u.hypot(v)
            };
            gap(1.0).min(gap(-1.0))
        };
        let Some(best) = found.iter().min_by(|a, b| near(&a.wave).total_cmp(&near(&b.wave))) else {
            continue;
        };
        let wave =
            search_shift(seen.mask.view(), &best.wave, &SearchConfig::default()).unwrap().wave;
        let [of_truth, of_proposal] =
            [seen.wave, wave].map(|wave| seen.record(&wave, &config).unwrap());
        let crest =
            |record: &Record| (&planes(record, "mask") * &planes(record, "frequency")).sum();
        same += crest(&of_proposal);
        all += crest(&of_truth);
    }
    assert!(same > 0.95 * all, "{same} of {all}");
}

#[test]
fn bad_settings_are_named() {
    let config = |change: fn(&mut StraightWaveConfig)| {
        let mut config = StraightWaveConfig::default();
        change(&mut config);
        config.validate().unwrap_err().to_string()
    };
    assert!(config(|c| c.snr_range = Some([3.0, -3.0])).starts_with("snr_range"));
    assert!(config(|c| c.snr_range = Some([f64::NAN, 0.0])).starts_with("snr_range"));
    assert!(config(|c| c.slope_jitter = 0.6).starts_with("slope_jitter"));
    assert!(config(|c| c.frequency_jitter = 1.0).starts_with("frequency_jitter"));
    assert!(config(|c| c.phase_jitter = f64::NAN).starts_with("phase_jitter"));
    assert!(config(|c| c.mask_sigma = -1.0).starts_with("mask_sigma"));
    assert!(config(|c| c.outputs.clear()).starts_with("outputs"));
    assert!(config(|c| c.scenes.size = 8).starts_with("size"));
    let error = StraightWaveConfig::from_json(r#"{"scenes": {"sizes": 32}}"#).unwrap_err();
    assert!(matches!(&error, Error::UnknownKey { nearest, .. } if nearest == "size"), "{error}");
    let dataset = r#"{"generator": {"straight_waves": {"snr_range": null, "mask_sigma": 1.0}}}"#;
    let dataset = DatasetConfig::from_json(dataset).unwrap();
    let record = dataset.source(1, 2, Purpose::Training).unwrap().get(1).unwrap();
    assert_eq!(record.fields().count(), StraightOutput::ALL.len());
}
