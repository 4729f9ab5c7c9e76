//! Batch normalisation with an optional `ReLU` behind it.

use candle_core::{CpuStorage, CustomOp3, D, DType, Layout, Result, Shape, Tensor, bail};

use crate::activation::relu as composed_relu;
use crate::host::{doubles, is_fast, is_half, not_empty, read, single, slice, tensor};
use crate::kernels::isa::Isa;
use crate::kernels::moments::moments;
use crate::kernels::norm::{Affine, Mode, Planes, apply, gradients};
use crate::layer_norm::check_eps;

/// Which mean and variance a batch norm uses.
#[derive(Clone, Copy, Debug)]
pub enum Statistics<'a> {
    /// Those of the batch; the gradient takes them into account (training).
    Batch,
    /// Given ones, as constants (evaluation).
    Given {
        /// Mean of every channel, `[C]`.
        mean: &'a Tensor,
        /// Variance of every channel, `[C]`, not negative.
        variance: &'a Tensor,
    },
}

/// Mean and variance of the channels of one batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchStatistics {
    /// Mean of every channel.
    pub mean: Vec<f64>,
    /// Biased variance of every channel (divided by `count`).
    pub variance: Vec<f64>,
    /// Values per channel: batch times height times width.
    pub count: usize,
}

/// `gamma (x - mean) / sqrt(variance + eps) + beta` per channel, followed by
/// `max(0, .)` where `relu` is set. With [`Statistics::Batch`] the statistics
/// come back as well.
///
/// The gradient of the `ReLU` at zero is zero. Sums run over partial sums in
/// `f64` and around the mean, so large offsets do no harm.
///
/// Gradients are constants: a derivative of a gradient does not see this
/// operation, and no error says so.
///
/// # Shapes
///
/// `x` and the result: `[B, C, H, W]`; `affine`: gamma and beta, `[C]` each.
///
/// # Errors
///
/// Shapes or types that do not fit each other, tensors without values, a batch of one value
/// per channel ([`Statistics::Batch`]), an `eps` that is not positive.
///
/// # References
///
/// Ioffe and Szegedy, *Batch Normalization* (2015).
pub fn batch_norm2d(
    x: &Tensor,
    affine: (&Tensor, &Tensor),
    statistics: &Statistics<'_>,
    eps: f64,
    relu: bool,
) -> Result<(Tensor, Option<BatchStatistics>)> {
    not_empty(x, "batch_norm2d")?;
    let (batch, channels, height, width) = x.dims4()?;
    check((channels, batch * height * width), x.dtype(), affine, statistics, eps)?;
    if !is_fast(x) {
        return composed(x, affine, statistics, eps, relu);
    }
    let isa = Isa::detect();
    let x = x.contiguous()?;
    let planes = Planes { batch, channels, pixels: height * width };
    let setup = match statistics {
        Statistics::Batch => {
            Setup::of_batch(read(&x, |x| moments(isa, planes, x))?, affine, eps, planes)?
        }
        Statistics::Given { mean, variance } => Setup::given(mean, variance, affine, eps)?,
    };
    let Setup { maps, batch } = setup;
    let op = BatchNorm { isa, planes, maps, relu, batch_statistics: batch.is_some() };
    Ok((x.apply_op3(&affine.0.contiguous()?, &affine.1.contiguous()?, op)?, batch))
}

/// Fails unless every vector has one value per channel, gamma and beta are of the type of the
/// input, `eps` is positive and a batch has a variance: several values per channel.
pub(crate) fn check(
    (channels, values): (usize, usize),
    dtype: DType,
    affine: (&Tensor, &Tensor),
    statistics: &Statistics<'_>,
    eps: f64,
) -> Result<()> {
    let mut vectors = vec![("gamma", affine.0), ("beta", affine.1)];
    if let Statistics::Given { mean, variance } = statistics {
        vectors.extend([("mean", *mean), ("variance", *variance)]);
    }
    for (name, vector) in [("gamma", affine.0), ("beta", affine.1)] {
        if vector.dtype() != dtype {
            bail!(
                "batch_norm2d: {name} is {:?}, the input {dtype:?}; convert one of them",
                vector.dtype()
            );
        }
    }
    for (name, vector) in vectors {
        if vector.dims() != [channels] {
            bail!(
                "batch_norm2d: {name} {:?} must be [{channels}], the channels of the input",
                vector.shape()
            );
        }
    }
    if matches!(statistics, Statistics::Batch) && values < 2 {
        bail!(
            "batch_norm2d: one value per channel, whose variance is zero; train with larger batches or \
             pictures"
        );
    }
    check_eps("batch_norm2d", eps)
}

/// What the kernels need to know, and the statistics of the batch if they were used.
pub(crate) struct Setup {
    /// The affine map of every channel and its inverse deviation.
    pub(crate) maps: Vec<(Affine, f64)>,
    /// The statistics of the batch.
    pub(crate) batch: Option<BatchStatistics>,
}

impl Setup {
    /// From mean and biased variance of every channel of the batch.
    pub(crate) fn of_batch(
        values: Vec<(f64, f64)>,
        affine: (&Tensor, &Tensor),
        eps: f64,
        p: Planes,
    ) -> Result<Self> {
        let maps = maps(&values, affine.0, affine.1, eps)?;
        let (mean, variance) = values.into_iter().unzip();
        let count = p.batch * p.pixels;
        Ok(Self { maps, batch: Some(BatchStatistics { mean, variance, count }) })
    }

    /// From given mean and variance.
    pub(crate) fn given(
        mean: &Tensor,
        variance: &Tensor,
        affine: (&Tensor, &Tensor),
        eps: f64,
    ) -> Result<Self> {
        let values: Vec<(f64, f64)> = doubles(mean)?.into_iter().zip(doubles(variance)?).collect();
        Ok(Self { maps: maps(&values, affine.0, affine.1, eps)?, batch: None })
    }
}

/// The affine map of every channel and its inverse deviation.
#[expect(clippy::cast_possible_truncation, reason = "the kernels run in f32")]
fn maps(
    values: &[(f64, f64)],
    gamma: &Tensor,
    beta: &Tensor,
    eps: f64,
) -> Result<Vec<(Affine, f64)>> {
    let parameters = doubles(gamma)?.into_iter().zip(doubles(beta)?);
    let maps = values.iter().zip(parameters).map(|((mean, variance), (gamma, beta))| {
        let inverse = 1.0 / (variance + eps).sqrt();
        (
            Affine { mean: *mean as f32, scale: (gamma * inverse) as f32, shift: beta as f32 },
            inverse,
        )
    });
    Ok(maps.collect())
}

/// The same from Candle's operations.
fn composed(
    x: &Tensor,
    affine: (&Tensor, &Tensor),
    statistics: &Statistics<'_>,
    eps: f64,
    relu: bool,
) -> Result<(Tensor, Option<BatchStatistics>)> {
    let dtype = x.dtype();
    if is_half(dtype) {
        // Squares of halves overflow, and their sums lose most digits.
        let (gamma, beta) = (single(affine.0)?, single(affine.1)?);
        let (y, own) = composed(&single(x)?, (&gamma, &beta), statistics, eps, relu)?;
        return Ok((y.to_dtype(dtype)?, own));
    }
    let (batch, channels, height, width) = x.dims4()?;
    let wide = |vector: &Tensor| vector.reshape((1, channels, 1, 1));
    let (centred, variance, own) = match statistics {
        Statistics::Batch => {
            let flat =
                x.transpose(0, 1)?.contiguous()?.reshape((channels, batch * height * width))?;
            let mean = flat.mean(D::Minus1)?;
            let centred = x.broadcast_sub(&wide(&mean)?)?;
            let variance = flat.broadcast_sub(&mean.unsqueeze(1)?)?.sqr()?.mean(D::Minus1)?;
            let own = BatchStatistics {
                mean: doubles(&mean)?,
                variance: doubles(&variance)?,
                count: batch * height * width,
            };
            (centred, variance, Some(own))
        }
        Statistics::Given { mean, variance } => (
            x.broadcast_sub(&wide(&mean.detach().to_dtype(x.dtype())?)?)?,
            variance.detach().to_dtype(x.dtype())?,
            None,
        ),
    };
    let inverse = (variance + eps)?.sqrt()?.recip()?;
    let scaled = centred.broadcast_mul(&wide(&(affine.0 * inverse)?)?)?;
    let y = scaled.broadcast_add(&wide(affine.1)?)?;
    Ok((if relu { composed_relu(&y)? } else { y }, own))
}

/// A recorded normalisation. Mean and variance are plain numbers here, so a
/// backward pass may run any number of times.
struct BatchNorm {
    isa: Isa,
    planes: Planes,
    maps: Vec<(Affine, f64)>,
    relu: bool,
    batch_statistics: bool,
}

impl CustomOp3 for BatchNorm {
    fn name(&self) -> &'static str {
        "batch-norm2d"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let maps: Vec<Affine> = self.maps.iter().map(|(map, _)| *map).collect();
        let out = apply(self.isa, self.planes, slice(s1, l1)?, &maps, self.relu);
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let mode = Mode { relu: self.relu, batch_statistics: self.batch_statistics };
        let wanted = x.track_op();
        let (dx, dgamma, dbeta) = read(gradient, |g| {
            read(x, |x| gradients(self.isa, self.planes, (x, g), &self.maps, mode, wanted))
        })??;
        Ok((
            dx.map(|values| tensor(values, x)).transpose()?,
            gamma.track_op().then(|| tensor(dgamma, gamma)).transpose()?,
            beta.track_op().then(|| tensor(dbeta, beta)).transpose()?,
        ))
    }
}
