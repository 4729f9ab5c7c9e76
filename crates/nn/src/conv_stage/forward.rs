//! The forward pass of a stage.

use candle_core::{Result, Shape, Tensor};

use super::StageLayer;
use crate::batch_norm::{BatchStatistics, Setup, Statistics};
use crate::conv::Conv;
use crate::host::read;
use crate::kernels::epilogue::Epilogue;
use crate::kernels::moments::{moments, moments_of_sums};
use crate::kernels::norm::{Affine, Mode, Planes, apply, apply_add, apply_into};
use crate::kernels::scratch::with_scratch;
use crate::kernels::winograd::forward::{convolve, convolve_with_moments};
use crate::kernels::winograd::load::{Map, Source, Stack};
use crate::weighted::Weighted;

/// A layer as the backward pass needs it.
pub(super) struct Layer {
    /// The convolution.
    pub(super) conv: Conv,
    /// Sizes of its result.
    pub(super) planes: Planes,
    /// Its result.
    pub(super) y: Vec<f32>,
    /// The norm of every channel and its inverse deviation.
    pub(super) maps: Vec<(Affine, f64)>,
    /// The norm alone.
    pub(super) affine: Vec<Affine>,
    /// What the norm does.
    pub(super) mode: Mode,
    /// The weights of the convolution.
    pub(super) weight: Tensor,
    /// Whether the weights, gamma or beta want a gradient.
    pub(super) learns: bool,
}

/// What a stage keeps for its backward pass.
pub(super) struct Saved {
    /// The layers.
    pub(super) layers: Vec<Layer>,
    /// Whether a shortcut is added.
    pub(super) shortcut: bool,
}

impl Saved {
    /// The shape of the stage's result.
    pub(super) fn last_shape(&self) -> Shape {
        self.layers.last().map_or_else(|| Shape::from(0), |layer| layer.conv.out_shape())
    }
}

/// The tensors of a stage: first input, second input, shortcut.
pub(super) type Inputs<'a> = (&'a Tensor, Option<&'a Tensor>, Option<&'a Tensor>);

/// Runs `body` with the values of the inputs.
pub(super) fn with_stack<R>(
    (first, second): (&Tensor, Option<&Tensor>),
    body: impl FnOnce(Stack<'_>) -> R,
) -> Result<R> {
    let channels = first.dim(1)?;
    match second {
        None => read(first, |x| body(Stack::new((x, channels), None))),
        Some(second) => {
            let more = second.dim(1)?;
            read(first, |x| read(second, |s| body(Stack::new((x, channels), Some((s, more))))))?
        }
    }
}

/// Runs `body` with the values of a source in one buffer, as the kernels other
/// than Winograd's take them.
pub(super) fn with_values<R>(
    conv: &Conv,
    source: &Source<'_>,
    body: impl FnOnce(&[f32]) -> R,
) -> R {
    let planes = conv.in_planes();
    match (source.map, source.stack.single()) {
        (Map::Plain, Some(values)) => body(values),
        (Map::Norm { maps, relu }, Some(values)) => with_scratch([values.len()], |[to]| {
            apply_into(conv.isa(), planes, values, maps, relu, to);
            body(to)
        }),
        // Only the inputs of a stage are joined, and they are read as they are.
        _ => with_scratch([planes.len()], |[to]| {
            source.stack.copy_to(planes, to);
            body(to)
        }),
    }
}

/// Forward with given statistics where nothing is recorded: norm, shortcut and
/// `ReLU` are applied as the convolutions write.
pub(super) fn evaluate(
    convs: &[Conv],
    layers: &[StageLayer<'_>],
    (first, second, shortcut): Inputs<'_>,
) -> Result<Tensor> {
    let mut below: Option<Vec<f32>> = None;
    for (index, (conv, layer)) in convs.iter().zip(layers).enumerate() {
        let setup = setup(layer, None)?;
        let (scale, shift): (Vec<f32>, Vec<f32>) =
            setup.maps.iter().map(|(map, _)| folded(map)).unzip();
        let adds = shortcut.filter(|_| index + 1 == convs.len());
        let run = |stack: Stack<'_>, add: Option<&[f32]>| {
            let epilogue =
                Epilogue { scale: Some(&scale), shift: Some(&shift), add, relu: layer.relu };
            let source = Source { stack, map: Map::Plain };
            read(layer.weight, |weight| match conv.tiled() {
                Some(g) => convolve(conv.isa(), &g, &source, weight, &epilogue),
                None => with_values(conv, &source, |x| conv.finish(x, weight, &epilogue)),
            })
        };
        let with_add = |stack: Stack<'_>| match adds {
            Some(shortcut) => read(shortcut, |add| run(stack, Some(add)))?,
            None => run(stack, None),
        };
        below = Some(match &below {
            Some(x) => with_add(Stack::new((x, conv.in_planes().channels), None))?,
            None => with_stack((first, second), with_add)??,
        });
    }
    let shape = convs.last().map_or_else(|| Shape::from(0), Conv::out_shape);
    Tensor::from_vec(below.unwrap_or_default(), shape, first.device())
}

/// `(x - mean) * scale + shift` as a factor and a term.
#[expect(clippy::cast_possible_truncation, reason = "the kernels run in f32")]
fn folded(map: &Affine) -> (f32, f32) {
    let term = f64::from(map.shift) - f64::from(map.mean) * f64::from(map.scale);
    (map.scale, term as f32)
}

fn setup(layer: &StageLayer<'_>, moments: Option<(Vec<(f64, f64)>, Planes)>) -> Result<Setup> {
    let affine = (layer.gamma, layer.beta);
    match (layer.statistics, moments) {
        (Statistics::Given { mean, variance }, _) => {
            Setup::given(mean, variance, affine, layer.eps)
        }
        (Statistics::Batch, Some((values, planes))) => {
            Setup::of_batch(values, affine, layer.eps, planes)
        }
        (Statistics::Batch, None) => candle_core::bail!("conv_stage: no statistics of the batch"),
    }
}

/// Forward that keeps what the backward pass needs; the result comes beside it.
pub(super) fn train(
    convs: Vec<Conv>,
    layers: &[StageLayer<'_>],
    (first, second, shortcut): Inputs<'_>,
) -> Result<(Saved, Vec<f32>, Vec<Option<BatchStatistics>>)> {
    let mut done: Vec<Layer> = Vec::with_capacity(layers.len());
    let mut statistics = Vec::with_capacity(layers.len());
    for (conv, layer) in convs.into_iter().zip(layers) {
        let (y, moments) = match done.last() {
            Some(below) => raw(&conv, layer, &below.activated())?,
            None => with_stack((first, second), |stack| {
                raw(&conv, layer, &Source { stack, map: Map::Plain })
            })??,
        };
        let planes = conv.out_planes();
        let Setup { maps, batch } = setup(layer, moments.map(|values| (values, planes)))?;
        done.push(Layer {
            conv,
            planes,
            y,
            affine: maps.iter().map(|(map, _)| *map).collect(),
            maps,
            mode: Mode { relu: layer.relu, batch_statistics: batch.is_some() },
            weight: layer.weight.clone(),
            learns: [layer.weight, layer.gamma, layer.beta].iter().any(|t| t.track_op()),
        });
        statistics.push(batch);
    }
    let out = match done.last() {
        Some(last) => last.result(shortcut)?,
        None => Vec::new(),
    };
    Ok((Saved { layers: done, shortcut: shortcut.is_some() }, out, statistics))
}

type Moments = Option<Vec<(f64, f64)>>;

/// The convolution of a layer, and mean and variance of its channels if the norm wants them.
fn raw(conv: &Conv, layer: &StageLayer<'_>, source: &Source<'_>) -> Result<(Vec<f32>, Moments)> {
    let (isa, planes) = (conv.isa(), conv.out_planes());
    let batch = matches!(layer.statistics, Statistics::Batch);
    read(layer.weight, |weight| match conv.tiled() {
        Some(g) if batch => {
            let (y, sums) = convolve_with_moments(isa, &g, source, weight);
            let moments = moments_of_sums(isa, planes, &y, &sums);
            (y, Some(moments))
        }
        Some(g) => (convolve(isa, &g, source, weight, &Epilogue::default()), None),
        None => {
            let y = with_values(conv, source, |x| conv.forward(x, weight, None));
            let moments = batch.then(|| moments(isa, planes, &y));
            (y, moments)
        }
    })
}

impl Layer {
    /// The layer's activations as the next one reads them.
    pub(super) fn activated(&self) -> Source<'_> {
        Source {
            stack: Stack::new((&self.y, self.planes.channels), None),
            map: Map::Norm { maps: &self.affine, relu: self.mode.relu },
        }
    }

    /// The layer's activations.
    fn result(&self, shortcut: Option<&Tensor>) -> Result<Vec<f32>> {
        let (isa, maps) = (self.conv.isa(), &self.affine);
        match shortcut {
            Some(shortcut) => read(shortcut, |add| {
                apply_add(isa, self.planes, (&self.y, add), maps, self.mode.relu)
            }),
            None => Ok(apply(isa, self.planes, &self.y, maps, self.mode.relu)),
        }
    }
}
