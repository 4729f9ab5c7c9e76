//! Embeddings that gather in clusters, one per instance.

use candle_core::{D, DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::allowed::check_not_negative;
use crate::composite::Composite;
use crate::embedding::fused::fused;
use crate::embedding::instances::Instances;
use crate::error::{Error, Result};
use crate::precision::{is_fast, widen};
use crate::shape::rank;
use crate::singular::{norm, positive, zero};

/// Settings of [`discriminative`], in the unit of the embeddings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscriminativeConfig {
    /// Distance from the mean up to which a pixel is free, 0 or more. Default 0.5.
    pub delta_v: f64,
    /// Half the distance from which two means are free, 0 or more. Default 1.5.
    pub delta_d: f64,
    /// Weight of the variance, 0 or more. Default 1.
    pub variance_weight: f64,
    /// Weight of the distance, 0 or more. Default 1.
    pub distance_weight: f64,
    /// Weight of the regularization, 0 or more. Default 0.001.
    pub regularization_weight: f64,
}

impl Default for DiscriminativeConfig {
    fn default() -> Self {
        Self {
            delta_v: 0.5,
            delta_d: 1.5,
            variance_weight: 1.0,
            distance_weight: 1.0,
            regularization_weight: 0.001,
        }
    }
}

impl DiscriminativeConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_not_negative("delta_v", self.delta_v)?;
        check_not_negative("delta_d", self.delta_d)?;
        check_not_negative("variance_weight", self.variance_weight)?;
        check_not_negative("distance_weight", self.distance_weight)?;
        check_not_negative("regularization_weight", self.regularization_weight)
    }

    /// The weights in the order of the terms.
    pub(crate) fn weights(&self) -> [f64; 3] {
        [self.variance_weight, self.distance_weight, self.regularization_weight]
    }
}

/// Names of the terms.
pub(crate) const TERMS: [&str; 3] = ["variance", "distance", "regularization"];

/// Pulls the pixels of an instance together and pushes the means of instances apart.
///
/// For a picture with `C` instances, of which `c` has the `n_c` pixels `x` and the mean `m_c`:
///
/// ```text
/// variance       = 1/C sum over c of 1/n_c sum over x of max(|m_c - x| - delta_v, 0)^2
/// distance       = 1/(C (C-1)) sum over a != b of max(2 delta_d - |m_a - m_b|, 0)^2
/// regularization = 1/C sum over c of |m_c|
/// ```
///
/// The loss is the mean over the pictures of the weighted sum; a picture without instances
/// has the loss 0, one with a single instance no distance. Pixels with the id 0 or that are
/// not valid count nowhere. Ids only tell instances apart: their order means nothing. Where
/// a norm is 0 its gradient is 0.
///
/// # Shapes
///
/// `embeddings`: `[B, D, H, W]`; `instances`: `B * H * W` ids, 0 for background; `valid`: as
/// many. Terms: `variance`, `distance`, `regularization`, before their weights.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
/// use mapvec_losses::{DiscriminativeConfig, discriminative};
///
/// // One channel, four pixels: two instances that are well apart and tight.
/// let embeddings = Tensor::new(&[-2.0_f32, -2.2, 2.0, 2.2], &Device::Cpu)?;
/// let embeddings = embeddings.reshape((1, 1, 2, 2))?;
/// let loss = discriminative(&embeddings, &[1, 1, 2, 2], None, &DiscriminativeConfig::default())?;
/// assert_eq!(loss.term("variance"), Some(0.0));
/// assert_eq!(loss.term("distance"), Some(0.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::Length`] for a target of another length, [`Error::TooMany`] for more than 4096
/// instances in a picture, [`Error::Config`] for a setting out of range.
///
/// # References
///
/// De Brabandere, Neven and Van Gool, *Semantic Instance Segmentation with a Discriminative
/// Loss Function* (CVPR Workshops 2017).
pub fn discriminative(
    embeddings: &Tensor,
    instances: &[u32],
    valid: Option<&[bool]>,
    config: &DiscriminativeConfig,
) -> Result<Composite> {
    config.validate()?;
    let [b, d, h, w] = rank("embeddings", embeddings, "[B, D, H, W]")?;
    let expected = b * h * w;
    for (task, found) in
        [("instances", instances.len()), ("valid", valid.map_or(expected, <[bool]>::len))]
    {
        if found != expected {
            return Err(Error::Length { task, expected, found });
        }
    }
    if expected * d == 0 {
        let none = widen(embeddings)?.sum_all()?;
        return Composite::of(&TERMS.map(|name| (name, 1.0, none.clone())));
    }
    let pictures = instances
        .chunks_exact(h * w)
        .enumerate()
        .map(|(i, ids)| Instances::new(ids, valid.map(|v| &v[i * h * w..(i + 1) * h * w])))
        .collect::<Result<Vec<_>>>()?;
    let embeddings = widen(embeddings)?;
    if is_fast(&embeddings) {
        return fused(&embeddings.contiguous()?, &pictures, config);
    }
    let mut sums = vec![zero(&embeddings)?; TERMS.len()];
    for (i, picture) in pictures.iter().enumerate() {
        let terms = composed(&embeddings.get(i)?.reshape((d, h * w))?, picture, config)?;
        for (sum, term) in sums.iter_mut().zip(terms.into_iter().flatten()) {
            *sum = (&*sum + (term / b as f64)?)?;
        }
    }
    let terms: Vec<_> = TERMS
        .into_iter()
        .zip(config.weights())
        .zip(sums)
        .map(|((name, weight), term)| (name, weight, term))
        .collect();
    Composite::of(&terms)
}

/// The terms of one picture from tensor operations; none without instances.
fn composed(
    embeddings: &Tensor,
    picture: &Instances,
    config: &DiscriminativeConfig,
) -> Result<Option<[Tensor; 3]>> {
    let (device, dtype) = (embeddings.device(), embeddings.dtype());
    let c = picture.counts.len();
    if c == 0 {
        return Ok(None);
    }
    let members = |&(_, &label): &(u32, &u32)| (label as usize) < c;
    let (places, labels): (Vec<u32>, Vec<u32>) =
        (0..).zip(&picture.labels).filter(members).map(|(i, &label)| (i, label)).unzip();
    let n = places.len();
    let places = Tensor::from_vec(places, n, device)?;
    let members = embeddings.index_select(&places, 1)?.t()?.contiguous()?;
    let shares: Vec<f64> =
        labels.iter().map(|&label| 1.0 / f64::from(picture.counts[label as usize])).collect();
    let shares = Tensor::from_vec(shares, n, device)?.to_dtype(dtype)?;
    let labels = Tensor::from_vec(labels, n, device)?;
    let parts = members.broadcast_mul(&shares.unsqueeze(1)?)?;
    let means = Tensor::zeros((c, members.dim(1)?), dtype, device)?;
    let means = means.index_add(&labels, &parts, 0)?;

    let own = means.index_select(&labels, 0)?;
    let distances = norm(&(members - own)?)?.squeeze(D::Minus1)?;
    let outside = positive(&(distances - config.delta_v)?)?.sqr()?;
    let variance = ((outside * shares)?.sum_all()? / c as f64)?;

    let distance = if c > 1 {
        match near_pairs(&means, 2.0 * config.delta_d)? {
            (first, _) if first.is_empty() => variance.zeros_like()?,
            (first, second) => {
                let side = |of: Vec<u32>| means.index_select(&Tensor::new(of, device)?, 0);
                let gaps = norm(&(side(first)? - side(second)?)?)?;
                let near = positive(&gaps.affine(-1.0, 2.0 * config.delta_d)?)?.sqr()?;
                // Both orders of a pair.
                (near.sum_all()? * (2.0 / (c * (c - 1)) as f64))?
            }
        }
    } else {
        variance.zeros_like()?
    };
    let regularization = (norm(&means)?.sum_all()? / c as f64)?;
    Ok(Some([variance, distance, regularization]))
}

/// Pairs of rows that are nearer than `reach`, or have no distance: those that cost something.
///
/// Tensors of all pairs would hold gigabytes for some thousand instances.
fn near_pairs(means: &Tensor, reach: f64) -> Result<(Vec<u32>, Vec<u32>)> {
    let rows = means.detach().to_dtype(DType::F64)?.to_vec2::<f64>()?;
    let mut pairs = (Vec::new(), Vec::new());
    for (first, a) in (0_u32..).zip(&rows) {
        for (second, b) in (0_u32..first).zip(&rows) {
            let square: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
            // NaN is not beyond the reach.
            let beyond = square.sqrt() >= reach;
            if !beyond {
                pairs.0.push(first);
                pairs.1.push(second);
            }
        }
    }
    Ok(pairs)
}
