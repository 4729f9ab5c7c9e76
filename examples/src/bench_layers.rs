//! Single layers that `bench_nn` times: forward, and gradients alone.

use anyhow::Result;
use candle_core::{Tensor, Var};
use mapvec_nn::{
    Conv2dConfig, ConvTranspose2dConfig, Statistics, batch_norm2d, conv_transpose2d, conv2d,
    max_pool2d, upsample_nearest2d,
};
use serde_json::Value;

use crate::bench_models::{noise, runs};
use crate::measure::measure;

/// Channels in and out and side of the U-Net's 3 x 3 convolutions but the first, at batch 4.
const UNET: [(usize, usize, usize, usize); 10] = [
    // Inputs, outputs, side, how many.
    (16, 16, 128, 4),
    (32, 16, 128, 1),
    (16, 32, 64, 1),
    (32, 32, 64, 4),
    (64, 32, 64, 1),
    (32, 64, 32, 1),
    (64, 64, 32, 4),
    (128, 64, 32, 1),
    (64, 128, 16, 1),
    (128, 128, 16, 2),
];

/// What a case computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Forward,
    /// The gradient of the input.
    Input,
    /// The gradient of the weights.
    Weight,
    /// All gradients.
    Backward,
}

/// One call of a layer.
type Layer<'a> = Box<dyn Fn(&Tensor, &Tensor) -> Result<Tensor> + 'a>;

/// A layer that needs nothing else.
type Operation = fn(&Tensor, &Tensor) -> Result<Tensor>;

/// Times a pass over layers with their inputs and weights.
fn pass(
    case: &str,
    pass: Pass,
    layers: &[(Layer<'_>, Tensor, Tensor)],
    smoke: bool,
) -> Result<Value> {
    let check = layers.iter().map(|(_, x, w)| (x.elem_count() + w.elem_count()) as u64).sum();
    let runs = runs(3, 11, smoke);
    if pass == Pass::Forward {
        return measure(case, check, runs, || {
            for (layer, x, w) in layers {
                layer(x, w)?;
            }
            Ok(())
        });
    }
    let variable = |t: &Tensor, wanted| -> Result<Tensor> {
        Ok(if wanted { Var::from_tensor(t)?.into_inner() } else { t.clone() })
    };
    let results = layers
        .iter()
        .map(|(layer, x, w)| {
            layer(&variable(x, pass != Pass::Weight)?, &variable(w, pass != Pass::Input)?)
        })
        .collect::<Result<Vec<_>>>()?;
    measure(case, check, runs, || {
        for y in &results {
            y.backward()?;
        }
        Ok(())
    })
}

/// Convolutions: all 3 x 3 ones of the U-Net, 64 channels at 128 x 128, the transposed ones.
///
/// # Errors
/// A layer fails.
pub fn convolutions(
    smoke: bool,
    wanted: impl Fn(&str) -> bool,
    mut report: impl FnMut(Value),
) -> Result<()> {
    let conv =
        |(inputs, outputs, side): (usize, usize, usize)| -> Result<(Layer<'_>, Tensor, Tensor)> {
            let (batch, side) = if smoke { (1, side / 16) } else { (4, side) };
            let layer: Layer<'_> = Box::new(|x, w| Ok(conv2d(x, w, None, &Conv2dConfig::same(3))?));
            Ok((layer, noise(&[batch, inputs, side, side])?, noise(&[outputs, inputs, 3, 3])?))
        };
    let all = UNET.iter().flat_map(|(i, o, side, count)| vec![(*i, *o, *side); *count]);
    let unet = all.map(conv).collect::<Result<Vec<_>>>()?;
    let wide = [conv((64, 64, 128))?];
    let up =
        |(inputs, outputs, side): (usize, usize, usize)| -> Result<(Layer<'_>, Tensor, Tensor)> {
            let config = ConvTranspose2dConfig::upsampling(2);
            let (batch, side) = if smoke { (1, side / 16) } else { (4, side) };
            let layer: Layer<'_> = Box::new(move |x, w| Ok(conv_transpose2d(x, w, None, &config)?));
            Ok((layer, noise(&[batch, inputs, side, side])?, noise(&[inputs, outputs, 2, 2])?))
        };
    let ups = [up((128, 64, 16))?, up((64, 32, 32))?, up((32, 16, 64))?];
    let gradients = [("forward", Pass::Forward), ("input", Pass::Input), ("weight", Pass::Weight)];
    for (name, kind) in gradients {
        for (group, layers) in [("conv3x3", &unet[..]), ("conv64", &wide[..])] {
            let case = format!("{group}-{name}");
            if wanted(&case) {
                report(pass(&case, kind, layers, smoke)?);
            }
        }
    }
    for (name, kind) in [("forward", Pass::Forward), ("backward", Pass::Backward)] {
        let case = format!("transposed-{name}");
        if wanted(&case) {
            report(pass(&case, kind, &ups, smoke)?);
        }
    }
    Ok(())
}

/// Pooling, upsampling and batch norm on 4 x 16 x 128 x 128 and 4 x 64 x 64 x 64.
///
/// # Errors
/// A layer fails.
pub fn others(
    smoke: bool,
    wanted: impl Fn(&str) -> bool,
    mut report: impl FnMut(Value),
) -> Result<()> {
    let operations: [(&str, Operation); 3] = [
        ("pool", |x, _| Ok(max_pool2d(x, 2)?)),
        ("nearest", |x, _| Ok(upsample_nearest2d(x, 2)?)),
        ("norm", |x, w| {
            let (gamma, beta) =
                (w.narrow(0, 0, w.dim(0)? / 2)?, w.narrow(0, w.dim(0)? / 2, w.dim(0)? / 2)?);
            Ok(batch_norm2d(x, (&gamma, &beta), &Statistics::Batch, 1e-5, true)?.0)
        }),
    ];
    for (name, operation) in operations {
        let layers = [(16, 128), (64, 64)].map(|(channels, side)| -> Result<_> {
            let side = if smoke { side / 16 } else { side };
            let layer: Layer<'_> = Box::new(operation);
            Ok((layer, noise(&[4, channels, side, side])?, noise(&[2 * channels])?))
        });
        let layers = layers.into_iter().collect::<Result<Vec<_>>>()?;
        for (kind, what) in [(Pass::Forward, "forward"), (Pass::Backward, "backward")] {
            let case = format!("{name}-{what}");
            if wanted(&case) {
                report(pass(&case, kind, &layers, smoke)?);
            }
        }
    }
    Ok(())
}
