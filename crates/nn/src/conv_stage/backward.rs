//! The backward pass of a stage.

use candle_core::{Result, Tensor};

use super::forward::{Layer, Saved, with_stack, with_values};
use super::links::{Link, ParameterGradients};
use crate::host::{read, tensor};
use crate::kernels::norm::{
    Affine, BackAffine, apply_back, back_map, gate_sums, parameter_gradients, pass_positive,
};
use crate::kernels::scratch::with_scratch;
use crate::kernels::winograd::backward::gradients;
use crate::kernels::winograd::load::{Map, Source, Stack};
use crate::kernels::winograd::store::Finish;
use crate::weighted::Weighted;

/// What a layer gives to the one below: the gradient of that one's activations,
/// and its gated sums.
struct Below {
    gradient: Vec<f32>,
    sums: Vec<(f64, f64)>,
}

/// Leaves the gradients of the parameters in `links` and returns those of the
/// inputs, or of input and shortcut, where they are wanted.
pub(super) fn run(
    saved: &Saved,
    links: &[Link],
    (x, second): (&Tensor, Option<&Tensor>),
    (result, gradient): (&Tensor, &Tensor),
) -> Result<[Option<Tensor>; 2]> {
    let Some(last) = saved.layers.last() else { return Ok([None, None]) };
    if !saved.shortcut {
        let wanted = (x.track_op(), second.is_some_and(Tensor::track_op));
        let inputs = read(gradient, |g| {
            let sums =
                gate_sums(last.conv.isa(), last.planes, (&last.y, g), &last.affine, last.mode.relu);
            layers(saved, links, (x, second), (g, &sums, last.mode.relu), wanted.0 || wanted.1)
        })??;
        let Some([dx, ds]) = inputs else { return Ok([None, None]) };
        let dx = wanted.0.then(|| tensor(dx, x)).transpose()?;
        let ds = second.filter(|t| t.track_op()).map(|t| tensor(ds, t)).transpose()?;
        return Ok([dx, ds]);
    }
    // The ReLU behind the sum gates both of its terms.
    let isa = last.conv.isa();
    let passed = if last.mode.relu {
        read(gradient, |g| read(result, |z| pass_positive(isa, z, g)))??
    } else {
        read(gradient, <[f32]>::to_vec)?
    };
    let sums = gate_sums(isa, last.planes, (&last.y, &passed), &last.affine, false);
    let inputs = layers(saved, links, (x, None), (&passed, &sums, false), x.track_op())?;
    let dx = inputs.map(|[dx, _]| tensor(dx, x)).transpose()?;
    let shortcut = second.filter(|t| t.track_op()).map(|t| tensor(passed, t)).transpose()?;
    Ok([dx, shortcut])
}

/// All layers from the last to the first; the gradients of the inputs if `wanted`.
fn layers(
    saved: &Saved,
    links: &[Link],
    inputs: (&Tensor, Option<&Tensor>),
    (gradient, sums, relu): (&[f32], &[(f64, f64)], bool),
    wanted: bool,
) -> Result<Option<[Vec<f32>; 2]>> {
    // Below the first layer that has anything to learn nothing needs a gradient.
    let lowest = if wanted {
        0
    } else {
        saved.layers.iter().position(|l| l.learns).unwrap_or(saved.layers.len())
    };
    let mut above: Option<Below> = None;
    for index in (lowest..saved.layers.len()).rev() {
        let layer = &saved.layers[index];
        let (g, sums, relu) = match &above {
            Some(below) => (&below.gradient[..], &below.sums[..], layer.mode.relu),
            None => (gradient, sums, relu),
        };
        let (dgamma, dbeta) = layer
            .maps
            .iter()
            .zip(sums)
            .map(|((_, inverse), s)| parameter_gradients(*inverse, *s))
            .unzip();
        let back: Vec<(Affine, BackAffine)> = layer
            .maps
            .iter()
            .zip(sums)
            .map(|(map, s)| (map.0, back_map(map, *s, layer.planes, layer.mode.batch_statistics)))
            .collect();
        let channels = layer.planes.channels;
        let dy = Source {
            stack: Stack::new((g, channels), None),
            map: Map::Back { y: &layer.y, maps: &back, relu },
        };
        let (input, dw, next) = if index == 0 {
            with_stack(inputs, |stack| {
                let x = Source { stack, map: Map::Plain };
                one(layer, &x, &dy, (None, wanted))
            })??
        } else {
            let below = &saved.layers[index - 1];
            one(layer, &below.activated(), &dy, (Some(below), index > lowest))?
        };
        links[index].put(ParameterGradients { weight: dw, gamma: dgamma, beta: dbeta })?;
        if index == 0 {
            return Ok(input.filter(|_| wanted));
        }
        above = input.map(|[gradient, _]| Below { gradient, sums: next });
    }
    Ok(None)
}

type OneLayer = (Option<[Vec<f32>; 2]>, Option<Vec<f32>>, Vec<(f64, f64)>);

/// The gradients of one layer: of its input if `wanted`, with the gated sums of
/// the layer below, and of its weights.
fn one(
    layer: &Layer,
    x: &Source<'_>,
    dy: &Source<'_>,
    (below, wanted): (Option<&Layer>, bool),
) -> Result<OneLayer> {
    let isa = layer.conv.isa();
    let wants = (wanted, layer.weight.track_op());
    read(&layer.weight, |w| {
        if let Some(g) = layer.conv.tiled() {
            let finish = match below {
                Some(b) => Finish::Gate { y: &b.y, maps: &b.affine, relu: b.mode.relu },
                None => Finish::default(),
            };
            let done = gradients(isa, &g, x, dy, (w, finish), wants);
            return (done.input, done.weight, done.sums);
        }
        let Map::Back { y, maps, relu } = dy.map else { return (None, None, Vec::new()) };
        let (dx, dw) = with_scratch([y.len()], |[to]| {
            let g = dy.stack.single().unwrap_or_default();
            apply_back(isa, layer.planes, (y, g), maps, relu, to);
            with_values(&layer.conv, x, |x| layer.conv.gradients((x, wants.0), (w, wants.1), to))
        });
        let sums = match (&dx, below) {
            (Some(dx), Some(b)) => gate_sums(isa, b.planes, (&b.y, dx), &b.affine, b.mode.relu),
            _ => Vec::new(),
        };
        (dx.map(|dx| x.stack.parted(layer.conv.in_planes(), dx)), dw, sums)
    })
}
