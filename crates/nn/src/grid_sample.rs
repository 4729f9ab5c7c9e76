//! Pictures sampled at points that a network may choose.

use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor, bail};
use serde::{Deserialize, Serialize};

use crate::host::{is_fast, not_empty, read_all, slice, tensor};
use crate::kernels::grid_sample::{FAR, Sizes, grid_gradient, input_gradient, sample};

/// Pixels along a side above which an `f32` no longer tells neighbours apart.
const MAX_SIDE: usize = 1 << 24;

/// How [`grid_sample`] finds values between pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GridInterpolation {
    /// Weighted by distance between the two pixels of each axis.
    #[default]
    Bilinear,
    /// The nearest pixel; of two, the one of even index. The grid gets no gradient.
    Nearest,
    /// The cubic convolution of four pixels of each axis, with factor -0.75.
    Bicubic,
}

/// What [`grid_sample`] finds beyond the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GridPadding {
    /// Pixels of value zero.
    #[default]
    Zeros,
    /// The nearest pixel of the border.
    Border,
    /// The picture mirrored at its border, again and again: about the centres of the border
    /// pixels with aligned corners, otherwise about their outer edges.
    Reflection,
}

/// How a picture is sampled; the default is that of `PyTorch`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GridSampleConfig {
    /// Values between pixels.
    pub interpolation: GridInterpolation,
    /// Values beyond the picture.
    pub padding: GridPadding,
    /// Whether -1 and 1 are the centres of the border pixels; otherwise their outer edges.
    pub align_corners: bool,
}

/// The values of `xs` at the points of `grid`, given as x, y from -1 (left, top) to 1 (right,
/// bottom); the semantics of `PyTorch`'s `grid_sample`.
///
/// Gradients go to both. A coordinate that is NaN counts as -1, and so does one that is infinite
/// (or 2^30 pixels away) with [`GridPadding::Reflection`]; these get no gradient.
///
/// # Shapes
///
/// `xs`: `[B, C, H, W]`; `grid`: `[B, Ho, Wo, 2]`; result: `[B, C, Ho, Wo]`.
///
/// # Errors
///
/// A grid of another shape, batch or type than that of `xs`, a type that is no float, sides above
/// 2^24 or planes above 2^32 pixels, tensors without values.
///
/// # References
///
/// Jaderberg, Simonyan, Zisserman and Kavukcuoglu, *Spatial Transformer Networks* (2015).
/// Keys, *Cubic Convolution Interpolation for Digital Image Processing* (1981).
pub fn grid_sample(xs: &Tensor, grid: &Tensor, config: &GridSampleConfig) -> Result<Tensor> {
    not_empty(xs, "grid_sample")?;
    not_empty(grid, "grid_sample")?;
    let (batch, channels, height, width) = xs.dims4()?;
    let &[images, rows, columns, 2] = grid.dims() else {
        bail!("grid_sample: the grid is {:?}; it must be [B, Ho, Wo, 2]", grid.dims());
    };
    if images != batch || grid.dtype() != xs.dtype() {
        bail!(
            "grid_sample: a grid of {images} images of {:?} does not fit {batch} of {:?}",
            grid.dtype(),
            xs.dtype()
        );
    }
    if height > MAX_SIDE || width > MAX_SIDE || u32::try_from(height * width).is_err() {
        bail!("grid_sample: {height} x {width} pixels; at most 2^24 a side and 2^32 together");
    }
    match xs.dtype() {
        DType::F32 | DType::F64 => {}
        DType::BF16 | DType::F16 => {
            let wide = |t: &Tensor| t.to_dtype(DType::F32);
            return grid_sample(&wide(xs)?, &wide(grid)?, config)?.to_dtype(xs.dtype());
        }
        other => bail!("grid_sample: values of {other:?}; they must be floats"),
    }
    if is_fast(xs) && is_fast(grid) {
        let sizes = Sizes { batch, channels, picture: (height, width), points: rows * columns };
        let op = GridSample { sizes, config: *config, shape: (rows, columns) };
        return xs.contiguous()?.apply_op2(&grid.contiguous()?, op);
    }
    composed(xs, grid, config)
}

/// The same by Candle's operations.
fn composed(xs: &Tensor, grid: &Tensor, config: &GridSampleConfig) -> Result<Tensor> {
    let (batch, channels, height, width) = xs.dims4()?;
    let (_, rows, columns, _) = grid.dims4()?;
    let points = rows * columns;
    let taps = |axis: usize, size: usize| {
        Axis::new(size, config).taps(&grid.narrow(3, axis, 1)?.flatten_all()?, config)
    };
    let (across, down) = (taps(0, width)?, taps(1, height)?);
    let pixels = xs.permute((0, 2, 3, 1))?.reshape((batch * height * width, channels))?;
    let plane = whole(height * width, xs)?;
    let images = Tensor::arange(0, batch.cast_signed() as i64, xs.device())?
        .broadcast_mul(&plane)?
        .reshape((batch, 1))?
        .broadcast_as((batch, points))?
        .flatten_all()?;
    let mut sum: Option<Tensor> = None;
    for (y, down) in &down {
        let line = (y.broadcast_mul(&whole(width, xs)?)? + &images)?;
        for (x, across) in &across {
            let values = pixels.index_select(&(&line + x)?, 0)?;
            let part = values.broadcast_mul(&(down * across)?.unsqueeze(1)?)?;
            sum = Some(match sum {
                Some(sum) => (sum + part)?,
                None => part,
            });
        }
    }
    let Some(sum) = sum else { bail!("grid_sample: no taps") };
    sum.reshape((batch, rows, columns, channels))?.permute((0, 3, 1, 2))?.contiguous()
}

/// A count as a tensor of one value.
fn whole(count: usize, like: &Tensor) -> Result<Tensor> {
    Tensor::new(&[count.cast_signed() as i64], like.device())
}

/// One axis of the picture, in pixels.
struct Axis {
    last: f64,
    /// Pixels per unit of the grid, and the position of zero.
    affine: (f64, f64),
    /// Where reflection starts and the distance between its mirrors.
    mirrors: (f64, f64),
    padding: GridPadding,
}

impl Axis {
    #[expect(clippy::cast_precision_loss, reason = "sides are at most 2^24")]
    fn new(size: usize, config: &GridSampleConfig) -> Self {
        let (size, last) = (size as f64, (size - 1) as f64);
        let (affine, mirrors) = if config.align_corners {
            ((last / 2.0, last / 2.0), (0.0, last))
        } else {
            ((size / 2.0, last / 2.0), (-0.5, size))
        };
        Self { last, affine, mirrors, padding: config.padding }
    }

    /// The pixels of every coordinate (`i64`) and their weights, which follow the coordinates.
    fn taps(&self, v: &Tensor, config: &GridSampleConfig) -> Result<Vec<(Tensor, Tensor)>> {
        let at = self.position(v)?;
        let fixed = at.detach();
        if config.interpolation == GridInterpolation::Bicubic {
            let floor = fixed.floor()?;
            let t = (&at - &floor)?;
            let weights =
                [outer(&(&t + 1.0)?)?, inner(&t)?, inner(&(1.0 - &t)?)?, outer(&(2.0 - &t)?)?];
            let taps = weights.into_iter().zip([-1.0, 0.0, 1.0, 2.0]).map(|(weight, k)| {
                let (pixel, _) = self.fold(&(&floor + k)?)?;
                self.tap(&(pixel + 0.5)?.floor()?, &weight)
            });
            return taps.collect();
        }
        let (place, sign) = self.fold(&fixed)?;
        let floor = place.floor()?;
        if config.interpolation == GridInterpolation::Nearest {
            let part = (&place - &floor)?;
            let half = part.eq(0.5)?.to_dtype(v.dtype())?;
            let up = ((half * odd(&floor)?)? + part.gt(0.5)?.to_dtype(v.dtype())?)?;
            return Ok(vec![self.tap(&(floor + up)?, &place.ones_like()?)?]);
        }
        // The place with the slope of the fold.
        let t = ((&at * &sign)? + (place - (fixed * &sign)?)?)?;
        let t = (t - &floor)?;
        Ok(vec![self.tap(&floor, &(1.0 - &t)?)?, self.tap(&(floor + 1.0)?, &t)?])
    }

    /// Coordinates in pixels; see [`grid_sample`] for those without a meaning.
    fn position(&self, v: &Tensor) -> Result<Tensor> {
        let (rate, zero) = self.affine;
        let at = v.affine(rate, zero)?;
        let fixed = at.detach();
        let start = (fixed.zeros_like()? + (zero - rate))?;
        let far = f64::from(FAR);
        let other = if self.padding == GridPadding::Reflection {
            start
        } else {
            fixed.eq(&fixed)?.where_cond(&fixed.clamp(-far, far)?, &start)?
        };
        fixed.abs()?.le(far)?.where_cond(&at, &other)
    }

    /// Constant places moved into the picture by the padding, and the sign of that map, zero
    /// where it does not move.
    fn fold(&self, place: &Tensor) -> Result<(Tensor, Tensor)> {
        let mut place = place.clone();
        let mut sign = place.ones_like()?;
        match self.padding {
            GridPadding::Zeros => return Ok((place, sign)),
            GridPadding::Border => {}
            GridPadding::Reflection => {
                let (low, span) = self.mirrors;
                if span <= 0.0 {
                    return Ok((place.zeros_like()?, place.zeros_like()?));
                }
                let from = (&place - low)?;
                let before = from.lt(0.0)?.to_dtype(place.dtype())?.affine(-2.0, 1.0)?;
                let from = from.abs()?;
                let flips = (&from / span)?.floor()?;
                let rest = (from - (&flips * span)?)?;
                let odd = odd(&flips)?;
                sign = (before * odd.affine(-2.0, 1.0)?)?;
                place = ((&rest + (rest.affine(-2.0, span)? * odd)?)? + low)?;
            }
        }
        let inside = (place.gt(0.0)?.to_dtype(place.dtype())?
            * place.lt(self.last)?.to_dtype(place.dtype())?)?;
        Ok((place.clamp(0.0, self.last)?, (sign * inside)?))
    }

    /// The pixel of a whole place, and its weight or zero outside.
    fn tap(&self, place: &Tensor, weight: &Tensor) -> Result<(Tensor, Tensor)> {
        let inside = (place.ge(0.0)?.to_dtype(place.dtype())?
            * place.le(self.last)?.to_dtype(place.dtype())?)?;
        Ok((place.clamp(0.0, self.last)?.to_dtype(DType::I64)?, (weight * inside)?))
    }
}

/// One for odd whole numbers, zero for even ones.
fn odd(x: &Tensor) -> Result<Tensor> {
    x - ((x / 2.0)?.floor()? * 2.0)?
}

/// The cubic weight of pixels nearer than 1.
fn inner(x: &Tensor) -> Result<Tensor> {
    x.affine(1.25, -2.25)?.mul(&x.sqr()?)? + 1.0
}

/// The cubic weight of pixels from 1 to 2 away.
fn outer(x: &Tensor) -> Result<Tensor> {
    x.affine(-0.75, 3.75)?.mul(x)?.affine(1.0, -6.0)?.mul(x)? + 3.0
}

/// A recorded sampling.
struct GridSample {
    sizes: Sizes,
    config: GridSampleConfig,
    /// Rows and columns of the grid.
    shape: (usize, usize),
}

impl CustomOp2 for GridSample {
    fn name(&self) -> &'static str {
        "grid-sample"
    }

    fn cpu_fwd(
        &self,
        xs: &CpuStorage,
        xs_layout: &Layout,
        grid: &CpuStorage,
        grid_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (xs, grid) = (slice(xs, xs_layout)?, slice(grid, grid_layout)?);
        let out = sample(&self.sizes, &self.config, xs, grid);
        let (rows, columns) = self.shape;
        Ok((CpuStorage::F32(out), (self.sizes.batch, self.sizes.channels, rows, columns).into()))
    }

    fn bwd(
        &self,
        xs: &Tensor,
        grid: &Tensor,
        _: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let wanted = (xs.track_op(), grid.track_op());
        let (dx, dgrid) = read_all([xs, grid, g], |[x, points, g]| {
            let dx = wanted.0.then(|| input_gradient(&self.sizes, &self.config, points, g));
            let dgrid = wanted.1.then(|| grid_gradient(&self.sizes, &self.config, x, points, g));
            (dx, dgrid)
        })?;
        let dx = dx.map(|values| tensor(values, xs)).transpose()?;
        Ok((dx, dgrid.map(|values| tensor(values, grid)).transpose()?))
    }
}
