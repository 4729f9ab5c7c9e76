//! Moves of samples: invariants, and angles against a line drawn anew.

use std::f32::consts::PI;

use mapvec_data::{Error, MapSample, PixelLabels, crop_image};
use mapvec_geometry::Window;
use ndarray::{Array2, Array3};
use proptest::prelude::*;

/// A sample whose every pixel differs from its neighbours in every array.
fn sample(height: usize, width: usize, salt: u8) -> MapSample {
    let value = |i: usize, j: usize| (i * 31 + j * 7 + usize::from(salt)) % 251;
    let labels = PixelLabels {
        boundary: Array2::from_shape_fn((height, width), |(i, j)| (value(i, j) % 2) as u8),
        centreline: Array2::from_shape_fn((height, width), |(i, j)| (value(i, j) % 5 / 4) as u8),
        class: Array2::from_shape_fn((height, width), |(i, j)| (value(i, j) % 3) as u8),
        angle: Array2::from_shape_fn((height, width), |(i, j)| value(i, j) as f32 / 251.0 * PI),
        thickness: Array2::from_shape_fn((height, width), |(i, j)| value(i, j) as f32 / 10.0),
        distractor: Array2::from_shape_fn((height, width), |(i, j)| (value(i, j) % 4) as u8),
    };
    let image = Array3::from_shape_fn((height, width, 3), |(i, j, c)| (value(i, j) + c) as u8);
    MapSample::new(image, labels).unwrap()
}

/// Equal pixel for pixel; angles up to rounding, modulo pi.
fn assert_same(a: &MapSample, b: &MapSample) {
    assert_eq!(a.image, b.image);
    let (x, y) = (&a.labels, &b.labels);
    assert_eq!((&x.boundary, &x.centreline, &x.class), (&y.boundary, &y.centreline, &y.class));
    assert_eq!((&x.thickness, &x.distractor), (&y.thickness, &y.distractor));
    for (p, q) in x.angle.iter().zip(&y.angle) {
        let distance = (p - q).abs();
        assert!(distance.min(PI - distance) < 1e-5, "angles {p} and {q}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn four_quarter_turns_and_two_flips_are_nothing(h in 1_usize..9, w in 1_usize..9, salt: u8) {
        let original = sample(h, w, salt);
        let mut turned = original.clone();
        for _ in 0..4 {
            turned = turned.rotated(1);
        }
        assert_same(&turned, &original);
        assert_same(&original.flipped().flipped(), &original);
        // Turning after a flip is turning the other way before it.
        assert_same(&original.flipped().rotated(1), &original.rotated(3).flipped());
    }

    #[test]
    fn turns_add_up(h in 1_usize..9, w in 1_usize..9, a in 0_u32..9, b in 0_u32..9) {
        let original = sample(h, w, 3);
        assert_same(&original.rotated(a).rotated(b), &original.rotated(a + b));
        let (height, width) = if a % 2 == 1 { (w, h) } else { (h, w) };
        prop_assert_eq!(original.rotated(a).size(), (height, width));
    }

    #[test]
    fn a_crop_can_come_before_or_after_a_turn(
        (h, w, x, y, width, height) in (1_u32..12, 1_u32..12).prop_flat_map(|(h, w)| {
            (Just(h), Just(w), 0..w, 0..h).prop_flat_map(|(h, w, x, y)| {
                (Just(h), Just(w), Just(x), Just(y), 1..=w - x, 1..=h - y)
            })
        })
    ) {
        let original = sample(h as usize, w as usize, 11);
        let before = original.crop(Window { x, y, width, height }).unwrap().rotated(1);
        // A turn sends (x, y) to (h - y, x).
        let moved = Window { x: h - y - height, y: x, width: height, height: width };
        let after = original.rotated(1).crop(moved).unwrap();
        assert_same(&before, &after);
    }

    #[test]
    fn the_angle_of_a_drawn_line_stays_right(angle in 0.0_f32..PI, turns in 0_u32..4, flip: bool) {
        // A line through the middle of the picture is drawn with its angle as the label.
        // The direction measured from its pixels must still be the label after a move.
        let size = 41_usize;
        let middle = (size / 2) as f32;
        let mut labels = PixelLabels::empty(size, size);
        for step in -180_i16..=180 {
            let along = f32::from(step) / 10.0;
            let x = (middle + along * angle.cos()).round() as usize;
            let y = (middle + along * angle.sin()).round() as usize;
            labels.centreline[[y, x]] = 1;
            labels.angle[[y, x]] = angle;
        }
        let drawn = MapSample::new(Array3::zeros((size, size, 3)), labels).unwrap();
        let moved = if flip { drawn.flipped() } else { drawn }.rotated(turns);
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        let mut label = f32::NAN;
        for ((i, j), &on) in moved.labels.centreline.indexed_iter() {
            prop_assert_eq!(on == 1, !moved.labels.angle[[i, j]].is_nan());
            if on == 1 {
                let (x, y) = (j as f32 - middle, i as f32 - middle);
                xx += x * x;
                xy += x * y;
                yy += y * y;
                label = moved.labels.angle[[i, j]];
            }
        }
        let measured = (0.5 * f32::atan2(2.0 * xy, xx - yy)).rem_euclid(PI);
        let distance = (measured - label).abs();
        prop_assert!(distance.min(PI - distance) < 0.03, "measured {measured}, label {label}");
    }
}

#[test]
fn a_window_outside_is_refused() {
    let original = sample(6, 8, 0);
    for (x, y, width, height) in
        [(0, 0, 9, 6), (3, 3, 5, 4), (8, 0, 1, 1), (0, 0, 0, 3), (u32::MAX, 0, 2, 1)]
    {
        let window = Window { x, y, width, height };
        let error = original.crop(window).unwrap_err();
        assert!(matches!(error, Error::WindowOutside { .. }), "{error}");
        assert!(error.to_string().contains("8 x 6"), "{error}");
        let same = crop_image(&original.image, window).unwrap_err();
        assert_eq!(same.to_string(), error.to_string());
    }
}

#[test]
fn a_crop_of_the_picture_holds_the_pixels_of_the_window() {
    let image = Array3::from_shape_fn((6, 8, 3), |(i, j, c)| (i * 24 + j * 3 + c) as u8);
    let part = crop_image(&image, Window { x: 5, y: 1, width: 3, height: 4 }).unwrap();
    assert_eq!(part.dim(), (4, 3, 3));
    for ((i, j, c), &value) in part.indexed_iter() {
        assert_eq!(value, image[[i + 1, j + 5, c]]);
    }
}

#[test]
fn sizes_must_agree() {
    let error = MapSample::new(Array3::zeros((4, 4, 3)), PixelLabels::empty(4, 5)).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    let error = MapSample::new(Array3::zeros((4, 5, 4)), PixelLabels::empty(4, 5)).unwrap_err();
    assert!(matches!(error, Error::Config { .. }), "{error}");
}
