//! Dropout whose masks come from a seed.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::host::{is_fast, not_empty, read, slice, tensor};

/// Values of a task.
const TASK: usize = 1 << 14;

/// Every value zero with probability `p`, else divided by `1 - p`. The mask is a function of
/// the seed and of the place of a value alone: the same at any number of threads and on every
/// device.
///
/// # Shapes
///
/// Any; the result has the same.
///
/// # Errors
///
/// A probability outside 0 to 1, tensors without values.
///
/// # References
///
/// Srivastava et al., *Dropout* (2014).
pub fn dropout(x: &Tensor, p: f64, seed: u64) -> Result<Tensor> {
    run(x, p, seed, 1, "dropout")
}

/// [`dropout`] of whole samples: the branch of a residual network is left out per image.
///
/// # Shapes
///
/// `[B, ...]`; the result has the same.
///
/// # Errors
///
/// As [`dropout`].
///
/// # References
///
/// Huang et al., *Deep Networks with Stochastic Depth* (2016).
pub fn drop_path(x: &Tensor, p: f64, seed: u64) -> Result<Tensor> {
    let per_sample = x.dims().iter().skip(1).product();
    run(x, p, seed, per_sample, "drop_path")
}

fn run(x: &Tensor, p: f64, seed: u64, repeat: usize, name: &'static str) -> Result<Tensor> {
    not_empty(x, name)?;
    check_probability(name, p)?;
    if p <= 0.0 {
        return Ok(x.clone());
    }
    let mask = Mask::new(p, seed, repeat);
    if is_fast(x) {
        return x.contiguous()?.apply_op1(Dropout { mask, name });
    }
    let ones = vec![1.0; x.elem_count() / repeat];
    let drawn = Mask { repeat: 1, ..mask }.apply(&ones);
    let shape = if repeat == 1 {
        x.dims().to_vec()
    } else {
        let sample = |(i, size): (usize, &usize)| if i == 0 { *size } else { 1 };
        x.dims().iter().enumerate().map(sample).collect()
    };
    x.broadcast_mul(&Tensor::from_vec(drawn, shape, x.device())?.to_dtype(x.dtype())?)
}

/// Fails unless `p` is from 0 to 1.
pub(crate) fn check_probability(name: &str, p: f64) -> Result<()> {
    if !(0.0..=1.0).contains(&p) {
        bail!("{name}: probability {p} must be from 0 to 1");
    }
    Ok(())
}

/// Which values stay, by a hash of seed and place.
#[derive(Clone, Copy)]
struct Mask {
    /// Hashes below it are dropped; out of 2^32.
    limit: u64,
    /// Factor of what stays.
    factor: f32,
    seed: u64,
    /// Values that share a fate.
    repeat: usize,
}

impl Mask {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a probability times 2^32 fits"
    )]
    fn new(p: f64, seed: u64, repeat: usize) -> Self {
        let limit = (p * 4_294_967_296.0).round() as u64;
        // Where everything is dropped the factor is never used.
        let factor = if p < 1.0 { (1.0 / (1.0 - p)) as f32 } else { 0.0 };
        Self { limit, factor, seed: mix(seed), repeat }
    }

    fn factor(&self, place: usize) -> f32 {
        let hash = mix(self.seed.wrapping_add((place as u64).wrapping_mul(STEP)));
        if hash >> 32 < self.limit { 0.0 } else { self.factor }
    }

    fn apply(&self, x: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; x.len()];
        out.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).enumerate().for_each(
            |(part, (out, x))| {
                let first = part * TASK;
                for (i, (out, x)) in out.iter_mut().zip(x).enumerate() {
                    let factor = self.factor((first + i) / self.repeat);
                    // What is dropped is zero even where it was infinite.
                    *out = if factor > 0.0 { x * factor } else { 0.0 };
                }
            },
        );
        out
    }
}

/// The step of the counter: two to the 64 over the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// `SplitMix64`'s mixing of the bits (Steele et al., 2014).
fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A recorded dropout: the mask is drawn again for the gradient.
struct Dropout {
    mask: Mask,
    name: &'static str,
}

impl CustomOp1 for Dropout {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let out = self.mask.apply(slice(storage, layout)?);
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(tensor(read(gradient, |g| self.mask.apply(g))?, x)?))
    }
}
