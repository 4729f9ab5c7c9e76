//! Line patterns in noise.
//!
//! Equally spaced parallel lines - hatching, contour lines, rows of trees - are a few bins of a
//! Fourier transform, however faint the lines are among other things. The functions of this crate
//! transform pictures, find such waves, make pictures level along them and turn them back into
//! lines. All work on plain [`ndarray`] arrays (row, column) and need no tensors.
//!
//! A wave is a [`PlaneWave`]: a frequency in cycles per px and a phase at the picture's corner,
//! whose crests are the lines.
#![allow(
    clippy::needless_pass_by_value,
    reason = "views of any rank are handed over as those of a known rank are, which may be copied"
)]

mod correlation;
mod denoise;
mod dominant;
mod error;
mod fft2;
mod fit;
mod patterns;
mod plane_wave;
mod proposals;
mod search;
mod shift;
mod similarity;
mod spectrum;
mod straighten;
mod suppress;
mod window;

pub use correlation::{Shift, find_shift, phase_correlation};
pub use denoise::{Denoised, denoise};
pub use dominant::dominant_wave;
pub use error::{Error, Result};
pub use fft2::{Fft2, Norm, Real};
pub use fit::{WaveFit, fit_wave};
pub use patterns::{LinePattern, PatternConfig, PatternLine, find_patterns};
pub use plane_wave::{PlaneWave, mean_direction};
pub use proposals::{ProposalConfig, WaveProposal, propose_waves};
pub use rustfft::num_complex::Complex;
pub use search::{FoundShift, SearchConfig, search_shift};
pub use shift::{shift_matrix, shifted};
pub use similarity::{SimilarityConfig, wave_similarity};
pub use spectrum::{
    amplitudes, bin_angles, centred, make_symmetric, phases, powers, signed_bin, uncentred,
    whole_spectrum,
};
pub use straighten::{
    Pose, Shear, Straightened, quarter_turn, quarter_turn_back, straighten, unstraighten,
};
pub use suppress::{SuppressConfig, suppress_waves};
pub use window::Window;
