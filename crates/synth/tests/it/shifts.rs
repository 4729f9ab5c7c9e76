//! Pictures of shifted lines.
#![expect(clippy::unwrap_used, reason = "what cannot be made fails the test")]

use mapvec_data::Source;
use mapvec_synth::{ShiftsConfig, ShiftsGenerator};

use crate::arrays::{assert_disjoint, at, bytes, points, reals, segments, turn, wholes};

/// The integral of the normal distribution.
///
/// # References
///
/// Abramowitz and Stegun, *Handbook of Mathematical Functions*, 26.2.17.
fn normal(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum = series.iter().rev().fold(0.0, |sum, a| (sum + a) * t);
    let tail = (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt() * sum;
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// A blurred line, drawn where it is: its opacity at the centre of a pixel.
fn drawn([a, b]: [[f64; 2]; 2], width: f64, softness: f64, [row, column]: [usize; 2]) -> f64 {
    let d = [b[0] - a[0], b[1] - a[1]];
    let length = d[0].hypot(d[1]);
    let step =
        |v: f64, from: f64, to: f64| normal((v - from) / softness) - normal((v - to) / softness);
    let [x, y] = [column as f64 + 0.5 - a[0], row as f64 + 0.5 - a[1]];
    let (along, across) = ((x * d[0] + y * d[1]) / length, (y * d[0] - x * d[1]) / length);
    step(along, 0.0, length) * step(across, -width / 2.0, width / 2.0)
}

#[test]
fn copies_are_what_is_drawn_at_their_place() {
    for (size, softness, most) in
        [(16, 0.7, 0.025), (32, 0.7, 0.025), (33, 1.0, 2e-3), (64, 0.8, 0.01)]
    {
        let config = ShiftsConfig { size, softness, patch_size: 8, ..ShiftsConfig::default() };
        let source = ShiftsGenerator::new(&config, 3, 30).unwrap();
        let mut worst: f64 = 0.0;
        for index in 0..source.len() {
            let record = source.get(index).unwrap();
            let width = f64::from(wholes(&record, "thickness")[0]);
            let proposals = reals(&record, "proposals").chunks_exact(size * size);
            for (plane, line) in proposals.zip(segments(&record, "vecs")) {
                for (pixel, value) in plane.iter().enumerate() {
                    let want = drawn(line, width, softness, [pixel / size, pixel % size]);
                    worst = worst.max((f64::from(*value) - want).abs());
                }
            }
        }
        assert!(worst < most, "{size} px, blur {softness}: off by {worst}");
    }
}

#[test]
fn labels_say_what_is_drawn() {
    for size in [16, 32, 64, 257] {
        let config = ShiftsConfig { size, noise: 0.0, ..ShiftsConfig::default() };
        let source = ShiftsGenerator::new(&config, 5, if size > 64 { 5 } else { 100 }).unwrap();
        let mut copies = 0;
        for index in 0..source.len() {
            let record = source.get(index).unwrap();
            let area = size * size;
            let (masks, lines) = (bytes(&record, "proposal_masks"), segments(&record, "vecs"));
            assert_disjoint(masks, area, index);
            copies += lines.len() - 1;
            let step = points(&record, "step")[0];
            let angle = f64::from(reals(&record, "angle")[0]);
            for (i, shift) in points(&record, "shifts").into_iter().enumerate() {
                let [a, b] = lines[i];
                assert!(turn(angle, (b[1] - a[1]).atan2(b[0] - a[0])) < 1e-4);
                for axis in 0..2 {
                    assert!((shift[axis] - step[axis] * i as f64).abs() < 1e-4);
                    assert!((a[axis] - lines[0][0][axis] - shift[axis]).abs() < 1e-4);
                }
                let middle = [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
                let mask = &masks[i * area..][..area];
                assert_eq!(mask[at(middle, size)], 1, "record {index}: {middle:?}");
                let inside = |p: [f64; 2]| p.iter().all(|v| (0.0..=size as f64).contains(v));
                assert!(inside(a) && inside(b), "record {index}: {a:?} {b:?}");
            }
            let opacity = reals(&record, "opacity");
            for (pixel, all) in opacity.iter().enumerate() {
                let planes = reals(&record, "proposals").chunks_exact(area);
                let sum: f32 = planes.map(|plane| plane[pixel]).sum();
                assert!((sum.min(1.0) - all).abs() < 0.1, "record {index}: {sum} {all}");
            }
            patches(&record, size);
        }
        // On the smallest canvas few steps leave room for more than one copy.
        assert!(2 * copies >= source.len(), "{copies} copies at {size}");
    }
}

fn patches(record: &mapvec_data::Record, size: usize) {
    let image = reals(record, "img");
    let corners = wholes(record, "patch_corners");
    for (i, patch) in reals(record, "patches").chunks_exact(16 * 16 * 3).enumerate() {
        for (at, pixel) in patch.chunks_exact(3).enumerate() {
            let x = corners[i * 2] + i32::try_from(at % 16).unwrap();
            let y = corners[i * 2 + 1] + i32::try_from(at / 16).unwrap();
            let place = usize::try_from(x).ok().zip(usize::try_from(y).ok());
            let want = match place.filter(|(x, y)| *x < size && *y < size) {
                Some((x, y)) => &image[(y * size + x) * 3..][..3],
                None => &[0.0; 3],
            };
            assert_eq!(pixel, want, "patch {i}: ({x}, {y})");
        }
    }
}

#[test]
fn circular_copies_come_in_on_the_other_side() {
    let config = ShiftsConfig { circular: true, noise: 0.0, ..ShiftsConfig::default() };
    let source = ShiftsGenerator::new(&config, 5, 60).unwrap();
    let mut across = 0;
    for index in 0..source.len() {
        let record = source.get(index).unwrap();
        let width = f64::from(wholes(&record, "thickness")[0]);
        let proposals = reals(&record, "proposals").chunks_exact(32 * 32);
        for (plane, line) in proposals.zip(segments(&record, "vecs")) {
            across += usize::from(line.iter().flatten().any(|v| !(0.0..32.0).contains(v)));
            for (pixel, value) in plane.iter().enumerate() {
                // The canvas and those around it, two deep.
                let want: f64 = (0..25)
                    .map(|k| {
                        let by = [f64::from(k % 5 - 2) * 32.0, f64::from(k / 5 - 2) * 32.0];
                        let line = line.map(|p| [p[0] + by[0], p[1] + by[1]]);
                        drawn(line, width, config.softness, [pixel / 32, pixel % 32])
                    })
                    .sum();
                assert!((f64::from(*value) - want).abs() < 0.03, "record {index}: {value} {want}");
            }
        }
    }
    assert!(across > 20, "{across}");
}
