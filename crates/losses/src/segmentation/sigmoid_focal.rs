//! Binary cross-entropy that looks away from what is already right.

use candle_core::Tensor;
use mapvec_nn::softplus;
use serde::{Deserialize, Serialize};

use crate::allowed::{check_not_negative, check_share};
use crate::error::Result;
use crate::reduction::Reduction;
use crate::segmentation::binary_cross_entropy::BinaryTarget;

/// Settings of [`sigmoid_focal`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SigmoidFocalConfig {
    /// Weight of the positive cost, `a`, in [0, 1]; the negative one has `1 - a`. None: 1 each.
    /// Default 0.25.
    pub alpha: Option<f64>,
    /// How fast easy values fade, `g`, 0 (not at all) or more. Default 2.
    pub gamma: f64,
    /// From values to a scalar. Default: the mean.
    pub reduction: Reduction,
}

impl Default for SigmoidFocalConfig {
    fn default() -> Self {
        Self { alpha: Some(0.25), gamma: 2.0, reduction: Reduction::Mean }
    }
}

impl SigmoidFocalConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_not_negative("gamma", self.gamma)?;
        self.alpha.map_or(Ok(()), |alpha| check_share("alpha", alpha))
    }
}

/// Focal loss of independent logits `x` against `y` (0 or 1; between them the two costs mix).
///
/// With `p = sigmoid(x)`:
///
/// ```text
/// l    = -a y (1 - p)^g ln p - (1 - a) (1 - y) p^g ln(1 - p)
/// mean = sum( v l ) / sum( v )      sum = sum( v l )      none = v l
/// ```
///
/// The powers are computed from logarithms, so every `g` has a finite gradient everywhere.
///
/// # Shapes
///
/// As [`binary_cross_entropy`](crate::binary_cross_entropy()).
///
/// # Errors
///
/// [`Error`](crate::Error) for shapes, targets, weights or settings out of range.
///
/// # References
///
/// Lin et al., "Focal loss for dense object detection" (ICCV 2017).
pub fn sigmoid_focal<'a>(
    logits: &Tensor,
    target: impl Into<BinaryTarget<'a>>,
    config: &SigmoidFocalConfig,
) -> Result<Tensor> {
    config.validate()?;
    let (x, y, weights) = target.into().like(logits)?;
    if x.elem_count() == 0 {
        return config.reduction.apply(&x, weights.as_ref());
    }
    // -ln(1 - p) and -ln p.
    let (alarm, miss) = (softplus(&x)?, softplus(&x.neg()?)?);
    let fade = |costs: &Tensor| (costs * -config.gamma)?.exp();
    let (positive, negative) = config.alpha.map_or((1.0, 1.0), |alpha| (alpha, 1.0 - alpha));
    let yes = ((fade(&alarm)? * &miss)? * (&y * positive)?)?;
    let no = ((fade(&miss)? * &alarm)? * y.affine(-negative, negative)?)?;
    config.reduction.apply(&(yes + no)?, weights.as_ref())
}
