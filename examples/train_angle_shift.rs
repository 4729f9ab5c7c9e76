//! Trains the segmentation of lines of waves in straightened pictures, and what it is without its
//! parts.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use mapvec_data::{Silent, write_all_atomic, write_atomic};
use mapvec_examples::angle_shift::picture::sheet;
use mapvec_examples::angle_shift::study::{
    Outcome, Settings, Trained, evaluate, examples, task, train, without_network,
};
use mapvec_examples::angle_shift::tables::{Row, gains, line, proposals, scores, weighted};
use mapvec_examples::angle_shift::variant::{CLAIMS, PARTS, ROWS, Variant, Waves};
use mapvec_examples::progress::say;
use mapvec_examples::table::replaced;
use mapvec_examples::{make_folder, run, smoke};
use serde_json::json;

/// Trains every variant with every seed and prints F1 against noise.
#[derive(Debug, Parser)]
struct Args {
    /// Seeds of initialisation and scenes.
    #[arg(long, num_args = 1.., default_values_t = [1, 2, 3])]
    seeds: Vec<u64>,
    /// How many of the seeds smaller parts, and networks along rows alone, are trained with.
    #[arg(long, default_value_t = 1)]
    part_seeds: usize,
    /// Optimiser steps.
    #[arg(long, default_value_t = 400)]
    steps: u64,
    /// Samples per step.
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// Peak learning rate.
    #[arg(long, default_value_t = 3e-3)]
    learning_rate: f64,
    /// Patterns that are scored at each ratio of signal to noise.
    #[arg(long, default_value_t = 400)]
    held_back: usize,
    /// Side of the scenes, px.
    #[arg(long, default_value_t = 32)]
    size: usize,
    /// Variants to train, by the names in the tables; the tables are left out then.
    #[arg(long, num_args = 1..)]
    only: Vec<String>,
    /// Put the tables between the markers `angle_shift` of this file.
    #[arg(long)]
    results: Option<PathBuf>,
    /// A short training of two variants, for checks.
    #[arg(long)]
    smoke: bool,
    /// Folder for weights, checkpoint, loss.svg, history.jsonl and samples.png of the first run, and
    /// for the outcomes of all: those that it already has from this build are not made again.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

fn main() -> ExitCode {
    run(study)
}

fn study(mut args: Args) -> Result<()> {
    if args.smoke {
        (args.steps, args.batch, args.held_back, args.part_seeds) = (120, 16, 24, 0);
        args.seeds.truncate(1);
    }
    ensure!(!args.seeds.is_empty(), "--seeds needs one number or more");
    ensure!(args.batch > 0 && args.held_back > 0, "--batch and --held-back must be 1 or more");
    make_folder(&args.out)?;
    let seeds = args.seeds.as_slice();
    let some = &seeds[..args.part_seeds.min(seeds.len())];
    let claims = if args.smoke { &CLAIMS[..2] } else { &CLAIMS[..] };
    if !args.only.is_empty() {
        let all = CLAIMS.iter().chain(&PARTS).chain(&ROWS);
        let known: Vec<Variant> = all.copied().collect();
        for name in &args.only {
            let Some(variant) = known.iter().find(|variant| variant.name == name) else {
                let names: Vec<&str> = known.iter().map(|variant| variant.name).collect();
                bail!("--only {name}: there is no such variant; there are {}", names.join("; "));
            };
            trained(&args, &[*variant], seeds)?;
        }
        return Ok(());
    }
    let rows = trained(&args, claims, seeds)?;
    if args.smoke {
        return record(&args, &rows);
    }
    let parts = trained(&args, &PARTS, some)?;
    let along_rows = trained(&args, &ROWS, some)?;
    let text = tables(&args, &rows, &parts, &along_rows)?;
    say(&text);
    if let Some(file) = &args.results {
        let old = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
        write_atomic(file, replaced(&old, "angle_shift", &text)?.as_bytes())?;
    }
    Ok(())
}

fn settings(args: &Args) -> Settings {
    Settings {
        size: args.size,
        steps: args.steps,
        batch: args.batch,
        learning_rate: args.learning_rate,
        held_back: args.held_back,
    }
}

/// Trains and scores variants, all seeds of one side by side.
fn trained(args: &Args, variants: &[Variant], seeds: &[u64]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for variant in variants.iter().filter(|_| !seeds.is_empty()) {
        let outcomes = std::thread::scope(|scope| {
            let start = |&seed| scope.spawn(move || outcome(args, variant, seed));
            let running: Vec<_> = seeds.iter().map(start).collect();
            let end = |run: std::thread::ScopedJoinHandle<'_, Result<Outcome>>| {
                run.join().unwrap_or_else(|_| bail!("a training panicked"))
            };
            running.into_iter().map(end).collect::<Result<_>>()
        })?;
        rows.push(Row { name: variant.name.to_owned(), outcomes });
    }
    Ok(rows)
}

/// An outcome of the folder, or a new one.
fn outcome(args: &Args, variant: &Variant, seed: u64) -> Result<Outcome> {
    let settings = settings(args);
    // Another build may compute something else.
    let program = std::env::current_exe().and_then(std::fs::read).context("reading the program")?;
    let task = format!("{} {}", blake3::hash(&program), task(variant, seed, &settings)?);
    let file = args.out.join(format!("{} {seed}.json", variant.name).replace([' ', ','], "_"));
    if let Ok(text) = std::fs::read_to_string(&file) {
        let known: Option<(String, Outcome)> = serde_json::from_str(&text).ok();
        let whole = |outcome: &Outcome| outcome.found.is_some() || variant.waves == Waves::True;
        if let Some((_, outcome)) = known.filter(|(of, outcome)| *of == task && whole(outcome)) {
            return Ok(outcome);
        }
    }
    let start = Instant::now();
    let trained = train(variant, seed, &settings, &Silent)?;
    let seconds = start.elapsed().as_secs_f64();
    let outcome = evaluate(variant, &trained.network, seed, &settings)?;
    tell(variant, seed, &outcome, seconds);
    if variant.name == CLAIMS[0].name && seed == args.seeds[0] {
        keep(args, variant, seed, &trained)?;
    }
    write_atomic(&file, serde_json::to_string(&(task, &outcome))?.as_bytes())?;
    Ok(outcome)
}

/// What is left of the first run.
fn keep(args: &Args, variant: &Variant, seed: u64, trained: &Trained) -> Result<()> {
    let settings = settings(args);
    let mut shown = Vec::new();
    for (count, decibels) in [(3, 6.0), (3, 0.0), (2, -6.0)] {
        shown.extend(examples(variant, &trained.network, (seed, count, decibels), &settings)?);
    }
    let file = |name: &str| args.out.join(name);
    let history = trained.trainer.history();
    write_all_atomic(&[
        (&file("weights.safetensors"), &trained.store.to_bytes()?),
        (&file("loss.svg"), history.to_svg(900, 520)?.as_bytes()),
        (&file("history.jsonl"), history.to_json_lines()?.as_bytes()),
        (&file("samples.png"), &sheet(&shown)?),
    ])?;
    trained.trainer.checkpoint()?.save(&file("checkpoint.safetensors"))?;
    say(&format!("{} parameters", trained.store.parameter_count()));
    Ok(())
}

/// One line on what was found.
fn tell(variant: &Variant, seed: u64, outcome: &Outcome, seconds: f64) {
    let list = |score: fn(&mapvec_metrics::Confusion) -> f64| -> String {
        let all = outcome.truth.iter().chain(outcome.found.iter().flatten().flatten());
        all.map(|counts| format!(" {:.3}", score(counts))).collect()
    };
    say(&format!(
        "{}, seed {seed}: weighted F1{}; F1 of lines{}; {seconds:.0} s",
        variant.name,
        list(weighted),
        list(line)
    ));
}

fn tables(args: &Args, claims: &[Row], parts: &[Row], along_rows: &[Row]) -> Result<String> {
    let settings = settings(args);
    let bare: Vec<_> = args
        .seeds
        .iter()
        .map(|seed| without_network(&CLAIMS[0], *seed, &settings))
        .collect::<Result<_>>()?;
    let mut all = Vec::new();
    for row in claims.iter().chain(parts).chain(along_rows) {
        let runs = row.outcomes.iter().map(|outcome| &outcome.truth).collect();
        all.push((row.name.clone(), runs));
    }
    for (at, name) in
        ["no network: the smoothed mask", "no network: wave above 0.5"].into_iter().enumerate()
    {
        all.push((name.to_owned(), bare.iter().map(|both| &both[at]).collect()));
    }
    let with_waves: Vec<Row> = claims
        .iter()
        .chain(parts)
        .map(|row| Row { name: row.name.clone(), outcomes: row.outcomes.clone() })
        .collect();
    Ok(format!(
        "Scores in the frame of the scenes, by the true wave:\n\n{}\nWhat each part is worth, full \
         less the row's, seed by seed:\n\n{}\nThe same along rows alone:\n\n{}\nF1 of lines by \
         where the wave is from:\n\n{}",
        scores(&all),
        gains(claims),
        gains(along_rows),
        proposals(&with_waves)
    ))
}

/// What a check compares.
fn record(args: &Args, rows: &[Row]) -> Result<()> {
    let of = |row: usize| &rows[row].outcomes[0];
    let bare = without_network(&CLAIMS[0], args.seeds[0], &settings(args))?;
    let found = of(0).found.as_ref().context("proposals are scored")?;
    smoke::write(
        &args.out,
        [
            ("learns", json!(line(&of(0).truth[0]) > line(&bare[1][0]))),
            ("weighted_f1_of_labels", json!(weighted(&bare[0][0]))),
            ("line_f1_of_waves", json!(line(&bare[1][0]))),
            ("proposals_find_lines", json!(line(&found[0][0]) > 0.2)),
            (
                "better_than_without_straightening",
                json!(line(&of(0).truth[0]) > line(&of(1).truth[0])),
            ),
        ],
    )
}
