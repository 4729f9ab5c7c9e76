//! Times drawing, booleans, polygonizing, distances and thinning, for
//! `cargo xtask bench geometry`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use mapvec_examples::geometry_cases::{Source, case, names};
use mapvec_examples::measure::measure;
use mapvec_examples::progress::say;
use mapvec_examples::{make_folder, run, smoke};
use serde_json::json;

/// Shapes to rasters, rasters to shapes, and shapes with each other.
#[derive(Debug, Parser)]
struct Args {
    /// Run only this case; may be given several times.
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
    /// Folder of the rasters that the peers have drawn; without it, cases on rasters compute
    /// on stand-ins.
    #[arg(long, value_name = "FOLDER")]
    inputs: Option<PathBuf>,
    /// Run on small inputs once, for checks.
    #[arg(long)]
    smoke: bool,
    /// Folder of smoke.json.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

fn main() -> ExitCode {
    run(|args: Args| bench(&args))
}

fn bench(args: &Args) -> Result<()> {
    let source = Source { small: args.smoke, folder: args.inputs.as_deref() };
    let mut results = Vec::new();
    let names = if args.cases.is_empty() { names() } else { args.cases.clone() };
    for name in names {
        let mut case = case(&name, source)?;
        let runs = if args.smoke { (0, 1) } else { case.runs };
        let mut line = measure(&name, case.check, runs, || (case.work)(false).map(drop))?;
        let result = (case.work)(true)?;
        line["result"] = json!(result);
        line["tolerance"] = json!(case.tolerance);
        say(&line.to_string());
        results.push((name, json!(result)));
    }
    if args.smoke {
        make_folder(&args.out)?;
        smoke::write(&args.out, results)?;
    }
    Ok(())
}
