use std::f64::consts::{FRAC_PI_2, PI};

use mapvec_fourier::{
    Complex, Fft2, Norm, PlaneWave, amplitudes, bin_angles, centred, make_symmetric, phases,
    powers, shift_matrix, shifted, signed_bin, uncentred,
};
use ndarray::{Array2, array};
use proptest::prelude::*;

use crate::{gap, noise};

#[test]
fn parts_of_a_spectrum() {
    let spectrum = array![[Complex::new(3.0, 4.0), Complex::new(0.0, -2.0)]];
    assert_eq!(amplitudes(spectrum.view()), array![[5.0, 2.0]]);
    assert_eq!(powers(spectrum.view()), array![[25.0, 4.0]]);
    assert_eq!(phases(spectrum.view()), array![[4.0_f64.atan2(3.0), -FRAC_PI_2]]);
}

#[test]
fn bins_have_signs() {
    assert_eq!(
        (0..5).map(|bin| signed_bin(bin, 5)).collect::<Vec<_>>(),
        [0.0, 1.0, 2.0, -2.0, -1.0]
    );
    assert_eq!((0..4).map(|bin| signed_bin(bin, 4)).collect::<Vec<_>>(), [0.0, 1.0, 2.0, -1.0]);
}

#[test]
fn angles_of_bins_are_those_of_their_crests() {
    let size = (12, 18);
    let angles = bin_angles(size).unwrap();
    for ((v, u), &angle) in angles.indexed_iter() {
        if (v, u) != (0, 0) {
            let bin = [signed_bin(u, 18), signed_bin(v, 12)];
            assert_eq!(angle, PlaneWave::from_bin(size, bin, 0.0).angle());
            // Not at half the sampling rate, where both signs are one bin.
            let pair = ((12 - v) % 12, (18 - u) % 18);
            if 2 * v != 12 && 2 * u != 18 {
                let apart = (angles[pair] - angle).abs();
                assert!(apart.min(PI - apart) < 1e-12);
            }
        }
    }
    assert_eq!(angles[(0, 3)], FRAC_PI_2);
    assert_eq!(angles[(3, 0)], 0.0);
}

proptest! {
    #[test]
    fn centring_moves_bin_zero_to_the_middle_and_back(h in 1_usize..8, w in 1_usize..8) {
        let values = Array2::from_shape_fn((h, w), |(y, x)| y * 10 + x);
        let middle = centred(values.view()).unwrap();
        prop_assert_eq!(middle[(h / 2, w / 2)], 0);
        prop_assert_eq!(uncentred(middle.view()).unwrap(), values);
    }

    #[test]
    fn symmetric_spectra_are_those_of_real_planes(h in 1_usize..9, w in 1_usize..9, seed in 0_u64..500) {
        let (re, im) = (noise((h, w), seed), noise((h, w), seed + 1));
        let mut spectrum = Array2::from_shape_fn((h, w), |at| Complex::new(re[at], im[at]));
        make_symmetric(spectrum.view_mut());
        let fft = Fft2::new((h, w), Norm::Backward).unwrap();
        let plane = fft.inverse(spectrum.view()).unwrap();
        prop_assert!(plane.iter().all(|value| value.im.abs() < 1e-12));
        // What is symmetric stays.
        let real = plane.mapv(|value| Complex::new(value.re, 0.0));
        let mut again = fft.forward(real.view()).unwrap();
        let before = again.clone();
        make_symmetric(again.view_mut());
        prop_assert!(again.iter().zip(&before).all(|(a, b)| (a - b).norm() < 1e-12));
    }

    #[test]
    fn whole_shifts_move_pixels_and_any_shift_comes_back(
        h in 1_usize..9, w in 1_usize..12, x in -15_i32..15, y in -15_i32..15, part in 0.0..1.0_f64, seed in 0_u64..500,
    ) {
        let plane = noise((h, w), seed);
        let by = [f64::from(x), f64::from(y)];
        let moved = shifted(plane.view(), by).unwrap();
        let from = |at: usize, n: usize, by: i32| {
            (i32::try_from(at).unwrap() - by).rem_euclid(i32::try_from(n).unwrap())
        };
        let want = Array2::from_shape_fn((h, w), |(i, j)| {
            plane[(usize::try_from(from(i, h, y)).unwrap(), usize::try_from(from(j, w, x)).unwrap())]
        });
        prop_assert!(gap(&moved, &want) < 1e-10);
        let by = [by[0] + part, by[1] - 0.7 * part];
        let there = shifted(plane.view(), by).unwrap();
        let back = shifted(there.view(), by.map(|d| -d)).unwrap();
        prop_assert!(gap(&back, &plane) < 1e-10);
    }

    #[test]
    fn parts_of_pixels_move_waves(u in -3_i32..4, v in -2_i32..3, x in -5.0..5.0_f64, y in -5.0..5.0_f64) {
        let size = (9, 11);
        let wave = PlaneWave::from_bin(size, [u.into(), v.into()], 0.4);
        let moved = shifted(wave.field(size).view(), [x, y]).unwrap();
        prop_assert!(gap(&moved, &wave.moved([x, y]).field(size)) < 1e-12);
    }
}

#[test]
fn shift_matrices_give_copies() {
    let size = (16, 20);
    let mut plane = Array2::zeros(size);
    plane[(2, 3)] = 1.0;
    plane[(3, 3)] = 0.5;
    let fft = Fft2::new(size, Norm::Backward).unwrap();
    let spectrum = fft.forward(plane.mapv(|v| Complex::new(v, 0.0)).view()).unwrap();
    let matrix = shift_matrix(size, [4.0, 3.0], 5).unwrap();
    let copies = fft.inverse((spectrum * matrix).view()).unwrap();
    let mut want = Array2::<f64>::zeros(size);
    for p in 0..=5 {
        want[((2 + 3 * p) % 16, (3 + 4 * p) % 20)] += 1.0;
        want[((3 + 3 * p) % 16, (3 + 4 * p) % 20)] += 0.5;
    }
    assert!(gap(&copies.mapv(|v| v.re), &want) < 1e-12);
    assert!(copies.iter().all(|v| v.im.abs() < 1e-12));
}
