//! What is left out of the whole system to see what it is worth.

use mapvec_models::{RowTransformerConfig, Sequences};
use mapvec_synth::{StraightOutput, StraightWaveConfig, WaveConfig};

/// One way to train. All have networks of the same size, and see the same scenes.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    /// How tables call it.
    pub name: &'static str,
    /// Whether lines are made level.
    pub straighten: bool,
    /// Whether the network sees the wave; otherwise it sees zeros.
    pub frequency: bool,
    /// How wrong the wave is in training.
    pub jitter: Jitter,
    /// By how much masks are smoothed in training, px.
    pub mask_sigma: f64,
    /// By which waves it is scored.
    pub waves: Waves,
    /// Along what the network runs.
    pub sequences: Sequences,
}

/// What may be wrong with the wave in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jitter {
    /// Nothing.
    None,
    /// The slope, by a little.
    Slope,
    /// Slope, frequency and phase, about as much as those of proposals.
    Wave,
}

/// By which waves a variant is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waves {
    /// The true ones.
    True,
    /// These, and proposals.
    Proposed,
}

const FULL: Variant = Variant {
    name: "full",
    straighten: true,
    frequency: true,
    jitter: Jitter::Slope,
    mask_sigma: 0.5,
    waves: Waves::Proposed,
    sequences: Sequences::Alternating,
};

/// Those of the claims, the whole system first.
pub const CLAIMS: [Variant; 4] = [
    FULL,
    Variant { name: "without straightening", straighten: false, waves: Waves::True, ..FULL },
    Variant { name: "without frequency channel", frequency: false, ..FULL },
    Variant {
        name: "without both",
        straighten: false,
        frequency: false,
        waves: Waves::True,
        ..FULL
    },
];

/// The same with sequences along the rows alone.
pub const ROWS: [Variant; 3] = [
    Variant { name: "rows, full", sequences: Sequences::Rows, waves: Waves::True, ..CLAIMS[0] },
    Variant { name: "rows, without straightening", sequences: Sequences::Rows, ..CLAIMS[1] },
    Variant { name: "rows, without frequency channel", sequences: Sequences::Rows, ..CLAIMS[2] },
];

/// Smaller parts.
pub const PARTS: [Variant; 3] = [
    Variant { name: "without jitter of slopes", jitter: Jitter::None, waves: Waves::True, ..FULL },
    Variant { name: "jitter of whole waves", jitter: Jitter::Wave, ..FULL },
    Variant { name: "without smoothed masks", mask_sigma: 0.0, waves: Waves::True, ..FULL },
];

impl Variant {
    /// The samples to learn from, of a side in px.
    #[must_use]
    pub fn training(&self, size: usize) -> StraightWaveConfig {
        let usual = StraightWaveConfig::default();
        let (slope_jitter, frequency_jitter, phase_jitter) = match self.jitter {
            Jitter::None => (0.0, 0.0, 0.0),
            Jitter::Slope => (usual.slope_jitter, 0.0, 0.0),
            Jitter::Wave => (0.08, 0.3, 0.6),
        };
        let scenes = WaveConfig { size, ..WaveConfig::default() };
        StraightWaveConfig {
            scenes,
            outputs: vec![
                StraightOutput::Img,
                StraightOutput::Frequency,
                StraightOutput::Mask,
                StraightOutput::Pose,
            ],
            straighten: self.straighten,
            slope_jitter,
            frequency_jitter,
            phase_jitter,
            mask_sigma: self.mask_sigma,
            ..usual
        }
    }

    /// The patterns to score on, with noise some decibels below the picture.
    #[must_use]
    pub fn held_back(&self, size: usize, decibels: f64) -> StraightWaveConfig {
        let snr_range = Some([decibels; 2]);
        StraightWaveConfig { snr_range, ..self.training(size) }
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> RowTransformerConfig {
        RowTransformerConfig { sequences: self.sequences, ..RowTransformerConfig::default() }
    }
}
