//! Cases that are timed one after the other, and the command line of programs that do so.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use serde_json::json;

use crate::measure::measure;
use crate::progress::say;
use crate::{make_folder, smoke};

/// Work that can be repeated.
pub struct Case {
    /// Tells what is computed on, for both sides: parameters of a network, values of the inputs
    /// of an operation.
    pub check: u64,
    /// Repetitions to warm up, and to time.
    pub runs: (usize, usize),
    /// Does the work and gives a number that depends on the result.
    pub work: Box<dyn FnMut() -> Result<f64>>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case")
            .field("check", &self.check)
            .field("runs", &self.runs)
            .finish_non_exhaustive()
    }
}

/// Times cases one after the other and says a line of JSON for each.
#[derive(Debug, Parser)]
pub struct Args {
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

/// Times the cases that were asked for, all of `names` if none was, and says a line for each.
/// With a `tolerance`, the share of the larger result that both sides may lie apart, the line
/// states the result.
///
/// # Errors
/// Those of `case` and of its work; the record cannot be written.
pub fn bench(
    args: &Args,
    names: &[&str],
    case: impl Fn(&str, bool) -> Result<Case>,
    tolerance: Option<f64>,
) -> Result<()> {
    let mut results = Vec::new();
    let asked: Vec<&str> = args.cases.iter().map(String::as_str).collect();
    for &name in if asked.is_empty() { names } else { &asked } {
        let mut case = case(name, args.smoke)?;
        let runs = if args.smoke { (0, 1) } else { case.runs };
        let mut result = 0.0;
        let mut line = measure(name, case.check, runs, || {
            result = (case.work)()?;
            Ok(())
        })?;
        if let Some(tolerance) = tolerance {
            line["result"] = json!(result);
            line["tolerance"] = json!(tolerance);
        }
        say(&line.to_string());
        results.push((name.to_owned(), json!(result)));
    }
    if args.smoke {
        make_folder(&args.out)?;
        smoke::write(&args.out, results)?;
    }
    Ok(())
}
