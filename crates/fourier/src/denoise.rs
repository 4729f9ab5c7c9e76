//! White noise, measured and taken out.

use std::f64::consts::LN_2;

use ndarray::{Array3, ArrayView3, Axis};

use crate::error::{Error, Result};
use crate::fft2::{Fft2, Norm};
use crate::window::check_finite;

/// A picture without most of its white noise.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Denoised {
    /// The picture, `[C, H, W]`.
    pub picture: Array3<f64>,
    /// Variance of the noise of each channel, in units of the picture squared.
    pub noise: Vec<f64>,
    /// Share of the noise in what varies, all channels together, 0 to 1; 0 where nothing varies.
    /// A picture without noise has one above 0, too, if details, or waves between bins, reach many
    /// of its bins.
    pub noise_share: f64,
}

/// Weakens each bin of the spectrum by as much as it looks like white noise.
///
/// Noise has the same power in all bins, lines have theirs in a few, so half of the bins are
/// noise and little else: the median of their powers is `ln 2` times the mean power of noise. A
/// bin of power `p` is multiplied by `1 - strength * noise / p`, or by 0 if that is negative. The
/// mean of each channel stays. With strength 1 about 37 of 100 bins of noise are left, weakened,
/// with 2 about 14.
///
/// # Shapes
///
/// `picture`: `[C, H, W]`.
///
/// # Errors
///
/// [`Error::Setting`] for a strength that is negative or not finite, and for an empty picture;
/// [`Error::NotFinite`] for a value that is not finite.
///
/// # References
///
/// S. P. Ghael, A. M. Sayeed and R. G. Baraniuk, Improved Wavelet Denoising via Empirical Wiener
/// Filtering, SPIE 1997 (there in wavelet domains).
pub fn denoise(picture: ArrayView3<'_, f64>, strength: f64) -> Result<Denoised> {
    if !(strength >= 0.0 && strength.is_finite()) {
        let expected = "0 or more";
        return Err(Error::Setting { field: "strength", value: strength, expected });
    }
    check_finite("picture", picture)?;
    let (_, height, width) = picture.dim();
    // Squares of what is left do not overflow.
    let largest = picture.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let unit = if largest > 0.0 { largest } else { 1.0 };
    let fft = Fft2::new((height, width), Norm::Ortho)?;
    let mut spectra = fft.forward_real(picture.mapv(|value| value / unit).view())?;
    let (mut noise, mut power) = (Vec::new(), 0.0);
    for mut spectrum in spectra.axis_iter_mut(Axis(0)) {
        // Without bin zero, which is the mean.
        let mut powers: Vec<f64> = spectrum.iter().skip(1).map(|bin| bin.norm_sqr()).collect();
        powers.sort_by(f64::total_cmp);
        let level = powers.get(powers.len() / 2).map_or(0.0, |median| median / LN_2);
        noise.push(level);
        power += powers.iter().sum::<f64>() / powers.len().max(1) as f64;
        for bin in spectrum.iter_mut().skip(1) {
            let own = bin.norm_sqr();
            *bin *= if own > strength * level { 1.0 - strength * level / own } else { 0.0 };
        }
    }
    let noise_share = if power > 0.0 { (noise.iter().sum::<f64>() / power).min(1.0) } else { 0.0 };
    let picture = fft.inverse_real(spectra.view())? * unit;
    noise.iter_mut().for_each(|level| *level *= unit * unit);
    Ok(Denoised { picture, noise, noise_share })
}
