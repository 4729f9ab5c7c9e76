//! Compares scores with published tables and with pycocotools, and reports those of made
//! predictions.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use mapvec_data::write_atomic;
use mapvec_examples::metric_checks::{
    Comparison, check_ai4cma, check_sets, check_spacenet, score_made, time_masks, time_run_lengths,
};
use mapvec_examples::progress::say;
use mapvec_examples::{make_folder, run, smoke};
use serde_json::json;

/// Checks the scores of `mapvec-metrics`.
#[derive(Debug, Parser)]
struct Args {
    /// Folder with sample tables of building footprints: proposals, truth and results.
    #[arg(long)]
    spacenet: Option<PathBuf>,
    /// Folder with a map of the AI4CMA challenge, its features and `mock_map_results.csv`.
    #[arg(long)]
    ai4cma: Option<PathBuf>,
    /// Folder that `xtask/peers/coco_ap.py` has written.
    #[arg(long)]
    coco: Option<PathBuf>,
    /// Folder that `xtask/peers/rle.py --times` has written.
    #[arg(long)]
    rle: Option<PathBuf>,
    /// Number of made pictures.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(2..))]
    pictures: u64,
    /// Seed of the made pictures and of the confidence intervals.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Score 30 made pictures.
    #[arg(long)]
    smoke: bool,
    /// Folder of the report.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

/// Largest difference of a value from pycocotools.
const TOLERANCE: f64 = 1e-9;

fn main() -> ExitCode {
    run(|args: Args| check(&args))
}

fn check(args: &Args) -> Result<()> {
    make_folder(&args.out)?;
    let made = score_made(args.seed, if args.smoke { 30 } else { args.pictures })?;
    let files = [
        ("report.json", made.report.to_json()),
        ("report.md", made.report.to_markdown()),
        ("report.svg", made.report.to_svg()),
    ];
    for (name, text) in files.into_iter().chain(made.plots) {
        write_atomic(&args.out.join(name), text.as_bytes())?;
    }
    say(&format!(
        "{} scores of made pictures; written to {}: report.json report.md report.svg and plots",
        made.report.scores.len(),
        args.out.display()
    ));
    if args.smoke {
        let scores = made.report.scores.iter();
        let scores = scores.map(|score| (score.name.clone(), json!(score.value)));
        smoke::write(&args.out, scores.chain([("faults".to_owned(), json!(made.faults))]))?;
    }
    let mut tables = Comparison::default();
    if let Some(folder) = &args.spacenet {
        tables = tables.plus(&check_spacenet(folder)?);
    }
    if let Some(folder) = &args.ai4cma {
        tables = tables.plus(&check_ai4cma(folder)?);
    }
    if tables.values > 0 {
        let Comparison { values, differences } = tables;
        say(&format!("{values} published values, {differences} differ in any digit"));
    }
    if let Some(folder) = &args.coco {
        let (_, largest) = check_sets(folder)?;
        let overlaps = time_masks(folder)?;
        ensure!(largest.max(overlaps) <= TOLERANCE, "a value differs from pycocotools");
    }
    if let Some(folder) = &args.rle {
        let least = time_run_lengths(folder)?;
        ensure!(least >= 1.0, "slower than pycocotools");
    }
    ensure!(made.faults == 0, "{} faults", made.faults);
    ensure!(tables.differences == 0, "{} values differ", tables.differences);
    Ok(())
}
