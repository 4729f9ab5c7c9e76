//! Trains a network that judges proposals of waves, and compares it with their spectral energy.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use mapvec_data::{write_all_atomic, write_atomic};
use mapvec_examples::freq_score::batch::TARGETS;
use mapvec_examples::freq_score::pictures::sheet;
use mapvec_examples::freq_score::study::{Plan, RATIOS, Run, study, test_set};
use mapvec_examples::freq_score::tables::tables;
use mapvec_examples::freq_score::training::Schedule;
use mapvec_examples::progress::{Bar, say};
use mapvec_examples::table::replaced;
use mapvec_examples::{make_folder, run, smoke};
use serde_json::json;

/// Trains a U-Net to find lines in noisy scenes of waves, freezes it, and trains a scorer on its
/// features to tell the quality of proposals; ranks proposals of other scenes by the learned score
/// and by spectral strength.
#[derive(Debug, Parser)]
struct Args {
    /// Seeds of initialisation and scenes.
    #[arg(long, num_args = 1.., default_values_t = [1, 2, 3])]
    seeds: Vec<u64>,
    /// Optimiser steps of the backbone.
    #[arg(long, default_value_t = 400)]
    backbone_steps: u64,
    /// Optimiser steps of each scorer.
    #[arg(long, default_value_t = 2000)]
    steps: u64,
    /// Pictures per step.
    #[arg(long, default_value_t = 16)]
    batch: usize,
    /// Side of the pictures, px: a multiple of 8.
    #[arg(long, default_value_t = 32)]
    side: usize,
    /// Pictures of each seed and ratio that are judged, and as many to choose thresholds on.
    #[arg(long, default_value_t = 500)]
    pictures: usize,
    /// The first seeds for which scorers without a part are trained, too.
    #[arg(long, default_value_t = 1)]
    varied: usize,
    /// Put the tables between the markers `freq_score` of this file.
    #[arg(long)]
    results: Option<PathBuf>,
    /// Short training of one seed, for checks.
    #[arg(long)]
    smoke: bool,
    /// Folder for proposals.png, loss.svg of the backbone and the scorers, and their weights, all
    /// of the first seed.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

/// Rows of the picture, and the ratio of its pictures by place.
const ROWS: usize = 6;
const SHOWN: usize = 1;

fn main() -> ExitCode {
    run(train)
}

fn train(mut args: Args) -> Result<()> {
    if args.smoke {
        args.seeds.truncate(1);
        (args.backbone_steps, args.steps, args.pictures, args.varied) = (40, 80, 60, 0);
    }
    ensure!(!args.seeds.is_empty() && args.batch > 0, "--seeds and --batch must not be empty");
    ensure!(args.pictures > 0, "--pictures must be 1 or more");
    ensure!(
        args.side > 0 && args.side.is_multiple_of(8),
        "--side {} must be a multiple of 8",
        args.side
    );
    make_folder(&args.out)?;
    let mut runs = Vec::new();
    for (number, &seed) in args.seeds.iter().enumerate() {
        let (backbone, scorer) = (args.backbone_steps, args.steps);
        let schedule = Schedule { backbone, scorer, batch: args.batch, seed };
        let variants = number < args.varied;
        let plan = Plan { side: args.side, schedule, pictures: args.pictures, variants };
        let run = study(&plan, &Bar::default())?;
        tell(seed, &run);
        if number == 0 {
            write(&args, &plan, &run)?;
        }
        runs.push(run);
    }
    let text = tables(&runs);
    say(&text);
    if args.smoke {
        record(&args, &runs[0])?;
    }
    if let Some(file) = &args.results {
        let old = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
        write_atomic(file, replaced(&old, "freq_score", &text)?.as_bytes())?;
    }
    Ok(())
}

/// One line on each target.
fn tell(seed: u64, run: &Run) {
    for (target, (about, outcomes)) in TARGETS.iter().zip(&run.outcomes[0]).enumerate() {
        let of = |kind: usize| -> Vec<String> {
            outcomes.iter().map(|o| format!("{:.3}", o.precision[target][kind])).collect()
        };
        let (strength, learned) = (of(0).join(" "), of(3).join(" "));
        say(&format!("seed {seed}, {}: strength {strength}, learned {learned}", about.name));
    }
}

fn write(args: &Args, plan: &Plan, run: &Run) -> Result<()> {
    let last = TARGETS.len() - 1;
    let test = test_set(plan, last, RATIOS[SHOWN])?;
    let picture = sheet(&test, &test.learned(&run.scorers[last])?, ROWS)?;
    let file = |name: &str| args.out.join(name);
    let (backbone, history) = &run.backbone;
    let curve = |scorer: usize| run.scorers[scorer].history.to_svg(900, 520);
    let weights = |scorer: usize| run.scorers[scorer].store.to_bytes();
    write_all_atomic(&[
        (&file("proposals.png"), &picture),
        (&file("loss_backbone.svg"), history.to_svg(900, 520)?.as_bytes()),
        (&file("loss_frequency.svg"), curve(0)?.as_bytes()),
        (&file("loss_phase.svg"), curve(1)?.as_bytes()),
        (&file("backbone.safetensors"), &backbone.to_bytes()?),
        (&file("frequency.safetensors"), &weights(0)?),
        (&file("phase.safetensors"), &weights(1)?),
    ])?;
    Ok(())
}

fn record(args: &Args, run: &Run) -> Result<()> {
    let mut values = vec![("parameters".to_owned(), json!(run.scorers[0].store.parameter_count()))];
    for (target, outcomes) in run.outcomes[0].iter().enumerate() {
        let clean = &outcomes[0];
        values.push((format!("strength_{target}"), json!(clean.precision[target][0])));
        let mean = |kind: usize| outcomes.iter().map(|o| o.precision[target][kind]).sum::<f64>();
        values.push((format!("learned_wins_{target}"), json!(mean(3) > mean(0))));
        let better = outcomes.iter().all(|o| o.error[0] < o.error[1]);
        values.push((format!("error_falls_{target}"), json!(better)));
    }
    smoke::write(&args.out, values)
}
