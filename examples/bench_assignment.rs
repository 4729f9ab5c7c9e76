//! Times exact assignments, for `cargo xtask bench assignment`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use mapvec_examples::assignment_cases::{NAMES, case};
use mapvec_examples::measure::measure;
use mapvec_examples::progress::say;
use mapvec_examples::{make_folder, run, smoke};
use serde_json::json;

/// Exact assignments of uniform costs, of distances, and of batches.
#[derive(Debug, Parser)]
struct Args {
    /// Run only this case; may be given several times.
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
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
    let mut results = Vec::new();
    let asked = args.cases.iter().map(String::as_str);
    let names: Vec<&str> = if args.cases.is_empty() { NAMES.to_vec() } else { asked.collect() };
    for name in names {
        let case = case(name, args.smoke)?;
        let runs = if args.smoke { (0, 1) } else { case.runs };
        let mut result = 0.0;
        let mut line = measure(name, case.check, runs, || {
            result = case.work()?;
            Ok(())
        })?;
        line["result"] = json!(result);
        line["tolerance"] = json!(1e-12);
        say(&line.to_string());
        results.push((name.to_owned(), json!(result)));
    }
    if args.smoke {
        make_folder(&args.out)?;
        smoke::write(&args.out, results)?;
    }
    Ok(())
}
