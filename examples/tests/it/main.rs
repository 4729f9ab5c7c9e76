//! The examples as a user runs them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking; patterns are cut to bytes"
)]

mod bad_input;
mod good_output;
mod patterns;

use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs an example that `cargo test` has built beside this test, with so many threads.
fn example(name: &str, threads: &str, arguments: &[&str]) -> Output {
    let mut folder = std::env::current_exe().unwrap();
    folder.pop();
    folder.pop();
    let program: PathBuf =
        folder.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(program.is_file(), "{} is built by `cargo test --workspace`", program.display());
    Command::new(program)
        .args(arguments)
        .env("CANDLE_NUM_THREADS", "1")
        .env("RAYON_NUM_THREADS", threads)
        .output()
        .unwrap()
}
