//! `cargo xtask check`: everything a change must pass, in the dev profile and
//! one target folder, so that Candle is compiled once.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::Args;

use crate::demos::{DemosArguments, demos};
use crate::steps::{Outcome, Steps};
use crate::tidy::tidy;
use crate::workspace::{Workspace, cargo};

/// Flags of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Leave out `cargo test --workspace`, for callers that run it themselves.
    #[arg(long)]
    skip_tests: bool,
}

/// Runs every step, prints the summary; true when none failed.
pub(crate) fn check(workspace: &Workspace, arguments: &CheckArguments) -> Result<bool> {
    let mut steps = Steps::default();
    steps.run("fmt", || run(workspace, &["fmt", "--all", "--check"], &[]));
    steps.run("tidy", || tidy(workspace).map(outcome));
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    steps.run("clippy", || run(workspace, &clippy, &[]));
    steps.run("deny", || deny(workspace));
    steps.run("tests", || {
        if arguments.skip_tests {
            return Ok(Outcome::Skipped("asked for"));
        }
        run(workspace, &["test", "--workspace"], &[])
    });
    // The tests above run on the best instruction set of the machine.
    for isa in ["portable", "avx2"] {
        steps.run(isa, || {
            if isa == "avx2" && !has_avx2() {
                return Ok(Outcome::Skipped("this processor has no AVX2"));
            }
            let arguments = ["test", "--workspace", "--test", "it", "--"];
            run(workspace, &[&arguments[..], &KERNEL_TESTS].concat(), &[("MAPVEC_ISA", isa)])
        });
    }
    steps.run("neon", || neon(workspace));
    let docs = ["doc", "--workspace", "--no-deps"];
    steps.run("docs", || run(workspace, &docs, &[("RUSTDOCFLAGS", "-D warnings")]));
    steps.run("demos", || demos(workspace, &DemosArguments::default()).map(outcome));
    println!("\n{}", steps.summary());
    Ok(steps.passed())
}

/// The tests of `mapvec-nn` that run kernels. All packages are named with them, as in the other
/// steps: one alone would be built anew with fewer features.
const KERNEL_TESTS: [&str; 15] = [
    "attention::",
    "boxes::",
    "determinism::",
    "elementwise::",
    "extremes::",
    "gather::",
    "grid_sample::",
    "half::",
    "layers::",
    "ops::",
    "pooling::",
    "rows::",
    "stage::",
    "training::",
    "transposed::",
];

/// Whether this processor can run the kernels for AVX2.
fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    let has = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    let has = false;
    has
}

/// Compiles the kernels of other processors than this one, which Miri can run.
fn neon(workspace: &Workspace) -> Result<Outcome> {
    const TARGET: &str = "aarch64-unknown-linux-gnu";
    let library = Command::new("rustc")
        .current_dir(&workspace.root)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .context("cannot start rustc")?;
    if !Path::new(String::from_utf8_lossy(&library.stdout).trim()).is_dir() {
        return Ok(Outcome::Skipped("the target aarch64-unknown-linux-gnu is not installed"));
    }
    run(workspace, &["check", "-p", "mapvec-nn", "--lib", "--target", TARGET], &[])
}

/// Licences, bans and sources; the advisory database needs the network.
fn deny(workspace: &Workspace) -> Result<Outcome> {
    let installed = Command::new(cargo())
        .args(["deny", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !installed {
        return Ok(Outcome::Skipped("cargo-deny is not installed"));
    }
    let arguments = ["deny", "check", "licenses", "bans", "sources"];
    run(workspace, &arguments, &[])
}

fn run(workspace: &Workspace, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Outcome> {
    let status = Command::new(cargo())
        .current_dir(&workspace.root)
        .args(arguments)
        .envs(environment.iter().copied())
        .status()
        .context("cannot start cargo")?;
    Ok(outcome(status.success()))
}

fn outcome(passed: bool) -> Outcome {
    if passed { Outcome::Passed } else { Outcome::Failed }
}
