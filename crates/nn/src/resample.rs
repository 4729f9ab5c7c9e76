//! Nearest upsampling and the space-to-depth shuffles.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use crate::host::{is_fast, is_half_on_cpu, not_empty, read, single, slice, tensor};
use crate::kernels::isa::Isa;
use crate::kernels::resample::{Blocks, block_sums, repeat, shuffle, unshuffle};

/// Every pixel repeated over a block of `factor x factor`; the gradient is the
/// sum over the block.
///
/// # Shapes
///
/// `[B, C, H, W]` to `[B, C, factor H, factor W]`.
///
/// # Errors
///
/// A factor of zero or beyond 2^15, sides beyond 2^31 pixels, tensors without values.
pub fn upsample_nearest2d(x: &Tensor, factor: usize) -> Result<Tensor> {
    let (batch, channels, height, width) = checked(x, factor, "upsample_nearest2d")?;
    if is_half_on_cpu(x) {
        // The gradient is a sum over the block.
        return upsample_nearest2d(&single(x)?, factor)?.to_dtype(x.dtype());
    }
    if is_fast(x) {
        let blocks = Blocks { height: height * factor, width: width * factor, side: factor };
        return x.contiguous()?.apply_op1(Resample { blocks, kind: Kind::Repeat });
    }
    x.reshape(vec![batch, channels, height, 1, width, 1])?
        .broadcast_as(vec![batch, channels, height, factor, width, factor])?
        .reshape((batch, channels, height * factor, width * factor))
}

/// Depth to space: channel `c f f + dy f + dx` becomes pixel `(dy, dx)` of every
/// `f x f` block of channel `c`, as `PyTorch`'s `PixelShuffle`.
///
/// # Shapes
///
/// `[B, C f f, H, W]` to `[B, C, f H, f W]`.
///
/// # Errors
///
/// A factor of zero, beyond 2^15 or whose square does not divide the channels, sides
/// beyond 2^31 pixels, tensors without values.
///
/// # References
///
/// Shi et al., *Real-Time Single Image and Video Super-Resolution Using an
/// Efficient Sub-Pixel Convolutional Neural Network* (2016).
pub fn pixel_shuffle(x: &Tensor, factor: usize) -> Result<Tensor> {
    let (batch, channels, height, width) = checked(x, factor, "pixel_shuffle")?;
    if channels % (factor * factor) != 0 {
        bail!("pixel_shuffle: {channels} channels must be a multiple of factor {factor} squared");
    }
    if is_fast(x) {
        let blocks = Blocks { height: height * factor, width: width * factor, side: factor };
        return x.contiguous()?.apply_op1(Resample { blocks, kind: Kind::Shuffle });
    }
    let outputs = channels / (factor * factor);
    x.reshape(vec![batch, outputs, factor, factor, height, width])?
        .permute(vec![0, 1, 4, 2, 5, 3])?
        .reshape((batch, outputs, height * factor, width * factor))
}

/// Space to depth, the inverse of [`pixel_shuffle`].
///
/// # Shapes
///
/// `[B, C, f H, f W]` to `[B, C f f, H, W]`.
///
/// # Errors
///
/// A factor of zero, beyond 2^15 or that does not divide height and width, tensors
/// without values.
pub fn pixel_unshuffle(x: &Tensor, factor: usize) -> Result<Tensor> {
    let (batch, channels, height, width) = checked(x, factor, "pixel_unshuffle")?;
    if height % factor != 0 || width % factor != 0 {
        bail!(
            "pixel_unshuffle: factor {factor} must divide the size of the input, {height} x {width}"
        );
    }
    if is_fast(x) {
        let blocks = Blocks { height, width, side: factor };
        return x.contiguous()?.apply_op1(Resample { blocks, kind: Kind::Unshuffle });
    }
    x.reshape(vec![batch, channels, height / factor, factor, width / factor, factor])?
        .permute(vec![0, 1, 3, 5, 2, 4])?
        .reshape((batch, channels * factor * factor, height / factor, width / factor))
}

fn checked(x: &Tensor, factor: usize, name: &str) -> Result<(usize, usize, usize, usize)> {
    not_empty(x, name)?;
    let (batch, channels, height, width) = x.dims4()?;
    // No memory holds sides beyond that.
    let fits = |side: usize| side.checked_mul(factor).is_some_and(|side| side < 1 << 31);
    if factor == 0 || factor > 1 << 15 || !fits(height) || !fits(width) {
        bail!(
            "{name}: factor {factor} for {height} x {width} pixels; it must be from 1 to 2^15 and the \
             sides stay below 2^31"
        );
    }
    Ok((batch, channels, height, width))
}

#[derive(Clone, Copy)]
enum Kind {
    Repeat,
    Shuffle,
    Unshuffle,
}

/// A recorded resampling; `blocks` describes its fine side.
struct Resample {
    blocks: Blocks,
    kind: Kind,
}

impl CustomOp1 for Resample {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Repeat => "upsample-nearest2d",
            Kind::Shuffle => "pixel-shuffle",
            Kind::Unshuffle => "pixel-unshuffle",
        }
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = slice(storage, layout)?;
        let (batch, channels, ..) = layout.shape().dims4()?;
        let Blocks { height, width, side } = self.blocks;
        let (out, shape) = match self.kind {
            Kind::Repeat => (repeat(self.blocks, x), (batch, channels, height, width)),
            Kind::Shuffle => (
                shuffle(Isa::detect(), self.blocks, x),
                (batch, channels / (side * side), height, width),
            ),
            Kind::Unshuffle => (
                unshuffle(Isa::detect(), self.blocks, x),
                (batch, channels * side * side, height / side, width / side),
            ),
        };
        Ok((CpuStorage::F32(out), shape.into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let out = read(gradient, |g| match self.kind {
            Kind::Repeat => block_sums(self.blocks, g),
            Kind::Shuffle => unshuffle(Isa::detect(), self.blocks, g),
            Kind::Unshuffle => shuffle(Isa::detect(), self.blocks, g),
        })?;
        Ok(Some(tensor(out, x)?))
    }
}
