//! Closed boundaries: the weakest place between every two regions.

use candle_core::{DType, Device, Tensor};
use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::precision::widen;
use crate::segmentation::minimum_barrier::crossings;
use crate::segmentation::overlap::Activation;
use crate::shape::{mismatch, rank};

/// Settings of [`boundary_aware`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoundaryAwareConfig {
    /// How predictions become probabilities: sigmoid or none. Default: sigmoid.
    pub activation: Activation,
    /// How far a boundary may lie beside its place, px in steps to the side, up or down.
    /// Default 2.
    pub margin: usize,
}

impl Default for BoundaryAwareConfig {
    fn default() -> Self {
        Self { activation: Activation::Sigmoid, margin: 2 }
    }
}

impl BoundaryAwareConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a softmax.
    pub fn validate(&self) -> Result<()> {
        if self.activation == Activation::Softmax {
            return Err(Error::Config {
                field: "activation",
                value: "softmax".to_owned(),
                expected: "sigmoid or none: one channel says where boundaries are",
            });
        }
        Ok(())
    }
}

/// How far the predicted boundary is from separating the regions of the target.
///
/// With `q` the probability of a boundary, the barrier of a way over pixels that touch at their
/// sides is `max q - min q` on it. Between two regions `A` and `B` the weakest way has the minimum
/// barrier distance `D(A, B)`, 1 for a closed boundary between clean regions and near 0 where the
/// boundary leaks:
///
/// ```text
/// D(A, B) = min over ways from A to B( max q - min q )
/// loss    = mean over pairs( (1 - D(A, B))^2 )
/// ```
///
/// The pairs are those of the batch whose ways meet, which are neighbours. All of the gradient of a
/// pair goes to its two saddle pixels: the one of the largest `q` on the weakest way, which is the
/// leak to close, and the one of the smallest. The loss is 0 without a pair. It knows nothing of
/// single pixels: use it beside a cross-entropy.
///
/// Ways start in the inner part of a region, the pixels more than `margin` steps from all others
/// (the deepest ones of a region too thin), and are extended one pixel at a time in the order of
/// their barriers, every pixel keeping the best way that reached it. The barrier is not additive,
/// so that this finds nearly the smallest one, never less (on noise, the exact one for four
/// pairs of ten and 0.05 more on average).
///
/// The published loss cuts the picture in the same way and takes a cross-entropy with the
/// target's boundary along the whole cut, widened by a few pixels. Here only the weakest pixel of
/// each pair counts, which needs no width.
///
/// # Shapes
///
/// `prediction` `[B, 1, H, W]`; `regions` `B * H * W` ids, from 1 within a sample; 0 is no region
/// (the boundary, or unknown). The result is a scalar.
///
/// # Errors
///
/// [`Error`] for shapes or settings out of range.
///
/// # References
///
/// Ngoc, Chen, Carlinet, Chazalon, Geraud, Mallet, "Introducing the Boundary-Aware loss for deep
/// image segmentation" (BMVC 2021); Strand et al., "The minimum barrier distance" (CVIU 2013).
pub fn boundary_aware(
    prediction: &Tensor,
    regions: &[u32],
    config: &BoundaryAwareConfig,
) -> Result<Tensor> {
    config.validate()?;
    let [batch, channels, height, width] = rank("prediction", prediction, "[B, 1, H, W]")?;
    if channels != 1 {
        return Err(mismatch("prediction", prediction, "[B, 1, H, W]".to_owned()));
    }
    let pixels = height * width;
    if regions.len() != batch * pixels {
        let (expected, found) = (batch * pixels, regions.len());
        return Err(Error::Length { task: "regions", expected, found });
    }
    let x = widen(prediction)?;
    if x.elem_count() == 0 {
        return Ok(x.sum_all()?);
    }
    let q = config.activation.apply(&x)?.flatten_all()?;
    let values = q.detach().to_dtype(DType::F64)?.to_vec1::<f64>()?;
    if values.iter().any(|value| value.is_nan()) {
        return Ok((q.sum_all()? * 0.0)?);
    }
    let found: Vec<Vec<[usize; 2]>> = values
        .par_chunks_exact(pixels)
        .zip(regions.par_chunks_exact(pixels))
        .map(|(values, regions)| saddles(values, regions, (height, width), config.margin))
        .collect();
    let mut places = [Vec::new(), Vec::new()];
    for (sample, pairs) in found.iter().enumerate() {
        for pair in pairs {
            for (places, &place) in places.iter_mut().zip(pair) {
                places.push((sample * pixels + place) as u32);
            }
        }
    }
    let [highest, lowest] = places;
    if highest.is_empty() {
        return Ok((q.sum_all()? * 0.0)?);
    }
    let pick = |places: Vec<u32>| -> Result<Tensor> {
        let count = places.len();
        let places = Tensor::from_vec(places, count, &Device::Cpu)?.to_device(q.device())?;
        Ok(q.index_select(&places, 0)?)
    };
    let barriers = (pick(highest)? - pick(lowest)?)?;
    Ok(barriers.affine(-1.0, 1.0)?.sqr()?.mean_all()?)
}

/// Places of the largest and the smallest value on the weakest way between every two regions.
fn saddles(
    values: &[f64],
    regions: &[u32],
    shape: (usize, usize),
    margin: usize,
) -> Vec<[usize; 2]> {
    let (Ok(values), Ok(regions)) =
        (ArrayView2::from_shape(shape, values), ArrayView2::from_shape(shape, regions))
    else {
        return Vec::new();
    };
    let place = |(row, column): (usize, usize)| row * shape.1 + column;
    let crossings = crossings(values, regions, margin);
    crossings.into_values().map(|c| [place(c.highest), place(c.lowest)]).collect()
}
