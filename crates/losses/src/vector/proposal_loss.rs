//! Several vectors proposed for one target, with a confidence each.

use candle_core::{D, Tensor};
use mapvec_nn::{bce_with_logits, gather, softmax};
use serde::{Deserialize, Serialize};

use crate::allowed::{check_positive, check_share};
use crate::composite::Composite;
use crate::error::Result;
use crate::precision::widen;
use crate::reduction::Reduction;
use crate::shape::{data, expect, leading, mismatch, nothing};
use crate::singular::{positive, power};
use crate::vector::candidate_distance::nearest;
use crate::vector::endpoints::EndpointConfig;

/// How the distances of the proposals become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The least distance.
    #[default]
    Min,
    /// The mean weighted by the softmax of the confidences, which get no gradient from it.
    Weighted,
    /// The distance of the most confident proposal.
    Best,
}

/// Distance up to which a proposal is as good as right, px.
const EXACT: f64 = 0.5;

/// Settings of [`proposal_loss`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProposalConfig {
    /// Exponent of the differences of coordinates, more than 0. Default 1.
    pub gamma: f64,
    /// Length that counts as 1 in the term of the vectors, more than 0, px. Default 1.
    pub size: f64,
    /// Distance beyond which a proposal should have no confidence at all, more than 0, px.
    /// Default 5.
    pub confidence_threshold: f64,
    /// Weight of the vectors, 0 to 1; the confidences have the rest. Default 0.6.
    pub vector_weight: f64,
    /// From the proposals of a target to one distance.
    pub pooling: Pooling,
}

impl Default for ProposalConfig {
    fn default() -> Self {
        Self {
            gamma: 1.0,
            size: 1.0,
            confidence_threshold: 5.0,
            vector_weight: 0.6,
            pooling: Pooling::Min,
        }
    }
}

impl ProposalConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_positive("gamma", self.gamma)?;
        check_positive("size", self.size)?;
        check_positive("confidence_threshold", self.confidence_threshold)?;
        check_share("vector_weight", self.vector_weight)
    }
}

/// Proposals of a vector with confidences, against two candidates for the truth.
///
/// With `d_k` the [`candidate_distance`](crate::candidate_distance()) of proposal `k`, in px to
/// the power of gamma, and `r_k` the same in px:
///
/// ```text
/// vector     = pool over k of d_k / size^gamma
/// confidence = mean over k of BCE( logit_k, c_k )
/// r_k        = d_k^(1 / gamma)
/// c_k        = exp(-max(r_k - 0.5, 0)), or 0 if r_k > confidence_threshold
/// loss       = vector_weight * vector + (1 - vector_weight) * confidence
/// ```
///
/// The aims `c_k` of the confidences are data: no gradient passes them to the vectors. The
/// terms are means, weighted by the elements' weights.
///
/// # Shapes
///
/// `prediction`: `[.., K, 2, 2]`, ends as (x, y), px; `confidence`: `[.., K]`, logits;
/// `target`: `[.., 4, 2]`, two candidates; `weights`: `[..]`. Terms: `vector`, `confidence`.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for shapes that do not fit or no proposal, [`Error::Config`](crate::Error::Config) for a
/// setting out of range.
///
/// # References
///
/// Guzman-Rivera, Batra, Kohli, "Multiple choice learning" (NIPS 2012), for the least distance of
/// several proposals.
pub fn proposal_loss(
    prediction: &Tensor,
    confidence: &Tensor,
    target: &Tensor,
    weights: Option<&Tensor>,
    config: &ProposalConfig,
) -> Result<Composite> {
    config.validate()?;
    let proposals = leading("prediction", prediction, &[2, 2])?;
    expect("confidence", confidence, proposals)?;
    let Some((&k, dims)) = proposals.split_last().filter(|(k, _)| **k > 0) else {
        return Err(mismatch("prediction", prediction, "[.., K, 2, 2] with K > 0".to_owned()));
    };
    let (prediction, confidence) = (&widen(prediction)?, &widen(confidence)?);
    let target = data("target", target, &[dims, &[4, 2]].concat(), prediction)?;
    if prediction.elem_count() == 0 {
        let none = nothing(prediction, &[])?;
        return Composite::of(&[("vector", 1.0, none.clone()), ("confidence", 0.0, none)]);
    }
    let target = target.unsqueeze(dims.len())?;
    let target = target.broadcast_as([dims, &[k, 4, 2]].concat())?;
    let endpoints = EndpointConfig { gamma: config.gamma, ..EndpointConfig::default() };
    let distances = nearest(prediction, &target, &endpoints)?;
    let pooled = pool(&distances, confidence, config.pooling)?;
    let vector = (pooled * config.size.powf(-config.gamma))?;

    let r = power(&distances.detach(), 1.0 / config.gamma)?;
    let near = r.le(config.confidence_threshold)?;
    let aim = positive(&(&r - EXACT)?)?.neg()?.exp()?;
    // NaN is not near, but must show.
    let aim = (near + r.ne(&r)?)?.where_cond(&aim, &aim.zeros_like()?)?;
    let aim = aim.to_dtype(confidence.dtype())?;
    let doubt = bce_with_logits(confidence, &aim)?.mean(D::Minus1)?;
    let mean = Reduction::Mean;
    Composite::of(&[
        ("vector", config.vector_weight, mean.apply(&vector, weights)?),
        (
            "confidence",
            1.0 - config.vector_weight,
            mean.apply(&doubt.to_dtype(vector.dtype())?, weights)?,
        ),
    ])
}

/// One distance of the `K` in the last dimension.
fn pool(distances: &Tensor, confidence: &Tensor, pooling: Pooling) -> Result<Tensor> {
    let confidence = confidence.detach();
    let index = match pooling {
        Pooling::Min => distances.detach().argmin_keepdim(D::Minus1)?,
        Pooling::Best => confidence.argmax_keepdim(D::Minus1)?,
        Pooling::Weighted => {
            let shares = softmax(&confidence.to_dtype(distances.dtype())?, D::Minus1)?;
            return Ok((distances * shares)?.sum(D::Minus1)?);
        }
    };
    Ok(gather(distances, D::Minus1, &index)?.squeeze(D::Minus1)?)
}
