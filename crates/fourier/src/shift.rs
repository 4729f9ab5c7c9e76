//! Planes moved by any distance, by phases of their spectra.

use std::f64::consts::TAU;

use ndarray::{Array, Array2, ArrayView, Dimension};
use rustfft::num_complex::Complex;

use crate::error::{Error, Result};
use crate::fft2::{Fft2, Norm};
use crate::spectrum::{check_size, signed_bin};

/// Factors of the bins of a line of `n` pixels that move it by `shift` px.
///
/// The bin at half the sampling rate holds no direction, and a factor other than a real one
/// would make the line complex. It moves by the nearest whole number of pixels, so that whole
/// shifts are exact and opposite shifts cancel.
pub(crate) fn line_factors(n: usize, shift: f64) -> Vec<Complex<f64>> {
    (0..n)
        .map(|bin| {
            if 2 * bin == n {
                let sign = if shift.round().rem_euclid(2.0) > 0.5 { -1.0 } else { 1.0 };
                return Complex::new(sign, 0.0);
            }
            Complex::from_polar(1.0, -TAU * signed_bin(bin, n) * shift / n as f64)
        })
        .collect()
}

/// The sum of factors that give copies of a plane at 0, 1, .. `copies` times a shift:
/// `[H, W]`, bin by bin `D = sum over p of exp(-2 pi i p (u x / W + v y / H))`.
///
/// A spectrum times `D` is that of the plane and its copies, `(x, y)` px to the right and down of
/// each other; what leaves one side comes in at the other.
///
/// # Errors
///
/// [`Error::Setting`] for a shift that is not finite or above 2^32 px, more than 65 536 copies,
/// planes of more than 2^28 bins, and more than 2^34 of copies times bins.
pub fn shift_matrix(
    (height, width): (usize, usize),
    [x, y]: [f64; 2],
    copies: usize,
) -> Result<Array2<Complex<f64>>> {
    check_shift([x, y])?;
    check_size((height, width))?;
    // A minute or two of work.
    if copies.saturating_mul(height * width) > 1 << 34 {
        let value = copies as f64 * height as f64 * width as f64;
        return Err(Error::Setting { field: "copies x bins", value, expected: "at most 2^34" });
    }
    if copies > 65_536 {
        let expected = "at most 65536";
        return Err(Error::Setting { field: "copies", value: copies as f64, expected });
    }
    let mut sum = Array2::from_elem((height, width), Complex::new(0.0, 0.0));
    for p in 0..=copies {
        let p = p as f64;
        let (across, down) = (line_factors(width, p * x), line_factors(height, p * y));
        for (mut row, down) in sum.rows_mut().into_iter().zip(down) {
            row.iter_mut().zip(&across).for_each(|(sum, across)| *sum += across * down);
        }
    }
    Ok(sum)
}

/// Planes moved `(x, y)` px to the right and down, `[.., H, W]`; what leaves one side comes in at
/// the other.
///
/// Whole shifts move pixels exactly; between pixels the plane is the sum of its waves.
///
/// # Errors
///
/// [`Error::Setting`] for a shift that is not finite or above 2^32 px and for empty planes; [`Error::Shape`] for
/// fewer than two dimensions.
pub fn shifted<D: Dimension>(
    planes: ArrayView<'_, f64, D>,
    [x, y]: [f64; 2],
) -> Result<Array<f64, D>> {
    check_shift([x, y])?;
    let (height, width) = plane_size("planes", planes.shape())?;
    let fft = Fft2::new((height, width), Norm::Backward)?;
    let mut spectra = fft.forward_real(planes)?;
    let half = fft.half_width();
    let (across, down) = (line_factors(width, x), line_factors(height, y));
    // Rows of a batch follow each other.
    for (index, value) in spectra.iter_mut().enumerate() {
        *value *= across[index % half] * down[index / half % height];
    }
    fft.inverse_real(spectra.view())
}

fn check_shift(shift: [f64; 2]) -> Result<()> {
    // Beyond, phases have no digits left.
    let largest = f64::from(u32::MAX);
    match shift.into_iter().find(|by| !(-largest..=largest).contains(by)) {
        Some(value) => {
            let expected = "at most 2^32 px in size";
            Err(Error::Setting { field: "shift", value, expected })
        }
        None => Ok(()),
    }
}

/// The last two dimensions of a shape.
pub(crate) fn plane_size(field: &'static str, shape: &[usize]) -> Result<(usize, usize)> {
    match shape {
        [.., height, width] => Ok((*height, *width)),
        _ => {
            let expected = "[.., H, W]".to_owned();
            Err(Error::Shape { field, found: shape.to_vec(), expected })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_of_opposite_shifts_cancel() {
        for n in [1, 2, 5, 8] {
            for shift in [0.0, 0.25, 0.5, -1.5, 3.0, 7.3] {
                let (to, back) = (line_factors(n, shift), line_factors(n, -shift));
                for (a, b) in to.iter().zip(back) {
                    assert!((a * b - 1.0).norm() < 1e-14, "{n} {shift}");
                }
            }
        }
        assert!((line_factors(4, 1.0)[1].arg() + std::f64::consts::FRAC_PI_2).abs() < 1e-14);
    }
}
