//! Networks for map vectorization, one file per model.
//!
//! | model | input | output |
//! |---|---|---|
//! | [`MapUNet`] | RGB map `[B, 3, H, W]` | border, centreline, class, angle, thickness and distractor logits `[B, 12, H, W]` |
//! | [`UNet`] | picture `[B, C, H, W]` | logits `[B, K, H, W]` |
//!
//! A model is made from its configuration and a `VarBuilder` (of
//! `mapvec_nn::ParameterStore`, or any other), and checked before anything is
//! allocated.

mod error;
mod map_unet;
mod unet;

pub use error::{Error, Result};
pub use map_unet::{MapUNet, MapUNetConfig, map_channels};
pub use unet::{UNet, UNetConfig};
