//! Candle layers that are right and fast on the CPU: convolutions, norms,
//! pooling, seeded initialisation, optimisers with saved state.
//!
//! Every operation takes and gives Candle tensors and records its gradient, which is
//! a constant: a gradient of a gradient does not see it. On the CPU in `f32`
//! convolutions, products, norms, pooling, resizing, attention, softmax, activations,
//! transforms and optimisers run kernels of this crate; indices and joins are Candle's. On
//! other devices and in `f64` all compose Candle's own operations, with the known wrong
//! gradients of Candle replaced; halves on the CPU are computed in `f32`. The `f64` composition is the oracle of the tests.
//!
//! * Convolution: [`conv2d`], [`conv_transpose2d`], [`conv_stage`] (a row of
//!   convolutions with norms and `ReLU` as one operation), [`conv2d_input_gradient`],
//!   [`conv2d_weight_gradient`]. Products with weights: [`linear`].
//! * Normalisation: [`batch_norm2d`], [`layer_norm`], [`rms_norm`], [`group_norm`].
//! * Pooling and size: [`max_pool2d`], [`max_pool2d_with_indices`], [`max_unpool2d`],
//!   [`avg_pool2d`], [`adaptive_avg_pool2d`], [`resize`], [`upsample_nearest2d`],
//!   [`pixel_shuffle`], [`pixel_unshuffle`], [`cat_channels`], [`roi_align`],
//!   [`grid_sample`].
//! * Attention: [`scaled_dot_product_attention`], [`softmax`], [`log_softmax`],
//!   [`log_sum_exp`].
//! * Activations: [`relu`], [`leaky_relu`], [`gelu`], [`gelu_tanh`], [`silu`],
//!   [`sigmoid`], [`log_sigmoid`], [`softplus`], [`bce_with_logits`]; [`dropout`] and
//!   [`drop_path`] with seeds.
//! * Indices: [`gather`], [`scatter_add`], [`top_k`]. Spectra: [`fft2`], [`ifft2`].
//! * Layers with parameters, named as in `PyTorch`: [`Conv2d`], [`ConvTranspose2d`],
//!   [`BatchNorm2d`], [`ConvBnRelu`], [`ConvStage`], [`LayerNorm`], [`RmsNorm`],
//!   [`GroupNorm`], [`Linear`], [`MultiHeadAttention`].
//! * [`ParameterStore`]: seeded parameters, saved and loaded strictly ([`LoadConfig`] for files of
//!   `PyTorch`); [`init`].
//! * Training: [`Optimizer`] (SGD, Adam, AdamW), [`clip_gradients`] and
//!   [`Optimizer::step_clipped`], [`Ema`], [`Schedule`].
//! * Checks of gradients: [`gradcheck`], [`compare_precisions`], [`compare_with_double`], [`check_gradients_reach`].
//! * [`BufferPool`]: an allocator for programs that train or infer, which keeps their
//!   large buffers from one step to the next.
//!
//! Results are equal bit for bit at any number of threads on one instruction
//! set ([`Isa`]); different sets round differently. [`set_exact`] turns the
//! Winograd convolution off, whose rounding error is about three times that of
//! the direct sum; [`with_conv_kernel`] chooses the kernel of single convolutions.
//!
//! Speed: candle's own operations run on a pool of threads that spin. Set
//! `CANDLE_NUM_THREADS=1` in the environment, or they take the processor from
//! these kernels, which use rayon, and a training step takes nearly twice as long.
//!
//! # Examples
//!
//! A network learns to tell bright from dark pictures; everything that a run needs to go on
//! later is in two files.
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use mapvec_nn::{
//!     AdamWConfig, Conv2dConfig, ConvBnRelu, Linear, Optimizer, ParameterStore, Schedule,
//!     adaptive_avg_pool2d, bce_with_logits,
//! };
//!
//! let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
//! let vb = store.var_builder();
//! let conv = ConvBnRelu::new(1, 8, 3, &Conv2dConfig::same(3), vb.pp("conv"))?;
//! let head = Linear::new(8, 1, true, vb.pp("head"))?;
//! let logits = |xs: &Tensor| -> candle_core::Result<Tensor> {
//!     let features = adaptive_avg_pool2d(&conv.forward(xs, true)?, (1, 1))?;
//!     head.forward(&features.flatten_from(1)?)
//! };
//! let mut optimizer = Optimizer::new(store.trainable(), &AdamWConfig::default())?;
//! let (peak, schedule) = (1e-2, Schedule::cosine(20, 2));
//! let xs = Tensor::arange(0_f32, 256.0, &Device::Cpu)?.reshape((4, 1, 8, 8))?.affine(0.01, 0.0)?;
//! let bright = Tensor::new(&[[0_f32], [0.0], [1.0], [1.0]], &Device::Cpu)?;
//! let mut losses = Vec::new();
//! for step in 0..20 {
//!     let loss = bce_with_logits(&logits(&xs)?, &bright)?.mean_all()?;
//!     losses.push(loss.to_scalar::<f32>()?);
//!     optimizer.set_learning_rate(schedule.learning_rate(peak, step))?;
//!     optimizer.step_clipped(&loss.backward()?, 1.0)?;
//! }
//! assert!(losses[19] < losses[0]);
//! let (weights, state) = (store.to_bytes()?, optimizer.state_bytes()?);
//! store.load_bytes(&weights)?;
//! optimizer.load_state_bytes(&state)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod activation;
mod attention;
mod batch_norm;
mod concat;
mod conv;
mod conv_gradient;
mod conv_stage;
mod conv_transpose;
mod dispatch;
mod dropout;
mod elementwise;
mod error;
mod fft;
mod gather;
mod gradcheck;
mod grid_sample;
mod host;
pub mod init;
mod kernels;
mod layer_norm;
mod layers;
mod linear;
mod linear_resample;
mod load;
mod optim;
mod pool;
mod reach;
mod resample;
mod roi_align;
mod schedule;
mod softmax;
mod store;
mod weighted;

pub use activation::relu;
pub use attention::{AttentionConfig, scaled_dot_product_attention};
pub use batch_norm::{BatchStatistics, Statistics, batch_norm2d};
pub use concat::cat_channels;
pub use conv::{Conv2dConfig, conv2d};
pub use conv_gradient::{conv2d_input_gradient, conv2d_weight_gradient};
pub use conv_stage::{StageLayer, conv_stage};
pub use conv_transpose::{ConvTranspose2dConfig, conv_transpose2d};
pub use dispatch::{ConvKernel, ConvShape, is_exact, set_exact, with_conv_kernel};
pub use dropout::{drop_path, dropout};
pub use elementwise::{
    bce_with_logits, gelu, gelu_tanh, leaky_relu, log_sigmoid, sigmoid, silu, softplus,
};
pub use error::{Error, ParameterMismatch, Result};
pub use fft::{FftNorm, fft2, ifft2, to_complex};
pub use gather::{gather, scatter_add, top_k};
pub use gradcheck::{GradcheckConfig, compare_precisions, compare_with_double, gradcheck};
pub use grid_sample::{GridInterpolation, GridPadding, GridSampleConfig, grid_sample};
pub use kernels::buffer_pool::BufferPool;
pub use kernels::isa::{Isa, Loops};
pub use layer_norm::{group_norm, layer_norm, rms_norm};
pub use layers::{
    BatchNorm2d, BatchNormConfig, BiasInit, Conv2d, ConvBnRelu, ConvStage, ConvTranspose2d,
    DropPath, Dropout, GroupNorm, LayerNorm, Linear, MultiHeadAttention, MultiHeadAttentionConfig,
    RmsNorm, reestimate_statistics, with_momentum,
};
pub use linear::linear;
pub use linear_resample::{Interpolation, adaptive_avg_pool2d, avg_pool2d, resize};
pub use load::LoadConfig;
pub use optim::{
    AdamConfig, AdamWConfig, Ema, EmaConfig, GroupConfig, Optimizer, OptimizerConfig, SgdConfig,
    clip_gradient_values, clip_gradients, gradient_norm,
};
pub use pool::{Pool2dConfig, max_pool2d, max_pool2d_with_indices, max_unpool2d};
pub use reach::{GradientDefects, check_gradients_reach};
pub use resample::{pixel_shuffle, pixel_unshuffle, upsample_nearest2d};
pub use roi_align::{RoiAlignConfig, roi_align};
pub use schedule::Schedule;
pub use softmax::{log_softmax, log_sum_exp, softmax};
pub use store::ParameterStore;
