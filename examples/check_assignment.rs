//! Assigns random costs, checks every certificate, and counts the faults.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use mapvec_assignment::{AssignmentConfig, assign};
use mapvec_data::write_atomic;
use mapvec_examples::cost_matrices::random_costs;
use mapvec_examples::progress::say;
use mapvec_examples::{make_folder, run, smoke};
use rayon::prelude::*;
use serde_json::json;

/// Counts assignments of random costs that their dual variables do not prove optimal.
#[derive(Debug, Parser)]
struct Args {
    /// Number of matrices up to 50 x 100.
    #[arg(long, default_value_t = 100_000)]
    small: u64,
    /// Number of matrices up to 2000 x 2000.
    #[arg(long, default_value_t = 200)]
    large: u64,
    /// Also write the sums of costs to sums.txt, for `xtask/peers/optima.py`.
    #[arg(long)]
    sums: bool,
    /// Check 500 small matrices and 10 of up to 200 x 200.
    #[arg(long)]
    smoke: bool,
    /// Folder of smoke.json and sums.txt.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

/// What came of one matrix.
struct Checked {
    index: u64,
    most: (usize, usize),
    shape: (usize, usize),
    cost: f64,
    proved: bool,
}

fn main() -> ExitCode {
    run(|args: Args| check(&args))
}

fn check(args: &Args) -> Result<()> {
    let (small, large, side) =
        if args.smoke { (500, 10, 200) } else { (args.small, args.large, 2000) };
    let small = check_all(small, (50, 100))?;
    let large = check_all(large, (side, side))?;
    if args.sums || args.smoke {
        make_folder(&args.out)?;
    }
    if args.sums {
        let mut text = String::new();
        for Checked { index, most, shape, cost, .. } in small.iter().chain(&large) {
            writeln!(text, "{index} {} {} {} {} {cost:?}", most.0, most.1, shape.0, shape.1)?;
        }
        write_atomic(&args.out.join("sums.txt"), text.as_bytes())?;
    }
    let unproved = small.iter().chain(&large).filter(|checked| !checked.proved).count();
    if args.smoke {
        let sum = |checked: &[Checked]| -> f64 { checked.iter().map(|one| one.cost).sum() };
        let values = [
            ("small_sum", json!(sum(&small))),
            ("large_sum", json!(sum(&large))),
            ("unproved", json!(unproved)),
        ];
        smoke::write(&args.out, values)?;
    }
    ensure!(unproved == 0, "{unproved} assignments without a proof");
    Ok(())
}

fn check_all(count: u64, most: (usize, usize)) -> Result<Vec<Checked>> {
    let checked: Vec<Checked> = (0..count)
        .into_par_iter()
        .map(|index| {
            let costs = random_costs(index, most);
            let found = assign(costs.view()).with_context(|| format!("matrix {index}"))?;
            let proved = found.certify(costs.view(), &AssignmentConfig::default()).is_ok();
            anyhow::Ok(Checked { index, most, shape: costs.dim(), cost: found.cost, proved })
        })
        .collect::<Result<_>>()?;
    let proved = checked.iter().filter(|checked| checked.proved).count();
    say(&format!("{count} matrices up to {} x {}: {proved} proved optimal", most.0, most.1));
    Ok(checked)
}
