//! Directions of lines, as a vector of the doubled angle.

use candle_core::{D, Tensor};

use crate::block::{BLOCK, Row, blocks, sum};
use crate::error::Result;
use crate::sin_cos::{LARGEST, sin_cos};
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

/// A chunk of a sample: the sum of the loss; the gradient, times `scale`, is written.
#[inline(always)]
pub(crate) fn chunk(
    logits: &[&[f32]],
    target: &[f32],
    gradient: &mut [&mut [f32]],
    scale: f64,
) -> f64 {
    let (a_out, b_out) = gradient.split_at_mut(1);
    let mut total = 0.0;
    for range in blocks(target.len()) {
        let block = Block {
            logits: [&logits[0][range.clone()], &logits[1][range.clone()]],
            target: &target[range.clone()],
            gradient: [&mut a_out[0][range.clone()], &mut b_out[0][range]],
        };
        let large = block.target.iter().fold(false, |any, t| any | (2.0 * t.abs() > LARGEST));
        let scale = scale as f32;
        total += if large { block.run(f32::sin_cos, scale) } else { block.run(sin_cos, scale) };
    }
    total
}

/// The part of a block of pixels of both channels.
struct Block<'a> {
    logits: [&'a [f32]; 2],
    target: &'a [f32],
    gradient: [&'a mut [f32]; 2],
}

impl Block<'_> {
    #[inline(always)]
    fn run(self, sin_cos: impl Fn(f32) -> (f32, f32), scale: f32) -> f64 {
        let n = self.target.len();
        let ([a, b], [a_out, b_out], t) = (self.logits, self.gradient, self.target);
        let (a, b, a_out, b_out) = (&a[..n], &b[..n], &mut a_out[..n], &mut b_out[..n]);
        let mut costs: Row = [0.0; BLOCK];
        let costs = &mut costs[..n];
        for i in 0..n {
            let known = !t[i].is_nan();
            let (sine, cosine) = sin_cos(2.0 * t[i]);
            let (da, db) = (a[i] - cosine, b[i] - sine);
            costs[i] = if known { 0.5 * (da * da + db * db) } else { 0.0 };
            a_out[i] = if known { scale * da } else { 0.0 };
            b_out[i] = if known { scale * db } else { 0.0 };
        }
        sum(costs)
    }
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
