//! Two-dimensional convolution.

use candle_core::{Result, Shape, Tensor, bail};
use serde::{Deserialize, Serialize};

use crate::dispatch::{ConvKernel, ConvShape, chosen};
use crate::host::{add_repeated, is_fast, is_half_on_cpu, not_empty, single};
use crate::kernels::epilogue::Epilogue;
use crate::kernels::im2col::{self, Geometry};
use crate::kernels::isa::Isa;
use crate::kernels::moments::channel_sums;
use crate::kernels::norm::{Planes, finish_in_place};
use crate::kernels::small_maps;
use crate::kernels::sub_grids::SubGrids;
use crate::kernels::winograd;
use crate::kernels::winograd::load::Source;
use crate::kernels::winograd::store::Finish;
use crate::weighted::{Weighted, record};

/// How a kernel moves over an image: rows first, then columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conv2dConfig {
    /// Distance between patches in pixels, at least 1.
    pub stride: (usize, usize),
    /// Zeros around the input: rows above and below, columns left and right.
    pub padding: (usize, usize),
    /// Distance between the taps of a kernel in pixels, at least 1.
    pub dilation: (usize, usize),
    /// Groups of channels that do not see each other; divides both channel counts.
    pub groups: usize,
}

impl Default for Conv2dConfig {
    fn default() -> Self {
        Self { stride: (1, 1), padding: (0, 0), dilation: (1, 1), groups: 1 }
    }
}

impl Conv2dConfig {
    /// The same for rows and columns.
    #[must_use]
    pub fn square(stride: usize, padding: usize, dilation: usize) -> Self {
        let both = |value| (value, value);
        Self { stride: both(stride), padding: both(padding), dilation: both(dilation), groups: 1 }
    }

    /// Stride 1 with the padding that keeps the size for an odd `kernel`.
    #[must_use]
    pub fn same(kernel: usize) -> Self {
        Self::square(1, kernel / 2, 1)
    }
}

/// Convolves `x` with `weight` (cross-correlation, as every framework) and adds
/// a bias per output channel.
///
/// # Shapes
///
/// `x`: `[B, C, H, W]`; `weight`: `[O, C / groups, KH, KW]`; `bias`: `[O]`;
/// result: `[B, O, (H + 2 padding - dilation (KH - 1) - 1) / stride + 1, ...]`.
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use mapvec_nn::{Conv2dConfig, conv2d};
///
/// let x = Tensor::ones((1, 1, 4, 5), DType::F32, &Device::Cpu)?;
/// let weight = Tensor::ones((1, 1, 3, 3), DType::F32, &Device::Cpu)?;
/// let y = conv2d(&x, &weight, None, &Conv2dConfig::same(3))?;
/// assert_eq!(y.dims(), &[1, 1, 4, 5]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
///
/// Shapes that do not fit each other, a kernel larger than the padded input, a
/// zero stride, dilation or number of groups, tensors without values.
pub fn conv2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &Conv2dConfig,
) -> Result<Tensor> {
    let geometry = checked(x, weight, bias, config)?;
    if is_half_on_cpu(x) {
        let bias = bias.map(single).transpose()?;
        let y = conv2d(&single(x)?, &single(weight)?, bias.as_ref(), config)?;
        return y.to_dtype(x.dtype());
    }
    if !is_fast(x) || !is_fast(weight) {
        return composed(x, weight, bias, config, &geometry);
    }
    record(x, weight, bias, Conv::new(geometry))
}

/// The sizes, if they fit each other.
fn checked(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &Conv2dConfig,
) -> Result<Geometry> {
    not_empty(x, "conv2d")?;
    fitted(x.dims4()?, weight, bias, config)
}

/// The same for an input of given sizes.
pub(crate) fn fitted(
    (batch, inputs, height, width): (usize, usize, usize, usize),
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &Conv2dConfig,
) -> Result<Geometry> {
    not_empty(weight, "conv2d")?;
    let (outputs, group_inputs, kh, kw) = weight.dims4()?;
    let Conv2dConfig { stride, padding, dilation, groups } = *config;
    if [stride.0, stride.1, dilation.0, dilation.1, groups].contains(&0) {
        bail!(
            "conv2d: stride {stride:?}, dilation {dilation:?} and groups {groups} must be at least 1"
        );
    }
    if group_inputs * groups != inputs || outputs % groups != 0 {
        bail!(
            "conv2d: weight {:?} in {groups} groups does not fit an input of {inputs} channels; it must be \
             [outputs, inputs / groups, kh, kw] with outputs a multiple of groups",
            weight.shape()
        );
    }
    if let Some(bias) = bias
        && bias.dims() != [outputs]
    {
        bail!("conv2d: bias {:?} must be [{outputs}]", bias.shape());
    }
    let geometry = Geometry {
        batch,
        inputs,
        outputs,
        size: (height, width),
        kernel: (kh, kw),
        padding,
        stride,
        dilation,
        groups,
    };
    let (rows, columns) = geometry.out_size();
    // Beyond this no memory holds the result, and positions no longer fit a signed number.
    let reach = dilation.0.saturating_mul(kh - 1).max(dilation.1.saturating_mul(kw - 1));
    let fits = [rows, columns, padding.0, padding.1, reach].iter().all(|v| *v < 1 << 31);
    if rows == 0 || columns == 0 || !fits {
        bail!(
            "conv2d: a {kh} x {kw} kernel of dilation {dilation:?} does not fit the input {height} x {width} \
             with padding {padding:?}; enlarge the input or the padding, which must be below 2^31"
        );
    }
    Ok(geometry)
}

/// Candle's own convolution, whose gradient is right once no row or column of
/// the padded input is left over by the stride.
#[expect(clippy::disallowed_methods, reason = "with the sizes that Candle gets right")]
fn composed(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    c: &Conv2dConfig,
    g: &Geometry,
) -> Result<Tensor> {
    let (rows, columns) = g.out_size();
    let used = |out: usize, stride: usize, dilation: usize, kernel: usize| {
        (out - 1) * stride + dilation * (kernel - 1) + 1
    };
    let h = used(rows, c.stride.0, c.dilation.0, g.kernel.0);
    let w = used(columns, c.stride.1, c.dilation.1, g.kernel.1);
    let (top, left) = c.padding;
    let square = c.stride.0 == c.stride.1 && c.dilation.0 == c.dilation.1 && top == left;
    let y = if square && h == g.size.0 + 2 * top && w == g.size.1 + 2 * top {
        x.conv2d(weight, top, c.stride.0, c.dilation.0, c.groups)?
    } else {
        let padded = x.pad_with_zeros(2, top, top)?.pad_with_zeros(3, left, left)?;
        let used = padded.narrow(2, 0, h)?.narrow(3, 0, w)?.contiguous()?;
        if square || (c.stride.0 == c.stride.1 && c.dilation.0 == c.dilation.1) {
            used.conv2d(weight, 0, c.stride.0, c.dilation.0, c.groups)?
        } else {
            // Candle knows one number for both axes: kernels with zeros between their taps, every
            // patch, and those that the strides reach.
            let weight = spread(&spread(weight, 2, c.dilation.0)?, 3, c.dilation.1)?;
            let y = used.conv2d(&weight, 0, 1, 1, c.groups)?;
            every(&every(&y, 2, c.stride.0)?, 3, c.stride.1)?
        }
    };
    match bias {
        Some(bias) => add_repeated(&y, &bias.reshape((1, g.outputs, 1, 1))?),
        None => Ok(y),
    }
}

/// The tensor with `step - 1` zeros between neighbours along `dim`.
fn spread(x: &Tensor, dim: usize, step: usize) -> Result<Tensor> {
    let size = x.dim(dim)?;
    if step == 1 || size == 1 {
        return Ok(x.clone());
    }
    let mut wide = x.dims().to_vec();
    wide[dim] = size * step;
    x.unsqueeze(dim + 1)?
        .pad_with_zeros(dim + 1, 0, step - 1)?
        .reshape(wide)?
        .narrow(dim, 0, (size - 1) * step + 1)?
        .contiguous()
}

/// Every `step`-th entry along `dim`, from the first on.
fn every(x: &Tensor, dim: usize, step: usize) -> Result<Tensor> {
    if step == 1 {
        return Ok(x.clone());
    }
    let indices = (0..x.dim(dim)?).step_by(step).map(u32::try_from);
    let indices =
        indices.collect::<std::result::Result<Vec<_>, _>>().map_err(candle_core::Error::wrap)?;
    x.index_select(&Tensor::new(indices, x.device())?, dim)
}

/// A recorded convolution.
pub(crate) struct Conv {
    geometry: Geometry,
    isa: Isa,
    kernel: ConvKernel,
}

impl Conv {
    /// The best kernel for these sizes.
    pub(crate) fn new(geometry: Geometry) -> Self {
        let isa = Isa::detect();
        Self { geometry, isa, kernel: chosen(&ConvShape::from(&geometry), isa) }
    }

    /// The instruction set it runs on.
    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }

    /// The planes of its result.
    pub(crate) fn out_planes(&self) -> Planes {
        let (rows, columns) = self.geometry.out_size();
        Planes {
            batch: self.geometry.batch,
            channels: self.geometry.outputs,
            pixels: rows * columns,
        }
    }

    /// The planes of its input.
    pub(crate) fn in_planes(&self) -> Planes {
        let g = &self.geometry;
        Planes { batch: g.batch, channels: g.inputs, pixels: g.size.0 * g.size.1 }
    }

    /// Its sizes, if the Winograd kernel runs it.
    pub(crate) fn tiled(&self) -> Option<winograd::Geometry> {
        (self.kernel == ConvKernel::Winograd).then(|| self.winograd())
    }

    fn winograd(&self) -> winograd::Geometry {
        let g = &self.geometry;
        winograd::Geometry {
            batch: g.batch,
            inputs: g.inputs,
            outputs: g.outputs,
            height: g.size.0,
            width: g.size.1,
        }
    }

    /// The sub-grids of a dilated kernel, and the plain convolution on them.
    fn sub_grids(&self) -> (SubGrids, winograd::Geometry) {
        let grids = SubGrids::of(&self.geometry);
        let (height, width) = grids.size();
        (grids, winograd::Geometry { batch: grids.images(), height, width, ..self.winograd() })
    }

    /// The convolution and what follows it.
    pub(crate) fn finish(&self, x: &[f32], weight: &[f32], epilogue: &Epilogue<'_>) -> Vec<f32> {
        match self.kernel {
            ConvKernel::SmallMaps => small_maps::convolve(&self.geometry, x, weight, epilogue),
            ConvKernel::Pointwise | ConvKernel::Im2col => {
                im2col::convolve(&self.geometry, x, weight, epilogue)
            }
            ConvKernel::Winograd | ConvKernel::WinogradSubGrids => {
                let mut y = self.forward(x, weight, None);
                finish_in_place(self.isa, self.out_planes(), &mut y, epilogue);
                y
            }
        }
    }

    fn tiled_gradients(
        &self,
        g: &winograd::Geometry,
        (x, wants_x): (&[f32], bool),
        (weight, wants_weight): (&[f32], bool),
        dy: &[f32],
    ) -> (Option<Vec<f32>>, Option<Vec<f32>>) {
        let (x, dy) = (Source::plain(x, g.inputs), Source::plain(dy, g.outputs));
        let keep = (weight, Finish::Map(Epilogue::default()));
        let wanted = (wants_x, wants_weight);
        let done = winograd::backward::gradients(self.isa, g, &x, &dy, keep, wanted);
        (done.input.map(|[dx, _]| dx), done.weight)
    }
}

impl Weighted for Conv {
    const NAME: &'static str = "conv2d";

    fn out_shape(&self) -> Shape {
        let (rows, columns) = self.geometry.out_size();
        (self.geometry.batch, self.geometry.outputs, rows, columns).into()
    }

    fn forward(&self, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
        match self.kernel {
            ConvKernel::Winograd => {
                let (g, x) = (self.winograd(), Source::plain(x, self.geometry.inputs));
                winograd::forward::convolve(self.isa, &g, &x, weight, &Epilogue::bias(bias))
            }
            ConvKernel::WinogradSubGrids => {
                let ((grids, g), inputs) = (self.sub_grids(), self.geometry.inputs);
                let parts = grids.split(x, inputs);
                let (x, bias) = (Source::plain(&parts, inputs), Epilogue::bias(bias));
                let y = winograd::forward::convolve(self.isa, &g, &x, weight, &bias);
                grids.join(&y, g.outputs)
            }
            ConvKernel::SmallMaps => {
                small_maps::convolve(&self.geometry, x, weight, &Epilogue::bias(bias))
            }
            ConvKernel::Pointwise | ConvKernel::Im2col => {
                im2col::convolve(&self.geometry, x, weight, &Epilogue::bias(bias))
            }
        }
    }

    fn gradients(
        &self,
        x: (&[f32], bool),
        weight: (&[f32], bool),
        dy: &[f32],
    ) -> (Option<Vec<f32>>, Option<Vec<f32>>) {
        if self.kernel == ConvKernel::Winograd {
            return self.tiled_gradients(&self.winograd(), x, weight, dy);
        }
        if self.kernel == ConvKernel::WinogradSubGrids {
            let (grids, g) = self.sub_grids();
            // The values of the input enter the gradient of the weight alone.
            let parts = if weight.1 { grids.split(x.0, g.inputs) } else { Vec::new() };
            let dy = grids.split(dy, g.outputs);
            let (dx, dw) = self.tiled_gradients(&g, (&parts, x.1), weight, &dy);
            return (dx.map(|dx| grids.join(&dx, g.inputs)), dw);
        }
        let g = &self.geometry;
        if self.kernel == ConvKernel::SmallMaps {
            return (
                x.1.then(|| small_maps::input_gradient(g, dy, weight.0)),
                weight.1.then(|| small_maps::weight_gradient(g, x.0, dy)),
            );
        }
        (
            x.1.then(|| im2col::input_gradient(g, dy, weight.0)),
            weight.1.then(|| im2col::weight_gradient(self.isa, g, x.0, dy)),
        )
    }

    #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
    fn bias_gradient(&self, dy: &[f32]) -> Vec<f32> {
        channel_sums(self.isa, self.out_planes(), dy).into_iter().map(|v| v as f32).collect()
    }
}
