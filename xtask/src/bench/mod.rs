//! `cargo xtask bench AREA`: our side and the peer's in turn, medians of
//! several rounds, one row per case.
//!
//! A side is a program that prints JSON lines
//! `{"case": TEXT, "threads": N, "ms": MEDIAN, "mb": PEAK}` on its standard
//! output; other lines are ignored. Ours is the example `bench_AREA`, the
//! peer's `xtask/peers/AREA.py`. A line may have a `"check"`, a number that
//! tells the input or the network (a checksum, a parameter count): where both
//! sides state one they must agree, or they did not do the same work. More
//! fields are in `sample.rs`.
//!
//! In the area `geometry` the peer first draws rasters (`--prepare FOLDER`) that both
//! sides read (`--inputs FOLDER`), and both state a `"result"`: how far they may lie
//! apart is our side's `"tolerance"`.
//!
//! In an area with goals both programs take `--case NAME`, and every case runs
//! in processes of its own: no case meets the memory that another one left.

mod goals;
mod merge;
mod sample;
mod table;

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::workspace::{EXAMPLES_PACKAGE, Workspace, cargo, write_atomic};
use goals::{Goal, has_inputs, of_area};
use merge::{Row, Statistic, merge};
use sample::{Sample, parse_samples};
use table::table;

/// Flags of `bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    /// What to time: the example `bench_AREA` and `xtask/peers/AREA.py`.
    area: String,
    /// The Python that runs the peer; without it only our side is timed.
    #[arg(long, value_name = "PYTHON")]
    peers: Option<PathBuf>,
    /// Also write the lines to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How often each side runs per number of threads.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Numbers of threads, the same for both sides.
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    threads: Vec<u32>,
    /// Only these cases, of an area with goals.
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,
    /// Compare the fastest repetitions instead of medians: on a machine that others use, the
    /// figure they disturb least.
    #[arg(long)]
    fastest: bool,
}

/// One of the two programs that are compared.
struct Side {
    program: PathBuf,
    arguments: Vec<PathBuf>,
}

/// Runs the rounds, prints the table of medians and writes the lines.
pub(crate) fn bench(workspace: &Workspace, arguments: &BenchArguments) -> Result<()> {
    let mut ours = our_side(workspace, &arguments.area)?;
    let mut peer = match &arguments.peers {
        Some(python) => Some(peer_side(workspace, &arguments.area, python)?),
        None => None,
    };
    if let Some(peer) = peer.as_mut().filter(|_| has_inputs(&arguments.area)) {
        let folder = workspace.target.join("bench_inputs").join(&arguments.area);
        prepare(peer, &folder)?;
        for side in [&mut ours, peer] {
            side.arguments.extend(["--inputs".into(), folder.clone()]);
        }
    }
    let goals = of_area(&arguments.area);
    let cases = chosen(goals, &arguments.cases)?;
    let mut our_samples = Vec::new();
    let mut peer_samples = Vec::new();
    for case in cases {
        for round in 0..arguments.rounds {
            for &threads in &arguments.threads {
                let name = case.unwrap_or("all cases");
                eprintln!("{name}: round {} of {}, threads {threads}", round + 1, arguments.rounds);
                // The side that goes first changes, so that neither always meets
                // the machine as the other left it.
                if let Some(peer) = peer.as_ref().filter(|_| round % 2 == 1) {
                    peer_samples.extend(run(peer, case, threads)?);
                }
                our_samples.extend(run(&ours, case, threads)?);
                if let Some(peer) = peer.as_ref().filter(|_| round % 2 == 0) {
                    peer_samples.extend(run(peer, case, threads)?);
                }
            }
        }
    }
    let statistic = if arguments.fastest { Statistic::Fastest } else { Statistic::Median };
    let rows = merge(&our_samples, &peer_samples, statistic)?;
    print!("{}", table(&rows, goals));
    if let Some(path) = &arguments.json {
        let lines = rows.iter().map(Row::to_line).collect::<Result<Vec<_>>>()?;
        write_atomic(path, &(lines.join("\n") + "\n"))?;
    }
    Ok(())
}

/// The cases to run one by one, or once `None` for an area that runs as a whole.
fn chosen<'a>(goals: &'a [Goal], asked: &'a [String]) -> Result<Vec<Option<&'a str>>> {
    for case in asked {
        let known: Vec<&str> = goals.iter().map(|goal| goal.case).collect();
        ensure!(
            known.contains(&case.as_str()),
            "there is no case `{case}` to run by itself; cases: {}",
            known.join(", ")
        );
    }
    Ok(match (goals, asked) {
        ([], _) => vec![None],
        (goals, []) => goals.iter().map(|goal| Some(goal.case)).collect(),
        (_, asked) => asked.iter().map(|case| Some(case.as_str())).collect(),
    })
}

fn our_side(workspace: &Workspace, area: &str) -> Result<Side> {
    let example = format!("bench_{area}");
    let examples = workspace.examples()?;
    let areas = examples.iter().filter_map(|name| name.strip_prefix("bench_"));
    ensure!(
        examples.contains(&example.as_str()),
        "there is no example `{example}`; areas: {}",
        areas.collect::<Vec<_>>().join(", ")
    );
    let status = Command::new(cargo())
        .current_dir(&workspace.root)
        .args(["build", "--release", "--package", EXAMPLES_PACKAGE, "--example", &example])
        .status()
        .context("cannot start cargo")?;
    ensure!(status.success(), "`{example}` does not build");
    let program = workspace.target.join("release/examples").join(format!("{example}{EXE_SUFFIX}"));
    Ok(Side { program, arguments: Vec::new() })
}

fn peer_side(workspace: &Workspace, area: &str, python: &Path) -> Result<Side> {
    let script = workspace.root.join("xtask/peers").join(format!("{area}.py"));
    ensure!(script.is_file(), "there is no {}", script.display());
    Ok(Side { program: python.to_owned(), arguments: vec![script] })
}

/// Lets the peer draw the inputs that both sides read.
fn prepare(peer: &Side, folder: &Path) -> Result<()> {
    let name = peer.program.display();
    let status = Command::new(&peer.program)
        .args(&peer.arguments)
        .arg("--prepare")
        .arg(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .status()
        .with_context(|| format!("cannot start {name}"))?;
    ensure!(status.success(), "{name} cannot draw the inputs in {}", folder.display());
    Ok(())
}

/// Runs a side once. Every library that has a thread pool gets the same size;
/// Candle's own pool stays off, as `.cargo/config.toml` explains.
fn run(side: &Side, case: Option<&str>, threads: u32) -> Result<Vec<Sample>> {
    let mut command = Command::new(&side.program);
    command.args(&side.arguments).env("CANDLE_NUM_THREADS", "1");
    if let Some(case) = case {
        command.args(["--case", case]);
    }
    // The peers share a module; its compiled form has no place in the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    for variable in
        ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
    {
        command.env(variable, threads.to_string());
    }
    let name = side.program.display();
    let output = command.output().with_context(|| format!("cannot start {name}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} failed: {}", errors.trim());
    let samples = parse_samples(&String::from_utf8_lossy(&output.stdout))?;
    ensure!(!samples.is_empty(), "{name} printed no case");
    ensure!(
        samples.iter().all(|sample| sample.threads == threads),
        "{name} did not use {threads} threads as it was told"
    );
    Ok(samples)
}
