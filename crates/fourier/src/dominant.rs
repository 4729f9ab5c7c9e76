//! The strongest wave of a patch, to parts of a bin.

use ndarray::{ArrayView2, Axis};

use crate::error::Result;
use crate::fit::{WaveFit, fit_wave};
use crate::proposals::{ProposalConfig, propose_waves};
use crate::window::Window;

/// Direction, spacing and phase of the strongest wave of a patch.
///
/// The strongest bin of the spectrum under a Hann window starts a fit by least squares
/// ([`fit_wave`]). None if nothing varies within the allowed bins. `config` says which bins are
/// allowed; its window and count are not used.
///
/// # Shapes
///
/// `patch`: `[H, W]`; `mask`: `[H, W]`, weights of the pixels, 0 or more.
///
/// # Errors
///
/// As [`propose_waves`].
///
/// # Examples
///
/// ```
/// use mapvec_fourier::{PlaneWave, ProposalConfig, dominant_wave};
///
/// let hatching = PlaneWave::from_crests(0.6, 5.3, 1.0);
/// let patch = hatching.field((48, 40)).mapv(|value| 0.3 + 0.1 * value);
/// let found = dominant_wave(patch.view(), None, &ProposalConfig::default())?.unwrap();
/// assert!((found.wave.angle() - 0.6).abs() < 1e-6);
/// assert!((found.wave.spacing() - 5.3).abs() < 1e-6);
/// assert!((found.amplitude - 0.1).abs() < 1e-6);
/// # Ok::<(), mapvec_fourier::Error>(())
/// ```
pub fn dominant_wave(
    patch: ArrayView2<'_, f64>,
    mask: Option<ArrayView2<'_, f64>>,
    config: &ProposalConfig,
) -> Result<Option<WaveFit>> {
    let config = ProposalConfig { count: 1, window: Window::Hann, ..config.clone() };
    let found = propose_waves(patch.insert_axis(Axis(0)), mask, &config)?;
    found.first().map(|first| fit_wave(patch, mask, &first.wave)).transpose()
}
