//! The models against values of PyTorch 2.15.0 and torchvision 0.29.2 on a CPU.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_sign_loss,
    reason = "a failed test is to panic; drawn numbers are positive"
)]

mod closed_form;
mod crf_layer;
mod deeplab;
mod devices;
mod resnet;
mod row_transformer;
mod unet;
mod wave_scorer;

use candle_core::{IndexOp, Tensor, Var};

/// A value, and where in a batch of maps it stands.
type Pixel = ((usize, usize, usize, usize), f32);

/// Fails unless the values at these places of a batch of maps are as expected.
fn assert_pixels(maps: &Tensor, expected: &[Pixel], tolerance: f32) {
    for &((b, c, y, x), value) in expected {
        let found = maps.i((b, c, y, x)).unwrap().to_scalar::<f32>().unwrap();
        assert!(
            (found - value).abs() < tolerance,
            "{found} instead of {value} at {:?}",
            (b, c, y, x)
        );
    }
}

/// Fails unless every variable gets a gradient that is finite and not zero.
fn assert_gradients(loss: &Tensor, variables: &[(String, Var)]) {
    let gradients = loss.backward().unwrap();
    for (name, var) in variables {
        let gradient = gradients.get(var).unwrap_or_else(|| panic!("{name} has no gradient"));
        let size = gradient.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(size.is_finite() && size > 0.0, "{name}: gradient size {size}");
    }
}
