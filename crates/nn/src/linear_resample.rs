//! Average pooling and resizing: linear maps along rows and columns.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use serde::{Deserialize, Serialize};

use crate::host::{constant, is_fast, is_half_on_cpu, not_empty, read, single, slice, tensor};
use crate::kernels::isa::Isa;
use crate::kernels::pool::Windows;
use crate::kernels::separable::{Taps, apply};
use crate::pool::Pool2dConfig;

/// The mean of every window. `config` may be a number: blocks of that size.
///
/// With `count_padding` the padding counts as zeros (but what a last window reaches
/// beyond the padding does not count), otherwise the mean is over the pixels that
/// exist. As `PyTorch`, whose default is `true`.
///
/// # Shapes
///
/// As [`max_pool2d`](crate::max_pool2d).
///
/// # Errors
///
/// Windows that do not fit the input or have a dilation, tensors without values.
pub fn avg_pool2d(
    x: &Tensor,
    config: impl Into<Pool2dConfig>,
    count_padding: bool,
) -> Result<Tensor> {
    let config = config.into();
    not_empty(x, "avg_pool2d")?;
    let (.., height, width) = x.dims4()?;
    if config.dilation != (1, 1) {
        bail!("avg_pool2d: dilation {:?} must be 1", config.dilation);
    }
    let [rows, columns] = config.windows("avg_pool2d", (height, width))?;
    run(x, means(&rows, count_padding), means(&columns, count_padding), "avg-pool2d")
}

/// The mean of `size.0 x size.1` windows that cover the input evenly: window `i` of
/// `n` over `H` rows has rows `floor(i H / n)` to `ceil((i + 1) H / n)`.
///
/// # Shapes
///
/// `[B, C, H, W]` to `[B, C, size.0, size.1]`.
///
/// # Errors
///
/// A size of zero, a side beyond 2^26 pixels, tensors without values.
pub fn adaptive_avg_pool2d(x: &Tensor, size: (usize, usize)) -> Result<Tensor> {
    not_empty(x, "adaptive_avg_pool2d")?;
    let (.., height, width) = x.dims4()?;
    let axis = |input: usize, output: usize| {
        let spans = (0..output).map(|i| {
            let (from, to) = (i * input / output, ((i + 1) * input).div_ceil(output));
            #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
            let weight = 1.0 / (to - from) as f64;
            (from..to).map(|at| (at, weight)).collect()
        });
        Taps::new(input, &spans.collect::<Vec<_>>())
    };
    check_size("adaptive_avg_pool2d", (height, width), size)?;
    run(x, axis(height, size.0), axis(width, size.1), "adaptive-avg-pool2d")
}

/// How [`resize`] finds values between pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The pixel at `floor(i * input / output)`, the quotient in single precision.
    #[default]
    Nearest,
    /// Weighted by distance between the two pixels of each axis.
    Bilinear {
        /// Whether the centres of the corner pixels stay where they are; otherwise
        /// the corners of the picture do.
        align_corners: bool,
    },
}

/// The picture at another size, enlarged or reduced by any factors, without
/// antialiasing; the semantics of `PyTorch`'s `interpolate`.
///
/// # Shapes
///
/// `[B, C, H, W]` to `[B, C, size.0, size.1]`.
///
/// # Errors
///
/// A size of zero, a side beyond 2^26 pixels, tensors without values.
pub fn resize(x: &Tensor, size: (usize, usize), mode: Interpolation) -> Result<Tensor> {
    not_empty(x, "resize")?;
    let (.., height, width) = x.dims4()?;
    check_size("resize", (height, width), size)?;
    let axis = |input: usize, output: usize| {
        let taps: Vec<_> = (0..output).map(|i| sources(i, input, output, mode)).collect();
        Taps::new(input, &taps)
    };
    run(x, axis(height, size.0), axis(width, size.1), "resize")
}

fn check_size(name: &str, from: (usize, usize), to: (usize, usize)) -> Result<()> {
    // Far above any picture; positions times sizes stay exact in `f64`.
    let limit = 1 << 26;
    if to.0 == 0 || to.1 == 0 || [from.0, from.1, to.0, to.1].iter().any(|side| *side > limit) {
        bail!("{name}: from {from:?} to {to:?} pixels; every side must lie between 1 and {limit}");
    }
    Ok(())
}

/// The inputs of output `i` with their weights.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes are below 2^26, positions not negative"
)]
fn sources(i: usize, input: usize, output: usize, mode: Interpolation) -> Vec<(usize, f64)> {
    let at = match mode {
        Interpolation::Nearest => {
            // In single precision, as PyTorch computes it: the two disagree at some sizes.
            let scale = input as f32 / output as f32;
            return vec![((i as f32 * scale) as usize, 1.0)]
                .into_iter()
                .map(|(at, weight)| (at.min(input - 1), weight))
                .collect();
        }
        Interpolation::Bilinear { align_corners: true } if output > 1 => {
            (i * (input - 1)) as f64 / (output - 1) as f64
        }
        Interpolation::Bilinear { align_corners: true } => 0.0,
        Interpolation::Bilinear { align_corners: false } => {
            ((i as f64 + 0.5) * input as f64 / output as f64 - 0.5).max(0.0)
        }
    };
    let first = (at as usize).min(input - 1);
    let second = (first + 1).min(input - 1);
    let part = at - first as f64;
    vec![(first, 1.0 - part), (second, part)]
}

/// The means over windows along an axis.
fn means(axis: &Windows, count_padding: bool) -> Taps {
    let spans = (0..axis.count).map(|i| {
        let inside: Vec<usize> = axis.of(i).collect();
        let end = (i * axis.stride + axis.kernel).min(axis.size + 2 * axis.padding);
        let count = if count_padding { end - i * axis.stride } else { inside.len() };
        #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
        let weight = 1.0 / count as f64;
        inside.into_iter().map(|at| (at, weight)).collect()
    });
    Taps::new(axis.size, &spans.collect::<Vec<_>>())
}

fn run(x: &Tensor, rows: Taps, columns: Taps, name: &'static str) -> Result<Tensor> {
    if is_half_on_cpu(x) {
        return run(&single(x)?, rows, columns, name)?.to_dtype(x.dtype());
    }
    if is_fast(x) {
        let op = Separable { rows, columns, name };
        return x.contiguous()?.apply_op1(op);
    }
    // Two products with dense matrices.
    let (batch, channels, height, width) = x.dims4()?;
    let matrix = |taps: &Taps| -> Result<Tensor> {
        constant(taps.matrix(), (taps.outputs(), taps.inputs()), x)?.t()?.contiguous()
    };
    let (h, w) = (rows.outputs(), columns.outputs());
    x.contiguous()?
        .reshape((batch * channels * height, width))?
        .matmul(&matrix(&columns)?)?
        .reshape((batch * channels, height, w))?
        .transpose(1, 2)?
        .contiguous()?
        .reshape((batch * channels * w, height))?
        .matmul(&matrix(&rows)?)?
        .reshape((batch, channels, w, h))?
        .transpose(2, 3)?
        .contiguous()
}

/// A recorded map along rows and columns.
struct Separable {
    rows: Taps,
    columns: Taps,
    name: &'static str,
}

impl CustomOp1 for Separable {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, ..) = layout.shape().dims4()?;
        let x = slice(storage, layout)?;
        let out = apply(Isa::detect(), &self.rows, &self.columns, x);
        let shape = (batch, channels, self.rows.outputs(), self.columns.outputs());
        Ok((CpuStorage::F32(out), shape.into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let (rows, columns) = (self.rows.adjoint(), self.columns.adjoint());
        let out = read(g, |g| apply(Isa::detect(), &rows, &columns, g))?;
        Ok(Some(tensor(out, x)?))
    }
}
