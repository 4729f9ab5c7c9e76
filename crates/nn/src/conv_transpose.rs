//! Two-dimensional transposed convolution.

use candle_core::{Result, Shape, Tensor, bail};
use serde::{Deserialize, Serialize};

use crate::host::{add_repeated, is_fast, is_half_on_cpu, not_empty, single};
use crate::kernels::epilogue::Epilogue;
use crate::kernels::im2col::{self, Geometry};
use crate::kernels::isa::Isa;
use crate::kernels::moments::channel_sums;
use crate::kernels::norm::Planes;
use crate::kernels::resample::{Blocks, shuffle, unshuffle};
use crate::kernels::scratch::with_scratch;
use crate::kernels::transpose::transpose;
use crate::weighted::{Weighted, record};

/// How a transposed kernel moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConvTranspose2dConfig {
    /// Distance between the patches in the result in pixels, at least 1.
    pub stride: usize,
    /// Rows and columns that are cut from every side of the result.
    pub padding: usize,
    /// Rows and columns added below and to the right; below stride or dilation.
    pub output_padding: usize,
    /// Distance between the taps of a kernel in pixels, at least 1.
    pub dilation: usize,
    /// Groups of channels that do not see each other; divides both channel counts.
    pub groups: usize,
}

impl Default for ConvTranspose2dConfig {
    /// The values of `PyTorch`.
    fn default() -> Self {
        Self { stride: 1, padding: 0, output_padding: 0, dilation: 1, groups: 1 }
    }
}

impl ConvTranspose2dConfig {
    /// Kernels side by side: the size grows by `factor`, the size of the kernel.
    #[must_use]
    pub fn upsampling(factor: usize) -> Self {
        Self { stride: factor, ..Self::default() }
    }
}

/// The adjoint of a convolution: every value of `x` adds the kernel, times itself,
/// to a patch of the result. A bias per output channel is added.
///
/// # Shapes
///
/// `x`: `[B, C, H, W]`; `weight`: `[C, O / groups, KH, KW]`; `bias`: `[O]`; result:
/// `[B, O, (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1, ...]`.
///
/// # Errors
///
/// Shapes that do not fit each other, a zero stride, dilation or number of groups,
/// an output padding that is not below stride or dilation, a result without pixels,
/// tensors without values.
pub fn conv_transpose2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &ConvTranspose2dConfig,
) -> Result<Tensor> {
    let geometry = checked(x, weight, bias, config)?;
    if is_half_on_cpu(x) {
        let bias = bias.map(single).transpose()?;
        let y = conv_transpose2d(&single(x)?, &single(weight)?, bias.as_ref(), config)?;
        return y.to_dtype(x.dtype());
    }
    // With more the convolution would have a larger result than `x`; only a dilation
    // above the stride allows it.
    let plain = config.output_padding < config.stride;
    if !plain || !is_fast(x) || !is_fast(weight) {
        return composed(x, weight, bias, config, &geometry);
    }
    record(x, weight, bias, ConvTranspose { geometry, isa: Isa::detect() })
}

/// The sizes of the convolution that this is the adjoint of: from the result to `x`.
fn checked(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &ConvTranspose2dConfig,
) -> Result<Geometry> {
    not_empty(x, "conv_transpose2d")?;
    not_empty(weight, "conv_transpose2d")?;
    let (batch, inputs, height, width) = x.dims4()?;
    let (rows, group_outputs, kh, kw) = weight.dims4()?;
    let ConvTranspose2dConfig { stride, padding, output_padding, dilation, groups } = *config;
    if stride == 0 || dilation == 0 || groups == 0 {
        bail!(
            "conv_transpose2d: stride {stride}, dilation {dilation} and groups {groups} must be at least 1"
        );
    }
    if output_padding >= stride.max(dilation) {
        bail!(
            "conv_transpose2d: output_padding {output_padding} must be below stride {stride} or dilation {dilation}"
        );
    }
    if rows != inputs || !inputs.is_multiple_of(groups) {
        bail!(
            "conv_transpose2d: weight {:?} in {groups} groups does not fit an input of {inputs} channels; it \
             must be [inputs, outputs / groups, kh, kw] with inputs a multiple of groups",
            weight.shape()
        );
    }
    let outputs = group_outputs * groups;
    if let Some(bias) = bias
        && bias.dims() != [outputs]
    {
        bail!("conv_transpose2d: bias {:?} must be [{outputs}]", bias.shape());
    }
    let side = |size: usize, kernel: usize| {
        let full =
            (size - 1).checked_mul(stride)?.checked_add(dilation.checked_mul(kernel - 1)?)?;
        full.checked_add(output_padding + 1)?.checked_sub(padding.checked_mul(2)?)
    };
    let (Some(h @ 1..), Some(w @ 1..)) = (side(height, kh), side(width, kw)) else {
        bail!(
            "conv_transpose2d: {height} x {width} pixels, a {kh} x {kw} kernel, stride {stride}, dilation \
             {dilation} and padding {padding} leave no result; lower the padding or the stride"
        );
    };
    Ok(Geometry {
        batch,
        inputs: outputs,
        outputs: inputs,
        size: (h, w),
        kernel: (kh, kw),
        padding: (padding, padding),
        stride: (stride, stride),
        dilation: (dilation, dilation),
        groups,
    })
}

/// Candle's own transposed convolution, group by group; padding is cut afterwards,
/// since Candle's gradient fails where it leaves rows over.
#[expect(clippy::disallowed_methods, reason = "without the padding that Candle gets wrong")]
fn composed(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    c: &ConvTranspose2dConfig,
    g: &Geometry,
) -> Result<Tensor> {
    let channels = x.dim(1)? / c.groups;
    let group = |index: usize| {
        let x = x.narrow(1, index * channels, channels)?.contiguous()?;
        let weight = weight.narrow(0, index * channels, channels)?.contiguous()?;
        x.conv_transpose2d(&weight, 0, 0, c.stride, c.dilation)
    };
    let mut y = Tensor::cat(&(0..c.groups).map(group).collect::<Result<Vec<_>>>()?, 1)?;
    for (dim, size) in [(2, g.size.0), (3, g.size.1)] {
        let missing = (c.padding + size).saturating_sub(y.dim(dim)?);
        y = y.pad_with_zeros(dim, 0, missing)?.narrow(dim, c.padding, size)?;
    }
    match bias {
        Some(bias) => add_repeated(&y, &bias.reshape((1, bias.elem_count(), 1, 1))?),
        None => Ok(y),
    }
}

/// A recorded transposed convolution, by the convolution it is the adjoint of.
struct ConvTranspose {
    geometry: Geometry,
    isa: Isa,
}

impl ConvTranspose {
    fn planes(&self) -> Planes {
        let g = &self.geometry;
        Planes { batch: g.batch, channels: g.inputs, pixels: g.size.0 * g.size.1 }
    }

    /// Patches side by side: the 1x1 convolution to all their pixels, and how these lie.
    fn side_by_side(&self) -> Option<(Geometry, Blocks)> {
        let g = &self.geometry;
        let side = g.kernel.0;
        let fits = g.kernel.1 == side
            && g.stride == (side, side)
            && (g.padding, g.dilation, g.groups) == ((0, 0), (1, 1), 1)
            && (g.size.0.is_multiple_of(side) && g.size.1.is_multiple_of(side));
        let pointwise = Geometry {
            outputs: g.inputs * side * side,
            inputs: g.outputs,
            size: g.out_size(),
            kernel: (1, 1),
            stride: (1, 1),
            ..*g
        };
        fits.then_some((pointwise, Blocks { height: g.size.0, width: g.size.1, side }))
    }
}

impl Weighted for ConvTranspose {
    const NAME: &'static str = "conv-transpose2d";

    fn out_shape(&self) -> Shape {
        let g = &self.geometry;
        (g.batch, g.inputs, g.size.0, g.size.1).into()
    }

    fn forward(&self, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
        let Some((pointwise, blocks)) = self.side_by_side() else {
            return im2col::scatter_gradient(&self.geometry, x, weight, bias);
        };
        let taps = blocks.side * blocks.side;
        let bias: Option<Vec<f32>> =
            bias.map(|b| b.iter().flat_map(|v| std::iter::repeat_n(*v, taps)).collect());
        let bias = Epilogue::bias(bias.as_deref());
        let patches = with_scratch([weight.len()], |[turned]| {
            transpose(self.isa, weight, (pointwise.inputs, pointwise.outputs), turned);
            im2col::convolve(&pointwise, x, turned, &bias)
        });
        shuffle(self.isa, blocks, &patches)
    }

    fn gradients(
        &self,
        x: (&[f32], bool),
        weight: (&[f32], bool),
        dy: &[f32],
    ) -> (Option<Vec<f32>>, Option<Vec<f32>>) {
        // The convolution from the result back to `x`, on patches side by side if they fit.
        let (back, patches) = match self.side_by_side() {
            Some((g, blocks)) => (
                Geometry { inputs: g.outputs, outputs: g.inputs, ..g },
                Some(unshuffle(self.isa, blocks, dy)),
            ),
            None => (self.geometry, None),
        };
        let dy = patches.as_deref().unwrap_or(dy);
        (
            x.1.then(|| im2col::convolve(&back, dy, weight.0, &Epilogue::default())),
            weight.1.then(|| im2col::weight_gradient(self.isa, &back, dy, x.0)),
        )
    }

    #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
    fn bias_gradient(&self, dy: &[f32]) -> Vec<f32> {
        channel_sums(self.isa, self.planes(), dy).into_iter().map(|v| v as f32).collect()
    }
}
