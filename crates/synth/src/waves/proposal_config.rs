//! Which proposals of waves records hold.

use mapvec_fourier::ProposalConfig;
use serde::{Deserialize, Serialize};

use super::config::WaveConfig;
use super::output::WaveOutput;
use crate::error::Result;
use crate::keys::read_config;
use crate::limits::{counts, in_range, refuse, weights};
use crate::selection::{check_outputs, outputs};

outputs! {
    /// A number of every proposal, or of the noise. `S` is the side of the canvas, `K` the number
    /// of proposals that [`WaveProposalConfig::count`] gives; where there are fewer, zeros fill up.
    ///
    /// The strongest proposals of the picture come first, then perturbed waves, then random ones.
    WaveProposalOutput {
        /// `(u, v, phase)`: cycles per side of the canvas along x and y, radians in `(-pi, pi]` at
        /// its corner: `f32`, `[K, 3]`.
        Proposals = "proposals",
        /// 1 for proposals, 0 for what fills up: `u8`, `[K]`.
        ProposalsMask = "proposals_mask",
        /// Spectral strengths, as [`WaveProposal::strength`](mapvec_fourier::WaveProposal): `f32`,
        /// `[K]`. Off the bins they may exceed 1.
        Strengths = "proposal_strengths",
        /// Spectral amplitudes in units of the picture, as
        /// [`WaveProposal::amplitude`](mapvec_fourier::WaveProposal): `f32`, `[K]`.
        Amplitudes = "proposal_amplitudes",
        /// Largest [`wave_similarity`](mapvec_fourier::wave_similarity()) to a wave of the scene,
        /// phases compared in the middle of the canvas, 0 to 1: `f32`, `[K]`.
        Qualities = "proposal_qualities",
        /// The proposals at the centres of pixels, -1 to 1: `f32`, `[K, S, S, 1]`.
        Fields = "proposal_fields",
        /// Standard deviation of the noise, in units of the picture: `f32`, `[1]`.
        NoiseDeviation = "noise_deviation",
    }
}

/// What [`WaveProposalGenerator`](super::WaveProposalGenerator) makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WaveProposalConfig {
    /// The scenes. Records hold their outputs, too; `img` has the noise, so that its values leave
    /// 0 to 1.
    pub scene: WaveConfig,
    /// What records hold of the proposals.
    pub outputs: Vec<WaveProposalOutput>,
    /// Ratios of signal to noise, dB, -60 to 60, or none for no noise; each record has one of
    /// them. The signal is the power of the picture around the mean of each channel; the noise is
    /// white and normal.
    pub snr: Vec<Option<f64>>,
    /// How proposals are taken from the noisy picture.
    pub search: ProposalConfig,
    /// Whether they are then fitted to the channel where they are strongest, by
    /// [`fit_wave`](mapvec_fourier::fit_wave()). Strengths and amplitudes stay those of the bins.
    pub refine: bool,
    /// True waves that are perturbed and added, 0 to 4096, so that good proposals are not rare.
    pub perturbed: usize,
    /// How far they are moved: standard deviation of both parts of the frequency, cycles per side,
    /// 0 to 64. Each has a share of it between none and all, and of half a turn of the phase.
    pub perturbation: f64,
    /// Random waves that are added, 0 to 4096: within the limits of the search, of any direction
    /// and phase.
    pub random: usize,
    /// Weights of the frequency's size, its direction and the phase in qualities, 0 or more, one of
    /// them above 0.
    pub quality_weights: [f64; 3],
}

/// Most proposals of a record.
const MOST: usize = 4096;

impl Default for WaveProposalConfig {
    /// The 20 strongest proposals of scenes at four ratios, without fields.
    fn default() -> Self {
        let scene =
            [WaveOutput::Img, WaveOutput::Classes, WaveOutput::Frequencies, WaveOutput::Phases];
        let outputs = WaveProposalOutput::ALL.iter().copied();
        Self {
            scene: WaveConfig { outputs: scene.to_vec(), ..WaveConfig::default() },
            outputs: outputs.filter(|output| *output != WaveProposalOutput::Fields).collect(),
            snr: vec![None, Some(6.0), Some(0.0), Some(-6.0)],
            search: ProposalConfig::default(),
            refine: false,
            perturbed: 0,
            perturbation: 1.0,
            random: 0,
            quality_weights: [1.0; 3],
        }
    }
}

impl WaveProposalConfig {
    /// Reads a configuration; fields that are left out have their defaults.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownKey`](crate::Error::UnknownKey) names a key that does not exist and the
    /// nearest one that does; [`Error::Json`](crate::Error::Json) for text that is no such
    /// object; those of [`WaveProposalConfig::validate`].
    pub fn from_json(text: &str) -> Result<Self> {
        let config: Self = read_config(text)?;
        config.validate()?;
        Ok(config)
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) and its kin name the first field that is out of
    /// range, [`Error::Fourier`](crate::Error::Fourier) one of the search.
    pub fn validate(&self) -> Result<()> {
        self.scene.validate()?;
        check_outputs(&self.outputs)?;
        if self.snr.is_empty() {
            return refuse("snr", 0, "at least one ratio, or null for no noise");
        }
        for ratio in self.snr.iter().flatten() {
            in_range("snr", *ratio, (-60.0, 60.0), "from -60 to 60 dB, or null for no noise")?;
        }
        self.search.validate()?;
        counts([
            ("search.count", self.search.count, (1, MOST)),
            ("perturbed", self.perturbed, (0, MOST)),
            ("random", self.random, (0, MOST)),
        ])?;
        in_range("perturbation", self.perturbation, (0.0, 64.0), "from 0 to 64 cycles per side")?;
        weights("quality_weights", self.quality_weights.iter())
    }

    /// How many proposals a record has room for.
    #[must_use]
    pub fn count(&self) -> usize {
        self.search.count + self.perturbed + self.random
    }
}
