//! Bundles of parallel lines as the crests of plane waves, the training data of models that
//! work with frequencies.
//!
//! A pattern is a [`PlaneWave`](mapvec_fourier::PlaneWave) whose crests are the axes of equally spaced parallel lines. A
//! run of neighbouring crests is drawn, each cut at both ends around a diagonal across the run.
//! Patterns lie front to back, and every label speaks of what is left visible.
//!
//! - [`WaveConfig`] says what is drawn and which outputs are made.
//! - [`WaveGenerator`] is a source of records; [`WaveOutput`] names what they hold.
//! - [`WaveProposalGenerator`] adds noise and proposals of waves with their qualities, the training
//!   data of models that judge proposals.
//! - [`StraightWaveGenerator`] yields patterns one by one, made level along their waves;
//!   [`StraightWaveConfig`] and [`StraightOutput`] belong to it.

mod config;
mod generator;
mod output;
mod proposal_config;
mod proposals;
mod scene;
mod straight;
mod straight_config;

pub use config::WaveConfig;
pub use generator::WaveGenerator;
pub use output::WaveOutput;
pub use proposal_config::{WaveProposalConfig, WaveProposalOutput};
pub use proposals::WaveProposalGenerator;
pub use straight::{SeenWave, StraightWaveGenerator, WaveError};
pub use straight_config::{StraightOutput, StraightWaveConfig};
