//! What a pixel knows of the shape it belongs to: class, direction, width and centre.

use candle_core::Tensor;
use mapvec_nn::{log_softmax, log_sum_exp};
use serde::{Deserialize, Serialize};

use crate::allowed::check_not_negative;
use crate::composite::Composite;
use crate::error::Result;
use crate::precision::widen;
use crate::reduction::Reduction;
use crate::shape::{expect, rank};
use crate::vector::absolute_error::{AbsoluteErrorConfig, absolute_error};
use crate::vector::angle_distance::AngleDistanceConfig;
use crate::vector::angle_length::{AngleLengthConfig, angle_length};
use crate::vector::direction_distance::direction_distance;

/// The loss of the classes of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureClassLoss {
    /// Binary cross-entropy of every channel of the softmax, averaged over classes; for
    /// comparison with networks that were trained with it.
    #[default]
    Binary,
    /// Cross-entropy, the proper loss of a softmax.
    CrossEntropy,
}

/// Settings of [`feature_loss`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureLossConfig {
    /// Weight of the class, `c`, 0 or more. Default 0.25.
    pub class_weight: f64,
    /// Weight of the angle, `a`, 0 or more. Default 0.25.
    pub angle_weight: f64,
    /// Weight of the thickness, `t`, 0 or more. Default 0.25.
    pub thickness_weight: f64,
    /// Weight of the vectors to the centre, `v`, 0 or more. Default 0.25.
    pub center_weight: f64,
    /// The loss of the classes. Default binary.
    pub class: FeatureClassLoss,
    /// The loss of the directions; its reduction is not used.
    pub angle: AngleDistanceConfig,
    /// The loss of the vectors to the centre; its reduction is not used.
    pub center: AngleLengthConfig,
}

impl Default for FeatureLossConfig {
    fn default() -> Self {
        Self {
            class_weight: 0.25,
            angle_weight: 0.25,
            thickness_weight: 0.25,
            center_weight: 0.25,
            class: FeatureClassLoss::Binary,
            angle: AngleDistanceConfig::default(),
            center: AngleLengthConfig::default(),
        }
    }
}

impl FeatureLossConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_not_negative("class_weight", self.class_weight)?;
        check_not_negative("angle_weight", self.angle_weight)?;
        check_not_negative("thickness_weight", self.thickness_weight)?;
        check_not_negative("center_weight", self.center_weight)?;
        self.angle.validate()?;
        self.center.validate()
    }
}

/// Predictions of [`feature_loss`], channels first.
#[derive(Debug, Clone, Copy)]
pub struct Features<'a> {
    /// Logits of background, line and shape, `[B, K, H, W]`.
    pub class: &'a Tensor,
    /// Direction of the line as (cos, sin) times any length, `[B, 2, H, W]`.
    pub direction: &'a Tensor,
    /// Width of the line, px, `[B, 1, H, W]`.
    pub thickness: &'a Tensor,
    /// Vector (x, y) to the centre, px, `[B, 2, H, W]`.
    pub center: &'a Tensor,
}

/// Truth of [`feature_loss`].
#[derive(Debug, Clone, Copy)]
pub struct FeatureTargets<'a> {
    /// Shares of the classes, one-hot, `[B, K, H, W]`.
    pub class: &'a Tensor,
    /// Angle of the line, radians, `[B, 1, H, W]`.
    pub angle: &'a Tensor,
    /// Width of the line, px, `[B, 1, H, W]`.
    pub thickness: &'a Tensor,
    /// Vector (x, y) to the centre, px, `[B, 2, H, W]`.
    pub center: &'a Tensor,
}

/// Weights of pixels per term of [`feature_loss`], `[B, 1, H, W]` each; 1 where none.
///
/// Usually the class counts everywhere, the angle on lines, thickness and centre on lines and
/// shapes, each mask divided by its mean in the picture.
#[derive(Debug, Clone, Copy, Default)]
pub struct FeatureWeights<'a> {
    /// Weights of the class.
    pub class: Option<&'a Tensor>,
    /// Weights of the angle.
    pub angle: Option<&'a Tensor>,
    /// Weights of the width.
    pub thickness: Option<&'a Tensor>,
    /// Weights of the centre.
    pub center: Option<&'a Tensor>,
}

/// All features of pixels in one loss.
///
/// ```text
/// loss = c * class + a * angle + t * thickness + v * center
/// class     = binary cross-entropy on the softmax, or cross-entropy
/// angle     = direction_distance        thickness = |difference|        center = angle_length
/// ```
///
/// Every term is a mean over pixels, weighted by [`FeatureWeights`]; the angle is that of
/// [`direction_distance`](crate::direction_distance()), by default `|sin(difference)|`, the centre
/// that of [`angle_length`](crate::angle_length()).
///
/// # Shapes
///
/// Those of [`Features`], [`FeatureTargets`] and [`FeatureWeights`]. Terms: `class`,
/// `angle`, `thickness`, `center`.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for shapes that do not fit, [`Error::Config`](crate::Error::Config) for a setting out of range.
pub fn feature_loss(
    prediction: &Features<'_>,
    target: &FeatureTargets<'_>,
    weights: &FeatureWeights<'_>,
    config: &FeatureLossConfig,
) -> Result<Composite> {
    config.validate()?;
    let [b, k, h, w] = rank("class", prediction.class, "[B, K, H, W]")?;
    expect("direction", prediction.direction, &[b, 2, h, w])?;
    expect("thickness", prediction.thickness, &[b, 1, h, w])?;
    expect("center", prediction.center, &[b, 2, h, w])?;
    expect("class target", target.class, &[b, k, h, w])?;
    expect("angle target", target.angle, &[b, 1, h, w])?;
    expect("thickness target", target.thickness, &[b, 1, h, w])?;
    expect("center target", target.center, &[b, 2, h, w])?;
    let plane = |field, map: Option<&Tensor>| -> Result<Option<Tensor>> {
        map.map(|map| {
            expect(field, map, &[b, 1, h, w])?;
            Ok(map.squeeze(1)?)
        })
        .transpose()
    };
    let last = |map: &Tensor| map.permute((0, 2, 3, 1));
    let mean = Reduction::Mean;
    let class = class_values(prediction.class, target.class, config.class)?;
    let class = mean.apply(&class, plane("class weights", weights.class)?.as_ref())?;
    let angle = direction_distance(
        &last(prediction.direction)?,
        &target.angle.squeeze(1)?,
        plane("angle weights", weights.angle)?.as_ref(),
        &AngleDistanceConfig { reduction: mean, ..config.angle.clone() },
    )?;
    let thickness = absolute_error(
        &prediction.thickness.squeeze(1)?,
        &target.thickness.squeeze(1)?,
        plane("thickness weights", weights.thickness)?.as_ref(),
        &AbsoluteErrorConfig { reduction: mean },
    )?;
    let center = angle_length(
        &last(prediction.center)?,
        &last(target.center)?,
        plane("center weights", weights.center)?.as_ref(),
        &AngleLengthConfig { reduction: mean, ..config.center.clone() },
    )?;
    Composite::of(&[
        ("class", config.class_weight, class),
        ("angle", config.angle_weight, angle),
        ("thickness", config.thickness_weight, thickness),
        ("center", config.center_weight, center),
    ])
}

/// The loss of every pixel's class, `[B, H, W]`.
fn class_values(logits: &Tensor, target: &Tensor, form: FeatureClassLoss) -> Result<Tensor> {
    let logits = &widen(logits)?;
    if logits.elem_count() == 0 {
        return Ok(logits.sum(1)?);
    }
    let target = target.detach().to_dtype(logits.dtype())?;
    let logs = log_softmax(logits, 1)?;
    let own = (&target * &logs)?.neg()?;
    if form == FeatureClassLoss::CrossEntropy {
        return Ok(own.sum(1)?);
    }
    let others = (target.affine(-1.0, 1.0)? * log_complement(&logs)?)?;
    Ok((own - others)?.mean(1)?)
}

/// `log(1 - softmax)` from the logarithms of the softmax: the sum of the other classes, in
/// which nothing cancels.
fn log_complement(logs: &Tensor) -> Result<Tensor> {
    let k = logs.dim(1)?;
    if k == 1 {
        // One class is always certain; a target of 1 asks nothing of the rest.
        return Ok(logs.zeros_like()?);
    }
    let mut classes = Vec::with_capacity(k);
    for class in 0..k {
        let others: Vec<Tensor> = (0..k)
            .filter(|&other| other != class)
            .map(|other| logs.narrow(1, other, 1))
            .collect::<candle_core::Result<_>>()?;
        classes.push(log_sum_exp(&Tensor::cat(&others, 1)?, 1)?);
    }
    Ok(Tensor::cat(&classes, 1)?)
}
