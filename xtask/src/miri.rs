//! `cargo xtask miri`: the unit tests of the kernels under Miri.
//!
//! It needs a nightly toolchain, so it is no part of `check`.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::workspace::Workspace;

/// Tree borrows, as the parts of an output are written through one pointer from several threads;
/// the queue of rayon turns integers into pointers, and its threads outlive the tests.
const FLAGS: &str = "-Zmiri-disable-isolation -Zmiri-tree-borrows -Zmiri-permissive-provenance \
                     -Zmiri-ignore-leaks";

/// Flags of `miri`.
#[derive(Debug, Args)]
pub(crate) struct MiriArguments {
    /// Interpret another processor, e.g. `aarch64-unknown-linux-gnu` for NEON.
    #[arg(long)]
    target: Option<String>,
    /// Only tests whose path contains this.
    #[arg(default_value = "kernels::")]
    filter: String,
}

/// Runs the tests; true when none failed.
pub(crate) fn miri(workspace: &Workspace, arguments: &MiriArguments) -> Result<bool> {
    let installed = nightly()
        .args(["miri", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !installed {
        bail!("Miri is missing: `rustup toolchain install nightly --component miri,rust-src`");
    }
    let status = nightly()
        .current_dir(&workspace.root)
        .env("MIRIFLAGS", FLAGS)
        .args(["miri", "test", "-p", "mapvec-nn", "--lib"])
        .args(arguments.target.iter().flat_map(|target| ["--target", target]))
        .arg(&arguments.filter)
        .status()
        .context("cannot start rustup")?;
    Ok(status.success())
}

/// Cargo of the nightly toolchain, without what the running one says about itself.
fn nightly() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]);
    for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    command
}
