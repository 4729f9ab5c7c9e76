//! Convolutions, each with batch norm and `ReLU`, as one recorded operation.

mod backward;
mod forward;
mod links;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};

use self::forward::Saved;
use self::links::Link;
use crate::activation::relu;
use crate::batch_norm::{BatchStatistics, Statistics, batch_norm2d, check};
use crate::concat::cat_channels;
use crate::conv::{Conv, Conv2dConfig, conv2d, fitted};
use crate::host::{is_fast, not_empty};

/// One layer of a [`conv_stage`]: a convolution without bias, a batch norm and
/// perhaps a `ReLU`.
#[derive(Clone, Copy, Debug)]
pub struct StageLayer<'a> {
    /// Weights of the convolution, `[O, C / groups, KH, KW]`.
    pub weight: &'a Tensor,
    /// How the kernel moves.
    pub config: Conv2dConfig,
    /// Scale of the norm, `[O]`.
    pub gamma: &'a Tensor,
    /// Shift of the norm, `[O]`.
    pub beta: &'a Tensor,
    /// Mean and variance that the norm uses.
    pub statistics: Statistics<'a>,
    /// Added to the variance; positive.
    pub eps: f64,
    /// Whether a `ReLU` follows.
    pub relu: bool,
}

/// Runs `layers` on `xs`, joined along the channels, and adds `shortcut` before
/// the last layer's `ReLU`. With [`Statistics::Batch`] a layer's statistics come
/// back as well.
///
/// The result is that of [`cat_channels`], [`conv2d`], [`batch_norm2d`] and an
/// addition in turn. On the CPU in `f32` the stage is one operation in the graph,
/// which keeps only what the convolutions gave: 3x3 layers of stride 1 read two joined
/// tensors in place, apply the norm and `ReLU` of the layer below while they load,
/// and take sums for statistics and gradients while they write. Without variables
/// among the tensors nothing is kept, and norm, shortcut and `ReLU` happen as the
/// convolution writes.
///
/// Gradients are constants, see [`batch_norm2d`]. Backward passes through one result
/// must follow each other: the stage leaves the gradients of its parameters where the
/// pass finds them.
///
/// # Shapes
///
/// `xs`: `[B, Ci, H, W]` each; `shortcut` and the result: `[B, O, H', W']`, where
/// `O` are the outputs of the last layer.
///
/// # Errors
///
/// No tensor or no layer; those of [`conv2d`] and [`batch_norm2d`]; a shortcut of
/// another shape than the result.
pub fn conv_stage(
    xs: &[&Tensor],
    layers: &[StageLayer<'_>],
    shortcut: Option<&Tensor>,
) -> Result<(Tensor, Vec<Option<BatchStatistics>>)> {
    let (Some(first), false) = (xs.first(), layers.is_empty()) else {
        bail!("conv_stage: {} tensors and {} layers; at least one of each", xs.len(), layers.len());
    };
    let tensors = xs.iter().copied().chain(shortcut).chain(layers.iter().map(|l| l.weight));
    if !tensors.into_iter().all(is_fast) {
        return composed(xs, layers, shortcut);
    }
    // An operation takes three tensors: two inputs, or an input and the shortcut, and the links.
    let (first, second) = match (xs.len(), shortcut) {
        (1, _) => (first.contiguous()?, None),
        (2, None) => (first.contiguous()?, Some(xs[1].contiguous()?)),
        _ => (cat_channels(xs)?, None),
    };
    let shortcut = shortcut.map(Tensor::contiguous).transpose()?;
    let convs = plan((&first, second.as_ref()), layers, shortcut.as_ref())?;
    let tracked = |t: &Tensor| t.track_op();
    let records = tracked(&first)
        || second.as_ref().is_some_and(tracked)
        || shortcut.as_ref().is_some_and(tracked)
        || layers.iter().any(|l| [l.weight, l.gamma, l.beta].into_iter().any(tracked));
    let inputs = (&first, second.as_ref(), shortcut.as_ref());
    if !records && layers.iter().all(|l| matches!(l.statistics, Statistics::Given { .. })) {
        let out = forward::evaluate(&convs, layers, inputs)?;
        return Ok((out, vec![None; layers.len()]));
    }
    let (saved, out, statistics) = forward::train(convs, layers, inputs)?;
    if !records {
        let out = Tensor::from_vec(out, saved.last_shape(), first.device())?;
        return Ok((out, statistics));
    }
    record(saved, out, layers, inputs).map(|out| (out, statistics))
}

/// Fails unless all shapes fit; the convolutions with their kernels.
fn plan(
    (first, second): (&Tensor, Option<&Tensor>),
    layers: &[StageLayer<'_>],
    shortcut: Option<&Tensor>,
) -> Result<Vec<Conv>> {
    not_empty(first, "conv_stage")?;
    let (batch, mut channels, mut height, mut width) = first.dims4()?;
    if let Some(second) = second {
        let (b, c, h, w) = second.dims4()?;
        if (b, h, w) != (batch, height, width) || c == 0 {
            bail!(
                "conv_stage: inputs {:?} and {:?} may differ in channels only",
                first.shape(),
                second.shape()
            );
        }
        channels += c;
    }
    let mut convs = Vec::with_capacity(layers.len());
    for layer in layers {
        let geometry = fitted((batch, channels, height, width), layer.weight, None, &layer.config)?;
        let (rows, columns) = geometry.out_size();
        let values = (geometry.outputs, batch * rows * columns);
        let affine = (layer.gamma, layer.beta);
        check(values, first.dtype(), affine, &layer.statistics, layer.eps)?;
        channels = geometry.outputs;
        (height, width) = (rows, columns);
        convs.push(Conv::new(geometry));
    }
    if let Some(shortcut) = shortcut
        && shortcut.dims() != [batch, channels, height, width]
    {
        bail!(
            "conv_stage: the shortcut {:?} must have the shape of the result, {:?}",
            shortcut.shape(),
            [batch, channels, height, width]
        );
    }
    Ok(convs)
}

/// The same from single operations.
fn composed(
    xs: &[&Tensor],
    layers: &[StageLayer<'_>],
    shortcut: Option<&Tensor>,
) -> Result<(Tensor, Vec<Option<BatchStatistics>>)> {
    let mut x = if let [x] = xs { (*x).clone() } else { cat_channels(xs)? };
    let mut all = Vec::with_capacity(layers.len());
    for (index, layer) in layers.iter().enumerate() {
        let adds = shortcut.filter(|_| index + 1 == layers.len());
        let y = conv2d(&x, layer.weight, None, &layer.config)?;
        let affine = (layer.gamma, layer.beta);
        let fused = layer.relu && adds.is_none();
        let (z, statistics) = batch_norm2d(&y, affine, &layer.statistics, layer.eps, fused)?;
        x = match adds {
            Some(shortcut) if layer.relu => relu(&(z + shortcut)?)?,
            Some(shortcut) => (z + shortcut)?,
            None => z,
        };
        all.push(statistics);
    }
    Ok((x, all))
}

/// Puts the stage into the graph.
fn record(
    saved: Saved,
    out: Vec<f32>,
    layers: &[StageLayer<'_>],
    (first, second, shortcut): (&Tensor, Option<&Tensor>, Option<&Tensor>),
) -> Result<Tensor> {
    let links: Vec<Link> = layers.iter().map(|_| Link::default()).collect();
    let token = links::token(&links, layers)?;
    let op = Stage { saved, links, out: std::sync::Mutex::new(Some(out)) };
    match (second, shortcut) {
        (Some(second), _) => first.apply_op3(second, &token, op),
        (None, Some(shortcut)) => first.apply_op3(shortcut, &token, op),
        (None, None) => first.apply_op2(&token, op),
    }
}

/// The recorded operation. Its first arguments are the inputs or input and
/// shortcut, the last one is the token through which parameters get gradients.
struct Stage {
    saved: Saved,
    links: Vec<Link>,
    out: std::sync::Mutex<Option<Vec<f32>>>,
}

impl Stage {
    /// The result, which was computed before the operation was recorded.
    fn result(&self) -> Result<(CpuStorage, Shape)> {
        let out = self.out.lock().ok().and_then(|mut out| out.take());
        match out {
            Some(out) => Ok((CpuStorage::F32(out), self.saved.last_shape())),
            None => bail!("conv_stage: the result of a stage can be taken once"),
        }
    }
}

impl CustomOp2 for Stage {
    fn name(&self) -> &'static str {
        "conv-stage"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.result()
    }

    fn bwd(
        &self,
        x: &Tensor,
        token: &Tensor,
        result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [dx, _] = backward::run(&self.saved, &self.links, (x, None), (result, gradient))?;
        Ok((dx, links::gradient(token)?))
    }
}

impl CustomOp3 for Stage {
    fn name(&self) -> &'static str {
        "conv-stage"
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
        self.result()
    }

    fn bwd(
        &self,
        x: &Tensor,
        second: &Tensor,
        token: &Tensor,
        result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let inputs = (x, Some(second));
        let [dx, second] = backward::run(&self.saved, &self.links, inputs, (result, gradient))?;
        Ok((dx, second, links::gradient(token)?))
    }
}
