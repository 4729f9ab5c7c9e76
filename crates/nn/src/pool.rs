//! Max pooling.

use candle_core::{CpuStorage, CustomOp1, D, Layout, Result, Shape, Tensor, bail};

use crate::host::{is_fast, not_empty, read, slice, tensor};
use crate::kernels::resample::{Blocks, max_pool, max_pool_gradient};

/// The largest value of every `kernel x kernel` block; rows and columns beyond
/// the last whole block are dropped.
///
/// The gradient goes to one value of a block: on the CPU the first largest in
/// reading order; on other devices the one the device's `argmax` names.
///
/// # Shapes
///
/// `[B, C, H, W]` to `[B, C, H / kernel, W / kernel]`.
///
/// # Errors
///
/// A `kernel` of zero or larger than the input, tensors without values.
pub fn max_pool2d(x: &Tensor, kernel: usize) -> Result<Tensor> {
    not_empty(x, "max_pool2d")?;
    let (batch, channels, height, width) = x.dims4()?;
    if kernel == 0 || kernel > height || kernel > width {
        bail!(
            "max_pool2d: kernel {kernel} must lie between 1 and the size of the input, {height} x {width}"
        );
    }
    if is_fast(x) {
        return x
            .contiguous()?
            .apply_op1(MaxPool { blocks: Blocks { height, width, side: kernel } });
    }
    let (rows, columns) = (height / kernel, width / kernel);
    let used = x.narrow(2, 0, rows * kernel)?.narrow(3, 0, columns * kernel)?.contiguous()?;
    let blocks = used
        .reshape(vec![batch, channels, rows, kernel, columns, kernel])?
        .permute(vec![0, 1, 2, 4, 3, 5])?
        .contiguous()?
        .reshape((batch * channels * rows * columns, kernel * kernel))?;
    let best = blocks.detach().argmax_keepdim(D::Minus1)?;
    blocks.gather(&best, D::Minus1)?.reshape((batch, channels, rows, columns))
}

struct MaxPool {
    blocks: Blocks,
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = layout.shape().dims4()?;
        let out = max_pool(self.blocks, slice(storage, layout)?);
        let side = self.blocks.side;
        Ok((CpuStorage::F32(out), (batch, channels, height / side, width / side).into()))
    }

    fn bwd(&self, x: &Tensor, pooled: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let out = read(x, |x| {
            read(pooled, |pooled| read(gradient, |g| max_pool_gradient(self.blocks, x, pooled, g)))
        })???;
        Ok(Some(tensor(out, x)?))
    }
}
