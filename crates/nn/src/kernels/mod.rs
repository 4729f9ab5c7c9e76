//! CPU kernels in `f32` on slices: no tensors, no global state but kept buffers.
//!
//! Work is split into parts that depend on sizes only and reduced in index
//! order, so results are equal bit for bit at any thread count.

pub(crate) mod attention;
pub(crate) mod buffer_pool;
pub(crate) mod dot;
pub(crate) mod elementwise;
pub(crate) mod epilogue;
pub(crate) mod exp;
pub(crate) mod fft;
pub(crate) mod grid_sample;
pub(crate) mod im2col;
pub(crate) mod isa;
pub(crate) mod lanes;
#[cfg(target_arch = "aarch64")]
pub(crate) mod lanes_neon;
#[cfg(target_arch = "x86_64")]
pub(crate) mod lanes_x86;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod matmul;
pub(crate) mod max_blocks;
pub(crate) mod moments;
pub(crate) mod norm;
pub(crate) mod optim;
pub(crate) mod output;
mod pairs;
pub(crate) mod pool;
pub(crate) mod regions;
pub(crate) mod resample;
pub(crate) mod roi_align;
pub(crate) mod scratch;
pub(crate) mod separable;
pub(crate) mod small_maps;
pub(crate) mod softmax;
pub(crate) mod sub_grids;
pub(crate) mod transpose;
pub(crate) mod winograd;
