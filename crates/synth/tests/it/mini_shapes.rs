//! Pictures of polylines over noise.
#![expect(clippy::unwrap_used, reason = "what cannot be made fails the test")]

use mapvec_data::{Record, Source};
use mapvec_synth::{MiniShapesConfig, MiniShapesGenerator};

use crate::arrays::{assert_disjoint, at, bytes, distance, points, reals, wholes};

/// The segments of every shape and their widths, front to back.
fn shapes(record: &Record) -> Vec<(Vec<[[f64; 2]; 2]>, f64)> {
    let count = record.get("vertices").unwrap().shape()[1];
    let vertices = points(record, "vertices");
    let widths = wholes(record, "shape_thickness");
    let closed = bytes(record, "closed");
    vertices
        .chunks_exact(count)
        .enumerate()
        .map(|(i, line)| {
            let mut pairs: Vec<_> = line.windows(2).map(|p| [p[0], p[1]]).collect();
            if closed[i] == 1 {
                pairs.push([line[count - 1], line[0]]);
            }
            (pairs, f64::from(widths[i]))
        })
        .collect()
}

#[test]
fn labels_say_what_is_drawn() {
    for (size, closed_prob) in [(16, 0.5), (32, 0.0), (64, 1.0), (257, 0.0)] {
        let config = MiniShapesConfig { size, closed_prob, ..MiniShapesConfig::default() };
        let source = MiniShapesGenerator::new(&config, 3, if size > 64 { 3 } else { 40 }).unwrap();
        for index in 0..source.len() {
            let record = source.get(index).unwrap();
            let (masks, area) = (bytes(&record, "shape_masks"), size * size);
            assert_disjoint(masks, area, index);
            let background = bytes(&record, "background_mask");
            for vertex in points(&record, "vertices") {
                assert_eq!(background[at(vertex, size)], 0, "record {index}: {vertex:?}");
            }
            let shapes = shapes(&record);
            assert!(!shapes.is_empty(), "record {index} is empty");
            let colors = reals(&record, "colors");
            for pixel in 0..area {
                let owner = (0..shapes.len()).find(|i| masks[i * area + pixel] == 1);
                assert_eq!(background[pixel] == 0, owner.is_some(), "record {index}");
                let color = owner.map_or(&[0.0; 3][..], |i| &colors[i * 3..][..3]);
                assert_eq!(&reals(&record, "color_label")[pixel * 3..][..3], color);
                // The foremost shape that comes near enough for a part of the pixel.
                let middle = [(pixel % size) as f64 + 0.5, (pixel / size) as f64 + 0.5];
                let off = |(pairs, width): &(Vec<_>, f64)| {
                    let nearest = pairs.iter().map(|s| distance(*s, middle));
                    nearest.fold(f64::INFINITY, f64::min) - width / 2.0
                };
                if let Some(owner) = owner {
                    assert!(off(&shapes[owner]) < 0.71, "record {index}: pixel {pixel}");
                }
                let hit = shapes.iter().position(|shape| off(shape) < -0.01);
                assert!(hit >= owner || hit.is_none(), "record {index}: {hit:?} hides {owner:?}");
            }
        }
    }
}

#[test]
fn pictures_are_the_mean_of_what_is_drawn() {
    let config = MiniShapesConfig {
        size: 32,
        background_range: [240, 241],
        closed_prob: 0.3,
        ..MiniShapesConfig::default()
    };
    let source = MiniShapesGenerator::new(&config, 5, 12).unwrap();
    for index in 0..source.len() {
        let record = source.get(index).unwrap();
        let (shapes, colors) = (shapes(&record), reals(&record, "colors"));
        let image = reals(&record, "img");
        let mut worst = 0.0_f32;
        for pixel in 0..32 * 32 {
            let mut sum = [0.0; 3];
            for part in 0..64 {
                let x = (pixel % 32) as f64 + (f64::from(part % 8) + 0.5) / 8.0;
                let y = (pixel / 32) as f64 + (f64::from(part / 8) + 0.5) / 8.0;
                let on = |(pairs, width): &(Vec<[[f64; 2]; 2]>, f64)| {
                    pairs.iter().any(|s| distance(*s, [x, y]) <= width / 2.0)
                };
                let front = shapes.iter().position(on);
                for (c, value) in sum.iter_mut().enumerate() {
                    *value += front.map_or(240.0 / 255.0, |i| colors[i * 3 + c]) / 64.0;
                }
            }
            for (a, b) in sum.iter().zip(&image[pixel * 3..][..3]) {
                worst = worst.max((a - b).abs());
            }
        }
        // Drawings of four times the size have sixteen samples per pixel.
        assert!(worst < 0.2, "record {index}: off by {worst}");
    }
}

#[test]
fn noise_is_less_the_larger_the_drawing() {
    let spread = |power: usize| {
        let config = MiniShapesConfig {
            shapes_num_range: [1, 2],
            scale_power_range: [power, power + 1],
            ..MiniShapesConfig::default()
        };
        let source = MiniShapesGenerator::new(&config, 5, 8).unwrap();
        let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
        for index in 0..source.len() {
            let record = source.get(index).unwrap();
            let background = bytes(&record, "background_mask");
            for (i, value) in reals(&record, "img").iter().enumerate() {
                if background[i / 3] == 1 {
                    let value = f64::from(*value) * 255.0;
                    (sum, squares, count) = (sum + value, squares + value * value, count + 1.0);
                }
            }
        }
        let mean: f64 = sum / count;
        assert!((mean - 240.0).abs() < 0.1, "{mean}");
        (squares / count - mean * mean).sqrt()
    };
    // Levels from 230 to 250 have a deviation of 6.06.
    for (power, want) in [(1, 3.03), (2, 1.51), (5, 0.19)] {
        let deviation = spread(power);
        assert!((deviation / want - 1.0).abs() < 0.05, "{power}: {deviation} is not {want}");
    }
}
