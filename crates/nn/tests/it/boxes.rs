//! Features of boxes.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_nn::{GradcheckConfig, RoiAlignConfig, compare_precisions, gradcheck, roi_align};
use proptest::prelude::*;

use crate::{random, random32};

// torchvision 0.29: torchvision.ops.roi_align of values (37 i mod 101) / 101 of shape
// [2, 2, 6, 8] with the boxes below, output (2, 3), scale 0.5, in float64.
const ALIGNED_2: &[f64] = &[
    0.418139568,
    0.513577119,
    0.3022829,
    0.385169142,
    0.614851485,
    0.563283828,
    0.751712046,
    0.412644389,
    0.642066316,
    0.623494224,
    0.284426568,
    0.705775578,
    0.042079208,
    0.114686469,
    0.328382838,
    0.058168317,
    0.177392739,
    0.604785479,
    0.188118812,
    0.323432343,
    0.120462046,
    0.350247525,
    0.605301155,
    0.230610561,
    0.305383663,
    0.396967822,
    0.396967822,
    0.294554455,
    0.386138614,
    0.386138614,
    0.772354579,
    0.824876238,
    0.824876238,
    0.878712871,
    0.97029703,
    0.97029703,
];
const CORNER: &[f64] = &[
    0.409362753,
    0.468224783,
    0.451357647,
    0.283683993,
    0.75294967,
    0.413882013,
    0.650226898,
    0.474766012,
    0.719096792,
    0.522009076,
    0.347524752,
    0.652207096,
    0.081992574,
    0.347153465,
    0.752268977,
    0.040841584,
    0.264851485,
    0.669966997,
    0.374071782,
    0.431311881,
    0.419760726,
    0.332920792,
    0.505259901,
    0.415583746,
    0.386138614,
    0.386138614,
    0.0,
    0.0,
    0.0,
    0.0,
    0.97029703,
    0.97029703,
    0.0,
    0.0,
    0.0,
    0.0,
];
const ALIGNED: &[f64] = &[
    0.418139568,
    0.513577119,
    0.3022829,
    0.385169142,
    0.614851485,
    0.563283828,
    0.751712046,
    0.412644389,
    0.642066316,
    0.623494224,
    0.284426568,
    0.705775578,
    0.042079208,
    0.114686469,
    0.328382838,
    0.058168317,
    0.177392739,
    0.604785479,
    0.188118812,
    0.323432343,
    0.120462046,
    0.350247525,
    0.605301155,
    0.230610561,
    0.303217822,
    0.39480198,
    0.39480198,
    0.294554455,
    0.386138614,
    0.386138614,
    0.793626238,
    0.853960396,
    0.853960396,
    0.878712871,
    0.97029703,
    0.97029703,
];

fn map() -> Tensor {
    let values: Vec<f64> = (0..192).map(|i| f64::from(i * 37 % 101) / 101.0).collect();
    Tensor::from_vec(values, (2, 2, 6, 8), &Device::Cpu).unwrap()
}

fn boxes() -> Tensor {
    let lines =
        [[0.0, 1.2, 0.7, 9.5, 8.1], [1.0, -3.0, -2.0, 5.0, 4.0], [1.0, 14.0, 10.0, 17.0, 13.0]];
    Tensor::new(&lines, &Device::Cpu).unwrap()
}

#[test]
fn values_are_those_of_torchvision() {
    let cases = [(true, Some(2), ALIGNED_2), (false, None, CORNER), (true, None, ALIGNED)];
    for (aligned, sampling_ratio, want) in cases {
        let config = RoiAlignConfig { output: (2, 3), spatial_scale: 0.5, sampling_ratio, aligned };
        for dtype in [DType::F64, DType::F32] {
            let y = roi_align(&map().to_dtype(dtype).unwrap(), &boxes(), &config).unwrap();
            assert_eq!(y.dims(), &[3, 2, 2, 3]);
            let y: Vec<f64> =
                y.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap();
            for (y, want) in y.iter().zip(want) {
                assert!((y - want).abs() < 1e-6, "{config:?} {dtype:?}: {y} {want}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn features_of_boxes_have_right_gradients(
        (b, c, h, w) in (1_usize..3, 1_usize..20, 1_usize..9, 1_usize..9),
        output in (1_usize..4, 1_usize..4),
        corners in prop::collection::vec((-4.0_f64..12.0, -4.0_f64..12.0, 0.0_f64..9.0, 0.0_f64..9.0), 1..5),
        (ratio, aligned, seed) in (prop::option::of(1_usize..4), any::<bool>(), 0_u64..1000),
    ) {
        let lines: Vec<f64> = corners
            .iter()
            .enumerate()
            .flat_map(|(i, (x, y, dx, dy))| [(i % b) as f64, *x, *y, x + dx, y + dy])
            .collect();
        let boxes = Tensor::from_vec(lines, (corners.len(), 5), &Device::Cpu).unwrap();
        let config =
            RoiAlignConfig { output, spatial_scale: 0.7, sampling_ratio: ratio, aligned };
        let inputs = [random(&[b, c, h, w], seed)];
        let f = |v: &[Tensor]| roi_align(&v[0], &boxes, &config);
        let few = GradcheckConfig { max_entries: 8, ..GradcheckConfig::default() };
        let error = gradcheck(&inputs, f, &few).unwrap();
        prop_assert!(error < 1e-5, "differences: {error}");
        let error = compare_precisions(&inputs, f, seed).unwrap();
        prop_assert!(error < 1e-5, "kernels: {error}");
    }
}

#[test]
fn bits_do_not_depend_on_threads() {
    let x = random32(&[2, 40, 9, 11], 3);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let x = Var::from_tensor(&x).unwrap();
            let y = roi_align(&x, &boxes(), &RoiAlignConfig::default()).unwrap();
            let grads = y.sqr().unwrap().backward().unwrap();
            let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let all = [flat(&y), flat(grads.get(&x).unwrap())].concat();
            all.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        })
    };
    let one = run(1);
    assert!(run(2) == one && run(3) == one);
}

#[test]
fn bad_boxes_and_settings_are_refused() {
    let x = random32(&[1, 2, 5, 5], 1);
    let config = RoiAlignConfig::default();
    let one = |line: [f64; 5]| Tensor::new(&[line], &Device::Cpu).unwrap();
    let wrong = [
        [1.0, 0.0, 0.0, 1.0, 1.0],
        [-1.0, 0.0, 0.0, 1.0, 1.0],
        [0.5, 0.0, 0.0, 1.0, 1.0],
        [0.0, f64::NAN, 0.0, 1.0, 1.0],
        [0.0, 0.0, 0.0, f64::INFINITY, 1.0],
        [0.0, 0.0, 0.0, 1e30, 1.0],
    ];
    for line in wrong {
        assert!(roi_align(&x, &one(line), &config).is_err(), "{line:?}");
    }
    let fine = one([0.0, 0.0, 0.0, 3.0, 3.0]);
    assert!(roi_align(&x, &fine.narrow(1, 0, 4).unwrap(), &config).is_err(), "four columns");
    let settings = [
        RoiAlignConfig { output: (0, 7), ..config },
        RoiAlignConfig { output: (usize::MAX, 7), ..config },
        RoiAlignConfig { spatial_scale: 0.0, ..config },
        RoiAlignConfig { sampling_ratio: Some(0), ..config },
    ];
    for config in settings {
        assert!(roi_align(&x, &fine, &config).is_err(), "{config:?}");
    }
    let none = fine.narrow(0, 0, 0).unwrap();
    assert_eq!(roi_align(&x, &none, &config).unwrap().dims(), &[0, 2, 7, 7]);
}
