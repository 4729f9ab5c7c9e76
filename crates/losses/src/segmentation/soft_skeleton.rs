//! The centreline of a soft mask by repeated pooling.

use candle_core::Tensor;
use mapvec_nn::{Pool2dConfig, max_pool2d, relu};

use crate::error::{Error, Result};
use crate::precision::widen;
use crate::shape::{mismatch, rank};

/// The most rounds of erosion.
pub(crate) const MOST: usize = 256;

/// The soft skeleton of probabilities: what erosion takes away and no opening gives back.
///
/// ```text
/// erode(q)  = min( minimum over 3 x 1, minimum over 1 x 3 )
/// open(q)   = maximum over 3 x 3 of erode(q)
/// q_0 = q         q_{j+1} = erode(q_j)        d_j = relu(q_j - open(q_j))
/// s_0 = d_0       s_{j+1} = s_j + relu(d_{j+1} - s_j d_{j+1})
/// ```
///
/// after `iterations` rounds, which must reach the half width of the widest structure, px.
/// Windows end at the edge of the picture. Of equal values of a window the first in reading order
/// takes the gradient, of the two minima of an erosion each takes half, and where `relu` gets 0
/// there is none.
///
/// # Shapes
///
/// `[B, C, H, W]` to the same.
///
/// # Errors
///
/// [`Error`] for other shapes, tensors without values and more than 256 rounds.
///
/// # References
///
/// Shit et al., "clDice" (CVPR 2021).
pub fn soft_skeleton(probabilities: &Tensor, iterations: usize) -> Result<Tensor> {
    if iterations > MOST {
        return Err(Error::Config {
            field: "iterations",
            value: iterations.to_string(),
            expected: "0 to 256",
        });
    }
    rank::<4>("probabilities", probabilities, "[B, C, H, W]")?;
    if probabilities.elem_count() == 0 {
        return Err(mismatch(
            "probabilities",
            probabilities,
            "[B, C, H, W], none of them 0".to_owned(),
        ));
    }
    let mut image = widen(probabilities)?.contiguous()?;
    let mut eroded = erode(&image)?;
    let mut skeleton = relu(&(&image - dilate(&eroded)?)?)?;
    for _ in 0..iterations {
        image = eroded;
        eroded = erode(&image)?;
        let lost = relu(&(&image - dilate(&eroded)?)?)?;
        let new = relu(&(&lost - (&skeleton * &lost)?)?)?;
        skeleton = (skeleton + new)?;
    }
    Ok(skeleton)
}

fn erode(image: &Tensor) -> Result<Tensor> {
    let window = |kernel: (usize, usize)| Pool2dConfig {
        kernel,
        stride: (1, 1),
        padding: (kernel.0 / 2, kernel.1 / 2),
        ..Pool2dConfig::default()
    };
    let negative = image.neg()?;
    let tall = max_pool2d(&negative, window((3, 1)))?;
    let wide = max_pool2d(&negative, window((1, 3)))?;
    Ok(tall.maximum(&wide)?.neg()?)
}

fn dilate(image: &Tensor) -> Result<Tensor> {
    Ok(max_pool2d(image, Pool2dConfig::square(3, 1, 1))?)
}
