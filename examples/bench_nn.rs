//! Times networks and operations of `mapvec-nn`, for `cargo xtask bench nn`.

use std::process::ExitCode;

use mapvec_examples::nn_cases::{NAMES, case};
use mapvec_examples::run;
use mapvec_examples::timed_case::bench;

fn main() -> ExitCode {
    run(|args| bench(&args, &NAMES, case, None))
}
