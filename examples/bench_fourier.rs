//! Times Fourier transforms of planes, for `cargo xtask bench fourier`.

use std::process::ExitCode;

use mapvec_examples::fourier_cases::{NAMES, case};
use mapvec_examples::run;
use mapvec_examples::timed_case::bench;

fn main() -> ExitCode {
    run(|args| bench(&args, &NAMES, case, Some(1e-3)))
}
