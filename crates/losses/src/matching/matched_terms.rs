//! Losses of matched objects: those of pixels, boxes and vectors, one value per object.

use candle_core::{D, Tensor};

use crate::boxes::{BoxLossConfig, Overlap, to_corners};
use crate::error::Result;
use crate::matching::match_config::MatchSettings;
use crate::reduction::Reduction;
use crate::segmentation::binary_cross_entropy::{BinaryCrossEntropyConfig, binary_cross_entropy};
use crate::segmentation::sigmoid_focal::{SigmoidFocalConfig, sigmoid_focal};
use crate::vector::{EndpointConfig, endpoint_distance};

/// The mean over classes of the cross-entropy, `[B, N, K]` to `[B, N]`.
pub(crate) fn classes(logits: &Tensor, truth: &Tensor) -> Result<Tensor> {
    let config = BinaryCrossEntropyConfig { reduction: Reduction::None, ..Default::default() };
    Ok(binary_cross_entropy(logits, truth, &config)?.mean(D::Minus1)?)
}

/// The mean over pixels of the focal loss, `[B, N, H, W]` to `[B, N]`.
pub(crate) fn masks(logits: &Tensor, truth: &Tensor, settings: &MatchSettings) -> Result<Tensor> {
    let config = SigmoidFocalConfig {
        alpha: Some(settings.focal_alpha),
        gamma: settings.focal_gamma,
        reduction: Reduction::None,
    };
    Ok(sigmoid_focal(logits, truth, &config)?.flatten_from(2)?.mean(D::Minus1)?)
}

/// Overlap and distance, `[B, N, 4]` to `[B, N]`.
pub(crate) fn boxes(
    predicted: &Tensor,
    truth: &Tensor,
    settings: &MatchSettings,
) -> Result<Tensor> {
    let config = BoxLossConfig {
        iou_weight: settings.iou_weight,
        rank: settings.rank,
        overlap: Overlap::Iou,
        reduction: Reduction::None,
    };
    let truth = truth.detach().to_dtype(predicted.dtype())?;
    config.values(predicted, &truth, |boxes| {
        if settings.by_center() { to_corners(boxes) } else { Ok(boxes.clone()) }
    })
}

/// The distance in the better order of ends, `[B, N, 2, 2]` to `[B, N]`.
pub(crate) fn vectors(
    predicted: &Tensor,
    truth: &Tensor,
    settings: &MatchSettings,
) -> Result<Tensor> {
    let gamma = settings.vector_gamma;
    let config = EndpointConfig { gamma, size: 1.0, reduction: Reduction::None };
    endpoint_distance(predicted, &truth.detach(), None, &config)
}
