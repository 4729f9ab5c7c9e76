//! Every operation: its `f32` kernel against the `f64` composition, and that
//! against finite differences and plain loops.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_nn::{
    Conv2dConfig, ConvKernel, ConvShape, GradcheckConfig, Statistics, batch_norm2d, cat_channels,
    compare_precisions, conv2d, gradcheck, max_pool2d, pixel_shuffle, pixel_unshuffle, relu,
    upsample_nearest2d, with_conv_kernel,
};
use proptest::prelude::*;

use crate::{random, random32, worse};

type Operation<'a> = dyn Fn(&[Tensor]) -> candle_core::Result<Tensor> + 'a;

/// Relative error that single precision may have.
const SINGLE: f64 = 1e-5;
/// Relative error of finite differences.
const DIFFERENCES: f64 = 1e-5;

/// The convolution by its definition.
fn plain_conv(x: &Tensor, w: &Tensor, c: &Conv2dConfig) -> Vec<f64> {
    let (b, _, h, wd) = x.dims4().unwrap();
    let (o, i, kh, kw) = w.dims4().unwrap();
    let x: Vec<Vec<Vec<Vec<f64>>>> = (0..b).map(|k| x.get(k).unwrap().to_vec3().unwrap()).collect();
    let w: Vec<Vec<Vec<Vec<f64>>>> = (0..o).map(|k| w.get(k).unwrap().to_vec3().unwrap()).collect();
    let oh = (h + 2 * c.padding.0 - c.dilation.0 * (kh - 1) - 1) / c.stride.0 + 1;
    let ow = (wd + 2 * c.padding.1 - c.dilation.1 * (kw - 1) - 1) / c.stride.1 + 1;
    let mut out = Vec::new();
    for image in &x {
        for (oc, kernel) in w.iter().enumerate() {
            let first = oc / (o / c.groups) * i;
            for y in 0..oh {
                for z in 0..ow {
                    let mut sum = 0.0;
                    for (ic, taps) in kernel.iter().enumerate() {
                        for (ky, line) in taps.iter().enumerate() {
                            for (kx, tap) in line.iter().enumerate() {
                                let (r, s) = (
                                    y * c.stride.0 + ky * c.dilation.0,
                                    z * c.stride.1 + kx * c.dilation.1,
                                );
                                if r >= c.padding.0
                                    && s >= c.padding.1
                                    && r < h + c.padding.0
                                    && s < wd + c.padding.1
                                {
                                    sum +=
                                        tap * image[first + ic][r - c.padding.0][s - c.padding.1];
                                }
                            }
                        }
                    }
                    out.push(sum);
                }
            }
        }
    }
    out
}

fn worst(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "lengths");
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, worse)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn convolutions_of_any_kind_have_right_values_and_gradients(
        (b, groups, i, o) in (1_usize..3, 1_usize..3, 1_usize..4, 1_usize..4),
        (h, w) in (1_usize..12, 1_usize..20),
        (kh, kw) in (1_usize..4, 1_usize..4),
        stride in (1_usize..4, 1_usize..4),
        padding in (0_usize..3, 0_usize..3),
        dilation in (1_usize..3, 1_usize..3),
        seed in 0_u64..1000,
    ) {
        prop_assume!(h + 2 * padding.0 > dilation.0 * (kh - 1) && w + 2 * padding.1 > dilation.1 * (kw - 1));
        let config = Conv2dConfig { stride, padding, dilation, groups };
        let x = random(&[b, groups * i, h, w], seed);
        let weight = random(&[groups * o, i, kh, kw], seed + 1);
        let bias = random(&[groups * o], seed + 2);
        let y = conv2d(&x, &weight, None, &config).unwrap();
        let values: Vec<f64> = y.flatten_all().unwrap().to_vec1().unwrap();
        prop_assert!(worst(&values, &plain_conv(&x, &weight, &config)) < 1e-12);
        let f = |v: &[Tensor]| conv2d(&v[0], &v[1], Some(&v[2]), &config);
        let inputs = [x, weight, bias];
        let small = GradcheckConfig { max_entries: 12, ..GradcheckConfig::default() };
        let error = gradcheck(&inputs, f, &small).unwrap();
        prop_assert!(error < DIFFERENCES, "differences: {error}");
        let error = compare_precisions(&inputs, f, seed).unwrap();
        prop_assert!(error < SINGLE, "kernels: {error}");
    }

    #[test]
    fn wide_3x3_convolutions_agree_with_double_precision(
        (b, i, o) in (1_usize..3, 12_usize..36, 12_usize..36),
        (h, w) in (4_usize..20, 4_usize..40),
        seed in 0_u64..1000,
    ) {
        let inputs = [random(&[b, i, h, w], seed), random(&[o, i, 3, 3], seed + 1), random(&[o], seed + 2)];
        let error = compare_precisions(&inputs, |v| conv2d(&v[0], &v[1], Some(&v[2]), &Conv2dConfig::same(3)), seed);
        prop_assert!(error.as_ref().is_ok_and(|e| *e < SINGLE), "{error:?}");
    }

    #[test]
    fn dilated_3x3_convolutions_agree_with_double_precision(
        (i, o, side) in (14_usize..36, 14_usize..36, 8_usize..20),
        (dilation, seed) in (2_usize..9, 0_u64..1000),
    ) {
        // Sub-grids through Winograd where they fill tiles, else regions or patches.
        let config = Conv2dConfig::square(1, dilation, dilation);
        let inputs = [random(&[1, i, side, side + 3], seed), random(&[o, i, 3, 3], seed + 1), random(&[o], seed + 2)];
        let error = compare_precisions(&inputs, |v| conv2d(&v[0], &v[1], Some(&v[2]), &config), seed);
        prop_assert!(error.as_ref().is_ok_and(|e| *e < SINGLE), "{error:?}");
    }

    #[test]
    fn batch_norms_have_right_gradients(
        (b, c, h, w) in (1_usize..4, 1_usize..20, 1_usize..9, 2_usize..40),
        (rectified, seed) in (any::<bool>(), 0_u64..1000),
    ) {
        // Scaled so that few values lie at the kink; those that do are moved away.
        let x = away_from_zero(&random(&[b, c, h, w], seed));
        let gamma = (random(&[c], seed + 1).abs().unwrap() + 0.5).unwrap();
        let inputs = [x, gamma, random(&[c], seed + 2)];
        let f = |v: &[Tensor]| Ok(batch_norm2d(&v[0], (&v[1], &v[2]), &Statistics::Batch, 1e-5, rectified)?.0);
        let least = least_absolute(&f(&inputs).unwrap(), &inputs);
        prop_assume!(!rectified || least > 1e-4);
        // Two values per channel leave no gradient but rounding.
        prop_assume!(b * h * w > 4);
        let small = GradcheckConfig { max_entries: 12, step: 1e-6, ..GradcheckConfig::default() };
        let error = gradcheck(&inputs, f, &small).unwrap();
        prop_assert!(error < 1e-4, "differences: {error}");
        let error = compare_precisions(&inputs, f, seed).unwrap();
        prop_assert!(error < 3e-5, "kernels: {error}");
    }

    #[test]
    fn given_statistics_are_constants(
        (b, c, h, w) in (1_usize..3, 1_usize..20, 1_usize..5, 1_usize..20),
        seed in 0_u64..1000,
    ) {
        let (mean, variance) = (random(&[c], seed + 3), (random(&[c], seed + 4).abs().unwrap() + 0.1).unwrap());
        let inputs = [random(&[b, c, h, w], seed), random(&[c], seed + 1), random(&[c], seed + 2)];
        let statistics = Statistics::Given { mean: &mean, variance: &variance };
        let f = |v: &[Tensor]| Ok(batch_norm2d(&v[0], (&v[1], &v[2]), &statistics, 1e-5, false)?.0);
        let error = gradcheck(&inputs, f, &GradcheckConfig { max_entries: 12, ..GradcheckConfig::default() }).unwrap();
        prop_assert!(error < DIFFERENCES, "differences: {error}");
        let error = compare_precisions(&inputs, f, seed).unwrap();
        prop_assert!(error < SINGLE, "kernels: {error}");
    }

    #[test]
    fn resampling_has_right_gradients(
        (b, c, h, w) in (1_usize..3, 1_usize..4, 1_usize..6, 1_usize..9),
        (factor, seed) in (1_usize..4, 0_u64..1000),
    ) {
        let few = GradcheckConfig { max_entries: 12, ..GradcheckConfig::default() };
        let coarse = [random(&[b, c * factor * factor, h, w], seed)];
        let fine = [random(&[b, c, h * factor, w * factor], seed)];
        let odd = [random(&[b, c, h * factor + (factor - 1), w * factor + factor / 2], seed)];
        let check = |name: &str, inputs: &[Tensor], f: &Operation<'_>| {
            let error = gradcheck(inputs, f, &few).unwrap();
            assert!(error < DIFFERENCES, "{name} differences: {error}");
            let error = compare_precisions(inputs, f, seed).unwrap();
            assert!(error < 1e-6, "{name} kernels: {error}");
        };
        check("upsample", &coarse, &|v| upsample_nearest2d(&v[0], factor));
        check("shuffle", &coarse, &|v| pixel_shuffle(&v[0], factor));
        check("unshuffle", &fine, &|v| pixel_unshuffle(&v[0], factor));
        check("pool", &odd, &|v| max_pool2d(&v[0], factor));
        let there = pixel_shuffle(&coarse[0], factor).unwrap();
        let back: Vec<f64> = pixel_unshuffle(&there, factor).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        prop_assert_eq!(back, coarse[0].flatten_all().unwrap().to_vec1::<f64>().unwrap());
    }
}

/// The smallest pre-activation of a batch norm with these inputs.
fn least_absolute(_: &Tensor, v: &[Tensor]) -> f64 {
    let (y, _) = batch_norm2d(&v[0], (&v[1], &v[2]), &Statistics::Batch, 1e-5, false).unwrap();
    y.abs().unwrap().flatten_all().unwrap().min(0).unwrap().to_scalar().unwrap()
}

fn away_from_zero(x: &Tensor) -> Tensor {
    ((x * 3.0).unwrap() + 0.1).unwrap()
}

#[test]
fn concatenation_and_relu_have_right_gradients() {
    let inputs = [random(&[2, 3, 4, 5], 1), random(&[2, 2, 4, 5], 2)];
    let f = |v: &[Tensor]| relu(&cat_channels(&[&v[0], &v[1].transpose(2, 3)?.transpose(2, 3)?])?);
    assert!(gradcheck(&inputs, f, &GradcheckConfig::default()).unwrap() < DIFFERENCES);
    assert!(compare_precisions(&inputs, f, 3).unwrap() < 1e-6);
}

#[test]
fn relu_has_no_gradient_at_zero() {
    for dtype in [DType::F32, DType::F64] {
        let x = Var::from_tensor(
            &Tensor::new(&[-1.0, 0.0, 2.0], &Device::Cpu).unwrap().to_dtype(dtype).unwrap(),
        )
        .unwrap();
        let grads = relu(&x).unwrap().sum_all().unwrap().backward().unwrap();
        let gradient =
            grads.get(&x).unwrap().to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap();
        assert_eq!(gradient, [0.0, 0.0, 1.0]);
    }
}

#[test]
fn ties_of_a_pool_give_their_gradient_to_the_first() {
    for (dtype, side) in [(DType::F32, 2), (DType::F32, 3), (DType::F64, 2)] {
        let x = Var::ones((1, 1, side, side), dtype, &Device::Cpu).unwrap();
        let grads = max_pool2d(&x, side).unwrap().sum_all().unwrap().backward().unwrap();
        let gradient = grads
            .get(&x)
            .unwrap()
            .to_dtype(DType::F64)
            .unwrap()
            .flatten_all()
            .unwrap()
            .to_vec1::<f64>()
            .unwrap();
        let mut expected = vec![0.0; side * side];
        expected[0] = 1.0;
        assert_eq!(gradient, expected, "{dtype:?} {side}");
    }
}

#[test]
fn tensors_that_are_not_contiguous_are_understood() {
    let x = random32(&[2, 20, 9, 16], 1);
    let weight = random32(&[16, 16, 3, 3], 2);
    let view = x.narrow(1, 2, 16).unwrap().transpose(2, 3).unwrap();
    let config = Conv2dConfig::same(3);
    let direct = conv2d(&view.contiguous().unwrap(), &weight, None, &config).unwrap();
    let y = conv2d(&view, &weight, None, &config).unwrap();
    let bits = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(bits(&y), bits(&direct));
}

#[test]
fn every_kernel_that_fits_gives_the_same_convolution() {
    let kernels = [
        ConvKernel::Pointwise,
        ConvKernel::Winograd,
        ConvKernel::WinogradSubGrids,
        ConvKernel::SmallMaps,
        ConvKernel::Im2col,
    ];
    let mut ran = 0;
    for (size, dilation, stride) in [(3, 1, 1), (3, 2, 1), (1, 1, 1), (3, 1, 2)] {
        let config = Conv2dConfig::square(stride, dilation * (size / 2), dilation);
        let inputs = [random(&[2, 5, 11, 9], 1), random(&[7, 5, size, size], 2)];
        let shape = ConvShape {
            batch: 2,
            in_channels: 5,
            out_channels: 7,
            size: (11, 9),
            kernel: (size, size),
            stride: config.stride,
            padding: config.padding,
            dilation: config.dilation,
            groups: 1,
        };
        for kernel in kernels.into_iter().filter(|kernel| shape.fits(*kernel)) {
            let f = |v: &[Tensor]| with_conv_kernel(kernel, || conv2d(&v[0], &v[1], None, &config));
            let error = compare_precisions(&inputs, f, 3).unwrap();
            assert!(error < SINGLE, "{kernel:?} {config:?}: {error}");
            ran += 1;
        }
    }
    assert_eq!(ran, 11, "shapes and kernels");
}

#[test]
fn only_wanted_gradients_are_made() {
    let image = random32(&[1, 16, 8, 8], 1);
    let weight = Var::from_tensor(&random32(&[16, 16, 3, 3], 2)).unwrap();
    let y = conv2d(&image, &weight, None, &Conv2dConfig::same(3)).unwrap();
    let grads = y.sum_all().unwrap().backward().unwrap();
    assert!(grads.get(&weight).is_some() && grads.get(&image).is_none());
    // Frozen weights: the gradient still reaches what lies before.
    let x = Var::from_tensor(&image).unwrap();
    let y = conv2d(&x, &weight.as_detached_tensor(), None, &Conv2dConfig::same(3)).unwrap();
    let loss = y.sqr().unwrap().sum_all().unwrap();
    assert!(loss.backward().unwrap().get(&x).is_some());
    // A second backward pass over the same graph gives the same.
    let bits = |g: &Tensor| g.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(
        bits(loss.backward().unwrap().get(&x).unwrap()),
        bits(loss.backward().unwrap().get(&x).unwrap())
    );
}

#[test]
fn extreme_inputs_stay_finite() {
    for scale in [0.0, 1e-30, 1e15] {
        let x = Var::from_tensor(&(random32(&[2, 16, 9, 9], 1) * scale).unwrap()).unwrap();
        let gamma = Var::ones(16, DType::F32, &Device::Cpu).unwrap();
        let beta = Var::zeros(16, DType::F32, &Device::Cpu).unwrap();
        let (y, _) = batch_norm2d(&x, (&gamma, &beta), &Statistics::Batch, 1e-5, true).unwrap();
        let grads = y.sum_all().unwrap().backward().unwrap();
        for tensor in
            [&y, grads.get(&x).unwrap(), grads.get(&gamma).unwrap(), grads.get(&beta).unwrap()]
        {
            let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert!(values.iter().all(|v| v.is_finite()), "scale {scale}");
        }
    }
}

#[test]
fn bad_shapes_are_errors() {
    let x = random32(&[1, 4, 5, 5], 1);
    let weight = random32(&[4, 4, 3, 3], 2);
    let with = |config: Conv2dConfig| conv2d(&x, &weight, None, &config);
    assert!(with(Conv2dConfig { stride: (1, 0), ..Conv2dConfig::default() }).is_err());
    assert!(with(Conv2dConfig { groups: 2, ..Conv2dConfig::default() }).is_err());
    for huge in [1 << 40, usize::MAX] {
        assert!(with(Conv2dConfig { padding: (0, huge), ..Conv2dConfig::default() }).is_err());
        assert!(with(Conv2dConfig { dilation: (huge, 1), ..Conv2dConfig::default() }).is_err());
        assert!(upsample_nearest2d(&x, huge).is_err() && pixel_shuffle(&x, huge).is_err());
    }
    // Of nine taps one sees the picture.
    let far = (1 << 30) - 1;
    let alone =
        Conv2dConfig { padding: (far, far), dilation: (far, far), ..Conv2dConfig::default() };
    assert_eq!(with(alone).unwrap().dims(), &[1, 4, 5, 5]);
    let point = random32(&[4, 4, 1, 1], 2);
    let still = Conv2dConfig { dilation: (1 << 40, 1), ..Conv2dConfig::default() };
    assert!(conv2d(&x, &point, None, &still).is_ok(), "one tap has no dilation");
    assert!(
        with(Conv2dConfig { dilation: (3, 1), ..Conv2dConfig::default() }).is_err(),
        "kernel beyond the input"
    );
    assert!(max_pool2d(&x, 0).is_err() && max_pool2d(&x, 6).is_err());
    assert!(
        upsample_nearest2d(&x, 0).is_err()
            && pixel_shuffle(&x, 3).is_err()
            && pixel_unshuffle(&x, 2).is_err()
    );
    let empty = Tensor::zeros((0, 4, 5, 5), DType::F32, &Device::Cpu).unwrap();
    assert!(conv2d(&empty, &weight, None, &Conv2dConfig::default()).is_err());
    let three = Tensor::ones(3, DType::F32, &Device::Cpu).unwrap();
    assert!(batch_norm2d(&x, (&three, &three), &Statistics::Batch, 1e-5, true).is_err());
    let four = |dtype| Tensor::ones(4, dtype, &Device::Cpu).unwrap();
    let (single, double) = (four(DType::F32), four(DType::F64));
    assert!(batch_norm2d(&x, (&single, &double), &Statistics::Batch, 1e-5, true).is_err());
    let pixel = random32(&[1, 4, 1, 1], 3);
    assert!(batch_norm2d(&pixel, (&single, &single), &Statistics::Batch, 1e-5, true).is_err());
}
