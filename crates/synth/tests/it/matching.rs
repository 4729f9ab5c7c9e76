//! Scenes of matching patterns.

use std::f64::consts::FRAC_PI_2;

use mapvec_data::{Record, Source};
use mapvec_synth::{DominantPlacement, MatchingConfig, MatchingGenerator};

use crate::arrays::{assert_disjoint, bytes, reals, turn, wholes};

#[test]
fn labels_say_what_is_visible() {
    for (height, width) in [(16, 16), (32, 48), (64, 64), (257, 100)] {
        for placement in [DominantPlacement::Together, DominantPlacement::Apart] {
            let config = MatchingConfig {
                height,
                width,
                dominant_placement: placement,
                ..MatchingConfig::default()
            };
            let count = if height > 64 { 6 } else { 40 };
            let source = MatchingGenerator::new(&config, 3, count).unwrap();
            let mut dominants = 0;
            for index in 0..count {
                let record = source.get(index).unwrap();
                check(&record, (height, width), index);
                dominants += usize::from(bytes(&record, "dominant").contains(&1));
            }
            assert!(dominants + 1 >= count, "{dominants} of {count} scenes have a dominant");
        }
    }
}

fn check(record: &Record, (height, width): (usize, usize), index: usize) {
    let area = height * width;
    let (alphas, masks) = (reals(record, "alpha_masks"), bytes(record, "masks"));
    let (dominant, classes) = (bytes(record, "dominant"), wholes(record, "pattern_classes"));
    assert_disjoint(masks, area, index);
    for pixel in 0..area {
        let all: Vec<f32> = alphas.chunks_exact(area).map(|plane| plane[pixel]).collect();
        assert!(all.iter().all(|a| (0.0..=1.0).contains(a)), "record {index}: {all:?}");
        assert!(all.iter().sum::<f32>() <= 1.0 + 1e-5, "record {index}: {all:?}");
        let owner = all.iter().position(|a| *a > 0.5);
        for (i, mask) in masks.chunks_exact(area).enumerate() {
            assert_eq!(mask[pixel] == 1, owner == Some(i), "record {index}");
        }
        let want = owner.map_or(0, |i| dominant[i]);
        assert_eq!(bytes(record, "dominant_mask")[pixel], want, "record {index}");
        let want = owner.map_or(0, |i| classes[i]);
        assert_eq!(i32::from(bytes(record, "classes")[pixel]), want, "record {index}");
    }
    let image = reals(record, "img");
    assert!(image.iter().all(|v| (0.0..=1.0).contains(v)), "record {index}");
    for (mask, corners) in masks.chunks_exact(area).zip(reals(record, "bboxes").chunks_exact(8)) {
        let pixels = || (0..area).filter(|p| mask[*p] == 1);
        let columns = || pixels().map(|p| (p % width) as f32);
        let rows = || pixels().map(|p| (p / width) as f32);
        let low = |values: &mut dyn Iterator<Item = f32>| values.fold(f32::INFINITY, f32::min);
        let high = |values: &mut dyn Iterator<Item = f32>| values.fold(-1.0, f32::max) + 1.0;
        let [x0, x1] = [low(&mut columns()), high(&mut columns())];
        let [y0, y1] = [low(&mut rows()), high(&mut rows())];
        assert_eq!(corners, [x1, y1, x1, y0, x0, y0, x0, y1], "record {index}");
    }
}

#[test]
fn transposition_changes_rows_and_columns_of_everything() {
    let config = |transpose_prob: f64| MatchingConfig {
        height: 40,
        width: 60,
        transpose_prob,
        ..MatchingConfig::default()
    };
    let plain = MatchingGenerator::new(&config(0.0), 7, 20).unwrap();
    let turned = MatchingGenerator::new(&config(1.0), 7, 20).unwrap();
    for index in 0..20 {
        let (a, b) = (plain.get(index).unwrap(), turned.get(index).unwrap());
        assert_eq!(b.get("img").unwrap().shape(), &[60, 40, 3]);
        for (name, channels) in [("img", 3), ("alpha_masks", 1)] {
            let planes = reals(&a, name).chunks_exact(40 * 60 * channels);
            for (a, b) in planes.zip(reals(&b, name).chunks_exact(40 * 60 * channels)) {
                for (row, column) in (0..40).flat_map(|y| (0..60).map(move |x| (y, x))) {
                    let from = &a[(row * 60 + column) * channels..][..channels];
                    let to = &b[(column * 40 + row) * channels..][..channels];
                    assert_eq!(from, to, "record {index} {name}");
                }
            }
        }
        let known = bytes(&a, "angles_mask");
        for (i, (a, b)) in reals(&a, "angles").iter().zip(reals(&b, "angles")).enumerate() {
            let gap = turn(FRAC_PI_2 - f64::from(*a), f64::from(*b));
            assert!(known[i] == 0 || gap < 1e-5, "record {index}: {a} {b}");
        }
        for (a, b) in reals(&a, "bboxes").chunks_exact(8).zip(reals(&b, "bboxes").chunks_exact(8)) {
            // Right and bottom, left and top.
            let turned = [b[1], b[0], b[5], b[4]].map(f32::to_bits);
            assert_eq!([a[0], a[1], a[4], a[5]].map(f32::to_bits), turned, "record {index}");
        }
    }
}

/// One pattern and nothing else.
fn lonely(filled: f64) -> MatchingConfig {
    MatchingConfig {
        dominants_num_range: [1, 2],
        noise_num_range: [0, 1],
        filled_prob: filled,
        radius_range: [0.4, 0.5],
        length_range: [0.6, 0.9],
        line_width_range: [2, 5],
        split_prob: 0.0,
        ..MatchingConfig::default()
    }
}

#[test]
fn segments_have_the_direction_of_their_label() {
    let source = MatchingGenerator::new(&lonely(0.0), 2, 200).unwrap();
    for index in 0..source.len() {
        let record = source.get(index).unwrap();
        // The axis of largest spread of the pixels.
        let (mut sum, mut products) = ([0.0; 3], [0.0; 3]);
        for (pixel, alpha) in reals(&record, "alpha_masks").iter().enumerate() {
            let (a, x, y) = (f64::from(*alpha), (pixel % 64) as f64, (pixel / 64) as f64);
            sum = [sum[0] + a, sum[1] + a * x, sum[2] + a * y];
            products = [products[0] + a * x * x, products[1] + a * x * y, products[2] + a * y * y];
        }
        let [mx, my] = [sum[1] / sum[0], sum[2] / sum[0]];
        let [xx, xy, yy] = [
            products[0] / sum[0] - mx * mx,
            products[1] / sum[0] - mx * my,
            products[2] / sum[0] - my * my,
        ];
        // Of pieces that only just reach the canvas nothing can be measured.
        if xx + yy > 40.0 {
            let axis = (2.0 * xy).atan2(xx - yy) / 2.0;
            let gap = turn(axis, f64::from(reals(&record, "angles")[0]));
            assert!(gap < 0.1, "record {index}: {gap}");
        }
        assert_eq!(wholes(&record, "pattern_classes"), [1]);
    }
}

#[test]
fn stripes_have_the_direction_of_their_label() {
    let source = MatchingGenerator::new(&lonely(1.0), 2, 300).unwrap();
    let (mut sum, mut measured) = (0.0, 0);
    for index in 0..source.len() {
        let record = source.get(index).unwrap();
        let (image, alpha) = (reals(&record, "img"), reals(&record, "alpha_masks"));
        let inside = |at: usize| (0..9).all(|k| alpha[at + k / 3 * 64 + k % 3 - 65] > 0.999);
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        let places = (1..63).flat_map(|y| (1..63).map(move |x| y * 64 + x));
        for at in places.filter(|at| inside(*at)) {
            for c in 0..3 {
                let value = |at: usize| f64::from(image[at * 3 + c]);
                let (dx, dy) = (value(at + 1) - value(at - 1), value(at + 64) - value(at - 64));
                (xx, xy, yy) = (xx + dx * dx, xy + dx * dy, yy + dy * dy);
            }
        }
        if bytes(&record, "angles_mask")[0] == 0 {
            // One colour.
            assert!(xx + yy < 1e-6, "record {index}: stripes without a direction");
        } else if xx + yy > 20.0 {
            // Gradients lie across the stripes.
            let across = (2.0 * xy).atan2(xx - yy) / 2.0;
            let gap = turn(across + FRAC_PI_2, f64::from(reals(&record, "angles")[0]));
            assert!(gap < 0.3, "record {index}: {gap}");
            (sum, measured) = (sum + gap, measured + 1);
        }
    }
    let mean = sum / f64::from(measured);
    assert!(measured > 40 && mean < 0.08, "{mean} over {measured}");
}
