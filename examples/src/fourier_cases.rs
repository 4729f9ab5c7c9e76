//! What `bench_fourier` times; the peer's side is in `xtask/peers/fourier.py`.

use anyhow::{Context, Result, bail};
use mapvec_fourier::{Complex, Fft2, Norm};
use mapvec_testkit::uniform;
use ndarray::Array2;

use crate::timed_case::Case;

/// Names of all cases: what is transformed, and the side of the square plane.
pub const NAMES: [&str; 21] = [
    "real-64",
    "real-128",
    "real-256",
    "real-512",
    "real-1000",
    "real-1024",
    "real-2048",
    "inverse-64",
    "inverse-128",
    "inverse-256",
    "inverse-512",
    "inverse-1000",
    "inverse-1024",
    "inverse-2048",
    "complex-64",
    "complex-128",
    "complex-256",
    "complex-512",
    "complex-1000",
    "complex-1024",
    "complex-2048",
];

/// Makes the inputs of a case: as many transforms one after the other as make four million values.
///
/// # Errors
/// There is no such case.
#[expect(clippy::cast_possible_truncation, reason = "single precision is timed")]
pub fn case(name: &str, small: bool) -> Result<Case> {
    let unknown = || format!("there is no case `{name}`; cases: {}", NAMES.join(", "));
    let (kind, side) = name.split_once('-').with_context(unknown)?;
    let side: usize = side.parse().ok().filter(|_| NAMES.contains(&name)).with_context(unknown)?;
    let times = if small { 1 } else { ((1 << 22) / (side * side)).max(1) };
    let side = if small { side.min(128) } else { side };
    let values = uniform(side * side, 7777 + side as u64, -1.0, 1.0);
    // Quarters of a thousandth are exact sums in any order.
    let check = values.iter().map(|value| (value.abs() * 1000.0 + 0.5).floor()).sum::<f64>();
    let plane = Array2::from_shape_vec((side, side), values)?.mapv(|value| value as f32);
    let fft = Fft2::<f32>::new((side, side), Norm::Backward)?;
    let work: Box<dyn FnMut() -> Result<f64>> = match kind {
        "real" => Box::new(move || {
            let mut last = 0.0;
            for _ in 0..times {
                last = magnitude(fft.forward_real(plane.view())?[(1, 2)]);
            }
            Ok(last)
        }),
        "inverse" => {
            let spectrum = fft.forward_real(plane.view())?;
            Box::new(move || {
                let mut last = 0.0;
                for _ in 0..times {
                    last = f64::from(fft.inverse_real(spectrum.view())?[(1, 2)].abs());
                }
                Ok(last)
            })
        }
        "complex" => {
            let turned = plane.t();
            let plane =
                Array2::from_shape_fn(plane.dim(), |at| Complex::new(plane[at], turned[at]));
            Box::new(move || {
                let mut last = 0.0;
                for _ in 0..times {
                    last = magnitude(fft.forward(plane.view())?[(1, 2)]);
                }
                Ok(last)
            })
        }
        _ => bail!(unknown()),
    };
    #[expect(clippy::cast_sign_loss, reason = "a sum of magnitudes")]
    Ok(Case { check: check as u64, runs: (2, 9), work })
}

fn magnitude(value: Complex<f32>) -> f64 {
    f64::from(value.norm())
}
