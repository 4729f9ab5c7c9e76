//! What a dense CRF adds to the predictions of small networks, and where it does not help.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use mapvec_data::write_atomic;
use mapvec_examples::crf_gain::cases::{
    LAND_COVER, PATTERNS, PatternCase, land_cover_trials, pattern_trial,
};
use mapvec_examples::crf_gain::edges::{EDGES, EdgeCase, EdgeOutcome, edge_study};
use mapvec_examples::crf_gain::pictures::sheet;
use mapvec_examples::crf_gain::scenes::land_cover;
use mapvec_examples::crf_gain::study::{Outcome, Seen, Trial, iou, study, whole};
use mapvec_examples::crf_gain::tables::{self, Row};
use mapvec_examples::progress::{Bar, say};
use mapvec_examples::table::replaced;
use mapvec_examples::{make_folder, run, smoke};
use mapvec_postprocess::crf::DenseCrfConfig;
use ndarray::Array2;
use serde_json::{Value, json};

/// Trains networks so briefly, or on so few points, that what they predict is noisy; chooses
/// parameters of a CRF on some pictures and scores it on others; writes pictures (picture, truth,
/// network, published parameters, searched parameters).
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// Number of seeds.
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
    /// One seed and little of everything, for checks.
    #[arg(long, global = true)]
    smoke: bool,
    /// Folder for the pictures.
    #[arg(long, global = true, default_value = "out")]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Generated scenes of patterns.
    Patterns,
    /// Aerial land cover: a folder with rgb/*.png and lc/*.png.
    LandCover { folder: PathBuf },
    /// Edges of generated scenes.
    Edges,
    /// All of them, as the tables of a Markdown file (docs/results.md).
    Table { folder: PathBuf, file: PathBuf },
}

/// Most seeds of cases that are only compared with.
const COMPARISONS: u64 = 3;
/// Names of the classes.
const PATTERN_CLASSES: &[&str] = &["background", "line", "shape"];
const LAND_COVER_CLASSES: &[&str] = &["trees", "low vegetation"];

fn main() -> ExitCode {
    run(|args: Args| experiment(&args))
}

fn experiment(args: &Args) -> Result<()> {
    make_folder(&args.out)?;
    if args.smoke {
        return small(args);
    }
    match &args.part {
        None | Some(Part::Patterns) => say(&tables::gains(&patterns(args, &PATTERNS)?)),
        Some(Part::LandCover { folder }) => say(&tables::gains(&aerial(args, folder)?)),
        Some(Part::Edges) => say(&tables::edges(&edges(args, &EDGES)?)),
        Some(Part::Table { folder, file }) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            let patterns = tables::gains(&patterns(args, &PATTERNS)?);
            let aerial = tables::gains(&aerial(args, folder)?);
            let edges = tables::edges(&edges(args, &EDGES)?);
            let tables = format!("{patterns}\n{aerial}\n{edges}");
            write_atomic(file, replaced(&text, "crf", &tables)?.as_bytes())?;
        }
    }
    Ok(())
}

/// Seconds instead of minutes: does the CRF help at all, and does every part run?
fn small(args: &Args) -> Result<()> {
    let args = &Args { part: None, seeds: 1, smoke: true, out: args.out.clone() };
    let case = PatternCase { scenes: 24, steps: 60, held_back: 6, ..PATTERNS[0] };
    let rows = patterns(args, &[case])?;
    let edges = edges(args, &EdgeCase { scenes: 12, steps: 60, held_back: 4 })?;
    let outcome = rows.first().and_then(|row| row.outcomes.first()).context("no outcome")?;
    let f1 = |kind: usize| edges[0].scores[kind][0].edges.score().f1;
    let values: [(&str, Value); 6] = [
        ("network_learns", json!(iou(&outcome.network) > 0.25)),
        ("published_gains", json!(iou(&outcome.published) > iou(&outcome.network))),
        ("searched_gains", json!(iou(&outcome.searched) > iou(&outcome.network))),
        (
            "layer_is_the_field",
            json!((iou(&outcome.layer[0]) - iou(&outcome.searched)).abs() < 0.01),
        ),
        ("sparse_edges_are_easier", json!(f1(0) > f1(1))),
        ("iou_network", json!(iou(&outcome.network))),
    ];
    smoke::write(&args.out, values)
}

fn patterns(args: &Args, cases: &[PatternCase]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let mut outcomes = Vec::new();
        for seed in 1..=seeds(args, number) {
            let trial = pattern_trial(case, seed, &Bar::default())?;
            let (outcome, crf) = study(&trial, seed)?;
            tell(case.name, seed, &outcome, &crf);
            outcomes.push(outcome);
            if (number, seed) == (0, 1) {
                draw(args, "patterns.png", &trial.test[..4.min(trial.test.len())], &crf, 2)?;
            }
        }
        let name = format!("patterns, {}", case.name);
        rows.push(Row { name, classes: PATTERN_CLASSES, outcomes });
    }
    Ok(rows)
}

fn aerial(args: &Args, folder: &std::path::Path) -> Result<Vec<Row>> {
    let patches = land_cover(folder)?;
    let mut rows = Vec::new();
    for (number, case) in LAND_COVER.iter().enumerate() {
        let mut outcomes = Vec::new();
        for seed in 1..=seeds(args, number) {
            let mut sum = Outcome::default();
            for trial in land_cover_trials(case, &patches, seed, &Bar::default())? {
                let (outcome, crf) = study(&trial, seed)?;
                tell(case.name, seed, &outcome, &crf);
                if (number, seed, sum.chosen.len()) == (0, 1, 0) {
                    draw(args, "land_cover.png", &mixed(&trial), &crf, 1)?;
                }
                sum += outcome;
            }
            outcomes.push(sum);
        }
        let name = format!("land cover, {}", case.name);
        rows.push(Row { name, classes: LAND_COVER_CLASSES, outcomes });
    }
    Ok(rows)
}

/// The first case of a data set is the one in question; the others are to compare with.
fn seeds(args: &Args, case: usize) -> u64 {
    if case == 0 { args.seeds } else { args.seeds.min(COMPARISONS) }
}

/// Up to four pictures with more than one class.
fn mixed(trial: &Trial) -> Vec<Seen> {
    let several = |seen: &&Seen| seen.scene.truth.iter().any(|class| *class == 1);
    trial.test.iter().filter(several).take(4).cloned().collect()
}

fn edges(args: &Args, case: &EdgeCase) -> Result<Vec<EdgeOutcome>> {
    let study = |seed| edge_study(case, seed, &Bar::default());
    let outcomes = (1..=args.seeds).map(study).collect::<Result<Vec<_>>>()?;
    draw(args, "edges.png", &outcomes[0].seen, &outcomes[0].crf, 2)?;
    Ok(outcomes)
}

fn draw(args: &Args, name: &str, seen: &[Seen], crf: &DenseCrfConfig, scale: usize) -> Result<()> {
    let published = DenseCrfConfig::default();
    let labels = |seen: &Seen| -> Result<Vec<Array2<usize>>> {
        Ok(vec![whole(seen, crf, 0)?, whole(seen, &published, 5)?, whole(seen, crf, 5)?])
    };
    let rows = seen.iter().map(|s| Ok((&s.scene, labels(s)?))).collect::<Result<Vec<_>>>()?;
    Ok(write_atomic(&args.out.join(name), &sheet(&rows, scale)?)?)
}

/// One line on what was found.
fn tell(name: &str, seed: u64, outcome: &Outcome, crf: &DenseCrfConfig) {
    let Outcome { network, published, searched, gated, layer, seconds, chosen } = outcome;
    let parts = [network, published, searched, &gated[0], &layer[0], &layer[1]];
    let scores: Vec<String> = parts.iter().map(|c| format!("{:.1}", 100.0 * iou(c))).collect();
    let faster = seconds[0] / seconds[1].max(1e-9);
    let terms = serde_json::to_string(&crf.terms).unwrap_or_default();
    say(&format!(
        "{name}, seed {seed}: network, published, searched, gated, layer, trained {}; gate \
         {chosen:?} {faster:.1} times as fast; {terms}",
        scores.join(" ")
    ));
}
