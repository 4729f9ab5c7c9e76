//! How much boxes overlap, with gradients.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use crate::boxes::convert::halves;
use crate::error::Result;
use crate::precision::widen;
use crate::shape::{leading, mismatch, nothing, rows};
use crate::singular::{larger, positive, ratio, smaller};

/// A measure of the overlap of two boxes; 1 for equal ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Intersection over union, 0 to 1.
    Iou,
    /// Less the share of the hull that is in neither box, -1 to 1: it has a gradient where
    /// boxes are apart.
    #[default]
    Giou,
    /// Less the squared distance of the centres over the squared diagonal of the hull, -1 to
    /// 1.
    Diou,
}

/// Overlap of boxes, element by element.
///
/// ```text
/// iou  = |A and B| / |A or B|
/// giou = iou - (|H| - |A or B|) / |H|            H: the hull, a box around both
/// diou = iou - |center A - center B|^2 / diagonal(H)^2
/// ```
///
/// A box whose second corner is not beyond the first has no area. A quotient by 0 is 0 with
/// gradient 0: two boxes without area have the overlap 0. Both arguments have a gradient.
///
/// # Shapes
///
/// `a`: `[.., 4]` corners (x1, y1, x2, y2), `b`: a shape that broadcasts with it; the result
/// has the common shape without the 4.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for shapes that do not fit.
///
/// # References
///
/// Rezatofighi et al., *Generalized Intersection over Union* (CVPR 2019); Zheng et al.,
/// *Distance-IoU Loss* (AAAI 2020).
pub fn box_overlap(a: &Tensor, b: &Tensor, measure: Overlap) -> Result<Tensor> {
    leading("a", a, &[4])?;
    leading("b", b, &[4])?;
    let shape = a
        .shape()
        .broadcast_shape_binary_op(b.shape(), "box_overlap")
        .map_err(|_| mismatch("b", b, format!("{:?} or one that broadcasts", a.dims())))?;
    let a = widen(a)?;
    let (a, b) = (a.broadcast_as(&shape)?, b.to_dtype(a.dtype())?.broadcast_as(&shape)?);
    let (Some([a1, a2]), Some([b1, b2])) = (halves("a", &a)?, halves("b", &b)?) else {
        return nothing(&a, &shape.dims()[..shape.rank() - 1]);
    };
    let area = |first: &Tensor, last: &Tensor| product(&positive(&(last - first)?)?);
    let common = area(&larger(&a1, &b1)?, &smaller(&a2, &b2)?)?;
    let union = ((area(&a1, &a2)? + area(&b1, &b2)?)? - &common)?;
    let iou = ratio(&common, &union)?;
    // Of all corners, so that it holds the centres of boxes without area too.
    let hull = || -> Result<Tensor> {
        let last = larger(&larger(&a1, &a2)?, &larger(&b1, &b2)?)?;
        Ok((last - smaller(&smaller(&a1, &a2)?, &smaller(&b1, &b2)?)?)?)
    };
    Ok(match measure {
        Overlap::Iou => iou,
        Overlap::Giou => {
            let hull = product(&hull()?)?;
            (iou - ratio(&(&hull - union)?, &hull)?)?
        }
        Overlap::Diou => {
            let diagonal = hull()?.sqr()?.sum(D::Minus1)?;
            let apart = (((a1 + a2)? - (b1 + b2)?)? * 0.5)?.sqr()?.sum(D::Minus1)?;
            (iou - ratio(&apart, &diagonal)?)?
        }
    })
}

/// [`box_overlap`] of every box with every other.
///
/// # Shapes
///
/// `a`: `[N, 4]`, `b`: `[M, 4]`, corners; result: `[N, M]`.
///
/// # Errors
///
/// As [`box_overlap`].
pub fn pairwise_box_overlap(a: &Tensor, b: &Tensor, measure: Overlap) -> Result<Tensor> {
    rows("a", a, 4)?;
    rows("b", b, 4)?;
    box_overlap(&a.unsqueeze(1)?, &b.unsqueeze(0)?, measure)
}

/// Product of the two numbers in the last dimension, without it.
fn product(sides: &Tensor) -> Result<Tensor> {
    let side = |i| sides.narrow(D::Minus1, i, 1)?.squeeze(D::Minus1);
    Ok((side(0)? * side(1)?)?)
}
