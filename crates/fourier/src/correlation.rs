//! Phase correlation: by how much one plane is moved against another.

use ndarray::{Array, ArrayView, ArrayView2, Dimension};

use crate::error::{Error, Result};
use crate::fft2::{Fft2, Norm};
use crate::shift::plane_size;

/// The surface whose peak says how far `a` is moved against `b`, plane by plane.
///
/// ```text
/// c = inverse transform of  A conj(B) / |A conj(B)|
/// ```
///
/// Bins whose `|A conj(B)|` is less than 10^-28 of the largest one, which rounding leaves where
/// there is nothing, are 0.
///
/// If `a` is `b` moved by `(x, y)` px, `c` has its peak in row `y` and column `x`, negative
/// shifts counted from the other end. The peak is 1 for planes that are moved around whole
/// pixels, and less where they differ. [`find_shift`] reads it.
///
/// # Shapes
///
/// `a`, `b`: `[.., H, W]`; the result likewise.
///
/// # Errors
///
/// [`Error::Shape`] for planes of different shapes and fewer than two dimensions;
/// [`Error::Setting`] for empty planes.
///
/// # References
///
/// Kuglin, Hines, "The phase correlation image alignment method" (1975).
pub fn phase_correlation<D: Dimension>(
    a: ArrayView<'_, f64, D>,
    b: ArrayView<'_, f64, D>,
) -> Result<Array<f64, D>> {
    if a.shape() != b.shape() {
        let expected = format!("{:?}, the shape of `a`", a.shape());
        return Err(Error::Shape { field: "b", found: b.shape().to_vec(), expected });
    }
    let fft = Fft2::new(plane_size("a", a.shape())?, Norm::Backward)?;
    let mut products = fft.forward_real(a)?;
    products.zip_mut_with(&fft.forward_real(b)?, |value, other| *value *= other.conj());
    let bins = fft.size().0 * fft.half_width();
    // Spectra come in the standard layout, plane after plane.
    for plane in products.as_slice_mut().unwrap_or_default().chunks_exact_mut(bins) {
        let largest = plane.iter().map(|value| value.norm()).fold(0.0, f64::max);
        for value in plane {
            let norm = value.norm();
            *value *= if norm > ROUNDING * largest { 1.0 / norm } else { 0.0 };
        }
    }
    fft.inverse_real(products.view())
}

/// What rounding leaves of products, against the largest one.
const ROUNDING: f64 = 1e-28;

/// A shift and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// `(x, y)`, px to the right and down, from minus half the side to half of it.
    pub by: [f64; 2],
    /// Height of the peak, near 1 for planes that differ by the shift only.
    pub peak: f64,
}

/// The highest point of a surface of [`phase_correlation`], `[H, W]`, to parts of a pixel.
///
/// Between pixels the peak of a moved plane has the form of a sampled `sin(x) / x`, whose place
/// follows from its two highest values.
///
/// # Errors
///
/// [`Error::Setting`] for an empty surface; [`Error::NotFinite`] if no value is finite.
///
/// # References
///
/// Foroosh, Zerubia, Berthod, "Extension of phase correlation to subpixel registration" (2002).
pub fn find_shift(surface: ArrayView2<'_, f64>) -> Result<Shift> {
    let (height, width) = surface.dim();
    if surface.is_empty() {
        return Err(Error::Setting { field: "surface", value: 0.0, expected: "not empty" });
    }
    let mut best = ((0, 0), f64::NEG_INFINITY);
    for (at, &value) in surface.indexed_iter() {
        if value > best.1 {
            best = (at, value);
        }
    }
    let ((y, x), peak) = best;
    if !peak.is_finite() {
        return Err(Error::NotFinite { field: "surface", value: peak, at: vec![y, x] });
    }
    let across = beside(peak, surface[(y, (x + 1) % width)], surface[(y, (x + width - 1) % width)]);
    let down =
        beside(peak, surface[((y + 1) % height, x)], surface[((y + height - 1) % height, x)]);
    let place = |at: usize, n: usize, part: f64| {
        let part = if n < 3 { 0.0 } else { part };
        let at = at as f64 + part;
        if at > n as f64 / 2.0 { at - n as f64 } else { at }
    };
    Ok(Shift { by: [place(x, width, across), place(y, height, down)], peak })
}

/// Where the peak lies beside the highest value, from -0.5 to 0.5.
fn beside(peak: f64, after: f64, before: f64) -> f64 {
    let (next, sign) = if after > before { (after, 1.0) } else { (before, -1.0) };
    if next > 0.0 { sign * (next / (next + peak)).min(0.5) } else { 0.0 }
}
