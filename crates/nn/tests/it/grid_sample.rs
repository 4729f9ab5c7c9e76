//! Pictures sampled at points.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_nn::{
    GradcheckConfig, GridInterpolation, GridPadding, GridSampleConfig, compare_precisions,
    gradcheck, grid_sample,
};
use proptest::prelude::*;

use crate::{random, random32};

// PyTorch 2.15: torch.nn.functional.grid_sample in float64 of values (37 i mod 101) / 101 of shape
// [2, 1, 4, 5] at (53 i mod 97) / 97 * 3 - 1.5 of shape [2, 2, 3, 2], and the gradients of its sum
// weighted by (29 i mod 31) / 31 - 0.5.
const GOLDEN: &str = include_str!("grid_sample.json");

#[derive(serde::Deserialize)]
struct Golden {
    #[serde(flatten)]
    config: GridSampleConfig,
    y: Vec<f64>,
    dx: Vec<f64>,
    dgrid: Vec<f64>,
}

fn cycle(shape: &[usize], (step, count): (usize, usize), (scale, offset): (f64, f64)) -> Tensor {
    let size: usize = shape.iter().product();
    let at = |i: usize| (step * i % count) as f64 / count as f64 * scale + offset;
    Tensor::from_vec((0..size).map(at).collect::<Vec<_>>(), shape, &Device::Cpu).unwrap()
}

fn flat(t: &Tensor) -> Vec<f64> {
    t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn gap(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "lengths");
    let gaps = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    gaps.map(|gap| if gap.is_nan() { f64::INFINITY } else { gap }).fold(0.0, f64::max)
}

fn all() -> impl Iterator<Item = GridSampleConfig> {
    (0..18).map(|i| GridSampleConfig {
        interpolation: [
            GridInterpolation::Bilinear,
            GridInterpolation::Nearest,
            GridInterpolation::Bicubic,
        ][i / 6],
        padding: [GridPadding::Zeros, GridPadding::Border, GridPadding::Reflection][i / 2 % 3],
        align_corners: i % 2 == 1,
    })
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    let golden: Vec<Golden> = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(golden.len(), 18);
    for (want, config) in golden.iter().zip(all()) {
        assert_eq!(want.config, config);
        for dtype in [DType::F64, DType::F32] {
            let var = |t: Tensor| Var::from_tensor(&t.to_dtype(dtype).unwrap()).unwrap();
            let x = var(cycle(&[2, 1, 4, 5], (37, 101), (1.0, 0.0)));
            let grid = var(cycle(&[2, 2, 3, 2], (53, 97), (3.0, -1.5)));
            let weights = cycle(&[2, 1, 2, 3], (29, 31), (1.0, -0.5)).to_dtype(dtype).unwrap();
            let y = grid_sample(&x, &grid, &config).unwrap();
            assert_eq!(y.dims(), &[2, 1, 2, 3]);
            let grads = (&y * weights).unwrap().sum_all().unwrap().backward().unwrap();
            let gradient = |v: &Var| grads.get(v).map_or_else(|| vec![0.0; v.elem_count()], flat);
            for (found, want) in
                [(flat(&y), &want.y), (gradient(&x), &want.dx), (gradient(&grid), &want.dgrid)]
            {
                let gap = gap(&found, want);
                assert!(gap < 5e-6, "{config:?} {dtype:?}: {gap}");
            }
        }
    }
}

/// Coordinates some pixels beyond the picture, away from where the values have a bend.
fn smooth_grid(shape: &[usize], (h, w): (usize, usize), align: bool, seed: u64) -> Tensor {
    let mut places = flat(&random(shape, seed));
    for (i, v) in places.iter_mut().enumerate() {
        let size = if i % 2 == 0 { w } else { h } as f64;
        // A half pixel is cut into the parts with and without a bend at their ends.
        let place = (*v * (size + 4.0)).floor() / 2.0 + 0.1 + 0.3 * (v.abs() * 997.0).fract();
        *v = if align {
            2.0 * place / (size - 1.0).max(0.5) - 1.0
        } else {
            (2.0 * place + 1.0) / size - 1.0
        };
    }
    Tensor::from_vec(places, shape, &Device::Cpu).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn gradients_are_right(
        (b, c, h, w) in (1_usize..3, 1_usize..10, 1_usize..7, 1_usize..7),
        (rows, columns) in (1_usize..5, 1_usize..5),
        (which, seed) in (0_usize..18, 0_u64..1000),
    ) {
        let config = all().nth(which).unwrap();
        let grid = smooth_grid(&[b, rows, columns, 2], (h, w), config.align_corners, seed);
        let inputs = [random(&[b, c, h, w], seed + 1), grid];
        let f = |v: &[Tensor]| grid_sample(&v[0], &v[1], &config);
        let few = GradcheckConfig { max_entries: 12, ..GradcheckConfig::default() };
        let error = gradcheck(&inputs, f, &few).unwrap();
        prop_assert!(error < 1e-5, "{config:?} differences: {error}");
        let error = compare_precisions(&inputs, f, seed).unwrap();
        prop_assert!(error < 3e-5, "{config:?} kernels: {error}");
    }

    #[test]
    fn the_identity_grid_gives_the_picture(
        (h, w) in (1_usize..9, 1_usize..9), which in 0_usize..18, seed in 0_u64..1000,
    ) {
        let config = all().nth(which).unwrap();
        let centre = |i: usize, n: usize| {
            if config.align_corners {
                2.0 * i as f64 / (n - 1).max(1) as f64 - 1.0
            } else {
                (2 * i + 1) as f64 / n as f64 - 1.0
            }
        };
        let grid: Vec<f64> =
            (0..h * w).flat_map(|i| [centre(i % w, w), centre(i / w, h)]).collect();
        let grid = Tensor::from_vec(grid, (1, h, w, 2), &Device::Cpu).unwrap();
        let x = random(&[1, 2, h, w], seed);
        for dtype in [DType::F32, DType::F64] {
            let cast = |t: &Tensor| t.to_dtype(dtype).unwrap();
            let y = grid_sample(&cast(&x), &cast(&grid), &config).unwrap();
            prop_assert!(gap(&flat(&y), &flat(&x)) < 1e-5, "{config:?} {dtype:?}");
        }
    }
}

#[test]
fn coordinates_without_a_meaning_stay_finite() {
    let x = random32(&[1, 2, 3, 4], 5);
    let wild = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e30, f32::MAX];
    let points = wild.iter().flat_map(|a| wild.iter().chain(&[0.1]).flat_map(|b| [*a, *b, *b, *a]));
    let points: Vec<f32> = points.collect();
    let shape = (1, 1, points.len() / 2, 2);
    let wild = Tensor::from_vec(points.clone(), shape, &Device::Cpu).unwrap();
    for config in all() {
        // What the documentation says they count as.
        let reflected = config.padding == GridPadding::Reflection;
        let plain = points.iter().map(|v| match v {
            v if v.is_nan() || (reflected && v.abs() > 2.0) => -1.0,
            v => v.clamp(-1e6, 1e6),
        });
        let plain = Tensor::from_vec(plain.collect::<Vec<_>>(), shape, &Device::Cpu).unwrap();
        for dtype in [DType::F32, DType::F64] {
            let var = |t: &Tensor| Var::from_tensor(&t.to_dtype(dtype).unwrap()).unwrap();
            let (x, grid) = (var(&x), var(&wild));
            let y = grid_sample(&x, &grid, &config).unwrap();
            let want = grid_sample(&x, &var(&plain), &config).unwrap();
            assert!(gap(&flat(&y), &flat(&want)) < 1e-6, "{config:?} {dtype:?}");
            let grads = y.sqr().unwrap().backward().unwrap();
            for gradient in [grads.get(&x), grads.get(&grid)].into_iter().flatten() {
                assert!(flat(gradient).iter().all(|v| v.is_finite()), "{config:?} {dtype:?}");
            }
        }
    }
}

#[test]
fn the_nearest_of_two_is_the_even_pixel() {
    // Positions 0.5, 1.5 and 2.5.
    let grid = Tensor::new(&[[[[-0.5_f64, 0.0], [0.0, 0.0], [0.5, 0.0]]]], &Device::Cpu).unwrap();
    let x = Tensor::new(&[[[[0.0_f64, 1.0, 2.0, 3.0]]]], &Device::Cpu).unwrap();
    let config =
        GridSampleConfig { interpolation: GridInterpolation::Nearest, ..Default::default() };
    for dtype in [DType::F32, DType::F64] {
        let cast = |t: &Tensor| t.to_dtype(dtype).unwrap();
        let y = grid_sample(&cast(&x), &cast(&grid), &config).unwrap();
        assert!(gap(&flat(&y), &[0.0, 2.0, 2.0]) < 1e-9, "{dtype:?}");
    }
}

#[test]
fn turned_and_half_precision_inputs_are_taken() {
    let config = GridSampleConfig::default();
    let (x, grid) = (random32(&[2, 3, 5, 4], 1), random32(&[2, 4, 3, 2], 2));
    let want = grid_sample(&x, &grid, &config).unwrap();
    let turn =
        |t: &Tensor| t.transpose(1, 2).unwrap().contiguous().unwrap().transpose(1, 2).unwrap();
    let y = grid_sample(&turn(&x), &turn(&grid), &config).unwrap();
    assert!(gap(&flat(&y), &flat(&want)) < 1e-9, "turned");
    let half = |t: &Tensor| t.to_dtype(DType::BF16).unwrap();
    let y = grid_sample(&half(&x), &half(&grid), &config).unwrap();
    assert_eq!(y.dtype(), DType::BF16);
    assert!(gap(&flat(&y), &flat(&want)) < 0.1, "half");
}

#[test]
fn bits_do_not_depend_on_threads() {
    let (x, grid) = (random32(&[2, 9, 21, 17], 3), random32(&[2, 30, 19, 2], 4));
    for config in all() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (x, grid) = (Var::from_tensor(&x).unwrap(), Var::from_tensor(&grid).unwrap());
                let y = grid_sample(&x, &grid, &config).unwrap();
                let grads = y.sqr().unwrap().backward().unwrap();
                let values = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                let all = [&y, grads.get(&x).unwrap(), grads.get(&grid).unwrap()].map(values);
                all.concat().into_iter().map(f32::to_bits).collect::<Vec<_>>()
            })
        };
        let one = run(1);
        assert!(run(2) == one && run(3) == one, "{config:?}");
    }
}

#[test]
fn bad_shapes_and_types_are_refused() {
    let config = GridSampleConfig::default();
    let zeros = |shape: &[usize], dtype| Tensor::zeros(shape, dtype, &Device::Cpu).unwrap();
    let x = zeros(&[2, 1, 3, 3], DType::F32);
    for (grid, part) in [
        (zeros(&[2, 4, 4, 3], DType::F32), "[B, Ho, Wo, 2]"),
        (zeros(&[1, 4, 4, 2], DType::F32), "1 images"),
        (zeros(&[2, 4, 4, 2], DType::F64), "F64"),
        (zeros(&[2, 0, 4, 2], DType::F32), "at least 1"),
    ] {
        let error = grid_sample(&x, &grid, &config).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let whole = |shape: &[usize]| zeros(shape, DType::U32);
    let error = grid_sample(&whole(&[1, 1, 2, 2]), &whole(&[1, 1, 1, 2]), &config).unwrap_err();
    assert!(error.to_string().contains("floats"), "{error}");
}
