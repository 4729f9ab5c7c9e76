//! Attention.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp3, D, DType, Layout, Result, Shape, Storage, Tensor, bail};
use serde::{Deserialize, Serialize};

use crate::host::{
    is_fast, is_half, is_half_on_cpu, lowest, not_empty, read_all, single, slice, tensor,
};
use crate::kernels::attention::{Attention, Gradients, Mask, MaskValues, backward, forward};
use crate::kernels::isa::Isa;

/// Settings of [`scaled_dot_product_attention`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttentionConfig {
    /// Factor of the scores; without one, one over the root of the features of a query.
    pub scale: Option<f64>,
    /// Whether query `i` sees the keys `0..=i` only.
    pub causal: bool,
}

/// `softmax(scale q k' + mask) v` for every head.
///
/// On the CPU in `f32` the scores are computed in small blocks, in the backward pass once
/// more, so memory grows with `N + M` and not with `N M`. A query that sees no key (all of
/// its mask is minus infinity or zero) gives zeros and has no gradient.
///
/// A mask that is tracked (a learned bias) gets its gradient; then the scores are kept.
/// Gradients are constants: a derivative of a gradient does not see this operation.
///
/// # Shapes
///
/// `q`: `[B, Hd, N, D]`; `k`: `[B, Hd, M, D]`; `v`: `[B, Hd, M, E]`; result `[B, Hd, N, E]`.
/// `mask`: `[B, Hd, N, M]`, every size of which may be 1, and leading sizes may be missing:
/// floats that are added to the scores, or `u8`, where zero hides a key.
///
/// # Errors
///
/// Shapes that do not fit each other, a mask of another type, tensors without values, a
/// scale that is not finite.
///
/// # References
///
/// Vaswani et al., *Attention Is All You Need* (2017).
pub fn scaled_dot_product_attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    mask: Option<&Tensor>,
    config: &AttentionConfig,
) -> Result<Tensor> {
    let attention = checked(q, k, v, config)?;
    let mask = mask.map(|mask| expanded(mask, q, k)).transpose()?;
    if is_half_on_cpu(q) {
        let [q32, k32, v32] = [single(q)?, single(k)?, single(v)?];
        let y = scaled_dot_product_attention(&q32, &k32, &v32, mask.as_ref(), config)?;
        return y.to_dtype(q.dtype());
    }
    let learned = mask.as_ref().is_some_and(Tensor::track_op);
    if learned || !(is_fast(q) && is_fast(k) && is_fast(v)) {
        return composed(q, k, v, mask.as_ref(), config);
    }
    let op = Fused { isa: Isa::detect(), attention, mask, statistics: OnceLock::new() };
    q.contiguous()?.apply_op3(&k.contiguous()?, &v.contiguous()?, op)
}

fn checked(q: &Tensor, k: &Tensor, v: &Tensor, config: &AttentionConfig) -> Result<Attention> {
    const NAME: &str = "scaled_dot_product_attention";
    for x in [q, k, v] {
        not_empty(x, NAME)?;
    }
    let (b, heads, queries, features) = q.dims4()?;
    let (_, _, keys, _) = k.dims4()?;
    let (_, _, _, values) = v.dims4()?;
    if k.dims() != [b, heads, keys, features] || v.dims() != [b, heads, keys, values] {
        bail!(
            "{NAME}: q {:?}, k {:?} and v {:?} must be [B, Hd, N, D], [B, Hd, M, D] and [B, Hd, M, E]",
            q.shape(),
            k.shape(),
            v.shape()
        );
    }
    if q.dtype() != k.dtype() || q.dtype() != v.dtype() {
        bail!(
            "{NAME}: q, k and v must have one type, but are {:?}, {:?}, {:?}",
            q.dtype(),
            k.dtype(),
            v.dtype()
        );
    }
    let scale = scale(config, features);
    if !scale.is_finite() {
        bail!("{NAME}: scale {scale} must be finite");
    }
    #[expect(clippy::cast_possible_truncation, reason = "the kernels are in f32")]
    let scale = scale as f32;
    let causal = config.causal;
    Ok(Attention { heads: b * heads, queries, keys, features, values, scale, causal })
}

#[expect(clippy::cast_precision_loss, reason = "features are few")]
fn scale(config: &AttentionConfig, features: usize) -> f64 {
    config.scale.unwrap_or(1.0 / (features as f64).sqrt())
}

/// The mask as a view of `[B, Hd, N, M]`, floats in the type of `q`.
fn expanded(mask: &Tensor, q: &Tensor, k: &Tensor) -> Result<Tensor> {
    let (b, heads, queries, _) = q.dims4()?;
    let shape = (b, heads, queries, k.dim(2)?);
    let mask = match mask.dtype() {
        DType::U8 => mask.clone(),
        other if other.is_float() => mask.to_dtype(q.dtype())?,
        other => bail!(
            "scaled_dot_product_attention: the mask is {other:?}; it must be floats that are added, \
             or u8, where zero hides"
        ),
    };
    match mask.broadcast_as(shape) {
        Ok(mask) => Ok(mask),
        Err(_) => bail!(
            "scaled_dot_product_attention: mask {:?} does not fit the scores {shape:?}; every size \
             must be the same or 1",
            mask.shape()
        ),
    }
}

/// The same by Candle's operations, with all scores in memory.
fn composed(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    mask: Option<&Tensor>,
    config: &AttentionConfig,
) -> Result<Tensor> {
    let scale = scale(config, q.dim(3)?);
    let k = k.transpose(2, 3)?.contiguous()?;
    let mut scores = (q.contiguous()?.matmul(&k)? * scale)?;
    if is_half(q.dtype()) {
        // Products in the device's own type, sums over keys not.
        scores = single(&scores)?;
    }
    let (n, m) = (scores.dim(2)?, scores.dim(3)?);
    let dtype = scores.dtype();
    if let Some(mask) = mask {
        if mask.dtype() == DType::U8 {
            // The logarithms of one and zero.
            let seen = mask.ne(0_u8)?.to_dtype(DType::F32)?;
            scores = (scores + seen.log()?.to_dtype(dtype)?)?;
        } else {
            scores = (scores + mask.to_dtype(dtype)?)?;
        }
    }
    if config.causal {
        let later =
            (0..n).flat_map(|i| (0..m).map(move |j| if j > i { f32::NEG_INFINITY } else { 0.0 }));
        let later = Tensor::from_vec(later.collect::<Vec<_>>(), (n, m), q.device())?;
        scores = scores.broadcast_add(&later.to_dtype(dtype)?)?;
    }
    // Finite, so that a row of minus infinities gives zeros.
    let largest = scores.detach().max_keepdim(D::Minus1)?.maximum(lowest(dtype))?;
    let weights = scores.broadcast_sub(&largest)?.exp()?;
    let sum = weights.sum_keepdim(D::Minus1)?;
    let empty = sum.detach().eq(0.0)?.to_dtype(dtype)?;
    weights.broadcast_div(&(sum + empty)?)?.to_dtype(v.dtype())?.matmul(&v.contiguous()?)
}

/// A recorded attention; the statistics of the queries come from its forward pass.
struct Fused {
    isa: Isa,
    attention: Attention,
    mask: Option<Tensor>,
    statistics: OnceLock<Vec<[f32; 2]>>,
}

impl Fused {
    /// Runs `body` with the values of the mask.
    fn with_mask<R>(&self, body: impl FnOnce(Option<Mask<'_>>) -> Result<R>) -> Result<R> {
        let Some(mask) = &self.mask else { return body(None) };
        let (storage, layout) = mask.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else {
            bail!("scaled_dot_product_attention: the mask must be on the CPU, as the queries are")
        };
        let from = layout.start_offset();
        let values = match storage {
            CpuStorage::F32(values) => MaskValues::Additive(&values[from..]),
            CpuStorage::U8(values) => MaskValues::Boolean(&values[from..]),
            _ => bail!("scaled_dot_product_attention: the mask must be f32 or u8"),
        };
        let [b, h, n, m] = *layout.stride() else {
            bail!("scaled_dot_product_attention: the mask must have four sizes")
        };
        let (_, heads, _, _) = layout.shape().dims4()?;
        body(Some(Mask { values, heads, strides: [b, h, n, m] }))
    }
}

impl CustomOp3 for Fused {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        k: &CpuStorage,
        k_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let qkv = (slice(q, q_layout)?, slice(k, k_layout)?, slice(v, v_layout)?);
        let (out, statistics) =
            self.with_mask(|mask| Ok(forward(self.isa, self.attention, qkv, mask)))?;
        // The operation runs once; a second run would write the same.
        drop(self.statistics.set(statistics));
        let (b, heads, n, _) = q_layout.shape().dims4()?;
        Ok((CpuStorage::F32(out), (b, heads, n, self.attention.values).into()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let Some(statistics) = self.statistics.get() else {
            bail!("scaled_dot_product_attention: backward before forward")
        };
        let [dq, dk, dv] =
            read_all([q, k, v, result, gradient], |[q, k, v, result, gradient]| {
                let gradients = Gradients { result, gradient, statistics };
                self.with_mask(|mask| {
                    Ok(backward(self.isa, self.attention, (q, k, v), mask, gradients))
                })
            })??;
        Ok((Some(tensor(dq, q)?), Some(tensor(dk, k)?), Some(tensor(dv, v)?)))
    }
}
