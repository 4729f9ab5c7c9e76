//! Half precision: every operation keeps as many digits as its type has.

use candle_core::{DType, Device, Result, Tensor};
use mapvec_nn::{
    AttentionConfig, Conv2dConfig, ConvTranspose2dConfig, FftNorm, GridSampleConfig, Interpolation,
    Pool2dConfig, RoiAlignConfig, Statistics, adaptive_avg_pool2d, avg_pool2d, batch_norm2d,
    bce_with_logits, compare_with_double, conv_transpose2d, conv2d, dropout, fft2, gather, gelu,
    gelu_tanh, grid_sample, group_norm, layer_norm, leaky_relu, linear, log_sigmoid, log_softmax,
    log_sum_exp, max_pool2d, pixel_shuffle, relu, resize, rms_norm, roi_align,
    scaled_dot_product_attention, scatter_add, sigmoid, silu, softmax, softplus,
    upsample_nearest2d,
};

use crate::random;

type Operation = fn(&[Tensor]) -> Result<Tensor>;

fn check(name: &str, inputs: &[Tensor], f: Operation) {
    // Half a unit in the last place is 2^-12 and 2^-9; a few roundings follow each other.
    for (dtype, bound) in [(DType::F16, 4e-3), (DType::BF16, 3e-2)] {
        let error = compare_with_double(inputs, dtype, f, 3).unwrap();
        assert!(error < bound, "{name} in {dtype:?}: {error}");
    }
}

#[test]
fn images() {
    let x = random(&[2, 8, 9, 11], 1);
    let weight = (random(&[6, 8, 3, 3], 2) * 0.2).unwrap();
    let bias = random(&[6], 3);
    let convolution = [x.clone(), weight, bias];
    check("conv2d", &convolution, |v| {
        conv2d(&v[0], &v[1], Some(&v[2]), &Conv2dConfig::square(2, 1, 1))
    });
    let up = (random(&[8, 6, 2, 2], 2) * 0.2).unwrap();
    check("conv_transpose2d", &[x.clone(), up], |v| {
        conv_transpose2d(&v[0], &v[1], None, &ConvTranspose2dConfig::upsampling(2))
    });
    let images: [(&str, Operation); 6] = [
        ("max_pool2d", |v| max_pool2d(&v[0], Pool2dConfig::square(3, 2, 1))),
        ("avg_pool2d", |v| avg_pool2d(&v[0], Pool2dConfig::square(3, 2, 1), true)),
        ("resize", |v| resize(&v[0], (14, 7), Interpolation::Bilinear { align_corners: false })),
        ("upsample_nearest2d", |v| upsample_nearest2d(&v[0], 2)),
        ("pixel_shuffle", |v| pixel_shuffle(&v[0], 2)),
        ("dropout", |v| dropout(&v[0], 0.3, 7)),
    ];
    for (name, f) in images {
        check(name, std::slice::from_ref(&x), f);
    }
    check("roi_align", std::slice::from_ref(&x), |v| {
        let boxes = Tensor::new(&[[0.0_f32, 1.0, 1.0, 8.0, 7.0]], &Device::Cpu)?;
        roi_align(&v[0], &boxes.to_dtype(v[0].dtype())?, &RoiAlignConfig::default())
    });
    check("grid_sample", std::slice::from_ref(&x), |v| {
        let grid = (random(&[2, 4, 5, 2], 9) * 0.9)?.to_dtype(v[0].dtype())?;
        grid_sample(&v[0], &grid, &GridSampleConfig::default())
    });
    check("fft2", &[x], |v| fft2(&v[0].unsqueeze(4)?.pad_with_zeros(4, 0, 1)?, FftNorm::default()));
}

#[test]
fn norms() {
    let x = (random(&[4, 8, 3, 5], 1) * 3.0).unwrap();
    let affine = [random(&[8], 2), random(&[8], 3)];
    let [gamma, beta] = affine.clone();
    check("batch_norm2d", &[x.clone(), gamma.clone(), beta.clone()], |v| {
        Ok(batch_norm2d(&v[0], (&v[1], &v[2]), &Statistics::Batch, 1e-5, false)?.0)
    });
    check("group_norm", &[x.clone(), gamma, beta], |v| group_norm(&v[0], 2, &v[1], &v[2], 1e-5));
    let rows = [x, random(&[5], 2), random(&[5], 3)];
    check("layer_norm", &rows, |v| layer_norm(&v[0], &v[1], &v[2], 1e-5));
    check("rms_norm", &rows[..2], |v| rms_norm(&v[0], &v[1], 1e-5));
}

#[test]
fn squares_beyond_the_largest_half_do_no_harm() {
    let x = (random(&[4, 16], 1) * 3e4).unwrap();
    let of = |dtype: DType| {
        let x = x.to_dtype(DType::F16).unwrap().to_dtype(dtype).unwrap();
        let (ones, zeros) = (x.get(0).unwrap().ones_like(), x.get(0).unwrap().zeros_like());
        let y = layer_norm(&x, &ones.unwrap(), &zeros.unwrap(), 1e-5).unwrap();
        y.to_dtype(DType::F64).unwrap()
    };
    let gap = (of(DType::F16) - of(DType::F64)).unwrap().abs().unwrap().max_all().unwrap();
    let gap = gap.to_scalar::<f64>().unwrap();
    assert!(gap < 2e-3, "{gap}");
}

#[test]
fn rows_and_values() {
    let x = (random(&[3, 5, 20], 1) * 3.0).unwrap();
    let weight = (random(&[7, 20], 2) * 0.3).unwrap();
    check("linear", &[x.clone(), weight], |v| linear(&v[0], &v[1], None));
    let values: [(&str, Operation); 12] = [
        ("softmax", |v| softmax(&v[0], 2)),
        ("log_softmax", |v| log_softmax(&v[0], 2)),
        ("log_sum_exp", |v| log_sum_exp(&v[0], 2)),
        ("relu", |v| relu(&v[0])),
        ("leaky_relu", |v| leaky_relu(&v[0], 0.1)),
        ("gelu", |v| gelu(&v[0])),
        ("gelu_tanh", |v| gelu_tanh(&v[0])),
        ("silu", |v| silu(&v[0])),
        ("sigmoid", |v| sigmoid(&v[0])),
        ("log_sigmoid", |v| log_sigmoid(&v[0])),
        ("softplus", |v| softplus(&v[0])),
        ("bce_with_logits", |v| {
            bce_with_logits(&v[0], &v[0].detach().ge(0.0)?.to_dtype(v[0].dtype())?)
        }),
    ];
    for (name, f) in values {
        check(name, std::slice::from_ref(&x), f);
    }
    let heads = [random(&[1, 2, 9, 8], 1), random(&[1, 2, 12, 8], 2), random(&[1, 2, 12, 8], 3)];
    check("attention", &heads, |v| {
        scaled_dot_product_attention(&v[0], &v[1], &v[2], None, &AttentionConfig::default())
    });
}

#[test]
fn sums_of_thousands_do_not_stop_growing() {
    // In its own type a sum of ones stops at 256 or 2048.
    let rows = random(&[4096, 3], 1);
    let line = (random(&[2, 4096], 2) * 0.1).unwrap();
    let values: [(&str, Operation); 4] = [
        ("softmax", |v| softmax(&v[0], 1)? * 4096.0),
        ("log_softmax", |v| log_softmax(&v[0], 1)),
        ("log_sum_exp", |v| log_sum_exp(&v[0], 1)),
        ("gather", |v| gather(&v[0], 1, &Tensor::zeros((2, 4096), DType::U32, &Device::Cpu)?)),
    ];
    for (name, f) in values {
        check(name, std::slice::from_ref(&line), f);
    }
    let keys = (random(&[1, 1, 2048, 4], 3) * 0.1).unwrap();
    let heads = [random(&[1, 1, 3, 4], 4), keys, random(&[1, 1, 2048, 4], 5).abs().unwrap()];
    check("attention", &heads, |v| {
        scaled_dot_product_attention(&v[0], &v[1], &v[2], None, &AttentionConfig::default())
    });
    check("linear", &[rows.abs().unwrap(), random(&[2, 3], 6), random(&[2], 7)], |v| {
        linear(&v[0], &v[1], Some(&v[2]))
    });
    let picture = random(&[1, 2, 64, 64], 8).abs().unwrap();
    check("adaptive_avg_pool2d", std::slice::from_ref(&picture), |v| {
        adaptive_avg_pool2d(&v[0], (1, 1))
    });
    check("upsample_nearest2d", &[picture.narrow(2, 0, 2).unwrap()], |v| {
        upsample_nearest2d(&v[0], 40)
    });
    check("scatter_add", &[random(&[1, 3], 9), rows.abs().unwrap().t().unwrap()], |v| {
        let index = Tensor::zeros((3, 4096), DType::U32, &Device::Cpu)?;
        scatter_add(&v[0].t()?, 1, &index, &v[1])
    });
}
