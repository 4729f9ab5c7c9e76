//! Parts, bins and symmetry of spectra.

use ndarray::{Array, Array2, ArrayView, ArrayView2, ArrayViewMut2, Axis, Dimension, Slice};
use rustfft::FftNum;
use rustfft::num_complex::Complex;

use crate::error::{Error, Result};
use crate::plane_wave::undirected;

/// Magnitudes of the values of a spectrum.
#[must_use]
pub fn amplitudes<D: Dimension>(spectrum: ArrayView<'_, Complex<f64>, D>) -> Array<f64, D> {
    spectrum.mapv(|value| value.norm())
}

/// Phases of the values of a spectrum, radians in `(-pi, pi]`; 0 for 0.
#[must_use]
pub fn phases<D: Dimension>(spectrum: ArrayView<'_, Complex<f64>, D>) -> Array<f64, D> {
    spectrum.mapv(|value| value.im.atan2(value.re))
}

/// Squared magnitudes of the values of a spectrum.
#[must_use]
pub fn powers<D: Dimension>(spectrum: ArrayView<'_, Complex<f64>, D>) -> Array<f64, D> {
    spectrum.mapv(|value| value.norm_sqr())
}

/// The signed frequency of a bin of a transform of length `n`, cycles per length.
///
/// Bins up to `n / 2` are positive; the one at half the sampling rate stands for both signs.
#[must_use]
pub fn signed_bin(bin: usize, n: usize) -> f64 {
    if 2 * bin <= n { bin as f64 } else { bin as f64 - n as f64 }
}

/// The undirected direction of the crests of every bin's wave, radians in `[0, pi)`: `[H, W]`.
///
/// It is 0 for bin zero.
///
/// # Errors
///
/// [`Error::Setting`] for planes of more than 2^28 bins.
pub fn bin_angles((height, width): (usize, usize)) -> Result<Array2<f64>> {
    check_size((height, width))?;
    Ok(Array2::from_shape_fn((height, width), |(y, x)| {
        let (u, v) = (signed_bin(x, width) / width as f64, signed_bin(y, height) / height as f64);
        undirected(u.atan2(-v))
    }))
}

/// Refuses planes that are too large for memory, or for a `usize`.
pub(crate) fn check_size((height, width): (usize, usize)) -> Result<()> {
    if height.checked_mul(width).is_some_and(|values| values <= 1 << 28) {
        return Ok(());
    }
    let value = height as f64 * width as f64;
    Err(Error::Setting { field: "height x width", value, expected: "at most 2^28" })
}

/// Bin zero moved to row `H / 2` and column `W / 2`, as people look at spectra.
///
/// # Errors
///
/// [`Error::Shape`] for fewer than two dimensions.
pub fn centred<A: Clone, D: Dimension>(spectrum: ArrayView<'_, A, D>) -> Result<Array<A, D>> {
    rolled(spectrum, |n| n - n / 2)
}

/// The inverse of [`centred`].
///
/// # Errors
///
/// [`Error::Shape`] for fewer than two dimensions.
pub fn uncentred<A: Clone, D: Dimension>(spectrum: ArrayView<'_, A, D>) -> Result<Array<A, D>> {
    rolled(spectrum, |n| n / 2)
}

/// The last two dimensions turned so that the value at `first(n)` comes first.
fn rolled<A: Clone, D: Dimension>(
    values: ArrayView<'_, A, D>,
    first: impl Fn(usize) -> usize,
) -> Result<Array<A, D>> {
    let rank = values.ndim();
    if rank < 2 {
        let found = values.shape().to_vec();
        return Err(Error::Shape { field: "spectrum", found, expected: "[.., H, W]".to_owned() });
    }
    let mut out = values.to_owned();
    for axis in [Axis(rank - 2), Axis(rank - 1)] {
        let from = out.clone();
        let (n, cut) = (from.len_of(axis), first(from.len_of(axis)));
        let parts = [(cut..n, 0..n - cut), (0..cut, n - cut..n)];
        for (source, target) in parts {
            out.slice_axis_mut(axis, Slice::from(target))
                .assign(&from.slice_axis(axis, Slice::from(source)));
        }
    }
    Ok(out)
}

/// The whole spectrum of a real plane from its half, `[H, W / 2 + 1]` -> `[H, W]`.
///
/// # Errors
///
/// [`Error::Shape`] if the half does not belong to `width` columns.
pub fn whole_spectrum<T: FftNum>(
    half: ArrayView2<'_, Complex<T>>,
    width: usize,
) -> Result<Array2<Complex<T>>> {
    let (height, columns) = half.dim();
    if width == 0 || columns != width / 2 + 1 {
        let expected = format!("{} columns for a plane of {width}", width / 2 + 1);
        return Err(Error::Shape { field: "half", found: vec![height, columns], expected });
    }
    Ok(Array2::from_shape_fn((height, width), |(y, x)| {
        if x < columns { half[(y, x)] } else { half[((height - y) % height, width - x)].conj() }
    }))
}

/// Makes a spectrum that of a real plane: what its bins with `v < 0` hold, and those with
/// `v = 0` and `u < 0`, becomes the conjugate of their opposites.
///
/// A bin that is its own opposite (zero, and half the sampling rate) loses its imaginary part.
pub fn make_symmetric<T: FftNum>(mut spectrum: ArrayViewMut2<'_, Complex<T>>) {
    let (height, width) = spectrum.dim();
    for y in 0..height {
        for x in 0..width {
            let (ty, tx) = ((height - y) % height, (width - x) % width);
            match (y, x).cmp(&(ty, tx)) {
                std::cmp::Ordering::Less => spectrum[(ty, tx)] = spectrum[(y, x)].conj(),
                std::cmp::Ordering::Equal => spectrum[(y, x)].im = T::zero(),
                std::cmp::Ordering::Greater => {}
            }
        }
    }
}
