//! The convex extension of intersection over union, for logits.

use candle_core::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::composite::Composite;
use crate::error::Result;
use crate::precision::is_fast;
use crate::segmentation::class_mean::SumOver;
use crate::segmentation::class_target::{ClassTarget, Fit};
use crate::segmentation::lovasz_pass::{Lovasz, MOST};
use crate::segmentation::overlap::{Activation, planes};
use crate::segmentation::sorted_errors::{ids, slopes};
use crate::task::IGNORE;

/// Settings of [`lovasz_hinge`]. It takes logits, and every class counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LovaszHingeConfig {
    /// Which pixels are scored together. Default: those of the batch.
    pub sum_over: SumOver,
    /// The id of pixels that count nowhere; no class may have it. Default 255.
    pub ignore: Option<u32>,
}

impl Default for LovaszHingeConfig {
    fn default() -> Self {
        Self { sum_over: SumOver::default(), ignore: Some(u32::from(IGNORE)) }
    }
}

/// The Lovasz extension of the Jaccard loss for one class, from logits.
///
/// [`lovasz_softmax`](crate::lovasz_softmax()) with the errors of a hinge, sorted from the
/// largest:
///
/// ```text
/// e    = 1 - x at the pixels of the class, 1 + x elsewhere
/// loss = sum over i( max(e_i, 0) (J_i - J_{i-1}) )        J_0 = 0
/// ```
///
/// A sample without a pixel of the class
/// costs its worst false alarm; one without a known pixel costs nothing.
///
/// # Shapes
///
/// `logits` `[B, 1, ...]` or, for independent classes, `[B, K, ...]`; `target` ids, 1 for the
/// single class and 0 elsewhere. Term: `lovasz`.
///
/// # Errors
///
/// [`Error`](crate::Error) for shapes, targets, weights or settings out of range.
///
/// # References
///
/// Berman, Triki, Blaschko, "The Lovasz-softmax loss" (CVPR 2018); Yu, Blaschko, "Learning
/// submodular losses with the Lovasz hinge" (ICML 2015).
pub fn lovasz_hinge<'a>(
    logits: &Tensor,
    target: impl Into<ClassTarget<'a>>,
    config: &LovaszHingeConfig,
) -> Result<Composite> {
    let (x, classes) = planes(logits, Activation::None)?;
    let fit = Fit { name: "lovasz_hinge", shape: logits.dims(), classes, ignore: config.ignore };
    let ids = ids(&target.into(), &fit)?;
    if x.elem_count() == 0 {
        let nothing = Tensor::zeros((1, x.dim(1)?), x.dtype(), &Device::Cpu)?;
        return Composite::over_classes("lovasz", &nothing, &nothing.to_dtype(DType::U8)?);
    }
    if is_fast(&x) && ids.len() < MOST {
        let (ids, activation, sum_over) = (ids.as_slice(), Activation::None, config.sum_over);
        return Lovasz { ids, activation, offset: 1.0, sum_over, absent: true }.fused(&x);
    }
    let slopes = slopes(&x, &ids, config.sum_over, 1.0)?;
    let values = slopes.values(&x, 1.0)?;
    Composite::over_classes("lovasz", &values, &slopes.present.ge(0.0)?)
}
