//! Layer, root-mean-square and group normalisation.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, D, Layout, Result, Shape, Tensor, bail};

use crate::host::{is_fast, is_half, not_empty, read_all, single, slice, tensor};
use crate::kernels::isa::Isa;
use crate::kernels::layer_norm::{Rows, backward, forward};

/// `gamma (x - mean) / sqrt(variance + eps) + beta`, mean and variance over the last dimension.
///
/// Sums run around the mean, so large offsets do no harm. Gradients are constants: a
/// derivative of a gradient does not see this operation.
///
/// # Shapes
///
/// `x` and the result: `[..., D]`; `gamma` and `beta`: `[D]`.
///
/// # Errors
///
/// Shapes that do not fit each other, tensors without values, an `eps` that is not positive.
///
/// # References
///
/// Ba et al., *Layer Normalization* (2016).
pub fn layer_norm(x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f64) -> Result<Tensor> {
    let rows = last(x, "layer_norm", eps, true)?;
    affine("layer_norm", rows.size, [("gamma", gamma), ("beta", beta)])?;
    run(x, gamma, Some(beta), rows)
}

/// `gamma x / sqrt(mean of x^2 + eps)`, the mean over the last dimension.
///
/// # Shapes
///
/// `x` and the result: `[..., D]`; `gamma`: `[D]`.
///
/// # Errors
///
/// As [`layer_norm`].
///
/// # References
///
/// Zhang and Sennrich, *Root Mean Square Layer Normalization* (2019).
pub fn rms_norm(x: &Tensor, gamma: &Tensor, eps: f64) -> Result<Tensor> {
    let rows = last(x, "rms_norm", eps, false)?;
    affine("rms_norm", rows.size, [("gamma", gamma)])?;
    run(x, gamma, None, rows)
}

/// `gamma (x - mean) / sqrt(variance + eps) + beta`, mean and variance of an image over
/// groups of neighbouring channels, gamma and beta per channel.
///
/// # Shapes
///
/// `x` and the result: `[B, C, ...]`; `gamma` and `beta`: `[C]`.
///
/// # Errors
///
/// As [`layer_norm`]; groups that do not divide the channels.
///
/// # References
///
/// Wu and He, *Group Normalization* (2018).
pub fn group_norm(
    x: &Tensor,
    groups: usize,
    gamma: &Tensor,
    beta: &Tensor,
    eps: f64,
) -> Result<Tensor> {
    not_empty(x, "group_norm")?;
    check_eps("group_norm", eps)?;
    let [_, channels, sizes @ ..] = x.dims() else {
        bail!("group_norm: the input {:?} must be [B, C, ...]", x.shape())
    };
    if groups == 0 || !channels.is_multiple_of(groups) {
        bail!("group_norm: {groups} groups must divide the {channels} channels");
    }
    affine("group_norm", *channels, [("gamma", gamma), ("beta", beta)])?;
    let pixels = sizes.iter().product();
    let rows = Rows { size: channels / groups * pixels, pixels, groups, centred: true, eps };
    run(x, gamma, Some(beta), rows)
}

fn last(x: &Tensor, name: &str, eps: f64, centred: bool) -> Result<Rows> {
    not_empty(x, name)?;
    check_eps(name, eps)?;
    Ok(Rows { size: x.dim(D::Minus1)?, pixels: 1, groups: 1, centred, eps })
}

/// Fails unless `eps`, which keeps a variance of zero from being divided by, is positive and finite.
pub(crate) fn check_eps(name: &str, eps: f64) -> Result<()> {
    if !(eps > 0.0 && eps.is_finite()) {
        bail!("{name}: eps {eps} must be positive and finite; 1e-5 is usual");
    }
    Ok(())
}

fn affine<const N: usize>(name: &str, size: usize, vectors: [(&str, &Tensor); N]) -> Result<()> {
    for (vector, values) in vectors {
        if values.dims() != [size] {
            bail!("{name}: {vector} {:?} must be [{size}]", values.shape());
        }
    }
    Ok(())
}

fn run(x: &Tensor, gamma: &Tensor, beta: Option<&Tensor>, rows: Rows) -> Result<Tensor> {
    if !(is_fast(x) && is_fast(gamma) && beta.is_none_or(is_fast)) {
        return composed(x, gamma, beta, rows);
    }
    let op = RowNorm { isa: Isa::detect(), rows, statistics: OnceLock::new() };
    let (x, gamma) = (x.contiguous()?, gamma.contiguous()?);
    match beta {
        Some(beta) => x.apply_op3(&gamma, &beta.contiguous()?, op),
        None => x.apply_op2(&gamma, op),
    }
}

/// The same by Candle's operations.
fn composed(x: &Tensor, gamma: &Tensor, beta: Option<&Tensor>, r: Rows) -> Result<Tensor> {
    let dtype = x.dtype();
    if is_half(dtype) {
        // Squares of halves overflow, and their sums lose most digits.
        let beta = beta.map(single).transpose()?;
        return composed(&single(x)?, &single(gamma)?, beta.as_ref(), r)?.to_dtype(dtype);
    }
    let count = x.elem_count() / r.size;
    let mut z = x.contiguous()?.reshape((count, r.size))?;
    if r.centred {
        z = z.broadcast_sub(&z.mean_keepdim(1)?)?;
    }
    let variance = z.sqr()?.mean_keepdim(1)?;
    let z = z.broadcast_div(&(variance + r.eps)?.sqrt()?)?;
    let channels = gamma.elem_count();
    let z = z.reshape((x.elem_count() / (channels * r.pixels), channels, r.pixels))?;
    let mut y = z.broadcast_mul(&gamma.reshape((1, channels, 1))?)?;
    if let Some(beta) = beta {
        y = y.broadcast_add(&beta.reshape((1, channels, 1))?)?;
    }
    y.reshape(x.shape())
}

/// A recorded normalisation; the statistics come from its forward pass.
struct RowNorm {
    isa: Isa,
    rows: Rows,
    statistics: OnceLock<Vec<[f32; 2]>>,
}

impl RowNorm {
    fn forward(
        &self,
        x: (&CpuStorage, &Layout),
        gamma: (&CpuStorage, &Layout),
        beta: Option<(&CpuStorage, &Layout)>,
    ) -> Result<(CpuStorage, Shape)> {
        let beta = beta.map(|(storage, layout)| slice(storage, layout)).transpose()?;
        let (values, gamma) = (slice(x.0, x.1)?, slice(gamma.0, gamma.1)?);
        let (out, statistics) = forward(self.isa, self.rows, values, gamma, beta);
        // The operation runs once; a second run would write the same.
        drop(self.statistics.set(statistics));
        Ok((CpuStorage::F32(out), x.1.shape().clone()))
    }

    fn backward(&self, x: &Tensor, gamma: &Tensor, g: &Tensor) -> Result<[Tensor; 3]> {
        let Some(statistics) = self.statistics.get() else {
            bail!("layer_norm: backward before forward")
        };
        let [dx, dgamma, dbeta] = read_all([x, gamma, g], |[x, gamma, g]| {
            backward(self.isa, self.rows, x, gamma, statistics, g)
        })?;
        Ok([tensor(dx, x)?, tensor(dgamma, gamma)?, tensor(dbeta, gamma)?])
    }
}

impl CustomOp2 for RowNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gamma: &CpuStorage,
        gamma_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward((x, x_layout), (gamma, gamma_layout), None)
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        _: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [dx, dgamma, _] = self.backward(x, gamma, g)?;
        Ok((Some(dx), Some(dgamma)))
    }
}

impl CustomOp3 for RowNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gamma: &CpuStorage,
        gamma_layout: &Layout,
        beta: &CpuStorage,
        beta_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward((x, x_layout), (gamma, gamma_layout), Some((beta, beta_layout)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        _: &Tensor,
        _: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [dx, dgamma, dbeta] = self.backward(x, gamma, g)?;
        Ok((Some(dx), Some(dgamma), Some(dbeta)))
    }
}
