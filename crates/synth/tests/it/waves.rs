//! Scenes of waves.
#![expect(clippy::unwrap_used, reason = "what cannot be made fails the test")]

use std::f64::consts::TAU;

use mapvec_data::{Record, Source};
use mapvec_fourier::PlaneWave;
use mapvec_synth::{WaveConfig, WaveGenerator};
use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

use crate::arrays::{assert_disjoint, at, bytes, points, reals, segments, turn, wholes};

/// The bin of the largest magnitude of the transform of a plane without its mean.
fn peak(plane: &[f64], size: usize) -> [f64; 2] {
    let mean = plane.iter().sum::<f64>() / plane.len() as f64;
    let mut values: Vec<Complex<f64>> = plane.iter().map(|v| Complex::new(v - mean, 0.0)).collect();
    let fft = FftPlanner::new().plan_fft_forward(size);
    for _ in 0..2 {
        fft.process(&mut values);
        values = (0..size * size).map(|i| values[i % size * size + i / size]).collect();
    }
    let best = (0..size * size).max_by(|a, b| values[*a].norm().total_cmp(&values[*b].norm()));
    let best = best.unwrap();
    [(best % size) as f64, (best / size) as f64]
}

/// Distance between a bin and a frequency or its opposite, the larger one of both axes.
fn miss(bin: [f64; 2], [u, v]: [f64; 2], size: usize) -> f64 {
    let gap = |a: f64, b: f64| {
        let d = (a - b).rem_euclid(size as f64);
        d.min(size as f64 - d)
    };
    let to = |sign: f64| gap(bin[0], sign * u).max(gap(bin[1], sign * v));
    to(1.0).min(to(-1.0))
}

fn waves(record: &Record, size: usize) -> Vec<PlaneWave> {
    let phases = reals(record, "phases").iter();
    points(record, "frequencies")
        .into_iter()
        .zip(phases)
        .map(|(bins, phase)| PlaneWave {
            frequency: bins.map(|cycles| cycles / size as f64),
            phase: f64::from(*phase),
        })
        .collect()
}

#[test]
fn the_transform_of_a_field_peaks_at_its_frequency() {
    for size in [32, 50, 64] {
        let source =
            WaveGenerator::new(&WaveConfig { size, ..WaveConfig::default() }, 4, 60).unwrap();
        for index in 0..source.len() {
            let record = source.get(index).unwrap();
            let fields = reals(&record, "fields").chunks_exact(size * size);
            for (field, frequency) in fields.zip(points(&record, "frequencies")) {
                let field: Vec<f64> = field.iter().map(|v| f64::from(*v)).collect();
                let off = miss(peak(&field, size), frequency, size);
                // The nearest bin; where two are nearly as near, the other one.
                assert!(off <= 0.7, "record {index}: {frequency:?} is off by {off}");
            }
        }
    }
}

#[test]
fn the_transform_of_a_drawn_wave_peaks_at_its_frequency() {
    let config = WaveConfig {
        size: 64,
        patterns_num_range: [1, 2],
        min_lines: 500,
        max_lines: 500,
        min_width: 1.0,
        ..WaveConfig::default()
    };
    let source = WaveGenerator::new(&config, 6, 600).unwrap();
    let (mut near, mut wide) = (0, 0);
    for index in 0..source.len() {
        let record = source.get(index).unwrap();
        // Of a comb of thin lines all multiples of the frequency are equally strong.
        let width = wholes(&record, "pattern_thickness")[0] as f32;
        if width < reals(&record, "lengths")[0] * 0.3 {
            continue;
        }
        wide += 1;
        let plane: Vec<f64> = bytes(&record, "classes").iter().map(|v| f64::from(*v)).collect();
        let off = miss(peak(&plane, 64), points(&record, "frequencies")[0], 64);
        near += u32::from(off <= 1.0);
    }
    assert!(wide > 50 && near * 20 >= wide * 19, "{near} of {wide}");
}

#[test]
fn labels_say_what_is_drawn() {
    for size in [16, 32, 64, 257] {
        let config = WaveConfig { size, patterns_num_range: [1, 6], ..WaveConfig::default() };
        let source = WaveGenerator::new(&config, 8, if size > 64 { 10 } else { 60 }).unwrap();
        for index in 0..source.len() {
            check(&source.get(index).unwrap(), size, index);
        }
    }
}

fn check(record: &Record, size: usize, index: usize) {
    let area = size * size;
    let waves = waves(record, size);
    let (vecs, owners) = (segments(record, "vecs"), wholes(record, "vecs_pattern_idxs"));
    let (angles, masks) = (reals(record, "angles"), bytes(record, "vecs_masks"));
    assert!(!vecs.is_empty(), "record {index} is empty");
    assert_disjoint(masks, area, index);
    let mut patterns = vec![0; waves.len() * area];
    for (i, [a, b]) in vecs.iter().copied().enumerate() {
        let mask = &masks[i * area..][..area];
        let pattern = usize::try_from(owners[i] - 1).unwrap();
        let wave = &waves[pattern];
        for end in [a, b] {
            assert_eq!(mask[at(end, size)], 1, "record {index}: {end:?} is not on its line");
            assert!(wave.value(end) > 0.9999, "record {index}: {end:?} is on no crest");
        }
        let direction = (b[1] - a[1]).atan2(b[0] - a[0]);
        assert!(turn(direction, angles[pattern].into()) < 1e-4, "record {index}: {direction}");
        let width = f64::from(wholes(record, "vecs_thickness")[i]);
        assert!(width <= (wave.spacing() / 2.0).max(1.0), "record {index}: {width}");
        let (sin, cos) = direction.sin_cos();
        for pixel in (0..area).filter(|p| mask[*p] == 1) {
            let p = [(pixel % size) as f64 + 0.5 - a[0], (pixel / size) as f64 + 0.5 - a[1]];
            let across = (p[1] * cos - p[0] * sin).abs();
            assert!(across <= width / 2.0 + 1e-3, "record {index}: {across} of {width}");
            patterns[pattern * area + pixel] = 1;
        }
    }
    assert_eq!(patterns, bytes(record, "pattern_masks"), "record {index}");
    for pixel in 0..area {
        let owner = (0..waves.len()).find(|p| patterns[p * area + pixel] == 1);
        assert_eq!(bytes(record, "classes")[pixel], u8::from(owner.is_some()), "pixel {pixel}");
        let angle = owner.map_or(0.0, |p| angles[p]);
        assert_eq!(reals(record, "angle_label")[pixel].to_bits(), angle.to_bits(), "pixel {pixel}");
        if let Some(p) = owner {
            let color = &reals(record, "colors")[p * 3..][..3];
            assert_eq!(&reals(record, "img")[pixel * 3..][..3], color, "record {index}");
        }
    }
    crests(record, &waves, index);
}

/// Crests lie on maxima and are one length apart.
fn crests(record: &Record, waves: &[PlaneWave], index: usize) {
    let crests = segments(record, "crest_lines");
    let owners = wholes(record, "crest_pattern_idxs");
    let lengths = reals(record, "lengths");
    for (i, [a, b]) in crests.iter().enumerate() {
        let pattern = usize::try_from(owners[i] - 1).unwrap();
        let length = f64::from(lengths[pattern]);
        let want = waves[pattern].spacing();
        assert!((length - want).abs() < 1e-4, "record {index}: {length} {want}");
        let turns = |p: &[f64; 2]| waves[pattern].phase_at(*p) / TAU;
        for p in [a, b] {
            assert!((turns(p) - turns(p).round()).abs() < 1e-3, "record {index}: {p:?}");
        }
        if i > 0 && owners[i - 1] == owners[i] {
            let step = turns(a) - turns(&crests[i - 1][0]);
            assert!((step - 1.0).abs() < 1e-3, "record {index}: {step} turns");
        }
    }
}

#[test]
fn directions_are_apart_if_asked() {
    let apart = |oversampling: usize| {
        let config =
            WaveConfig { oversampling, patterns_num_range: [3, 4], ..WaveConfig::default() };
        let source = WaveGenerator::new(&config, 2, 300).unwrap();
        let mut sum = 0.0;
        for index in 0..300 {
            let record = source.get(index).unwrap();
            let angles = reals(&record, "angles");
            let gaps = angles
                .iter()
                .enumerate()
                .flat_map(|(i, a)| angles[..i].iter().map(|b| turn(f64::from(*a), f64::from(*b))));
            sum += gaps.fold(f64::INFINITY, f64::min).min(1.6);
        }
        sum / 300.0
    };
    assert!(apart(5) > apart(1) + 0.2, "{} {}", apart(5), apart(1));
}
