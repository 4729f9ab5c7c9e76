//! What `bench_nn` times: networks and single operations, each as a user writes it.
//!
//! The peer's side of every case is in `xtask/peers/nn_networks.py` and
//! `nn_operations.py`; sizes and counts here and there must stay equal.

mod networks;
mod operations;

use anyhow::{Result, bail};
use candle_core::{Device, Tensor};

use crate::timed_case::Case;

/// Names of all cases.
pub const NAMES: [&str; 21] = [
    "unet-train",
    "unet-infer",
    "unet-512",
    "features-train",
    "conv3x3-forward",
    "conv3x3-grad-x",
    "conv3x3-grad-w",
    "conv64-forward",
    "conv64-grad-x",
    "conv64-grad-w",
    "conv-transpose",
    "max-pool",
    "resize",
    "batch-norm",
    "attention",
    "attention-train",
    "roi-align",
    "nms",
    "resnet50-infer",
    "resnet50-train",
    "deeplab-infer",
];

/// Makes the inputs of a case; with `small`, small ones for a quick check.
///
/// # Errors
/// There is no such case, or a network or tensor cannot be made.
pub fn case(name: &str, small: bool) -> Result<Case> {
    match name {
        "unet-train" => networks::unet_train(&[16, 32, 64, 128], (4, 128), (3, 12), small),
        "unet-infer" => networks::unet_infer(small),
        "unet-512" => networks::unet_train(&[16, 32, 64, 128], (1, 512), (2, 5), small),
        "features-train" => networks::unet_train(&[64, 128, 256], (32, 32), (2, 5), small),
        "conv3x3-forward" => operations::convolutions(operations::Part::Forward, false, small),
        "conv3x3-grad-x" => operations::convolutions(operations::Part::Input, false, small),
        "conv3x3-grad-w" => operations::convolutions(operations::Part::Weight, false, small),
        "conv64-forward" => operations::convolutions(operations::Part::Forward, true, small),
        "conv64-grad-x" => operations::convolutions(operations::Part::Input, true, small),
        "conv64-grad-w" => operations::convolutions(operations::Part::Weight, true, small),
        "conv-transpose" => operations::transposed(small),
        "max-pool" => operations::max_pool(small),
        "resize" => operations::bilinear(small),
        "batch-norm" => operations::batch_norm(small),
        "attention" => operations::attention(false, small),
        "roi-align" => operations::features_of_boxes(small),
        "nms" => operations::suppression(small),
        "attention-train" => operations::attention(true, small),
        "resnet50-infer" => networks::resnet50_infer(small),
        "resnet50-train" => networks::resnet50_train(small),
        "deeplab-infer" => networks::deeplab_infer(small),
        _ => bail!("there is no case `{name}`; cases: {}", NAMES.join(", ")),
    }
}

/// Values from -0.5 to 0.5 without a pattern that an operation could profit from.
fn noise(shape: (usize, usize, usize, usize)) -> Result<Tensor> {
    let count = shape.0 * shape.1 * shape.2 * shape.3;
    let values: Vec<f32> = (0..count).map(|i| (i * 7919 % 10007) as f32 / 10007.0 - 0.5).collect();
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}

/// The value in the middle of a tensor: reads next to nothing.
fn middle(x: &Tensor) -> Result<f64> {
    let flat = x.detach().flatten_all()?;
    Ok(f64::from(flat.get(flat.elem_count() / 2)?.to_scalar::<f32>()?))
}
