//! Checks, demos and benchmarks of the workspace: `cargo xtask help`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool reports on its standard streams"
)]

mod bench;
mod check;
mod demos;
mod miri;
mod steps;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Checks, demos and benchmarks of the mapvec workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything a change must pass: fmt, tidy, clippy, deny, tests, docs, demos.
    Check(check::CheckArguments),
    /// Check the repository itself: crate graph, features, limits, tables, layout.
    Tidy,
    /// Run every example with `--smoke` and compare its outputs with the recorded ones.
    Demos(demos::DemosArguments),
    /// Run the unit tests of the kernels under Miri, which finds undefined behaviour.
    Miri(miri::MiriArguments),
    /// Time an area against its peer.
    Bench(bench::BenchArguments),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// True when everything asked for passed.
fn run(command: &Command) -> anyhow::Result<bool> {
    let workspace = Workspace::load()?;
    match command {
        Command::Check(arguments) => check::check(&workspace, arguments),
        Command::Tidy => tidy::tidy(&workspace),
        Command::Demos(arguments) => demos::demos(&workspace, arguments),
        Command::Miri(arguments) => miri::miri(&workspace, arguments),
        Command::Bench(arguments) => bench::bench(&workspace, arguments).map(|()| true),
    }
}
