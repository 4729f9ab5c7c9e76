//! Boxes by corners and by centre and size.

use candle_core::{D, Tensor};

use crate::error::Result;
use crate::precision::widen;
use crate::shape::{mismatch, nothing};

/// Corners `(x1, y1, x2, y2)` of boxes given as centre and size `(x, y, w, h)`.
///
/// # Shapes
///
/// `[.., 4]`, as the result.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for another shape.
pub fn to_corners(boxes: &Tensor) -> Result<Tensor> {
    let boxes = &widen(boxes)?;
    let Some([center, size]) = halves("boxes", boxes)? else {
        return nothing(boxes, boxes.dims());
    };
    let half = (size * 0.5)?;
    Ok(Tensor::cat(&[(&center - &half)?, (center + half)?], D::Minus1)?)
}

/// Centre and size `(x, y, w, h)` of boxes given by their corners `(x1, y1, x2, y2)`.
///
/// # Shapes
///
/// `[.., 4]`, as the result.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for another shape.
pub fn to_center_size(boxes: &Tensor) -> Result<Tensor> {
    let boxes = &widen(boxes)?;
    let Some([first, last]) = halves("boxes", boxes)? else {
        return nothing(boxes, boxes.dims());
    };
    Ok(Tensor::cat(&[((&first + &last)? * 0.5)?, (last - first)?], D::Minus1)?)
}

/// The first and the last two numbers; none of no boxes.
pub(crate) fn halves(field: &'static str, boxes: &Tensor) -> Result<Option<[Tensor; 2]>> {
    if boxes.dims().last() != Some(&4) {
        return Err(mismatch(field, boxes, "[.., 4]".to_owned()));
    }
    if boxes.elem_count() == 0 {
        return Ok(None);
    }
    Ok(Some([boxes.narrow(D::Minus1, 0, 2)?, boxes.narrow(D::Minus1, 2, 2)?]))
}
