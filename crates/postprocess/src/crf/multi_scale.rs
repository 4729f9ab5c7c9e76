//! From coarse to fine.

use ndarray::{Array3, ArrayView3};

use super::config::{DenseCrfConfig, InferenceConfig, KernelShape};
use super::dense::DenseCrf;
use super::features::check_points;
use super::report::PictureInference;
use crate::{Error, Result};

/// Infers the picture at half the size first, and mixes what comes out into the unary of the
/// full size: `(1 - weight) * unary - weight * ln(coarse)`. With `levels` 1 there is no
/// coarser picture. Spatial standard deviations shrink with the picture.
///
/// # Shapes
/// `image` [C, H, W], `unary` [K, H, W].
///
/// # Errors
/// [`Error::InvalidSetting`] if `levels` is not 1 to 8 or `weight` is outside 0 to 1;
/// otherwise as [`DenseCrf::new`] and [`DenseCrf::infer`].
pub fn infer_coarse_to_fine(
    image: ArrayView3<'_, f32>,
    unary: ArrayView3<'_, f32>,
    config: &DenseCrfConfig,
    inference: &InferenceConfig,
    (levels, weight): (usize, f32),
) -> Result<PictureInference> {
    if !(1..=8).contains(&levels) {
        let (value, expected) = (levels as f64, "from 1 to 8");
        return Err(Error::InvalidSetting { field: "levels", value, expected });
    }
    if !(0.0..=1.0).contains(&weight) {
        let (value, expected) = (f64::from(weight), "from 0 to 1");
        return Err(Error::InvalidSetting { field: "weight", value, expected });
    }
    let (_, rows, columns) = image.dim();
    check_points("rows of the unary", unary.dim().1, rows)?;
    check_points("columns of the unary", unary.dim().2, columns)?;
    if levels == 1 || rows.min(columns) < 2 {
        return DenseCrf::new(image, config)?.infer(unary, inference);
    }
    let (small, energies) = (halved(image), halved(unary));
    let smaller = shrunk(config);
    let below = (levels - 1, weight);
    let coarse = infer_coarse_to_fine(small.view(), energies.view(), &smaller, inference, below)?;
    let mixed = Array3::from_shape_fn(unary.dim(), |(class, y, x)| {
        let q = coarse.probabilities[(class, y / 2, x / 2)].max(1e-12);
        (1.0 - weight) * unary[(class, y, x)] - weight * q.ln()
    });
    DenseCrf::new(image, config)?.infer(mixed.view(), inference)
}

/// Means of 2 x 2 pixels; at odd ends of what is there.
fn halved(values: ArrayView3<'_, f32>) -> Array3<f32> {
    let (planes, rows, columns) = values.dim();
    let size = (planes, rows.div_ceil(2), columns.div_ceil(2));
    Array3::from_shape_fn(size, |(plane, y, x)| {
        let (bottom, right) = (rows.min(2 * y + 2), columns.min(2 * x + 2));
        let part = values.slice(ndarray::s![plane, 2 * y..bottom, 2 * x..right]);
        part.mean().unwrap_or(0.0)
    })
}

/// Kernels for half the size.
fn shrunk(config: &DenseCrfConfig) -> DenseCrfConfig {
    let mut config = config.clone();
    for term in &mut config.terms {
        match &mut term.kernel {
            KernelShape::Gaussian { sigma } | KernelShape::Bilateral { sigma, .. } => {
                sigma.iter_mut().for_each(|sigma| *sigma *= 0.5);
            }
        }
    }
    config
}
