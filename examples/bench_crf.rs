//! Times the dense CRF, for `cargo xtask bench crf`.

use std::process::ExitCode;

use mapvec_examples::crf_cases::{NAMES, case};
use mapvec_examples::run;
use mapvec_examples::timed_case::bench;

fn main() -> ExitCode {
    run(|args| bench(&args, &NAMES, case, Some(1e-3)))
}
