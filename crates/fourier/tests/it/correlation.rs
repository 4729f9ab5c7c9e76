use mapvec_fourier::{find_shift, phase_correlation, shifted};
use ndarray::{Array2, Axis, stack};
use proptest::prelude::*;

use crate::noise;

proptest! {
    #[test]
    fn whole_shifts_are_found_exactly(h in 6_usize..30, w in 6_usize..30, x in -30_i32..30, y in -30_i32..30, seed in 0_u64..300) {
        let plane = noise((h, w), seed);
        let moved = shifted(plane.view(), [x.into(), y.into()]).unwrap();
        let surface = phase_correlation(moved.view(), plane.view()).unwrap();
        let found = find_shift(surface.view()).unwrap();
        prop_assert!((found.peak - 1.0).abs() < 1e-6, "{}", found.peak);
        for (found, (want, n)) in found.by.into_iter().zip([(x, w), (y, h)]) {
            let apart = (found - f64::from(want)).rem_euclid(n as f64);
            prop_assert!(apart.min(n as f64 - apart) < 1e-6, "{found} is not {want} in {n}");
        }
    }

    /// Of pictures that hold nothing near half the sampling rate.
    #[test]
    fn parts_of_pixels_are_found(x in -6.0..6.0_f64, y in -6.0..6.0_f64, seed in 0_u64..300) {
        let plane = noise((48, 48), seed);
        let moved = shifted(plane.view(), [x, y]).unwrap() + noise((48, 48), seed + 1000) * 0.1;
        let surface = phase_correlation(moved.view(), plane.view()).unwrap();
        let found = find_shift(surface.view()).unwrap();
        prop_assert!((found.by[0] - x).hypot(found.by[1] - y) < 0.1, "{:?} is not {x}, {y}", found.by);
    }
}

/// Of pictures in any unit.
#[test]
fn the_scale_of_the_values_does_not_matter() {
    let plane = noise((12, 15), 5);
    for scale in [1e-9, 1.0, 1e9] {
        let plane = &plane * scale;
        let moved = shifted(plane.view(), [4.0, -3.0]).unwrap();
        let found = find_shift(phase_correlation(moved.view(), plane.view()).unwrap().view());
        let found = found.unwrap();
        assert!((found.peak - 1.0).abs() < 1e-9, "{scale}: {found:?}");
        assert!((found.by[0] - 4.0).hypot(found.by[1] + 3.0) < 1e-6, "{scale}: {found:?}");
    }
}

#[test]
fn planes_of_a_batch_are_compared_one_by_one() {
    let (a, b) = (noise((10, 12), 1), noise((10, 12), 2));
    let both = stack![Axis(0), a, b];
    let moved = stack![
        Axis(0),
        shifted(a.view(), [2.0, 1.0]).unwrap(),
        shifted(b.view(), [-3.0, 4.0]).unwrap()
    ];
    let surfaces = phase_correlation(moved.view(), both.view()).unwrap();
    let found = |i| find_shift(surfaces.index_axis(Axis(0), i)).unwrap().by.map(f64::round);
    assert_eq!(found(0), [2.0, 1.0]);
    assert_eq!(found(1), [-3.0, 4.0]);
}

#[test]
fn planes_without_anything_have_no_peak() {
    let nothing = Array2::zeros((5, 7));
    let surface = phase_correlation(nothing.view(), nothing.view()).unwrap();
    assert!(surface.iter().all(|value| *value == 0.0));
    assert_eq!(find_shift(surface.view()).unwrap().peak, 0.0);
}
