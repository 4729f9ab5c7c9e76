//! Masks of proposals.

use candle_core::Tensor;
use mapvec_nn::{RoiAlignConfig, bce_with_logits, roi_align};

use crate::allowed::check_labels;
use crate::error::{Error, Result};
use crate::precision::widen;
use crate::shape::{expect, rank};
use crate::singular::zero;

/// Truth of [`mask_head_loss`].
#[derive(Debug, Clone, Copy)]
pub struct MaskHeadTargets<'a> {
    /// Regions of the proposals, `[N, 4]`, corners (x1, y1, x2, y2), px of the masks.
    pub regions: &'a Tensor,
    /// Class of every proposal, 1 to `K - 1`.
    pub labels: &'a [usize],
    /// Index of the mask of every proposal.
    pub matched: &'a [usize],
    /// Masks of 0 and 1, `[T, H, W]`.
    pub masks: &'a Tensor,
}

/// Binary cross-entropy of the mask of a proposal's own class.
///
/// The true mask is cut out along the region and brought to the size of the prediction by
/// bilinear samples, in the first published form of region alignment.
///
/// ```text
/// loss = mean over proposals and cells of BCE(logits[n, label_n], cut_n)
/// ```
///
/// Without proposals the loss is 0.
///
/// # Shapes
///
/// `logits`: `[N, K, M, M]`; those of [`MaskHeadTargets`]; the result is a scalar.
///
/// # Errors
///
/// [`Error::Shape`] or [`Error::Length`] for shapes that do not fit, [`Error::Target`] for a
/// label that is no class or an index that is no mask, and those of
/// [`roi_align`](mapvec_nn::roi_align) for regions that are not finite.
///
/// # References
///
/// He, Gkioxari, Dollar and Girshick, *Mask R-CNN* (ICCV 2017).
pub fn mask_head_loss(logits: &Tensor, targets: &MaskHeadTargets<'_>) -> Result<Tensor> {
    let [n, k, m, width] = rank("logits", logits, "[N, K, M, M]")?;
    let [t, _, _] = rank("masks", targets.masks, "[T, H, W]")?;
    expect("regions", targets.regions, &[n, 4])?;
    check_labels(targets.labels, n, 1, k)?;
    if targets.matched.len() != n {
        let (task, found) = ("matched", targets.matched.len());
        return Err(Error::Length { task, expected: n, found });
    }
    if let Some(index) = targets.matched.iter().position(|&mask| mask >= t) {
        return Err(Error::Target {
            task: "matched",
            value: targets.matched[index] as f32,
            index,
            allowed: format!("indices below {t}"),
        });
    }
    if logits.elem_count() == 0 {
        return zero(&widen(logits)?);
    }
    // Half precision has not enough digits for the index of a mask.
    let logits = widen(logits)?;
    let (device, dtype) = (logits.device(), logits.dtype());
    let matched: Vec<f64> = targets.matched.iter().map(|&mask| mask as f64).collect();
    let matched = Tensor::from_vec(matched, (n, 1), device)?.to_dtype(dtype)?;
    let regions = Tensor::cat(&[matched, targets.regions.detach().to_dtype(dtype)?], 1)?;
    let masks = targets.masks.detach().to_dtype(dtype)?.unsqueeze(1)?;
    let config = RoiAlignConfig { output: (m, width), aligned: false, ..Default::default() };
    let cut = roi_align(&masks, &regions, &config)?.squeeze(1)?;
    let own: Vec<u32> =
        (0..).zip(targets.labels).map(|(row, label)| row * k as u32 + *label as u32).collect();
    let own = logits.reshape((n * k, m, width))?.index_select(&Tensor::new(own, device)?, 0)?;
    Ok(bce_with_logits(&own, &cut)?.mean_all()?)
}
