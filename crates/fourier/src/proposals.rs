//! The strongest waves of a picture.

use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::fft2::{Fft2, Norm};
use crate::plane_wave::PlaneWave;
use crate::spectrum::signed_bin;
use crate::window::{Window, check_finite};

/// Settings of [`propose_waves`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProposalConfig {
    /// Proposals at most, 1 or more. Default 20.
    pub count: usize,
    /// Bins nearer to bin zero than this are left out, cycles per side, 0 or more. Default 2.
    pub min_frequency: f64,
    /// Least spacing of crests, px, 2 or more: bins of shorter waves are left out. Default 2.
    pub min_spacing: f64,
    /// A proposal is the strongest of the bins up to so many columns and rows away, 0 to 16.
    /// Default 1.
    pub radius: usize,
    /// What the picture is multiplied with. Default [`Window::Rectangle`].
    pub window: Window,
}

impl Default for ProposalConfig {
    fn default() -> Self {
        Self {
            count: 20,
            min_frequency: 2.0,
            min_spacing: 2.0,
            radius: 1,
            window: Window::Rectangle,
        }
    }
}

impl ProposalConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] names the first field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let check = |field, value: f64, ok: bool, expected| {
            if ok { Ok(()) } else { Err(Error::Setting { field, value, expected }) }
        };
        check("count", self.count as f64, self.count > 0, "1 or more")?;
        let from = self.min_frequency;
        check("min_frequency", from, from >= 0.0 && from.is_finite(), "0 or more")?;
        let spacing = self.min_spacing;
        check("min_spacing", spacing, spacing >= 2.0 && spacing.is_finite(), "2 px or more")?;
        check("radius", self.radius as f64, self.radius <= 16, "from 0 to 16")
    }
}

/// A bin that stands out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaveProposal {
    /// The wave of the bin, `v > 0` or `v = 0` and `u > 0`.
    pub wave: PlaneWave,
    /// Amplitude of the bin in the channel, in units of the picture: that of a wave which fills
    /// the picture at exactly the bin's frequency.
    pub amplitude: f64,
    /// The amplitude over the largest one of its channel, 0 to 1: proposals come in this order.
    pub strength: f64,
    /// The channel in which it is strongest.
    pub channel: usize,
}

/// What rounding leaves in the bins of a channel, against the largest one.
const ROUNDING: f64 = 1e-10;

/// The waves of the strongest bins of the picture's spectrum, the strongest first.
///
/// In every channel, amplitudes are divided by the largest one among the allowed bins; each bin
/// has the largest value of its channels, and the phase of that channel. Of the two bins of a
/// wave one is used. Bins that are weaker than a neighbour, across the borders of the spectrum,
/// are left out, and so is what does not vary.
///
/// # Shapes
///
/// `picture`: `[C, H, W]`; `mask`: `[H, W]`, weights of the pixels, 0 or more: each channel is
/// reduced by its weighted mean, and what has no weight is not seen.
///
/// # Errors
///
/// [`Error::Setting`] for a setting out of range; [`Error::Shape`] for an empty picture and a
/// mask of another size; [`Error::NotFinite`] for a value that is not finite.
pub fn propose_waves(
    picture: ArrayView3<'_, f64>,
    mask: Option<ArrayView2<'_, f64>>,
    config: &ProposalConfig,
) -> Result<Vec<WaveProposal>> {
    config.validate()?;
    check_finite("picture", picture)?;
    let (channels, height, width) = picture.dim();
    let size = (height, width);
    let weights = config.window.weights(size, mask)?;
    let total: f64 = weights.sum();
    if total <= 0.0 {
        return Ok(Vec::new());
    }
    let fft = Fft2::new(size, Norm::Backward)?;
    let mut seen = picture.to_owned();
    for mut plane in seen.outer_iter_mut() {
        let mean = (&plane * &weights).sum() / total;
        plane.zip_mut_with(&weights, |value, weight| *value = (*value - mean) * weight);
    }
    let spectra = fft.forward_real(seen.view())?;
    let allowed = Allowed { size, config };
    let mut strengths = Array2::from_elem((height, fft.half_width()), (0.0_f64, 0_usize));
    for (channel, spectrum) in (0..channels).zip(spectra.axis_iter(Axis(0))) {
        let mut largest = 0.0_f64;
        for ((v, u), value) in spectrum.indexed_iter() {
            if allowed.holds(v, u) {
                largest = largest.max(value.norm());
            }
        }
        // Rounding leaves something where nothing varies.
        let scale = seen.index_axis(Axis(0), channel).iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        if largest <= scale * total * ROUNDING {
            continue;
        }
        for ((v, u), value) in spectrum.indexed_iter() {
            let strength = value.norm() / largest;
            if allowed.holds(v, u) && strength > ROUNDING && strength > strengths[(v, u)].0 {
                strengths[(v, u)] = (strength, channel);
            }
        }
    }
    let mut found = Vec::new();
    for ((v, u), &(strength, channel)) in strengths.indexed_iter() {
        if strength > 0.0
            && allowed.first_of_pair(v, u)
            && allowed.is_peak(&strengths, (v, u), config.radius)
        {
            let value = spectra[(channel, v, u)];
            let wave = PlaneWave::of_bin(size, (v, u), value.im.atan2(value.re)).canonical();
            found.push(WaveProposal {
                wave,
                amplitude: 2.0 * value.norm() / total,
                strength,
                channel,
            });
        }
    }
    // A stable sort: equal strengths stay in the order of bins.
    found.sort_by(|a, b| b.strength.total_cmp(&a.strength));
    found.truncate(config.count);
    Ok(found)
}

/// Which bins of a half spectrum count.
struct Allowed<'a> {
    size: (usize, usize),
    config: &'a ProposalConfig,
}

impl Allowed<'_> {
    fn holds(&self, v: usize, u: usize) -> bool {
        let (height, width) = self.size;
        let (v, u) = (signed_bin(v, height), signed_bin(u, width));
        let norm = (u / width as f64).hypot(v / height as f64);
        let cycles = u.hypot(v);
        cycles > 0.0 && cycles >= self.config.min_frequency && norm * self.config.min_spacing <= 1.0
    }

    /// Whether a bin stands for its wave: in the columns 0 and `W / 2` both bins of a pair are in
    /// the half spectrum.
    fn first_of_pair(&self, v: usize, u: usize) -> bool {
        let (height, width) = self.size;
        !(u == 0 || 2 * u == width) || 2 * v <= height
    }

    /// Whether no bin around is stronger, and none before it in the order of bins as strong.
    fn is_peak(&self, strengths: &Array2<(f64, usize)>, at: (usize, usize), radius: usize) -> bool {
        let (height, width) = self.size;
        let own = strengths[at].0;
        // A small spectrum has fewer bins than the neighbourhood.
        let reach = |n: usize| radius.min(n.saturating_sub(1) / 2);
        let (down, across) = (reach(height), reach(width));
        for dy in 0..=2 * down {
            for dx in 0..=2 * across {
                let v = (at.0 + height + dy - down) % height;
                let u = (at.1 + width + dx - across) % width;
                let (v, u) =
                    if u <= width / 2 { (v, u) } else { ((height - v) % height, width - u) };
                // The other bin of the same wave.
                let pair = ((height - v) % height, (width - u) % width);
                if (v, u) == at || pair == at {
                    continue;
                }
                let other = strengths[(v, u)].0;
                if other > own || (other >= own && (v, u) < at && self.first_of_pair(v, u)) {
                    return false;
                }
            }
        }
        true
    }
}
