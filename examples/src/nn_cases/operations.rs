//! Single operations. Gradients are those of the sum of the result.

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor, Var};
use mapvec_nn::{
    AttentionConfig, BatchNorm2d, BatchNormConfig, Conv2dConfig, ConvTranspose2dConfig,
    Interpolation, ParameterStore, RoiAlignConfig, conv_transpose2d, conv2d, conv2d_input_gradient,
    conv2d_weight_gradient, max_pool2d, resize, roi_align, scaled_dot_product_attention,
};
use mapvec_postprocess::nms;

use super::{Case, middle, noise};

/// A part of a convolution.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Forward,
    Input,
    Weight,
}

/// The U-Net's 3 x 3 convolutions but the first: inputs, outputs, side, how often.
const UNET: [(usize, usize, usize, usize); 10] = [
    (16, 16, 128, 4),
    (16, 32, 64, 1),
    (32, 32, 64, 4),
    (32, 64, 32, 1),
    (64, 64, 32, 4),
    (64, 128, 16, 1),
    (128, 128, 16, 2),
    (128, 64, 32, 1),
    (64, 32, 64, 1),
    (32, 16, 128, 1),
];
const WIDE: [(usize, usize, usize, usize); 1] = [(64, 64, 128, 1)];
const BATCH: usize = 4;

/// All 3 x 3 convolutions of the U-Net, or a wide one, in turn.
pub(super) fn convolutions(part: Part, wide: bool, small: bool) -> Result<Case> {
    let shapes = if wide { &WIDE[..] } else { &UNET[..] };
    let mut layers = Vec::new();
    for &(inputs, outputs, side, times) in shapes {
        for _ in 0..times {
            let side = if small { 8 } else { side };
            let weight = noise((outputs, inputs, 3, 3))?;
            layers.push((
                noise((BATCH, inputs, side, side))?,
                weight,
                noise((BATCH, outputs, side, side))?,
            ));
        }
    }
    let check = layers.iter().map(|(x, ..)| x.elem_count() as u64).sum();
    let config = Conv2dConfig::same(3);
    let work = move || {
        let mut total = 0.0;
        for (x, weight, gradient) in &layers {
            total += middle(&match part {
                Part::Forward => conv2d(x, weight, None, &config)?,
                Part::Input => conv2d_input_gradient(x.dims4()?, weight, gradient, &config)?,
                Part::Weight => conv2d_weight_gradient(x, weight.dims4()?, gradient, &config)?,
            })?;
        }
        Ok(total)
    };
    Ok(Case { check, runs: (3, 15), work: Box::new(work) })
}

/// The U-Net's transposed convolutions, forward and backward.
pub(super) fn transposed(small: bool) -> Result<Case> {
    let mut layers = Vec::new();
    for (inputs, outputs, side) in [(128, 64, 16), (64, 32, 32), (32, 16, 64)] {
        let side = if small { 4 } else { side };
        let x = Var::from_tensor(&noise((BATCH, inputs, side, side))?)?;
        let weight = Var::from_tensor(&noise((inputs, outputs, 2, 2))?)?;
        layers.push((x, weight, Var::zeros(outputs, DType::F32, &Device::Cpu)?));
    }
    let check = layers.iter().map(|(x, ..)| x.elem_count() as u64).sum();
    let config = ConvTranspose2dConfig::upsampling(2);
    let work = move || {
        let mut total = 0.0;
        for (x, weight, bias) in &layers {
            let y = conv_transpose2d(x, weight, Some(bias), &config)?;
            total += gradient_of(x, &y)?;
        }
        Ok(total)
    };
    Ok(Case { check, runs: (3, 20), work: Box::new(work) })
}

/// Max pooling 2 x 2, forward and backward.
pub(super) fn max_pool(small: bool) -> Result<Case> {
    let side = if small { 16 } else { 128 };
    unary((BATCH, 64, side, side), |x| Ok(max_pool2d(x, 2)?))
}

/// Bilinear enlargement to twice the size, forward and backward.
pub(super) fn bilinear(small: bool) -> Result<Case> {
    let side = if small { 8 } else { 64 };
    let mode = Interpolation::Bilinear { align_corners: false };
    unary((BATCH, 64, side, side), move |x| Ok(resize(x, (2 * side, 2 * side), mode)?))
}

/// Batch norm with the statistics of the batch, forward and backward.
pub(super) fn batch_norm(small: bool) -> Result<Case> {
    let side = if small { 16 } else { 128 };
    let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
    let norm = BatchNorm2d::new(64, &BatchNormConfig::default(), store.var_builder())?;
    // The gradient of the sum is zero, up to rounding; the result is not.
    let x = Var::from_tensor(&noise((BATCH, 64, side, side))?)?;
    let check = x.elem_count() as u64;
    let work = move || {
        let y = norm.forward(&x, true)?;
        gradient_of(&x, &y)?;
        middle(&y)
    };
    Ok(Case { check, runs: (3, 20), work: Box::new(work) })
}

/// Attention of 8 heads of 32 features over 1024 queries and keys, with or without backward.
pub(super) fn attention(backward: bool, small: bool) -> Result<Case> {
    let shape = (1, 8, if small { 16 } else { 1024 }, 32);
    // Three different tensors: keys that equal the queries would be a special case.
    let make =
        |factor: f64| -> Result<Var> { Ok(Var::from_tensor(&noise(shape)?.affine(factor, 0.1)?)?) };
    let [q, k, v] = [make(1.0)?, make(0.7)?, make(1.3)?];
    let check = 3 * q.elem_count() as u64;
    let config = AttentionConfig::default();
    let work = move || {
        if backward {
            let y = scaled_dot_product_attention(&q, &k, &v, None, &config)?;
            return gradient_of(&q, &y);
        }
        let [q, k, v] = [&q, &k, &v].map(|var| var.as_detached_tensor());
        middle(&scaled_dot_product_attention(&q, &k, &v, None, &config)?)
    };
    Ok(Case { check, runs: (3, 15), work: Box::new(work) })
}

/// Corners in whole numbers, the same on the peer's side.
#[expect(clippy::cast_precision_loss, reason = "numbers below 2^24")]
fn boxes(count: usize, spread: usize, size: usize) -> Vec<[f32; 4]> {
    let corners = |i: usize| {
        let (x, y) = (i * 7919 % spread, i * 104_729 % spread);
        [x, y, x + 10 + i * 31 % size, y + 10 + i * 17 % size].map(|v| v as f32)
    };
    (0..count).map(corners).collect()
}

/// Features of 512 boxes on 256 channels of 128 x 128, 7 x 7 bins of 2 x 2 samples.
pub(super) fn features_of_boxes(small: bool) -> Result<Case> {
    let (count, side) = if small { (8, 16) } else { (512, 128) };
    let x = noise((1, 256, side, side))?;
    let lines: Vec<f32> =
        boxes(count, 389, 113).iter().flat_map(|b| [0.0, b[0], b[1], b[2], b[3]]).collect();
    let boxes = Tensor::from_vec(lines, (count, 5), &Device::Cpu)?;
    let config = RoiAlignConfig {
        spatial_scale: 0.25,
        sampling_ratio: Some(2),
        aligned: false,
        ..RoiAlignConfig::default()
    };
    let check = x.elem_count() as u64;
    let work = move || middle(&roi_align(&x, &boxes, &config)?);
    Ok(Case { check, runs: (2, 10), work: Box::new(work) })
}

/// Non-maximum suppression of 5000 boxes.
#[expect(clippy::cast_precision_loss, reason = "numbers below 2^24")]
pub(super) fn suppression(small: bool) -> Result<Case> {
    let count = if small { 100 } else { 5000 };
    let boxes = boxes(count, 997, 79);
    let scores: Vec<f32> = (0..count).map(|i| (i * 7907 % 5003) as f32 / 5003.0).collect();
    let check = nms(&boxes, &scores, 0.5)?.len() as u64;
    let work = move || Ok(nms(&boxes, &scores, 0.5)?.len() as f64);
    Ok(Case { check, runs: (2, 15), work: Box::new(work) })
}

/// An operation on one tensor, forward and backward.
fn unary(
    shape: (usize, usize, usize, usize),
    operation: impl Fn(&Tensor) -> Result<Tensor> + 'static,
) -> Result<Case> {
    let x = Var::from_tensor(&noise(shape)?)?;
    let check = x.elem_count() as u64;
    let work = move || gradient_of(&x, &operation(&x)?);
    Ok(Case { check, runs: (3, 20), work: Box::new(work) })
}

/// Goes back from the sum of `y`; one value of the gradient of `x`.
fn gradient_of(x: &Var, y: &Tensor) -> Result<f64> {
    middle(y.backward()?.get(x).context("no gradient")?)
}
