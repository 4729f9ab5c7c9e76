//! Boxes as small numbers beside a box of reference.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use crate::allowed::check_positive;
use crate::boxes::convert::halves;
use crate::error::Result;
use crate::precision::widen;
use crate::shape::{expect, nothing};

/// Scale of the numbers of [`encode_boxes`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoxCoder {
    /// Factors of x, y, width and height, more than 0. Default 1, for anchors; 10, 10, 5 and
    /// 5 are usual for proposals.
    pub weights: [f64; 4],
}

impl Default for BoxCoder {
    fn default() -> Self {
        Self { weights: [1.0; 4] }
    }
}

impl BoxCoder {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) when a weight is not positive and finite.
    pub fn validate(&self) -> Result<()> {
        self.weights.iter().try_for_each(|&weight| check_positive("weights", weight))
    }

    fn scale(&self, like: &Tensor) -> Result<[Tensor; 2]> {
        let all = Tensor::new(&self.weights, like.device())?.to_dtype(like.dtype())?;
        Ok([all.narrow(0, 0, 2)?, all.narrow(0, 2, 2)?])
    }
}

/// Sides below this count as this: a box without area has no logarithm.
const LEAST: f64 = 1e-6;

/// Most that a side may grow by, as a logarithm: from 16 to 1000 px.
const MOST: f64 = 4.135_166_556_742_356;

/// What takes `reference` to `boxes`.
///
/// ```text
/// dx = w_x (x - x_r) / w_r        dw = w_w ln(w / w_r)        and so in y
/// ```
///
/// of centres `x` and sides `w`. Sides below 1e-6 are taken as that.
///
/// # Shapes
///
/// `reference` and `boxes`: `[.., 4]`, corners (x1, y1, x2, y2); result: `[.., 4]`, (dx, dy,
/// dw, dh).
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for shapes that differ,
/// [`Error::Config`](crate::Error::Config) for a weight out of range.
///
/// # References
///
/// Girshick et al., *Rich Feature Hierarchies for Accurate Object Detection*
/// (CVPR 2014).
pub fn encode_boxes(reference: &Tensor, boxes: &Tensor, coder: &BoxCoder) -> Result<Tensor> {
    coder.validate()?;
    expect("boxes", boxes, reference.dims())?;
    let reference = &widen(reference)?;
    let boxes = boxes.to_dtype(reference.dtype())?;
    let (Some([r1, r2]), Some([b1, b2])) =
        (halves("reference", reference)?, halves("boxes", &boxes)?)
    else {
        return nothing(&boxes, boxes.dims());
    };
    let sides = (least(&(&r2 - &r1)?)?, least(&(&b2 - &b1)?)?);
    let [place, size] = coder.scale(&boxes)?;
    let moved = ((((b1 + b2)? - (r1 + r2)?)? * 0.5)? / &sides.0)?.broadcast_mul(&place)?;
    let grown = (sides.1 / sides.0)?.log()?.broadcast_mul(&size)?;
    Ok(Tensor::cat(&[moved, grown], D::Minus1)?)
}

/// The boxes to which `deltas` take `reference`: the inverse of [`encode_boxes`].
///
/// A side grows at most by a factor of 62.5; beyond that the gradient is 0.
///
/// # Shapes
///
/// `reference` and `deltas`: `[.., 4]`; result: `[.., 4]`, corners.
///
/// # Errors
///
/// As [`encode_boxes`].
///
/// # References
///
/// Girshick et al., *Rich Feature Hierarchies for Accurate Object Detection* (CVPR 2014).
pub fn decode_boxes(reference: &Tensor, deltas: &Tensor, coder: &BoxCoder) -> Result<Tensor> {
    coder.validate()?;
    expect("deltas", deltas, reference.dims())?;
    let deltas = &widen(deltas)?;
    let reference = reference.to_dtype(deltas.dtype())?;
    let (Some([r1, r2]), Some([moved, grown])) =
        (halves("reference", &reference)?, halves("deltas", deltas)?)
    else {
        return nothing(deltas, deltas.dims());
    };
    let side = (&r2 - &r1)?;
    let [place, size] = coder.scale(deltas)?;
    let center = (((r1 + r2)? * 0.5)? + (moved.broadcast_div(&place)? * &side)?)?;
    let grown = grown.broadcast_div(&size)?;
    let most = (grown.ones_like()? * MOST)?;
    let grown = grown.gt(MOST)?.where_cond(&most, &grown)?;
    let half = ((grown.exp()? * side)? * 0.5)?;
    Ok(Tensor::cat(&[(&center - &half)?, (center + half)?], D::Minus1)?)
}

/// Sides of at least 1e-6.
fn least(sides: &Tensor) -> Result<Tensor> {
    let floor = (sides.ones_like()? * LEAST)?;
    Ok(sides.lt(LEAST)?.where_cond(&floor, sides)?)
}
