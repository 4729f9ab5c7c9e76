//! The convex extension of intersection over union.

use candle_core::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::composite::Composite;
use crate::error::Result;
use crate::precision::is_fast;
use crate::segmentation::class_mean::{AbsentClasses, SumOver};
use crate::segmentation::class_target::{ClassTarget, Fit};
use crate::segmentation::lovasz_pass::{Lovasz, MOST};
use crate::segmentation::overlap::{Activation, planes};
use crate::segmentation::sorted_errors::{ids, slopes};
use crate::task::IGNORE;

/// Settings of [`lovasz_softmax`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LovaszConfig {
    /// How predictions become probabilities. Default: softmax.
    pub activation: Activation,
    /// Which pixels are scored together. Default: those of the batch.
    pub sum_over: SumOver,
    /// What becomes of a class without a pixel. Default: it does not count.
    pub absent: AbsentClasses,
    /// The id of pixels that count nowhere; no class may have it. Default 255.
    pub ignore: Option<u32>,
}

impl Default for LovaszConfig {
    fn default() -> Self {
        Self {
            activation: Activation::default(),
            sum_over: SumOver::default(),
            absent: AbsentClasses::default(),
            ignore: Some(u32::from(IGNORE)),
        }
    }
}

/// The Lovasz extension of the Jaccard loss, a mean over classes.
///
/// For a class `k` the errors are `e = 1 - p_k` at its pixels and `e = p_k` elsewhere. Sorted from
/// the largest, `e_1 >= e_2 >= ...`, with `J_i` the Jaccard loss where the first `i` pixels are
/// wrong and the others right:
///
/// ```text
/// loss_k = sum over i( e_i (J_i - J_{i-1}) )        J_0 = 0
/// ```
///
/// Where predictions are hard it is the Jaccard loss itself. Of equal errors the pixel that comes
/// first counts as the larger, which changes a subgradient and not the value. Pixels of weight 0
/// are left out; other weights than 1 have no meaning here. In `f32` on the CPU value and gradient
/// are computed at once.
///
/// # Shapes
///
/// Those of [`soft_dice`](crate::soft_dice()), with ids as a target. Term: `lovasz`.
///
/// # Errors
///
/// [`Error`](crate::Error) for shapes, targets, weights or settings out of range.
///
/// # References
///
/// Berman, Triki, Blaschko, "The Lovasz-softmax loss" (CVPR 2018).
pub fn lovasz_softmax<'a>(
    prediction: &Tensor,
    target: impl Into<ClassTarget<'a>>,
    config: &LovaszConfig,
) -> Result<Composite> {
    let (x, classes) = planes(prediction, config.activation)?;
    let fit =
        Fit { name: "lovasz_softmax", shape: prediction.dims(), classes, ignore: config.ignore };
    let ids = ids(&target.into(), &fit)?;
    if x.elem_count() == 0 {
        let nothing = Tensor::zeros((1, x.dim(1)?), x.dtype(), &Device::Cpu)?;
        return Composite::over_classes("lovasz", &nothing, &nothing.to_dtype(DType::U8)?);
    }
    if is_fast(&x) && ids.len() < MOST {
        let (ids, offset, absent) = (ids.as_slice(), 0.0, config.absent == AbsentClasses::Include);
        let LovaszConfig { activation, sum_over, .. } = *config;
        return Lovasz { ids, activation, offset, sum_over, absent }.fused(&x);
    }
    let p = config.activation.apply(&x)?;
    let slopes = slopes(&p, &ids, config.sum_over, 0.0)?;
    let values = slopes.values(&p, 0.0)?;
    let counted = match config.absent {
        AbsentClasses::Exclude => slopes.present.gt(0.0)?,
        AbsentClasses::Include => slopes.present.ge(0.0)?,
    };
    Composite::over_classes("lovasz", &values, &counted)
}
