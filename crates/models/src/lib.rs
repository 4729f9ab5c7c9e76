//! Networks for map vectorization, one file per model.
//!
//! | model | input | output |
//! |---|---|---|
//! | [`MapUNet`] | RGB map `[B, 3, H, W]` | border, centreline, class, angle, thickness and distractor logits `[B, 12, H, W]` |
//! | [`ResNet`] | picture `[B, C, H, W]` | logits `[B, K]` |
//! | [`DeepLabV3`] | picture `[B, C, H, W]` | logits `[B, K, H, W]` |
//! | [`UNet`] | picture `[B, C, H, W]` | logits `[B, K, H, W]` |
//! | [`RowTransformer`] | straightened picture `[B, C, H, W]`, its wave `[B, 1, H, W]` | logits of the wave's lines `[B, 1, H, W]` |
//! | [`CrfLayer`] | logits `[B, K, H, W]` and the pictures' [`CrfKernels`] | logits `[B, K, H, W]` |
//! | [`WaveScorer`] | picture `[B, C, H, W]` and proposals of waves `[B, K, 3]` | their qualities `[B, K]` |
//!
//! A model is made from its configuration and a `VarBuilder` (of
//! `mapvec_nn::ParameterStore`, or any other), and checked before anything is
//! allocated.

mod crf_kernels;
mod crf_layer;
mod deeplab;
mod error;
mod map_unet;
mod resnet;
mod row_transformer;
mod unet;
mod wave_scorer;

pub use crf_kernels::CrfKernels;
pub use crf_layer::{CrfLayer, CrfLayerConfig};
pub use deeplab::{DeepLabV3, DeepLabV3Config, DeepLabV3Output};
pub use error::{Error, Result};
pub use map_unet::{MapUNet, MapUNetConfig, map_channels};
pub use resnet::{ResNet, ResNetBackbone, ResNetBlock, ResNetConfig, ResNetFeatures};
pub use row_transformer::{RowTransformer, RowTransformerConfig, SequenceNorm, Sequences};
pub use unet::{UNet, UNetConfig};
pub use wave_scorer::{WaveProposals, WaveScorer, WaveScorerConfig};
