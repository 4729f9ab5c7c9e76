//! Convolution, batch norm and `ReLU` as one recorded operation.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use crate::batch_norm::{BatchStatistics, Setup, Statistics, batch_norm2d, check};
use crate::conv::{Conv, Conv2dConfig, checked, conv2d};
use crate::host::{is_fast, read, tensor};
use crate::kernels::norm::{Affine, Mode, Planes, apply, apply_in_place, gradients_into, moments};
use crate::kernels::scratch::with_scratch;

/// [`conv2d`] without bias followed by [`batch_norm2d`], `norm` being gamma,
/// beta, statistics and eps.
///
/// On the CPU in `f32` the two are one operation: the gradient between them
/// lives in a kept buffer, and the graph has one edge less. Without variables
/// among the tensors nothing is recorded and the result is normalised in place.
///
/// # Errors
///
/// Those of [`conv2d`] and of [`batch_norm2d`].
pub fn conv_batch_norm2d(
    x: &Tensor,
    weight: &Tensor,
    config: &Conv2dConfig,
    norm: (&Tensor, &Tensor, Statistics<'_>, f64),
    relu: bool,
) -> Result<(Tensor, Option<BatchStatistics>)> {
    let (gamma, beta, statistics, eps) = norm;
    if !is_fast(x) || !is_fast(weight) {
        let y = conv2d(x, weight, None, config)?;
        return batch_norm2d(&y, (gamma, beta), &statistics, eps, relu);
    }
    let conv = Conv::new(checked(x, weight, None, config)?);
    let (planes, isa) = (conv.out_planes(), conv.isa());
    check(planes.channels, (gamma, beta), &statistics, eps)?;
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    let mut y = read(&x, |x| read(&weight, |w| conv.forward(x, w, None)))??;
    let Setup { maps, batch } = match statistics {
        Statistics::Batch => Setup::of_batch(moments(isa, planes, &y), (gamma, beta), eps, planes)?,
        Statistics::Given { mean, variance } => Setup::given(mean, variance, (gamma, beta), eps)?,
    };
    if ![&x, &weight, gamma, beta].iter().any(|t| t.track_op()) {
        let affine: Vec<Affine> = maps.iter().map(|(map, _)| *map).collect();
        apply_in_place(isa, planes, &mut y, &affine, relu);
        return Ok((Tensor::from_vec(y, conv.out_shape(), x.device())?, batch));
    }
    // An operation takes three tensors: gamma and beta go as one.
    let affine = Tensor::cat(&[gamma, beta], 0)?;
    let op = ConvNorm { conv, planes, y, maps, relu, batch_statistics: batch.is_some() };
    Ok((x.apply_op3(&weight, &affine, op)?, batch))
}

/// The recorded operation, with what the convolution gave.
struct ConvNorm {
    conv: Conv,
    planes: Planes,
    y: Vec<f32>,
    maps: Vec<(Affine, f64)>,
    relu: bool,
    batch_statistics: bool,
}

impl CustomOp3 for ConvNorm {
    fn name(&self) -> &'static str {
        "conv2d-batch-norm2d"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let maps: Vec<Affine> = self.maps.iter().map(|(map, _)| *map).collect();
        let out = apply(self.conv.isa(), self.planes, &self.y, &maps, self.relu);
        Ok((CpuStorage::F32(out), self.conv.out_shape()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        affine: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let mode = Mode { relu: self.relu, batch_statistics: self.batch_statistics };
        let (wants_x, wants_weight) = (x.track_op(), weight.track_op());
        let (dx, dw, daffine) = with_scratch([self.y.len()], |[dy]| -> Result<_> {
            let (mut dgamma, dbeta) = read(gradient, |g| {
                gradients_into(self.conv.isa(), self.planes, (&self.y, g), &self.maps, mode, dy)
            })?;
            dgamma.extend(dbeta);
            let (dx, dw) = read(x, |x| {
                read(weight, |w| self.conv.gradients((x, wants_x), (w, wants_weight), dy))
            })??;
            Ok((dx, dw, dgamma))
        })?;
        Ok((
            dx.map(|values| tensor(values, x)).transpose()?,
            dw.map(|values| tensor(values, weight)).transpose()?,
            affine.track_op().then(|| tensor(daffine, affine)).transpose()?,
        ))
    }
}
