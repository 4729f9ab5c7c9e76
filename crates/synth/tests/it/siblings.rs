//! What all generators of records have in common.
#![expect(clippy::unwrap_used, reason = "what cannot be made fails the test")]

use std::fmt::Debug;

use mapvec_data::{Record, Source};
use mapvec_synth::{
    DominantPlacement, Error, MatchingConfig, MatchingGenerator, MatchingOutput, MiniShapesConfig,
    MiniShapesGenerator, MiniShapesOutput, ShiftsConfig, ShiftsGenerator, ShiftsOutput,
    SingleLineConfig, SingleLineGenerator, SingleLineOutput, WaveConfig, WaveGenerator, WaveOutput,
};
use proptest::prelude::*;
use rayon::prelude::*;

/// The common tests of a generator: its canvas is a square whose side is `$size`.
macro_rules! common {
    ($module:ident, $config:ident, $generator:ident, $output:ident, $($size:ident),+) => {
        mod $module {
            use super::*;

            fn source(outputs: &[$output], side: usize, seed: u64, len: usize) -> $generator {
                let outputs = outputs.to_vec();
                let config = $config { $($size: side,)+ outputs, ..$config::default() };
                $generator::new(&config, seed, len).unwrap()
            }

            #[test]
            fn outputs_alone_are_those_among_all() {
                let all = source($output::ALL, 32, 3, 20);
                let records: Vec<Record> = (0..20).map(|i| all.get(i).unwrap()).collect();
                for output in $output::ALL {
                    let alone = source(&[*output], 32, 3, 20);
                    for (index, record) in records.iter().enumerate() {
                        let own = alone.get(index).unwrap();
                        assert_eq!(own.fields().count(), 1, "{output:?}");
                        let want = record.get(output.name()).unwrap();
                        assert_eq!(own.get(output.name()).unwrap(), want, "{output:?} {index}");
                    }
                }
            }

            #[test]
            fn names_are_those_of_configurations() {
                for output in $output::ALL {
                    let text = serde_json::to_string(output).unwrap();
                    assert_eq!(text, format!("\"{}\"", output.name()));
                }
                let config = $config::default();
                let text = serde_json::to_string(&config).unwrap();
                assert_eq!($config::from_json(&text).unwrap(), config);
                let error = $config::from_json("{\"outputz\": []}").unwrap_err();
                assert!(matches!(&error, Error::UnknownKey { nearest, .. } if nearest == "outputs"));
                for text in ["{\"outputs\": []}", "{\"outputs\": [\"image\"]}", "[]", "3", ""] {
                    assert!($config::from_json(text).is_err(), "{text}");
                }
            }

            #[test]
            fn a_record_depends_on_seed_and_index_alone() {
                let few = source($output::ALL, 32, 9, 40);
                let many = source($output::ALL, 32, 9, 1000);
                let forward: Vec<Record> = (0..40).map(|i| few.get(i).unwrap()).collect();
                let parallel: Vec<Record> =
                    (0..40).into_par_iter().rev().map(|i| many.get(i).unwrap()).collect();
                for (index, record) in parallel.iter().rev().enumerate() {
                    assert_eq!(record, &forward[index], "record {index}");
                }
                assert_ne!(source($output::ALL, 32, 10, 40).get(0).unwrap(), forward[0]);
                assert!(few.get(40).is_err() && few.len() == 40);
            }

            #[test]
            fn canvases_of_all_sizes_fit_their_padded_shapes() {
                for side in [16, 32, 64, 257] {
                    let config = $config { $($size: side,)+ ..$config::default() };
                    let all = source($output::ALL, side, 5, 6);
                    for index in 0..all.len() {
                        fits(&all.get(index).unwrap(), $output::ALL, |o| (o.name(), o.padded_shape(&config)));
                    }
                }
                for side in [0, 15, 1025] {
                    let config = $config { $($size: side,)+ ..$config::default() };
                    let text = config.validate().unwrap_err().to_string();
                    assert!([$(stringify!($size)),+].iter().any(|f| text.starts_with(f)), "{text}");
                    assert!($generator::new(&config, 0, 1).is_err());
                }
            }

            #[test]
            fn two_thousand_samples_are_made() {
                let all = source($output::ALL, 32, 77, 2000);
                let config = $config { $($size: 32,)+ ..$config::default() };
                (0..2000).into_par_iter().for_each(|index| {
                    let record = all.get(index).unwrap();
                    fits(&record, $output::ALL, |o| (o.name(), o.padded_shape(&config)));
                });
            }
        }
    };
}

common!(waves, WaveConfig, WaveGenerator, WaveOutput, size);
common!(single_lines, SingleLineConfig, SingleLineGenerator, SingleLineOutput, size);
common!(mini_shapes, MiniShapesConfig, MiniShapesGenerator, MiniShapesOutput, size);
common!(matching, MatchingConfig, MatchingGenerator, MatchingOutput, height, width);
common!(shifts, ShiftsConfig, ShiftsGenerator, ShiftsOutput, size);

/// Every output fits into its padded shape and holds finite numbers.
fn fits<O: Copy + Debug>(
    record: &Record,
    outputs: &[O],
    describe: impl Fn(O) -> (&'static str, Vec<usize>),
) {
    for output in outputs {
        let (name, padded) = describe(*output);
        let field = record.get(name).unwrap();
        let shape = field.shape();
        let fits = shape.len() == padded.len() && shape.iter().zip(&padded).all(|(a, b)| a <= b);
        assert!(fits, "{output:?}: {shape:?} {padded:?}");
        if let mapvec_data::Values::F32(values) = field.values() {
            assert!(values.iter().all(|v| v.is_finite()), "{output:?}");
        }
    }
}

/// Makes a few records.
fn draws(source: &impl Source<Sample = Record>) -> Result<(), TestCaseError> {
    for index in 0..source.len() {
        let record = source.get(index);
        prop_assert!(record.is_ok(), "{:?}", record.err());
    }
    Ok(())
}

/// A range whose upper end is excluded.
fn range(least: usize, most: usize) -> impl Strategy<Value = [usize; 2]> {
    (least..=most, 1..=most).prop_map(move |(from, more)| [from, (from + more).min(most + 1)])
}

fn reals(least: f64, most: f64) -> impl Strategy<Value = [f64; 2]> {
    [least..=most, least..=most].prop_map(|[a, b]| [a.min(b), a.max(b)])
}

fn side() -> impl Strategy<Value = usize> {
    prop_oneof![Just(16), 16_usize..120, Just(257)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn waves_of_any_configuration_are_drawn(
        seed in any::<u64>(), size in side(), patterns in range(1, 6),
        (mean, deviation, spacing) in (0.0..512.0_f64, 0.0..512.0_f64, 1.5..16.0_f64),
        frequency in 0.0..1.0_f64, oversampling in 1_usize..20, lines in [1_usize..50, 0..50],
        (width, length, share) in (0.0..=1.0_f64, 1.0..50.0_f64, 0.0..0.95_f64),
    ) {
        let most = (size as f64 / spacing / 2.0).max(1.0);
        let config = WaveConfig {
            size, patterns_num_range: patterns, frequency_mean: mean, oversampling,
            frequency_deviation: deviation, min_spacing: spacing,
            min_frequency: 1.0 + frequency * (most - 1.0), min_lines: lines[0],
            max_lines: lines[0] + lines[1], min_width: width, min_length: length,
            min_visible: share, ..WaveConfig::default()
        };
        draws(&WaveGenerator::new(&config, seed, 2).unwrap())?;
        let record = WaveGenerator::new(&config, seed, 1).unwrap().get(0).unwrap();
        fits(&record, WaveOutput::ALL, |o| (o.name(), o.padded_shape(&config)));
    }

    #[test]
    fn single_lines_of_any_configuration_are_drawn(
        seed in any::<u64>(), size in side(), distractors in range(0, 20), widths in range(1, 64),
        length in 0.0..1.0_f64, noise in 0.0..=1.0_f64,
    ) {
        let config = SingleLineConfig {
            size, distractors_num_range: distractors, thickness_range: widths, noise,
            min_length: 1.0 + length * (size as f64 / 2.0 - 1.0), ..SingleLineConfig::default()
        };
        draws(&SingleLineGenerator::new(&config, seed, 2).unwrap())?;
    }

    #[test]
    fn mini_shapes_of_any_configuration_are_drawn(
        seed in any::<u64>(), size in side(), shapes in range(1, 12), points in range(2, 12),
        widths in range(1, 64), colors in range(0, 255), levels in range(0, 255),
        powers in range(1, 5), closed in 0.0..=1.0_f64,
    ) {
        let config = MiniShapesConfig {
            size, shapes_num_range: shapes, points_num_range: points, thickness_range: widths,
            color_range: colors, background_range: levels, scale_power_range: powers,
            closed_prob: closed, ..MiniShapesConfig::default()
        };
        draws(&MiniShapesGenerator::new(&config, seed, 1).unwrap())?;
    }

    #[test]
    fn matching_patterns_of_any_configuration_are_drawn(
        seed in any::<u64>(), sides in [side(), side()], dominants in range(1, 6),
        noise in range(0, 8), together in any::<bool>(), shares in [0.0..=1.0_f64, 0.0..=1.0, 0.0..=1.0, 0.0..=1.0, 0.0..=1.0],
        (radii, lengths, gaps) in (reals(0.05, 1.0), reals(0.05, 1.0), reals(0.5, 16.0)),
        (lines, stripes, hatches) in (range(1, 64), range(2, 64), range(1, 64)),
        visible in 0.0..0.95_f64,
    ) {
        let [height, width] = sides;
        let config = MatchingConfig {
            height, width, dominants_num_range: dominants, noise_num_range: noise,
            dominant_placement: if together { DominantPlacement::Together } else { DominantPlacement::Apart },
            filled_prob: shares[0], split_prob: shares[1], transpose_prob: shares[2],
            three_colors_prob: shares[3], same_width_prob: shares[4], radius_range: radii,
            length_range: lengths, line_width_range: lines, stripe_width_range: stripes,
            hatch_width_range: hatches, hatch_gap_range: gaps, min_visible: visible,
            ..MatchingConfig::default()
        };
        draws(&MatchingGenerator::new(&config, seed, 2).unwrap())?;
        let record = MatchingGenerator::new(&config, seed, 1).unwrap().get(0).unwrap();
        fits(&record, MatchingOutput::ALL, |o| (o.name(), o.padded_shape(&config)));
    }

    #[test]
    fn shifts_of_any_configuration_are_drawn(
        seed in any::<u64>(), size in 16_usize..80, shifts in range(0, 20), lengths in range(1, 16),
        widths in range(1, 64), steps in range(1, 16), gap in 0.0..64.0_f64, soft in 0.3..8.0_f64,
        circular in any::<bool>(), patch in 0.0..1.0_f64, noise in 0.0..=1.0_f64,
    ) {
        #[expect(clippy::cast_sign_loss, reason = "not negative")]
        let patch_size = 1 + (patch * (size - 1) as f64) as usize;
        let config = ShiftsConfig {
            size, shifts_num_range: shifts, length_range: lengths, thickness_range: widths,
            step_range: steps, min_gap: gap, softness: soft, circular, noise, patch_size,
            ..ShiftsConfig::default()
        };
        draws(&ShiftsGenerator::new(&config, seed, 2).unwrap())?;
    }
}

#[test]
fn what_is_out_of_range_is_refused() {
    let waves = [
        r#"{"size": 8}"#,
        r#"{"patterns_num_range": [0, 2]}"#,
        r#"{"patterns_num_range": [3, 3]}"#,
        r#"{"frequency_mean": -1}"#,
        r#"{"min_frequency": 9}"#,
        r#"{"min_spacing": 1}"#,
        r#"{"oversampling": 0}"#,
        r#"{"min_lines": 33}"#,
        r#"{"min_visible": 1}"#,
        r#"{"min_length": 0.5}"#,
    ];
    for text in waves {
        assert!(WaveConfig::from_json(text).is_err(), "{text}");
    }
    for text in [
        r#"{"thickness_range": [0, 2]}"#,
        r#"{"min_length": 17}"#,
        r#"{"noise": 1.5}"#,
        r#"{"distractors_num_range": [2, 1]}"#,
    ] {
        assert!(SingleLineConfig::from_json(text).is_err(), "{text}");
    }
    for text in [
        r#"{"points_num_range": [1, 3]}"#,
        r#"{"color_range": [1, 300]}"#,
        r#"{"scale_power_range": [0, 3]}"#,
        r#"{"scale_power_range": [2, 9]}"#,
        r#"{"closed_prob": -0.1}"#,
    ] {
        assert!(MiniShapesConfig::from_json(text).is_err(), "{text}");
    }
    for text in [
        r#"{"width": 2000}"#,
        r#"{"radius_range": [0.5, 0.2]}"#,
        r#"{"hatch_gap_range": [0.1, 0.2]}"#,
        r#"{"dominants_num_range": [0, 1]}"#,
        r#"{"dominant_placement": "nowhere"}"#,
        r#"{"transpose_prob": 2}"#,
    ] {
        assert!(MatchingConfig::from_json(text).is_err(), "{text}");
    }
    for text in [
        r#"{"patch_size": 33}"#,
        r#"{"softness": 0}"#,
        r#"{"length_range": [5, 40]}"#,
        r#"{"step_range": [0, 4]}"#,
    ] {
        assert!(ShiftsConfig::from_json(text).is_err(), "{text}");
    }
    let config = WaveConfig { frequency_deviation: f64::NAN, ..WaveConfig::default() };
    assert!(config.validate().is_err());
    let config = ShiftsConfig { min_gap: f64::INFINITY, ..ShiftsConfig::default() };
    assert!(config.validate().is_err());
}
