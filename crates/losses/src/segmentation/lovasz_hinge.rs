//! The convex extension of intersection over union, for logits.

use candle_core::{DType, Device, Tensor};

use crate::composite::Composite;
use crate::error::Result;
use crate::precision::is_fast;
use crate::segmentation::class_target::{ClassTarget, Fit};
use crate::segmentation::lovasz_pass::{Lovasz, MOST};
use crate::segmentation::lovasz_softmax::LovaszConfig;
use crate::segmentation::overlap::{Activation, planes};
use crate::segmentation::sorted_errors::{ids, slopes};

/// The Lovasz extension of the Jaccard loss for one class, from logits.
///
/// [`lovasz_softmax`](crate::lovasz_softmax()) with the errors of a hinge, sorted from the
/// largest:
///
/// ```text
/// e    = 1 - x at the pixels of the class, 1 + x elsewhere
/// loss = sum over i( max(e_i, 0) (J_i - J_{i-1}) )        J_0 = 0
/// ```
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
    config: &LovaszConfig,
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
