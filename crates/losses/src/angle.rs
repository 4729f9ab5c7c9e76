//! Directions of lines, as a vector of the doubled angle.

use candle_core::{D, Tensor};

use crate::error::Result;
use crate::task::{Kind, Task, evaluate};

/// Squared error of a doubled angle over two channels.
///
/// A line has no head, so its angle `t` in [0, pi) is taught as the vector
/// `(cos 2t, sin 2t)`, which has no jump where pi meets 0:
///
/// ```text
/// loss = 1/N sum( (a - cos 2t)^2 + (b - sin 2t)^2 ) / 2
/// ```
///
/// over the `N` pixels whose angle is not NaN; 0 when there is none. The angle predicted
/// is `atan2(b, a) / 2` modulo pi, and the length of `(a, b)` says how certain it is:
/// where directions mix, the best vector is a short one.
///
/// # Shapes
///
/// `logits` `[B, C, H, W]`, of which channels `first` and `first + 1` are `a` and `b`;
/// `target` `B * H * W` angles in radians, or NaN; the result is a scalar.
///
/// # Errors
///
/// [`Error`](crate::Error) for a channel out of range or an infinite angle.
///
/// # References
///
/// Granlund, "In search of a general picture processing operator" (Computer Graphics and Image
/// Processing 1978), for the doubled angle.
pub fn angle(logits: &Tensor, first: usize, target: &[f32]) -> Result<Tensor> {
    let task = Task {
        name: "angle",
        target: "target",
        channel: first,
        weight: 1.0,
        kind: Kind::Angle { target },
    };
    Ok(evaluate(logits, &[task])?.0)
}

/// One sample: the sum of the loss; the gradient, times `scale`, is written.
pub(crate) fn sample(logits: &[f32], target: &[f32], gradient: &mut [f32], scale: f64) -> f64 {
    let pixels = target.len();
    let (a, b) = logits.split_at(pixels);
    let (a_out, b_out) = gradient.split_at_mut(pixels);
    let scale = scale as f32;
    let mut total = 0.0;
    for (i, &t) in target.iter().enumerate() {
        if t.is_nan() {
            continue;
        }
        let (sine, cosine) = (2.0 * t).sin_cos();
        let (da, db) = (a[i] - cosine, b[i] - sine);
        total += 0.5 * f64::from(da * da + db * db);
        a_out[i] = scale * da;
        b_out[i] = scale * db;
    }
    total
}

/// The same from tensor operations, as a scalar; `divisor` pixels have an angle.
pub(crate) fn composed(channels: &Tensor, target: &[f32], divisor: f64) -> Result<Tensor> {
    let (b, _, h, w) = channels.dims4()?;
    let target = Tensor::from_slice(target, (b, 1, h, w), &candle_core::Device::Cpu)?
        .to_device(channels.device())?
        .to_dtype(channels.dtype())?;
    // NaN differs from itself.
    let mask = target.eq(&target)?;
    let doubled = (mask.where_cond(&target, &target.zeros_like()?)? * 2.0)?;
    let vector = Tensor::cat(&[doubled.cos()?, doubled.sin()?], D::Minus(3))?;
    let squares = (channels - vector)?.sqr()?.broadcast_mul(&mask.to_dtype(channels.dtype())?)?;
    Ok((squares.sum_all()? / (2.0 * divisor))?)
}
