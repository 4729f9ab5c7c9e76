//! How proposals of waves find the patterns of noisy scenes.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use mapvec_data::write_atomic;
use mapvec_examples::progress::say;
use mapvec_examples::spread::spread;
use mapvec_examples::table::replaced;
use mapvec_examples::wave_scenes::{WaveScene, WaveScenes};
use mapvec_examples::wave_scores::{
    COUNTS, Extraction, ExtractionScore, PatternScore, score_extraction, score_patterns,
};
use mapvec_examples::{make_folder, run, smoke};
use rayon::prelude::*;
use serde_json::json;

/// Prints recall against noise, errors of frequencies before and after refinement, and whole
/// pictures beside clusters of colours where patterns cross.
#[derive(Debug, Parser)]
struct Args {
    /// Scenes of each seed and ratio; for crossings as many that cross.
    #[arg(long, default_value_t = 300)]
    scenes: usize,
    /// Seeds of the scenes and their noise.
    #[arg(long, num_args = 1.., default_values_t = [1, 2, 3])]
    seeds: Vec<u64>,
    /// Put the tables between the markers `waves` of this file.
    #[arg(long)]
    results: Option<PathBuf>,
    /// Few scenes, for checks.
    #[arg(long)]
    smoke: bool,
    /// Folder of smoke.json.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

/// Power of the picture around its mean over that of the noise, decibels.
const RATIOS: [Option<f64>; 4] = [None, Some(6.0), Some(0.0), Some(-6.0)];
/// Patterns by the lines that are seen of them at least.
const LINES: [usize; 2] = [1, 4];

fn main() -> ExitCode {
    run(|args: Args| evaluate(&args))
}

fn evaluate(args: &Args) -> Result<()> {
    let scenes = if args.smoke { 12 } else { args.scenes };
    let mut record = Vec::new();
    let (mut recall, mut errors, mut crossings) =
        (Rows::recall(), Rows::errors(), Rows::crossings());
    for ratio in RATIOS {
        let name = ratio.map_or("none".to_owned(), |decibels| format!("{decibels} dB"));
        let runs = args.seeds.iter().map(|seed| patterns(*seed, scenes, ratio));
        let runs: Vec<Vec<PatternScore>> = runs.collect::<Result<_>>()?;
        for lines in LINES {
            let all: Vec<Vec<&PatternScore>> =
                runs.iter().map(|run| run.iter().filter(|s| s.lines >= lines).collect()).collect();
            let head = format!("{name} | {lines} or more");
            let values: Vec<Vec<f64>> = all.iter().map(|run| recalls(run)).collect();
            recall.add(&head, &values);
            record.push((format!("recall_{lines}_{name}"), json!(values[0].last())));
            let medians: Vec<Vec<f64>> = all.iter().map(|run| medians(run)).collect();
            errors.add(&head, &medians);
            record.push((format!("search_{lines}_{name}"), json!(medians[0][2])));
        }
        for from in Extraction::ALL {
            let runs = args.seeds.iter().map(|seed| extractions(*seed, scenes, ratio, from));
            let values: Vec<Vec<f64>> = runs.collect::<Result<_>>()?;
            crossings.add(&format!("{name} | {}", from.name()), &values);
            record.push((format!("precision_{}_{name}", from.name()), json!(values[0][2])));
        }
    }
    let text = format!("{}\n{}\n{}", recall.text, errors.text, crossings.text);
    say(&text);
    if args.smoke {
        make_folder(&args.out)?;
        let keys = record.into_iter().map(|(key, v)| (key.replace([' ', ','], "_"), v));
        smoke::write(&args.out, keys)?;
    }
    if let Some(file) = &args.results {
        let old = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
        write_atomic(file, replaced(&old, "waves", &text)?.as_bytes())?;
    }
    Ok(())
}

/// Scores of all patterns of the first scenes of a seed.
fn patterns(seed: u64, scenes: usize, ratio: Option<f64>) -> Result<Vec<PatternScore>> {
    let source = WaveScenes::new([1, 4], seed)?;
    let of = |index| score_patterns(&source.noisy(index, ratio)?);
    let scores: Vec<_> = (0..scenes).into_par_iter().map(of).collect::<Result<_>>()?;
    Ok(scores.concat())
}

/// Mean scores over the first scenes of a seed in which patterns cross.
fn extractions(seed: u64, scenes: usize, ratio: Option<f64>, from: Extraction) -> Result<Vec<f64>> {
    let source = WaveScenes::new([2, 4], seed)?;
    let mut crossing = Vec::new();
    for index in 0.. {
        if crossing.len() == scenes {
            break;
        }
        if source.clean(index)?.crosses() {
            crossing.push(index);
        }
    }
    let of = |index: usize| -> Result<ExtractionScore> {
        let scene: WaveScene = source.noisy(index, ratio)?;
        score_extraction(&scene, from)
    };
    let scores: Vec<_> = crossing.into_par_iter().map(of).collect::<Result<_>>()?;
    let mean = |field: fn(&ExtractionScore) -> f64| {
        scores.iter().map(field).sum::<f64>() / scores.len().max(1) as f64
    };
    Ok(vec![
        mean(|s| s.exact),
        mean(|s| s.recall),
        mean(|s| s.average_precision),
        mean(|s| s.similarity),
        mean(|s| s.nothing),
    ])
}

/// Share of the patterns that the first proposals find, for each number of proposals.
fn recalls(scores: &[&PatternScore]) -> Vec<f64> {
    let found = |first: usize| {
        scores.iter().filter(|score| score.rank.is_some_and(|rank| rank < first)).count() as f64
    };
    COUNTS.iter().map(|&first| found(first) / scores.len().max(1) as f64).collect()
}

/// Medians of the errors, and how many times smaller the continuous search makes the first.
fn medians(scores: &[&PatternScore]) -> Vec<f64> {
    let errors: Vec<[f64; 6]> = scores.iter().filter_map(|score| score.errors).collect();
    let median = |i: usize| {
        let mut values: Vec<f64> = errors.iter().map(|error| error[i]).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let mut medians: Vec<f64> = (0..6).map(median).collect();
    medians.push(medians[0] / medians[2]);
    medians
}

/// A table that grows by rows.
struct Rows {
    text: String,
}

impl Rows {
    fn new(title: &str, columns: &str) -> Self {
        let rule = "---|".repeat(columns.matches(" | ").count() + 1);
        Self { text: format!("{title}:\n\n| {columns} |\n|{rule}\n") }
    }

    fn recall() -> Self {
        let title = "Share of the patterns within 1 cycle per side of one of the k strongest \
            proposals";
        Self::new(title, "SNR | lines seen | k = 1 | k = 2 | k = 5 | k = 10 | k = 20")
    }

    fn errors() -> Self {
        let title = "Median distance of frequencies from the nearest of 20 proposals, cycles per \
            side";
        Self::new(
            title,
            "SNR | lines seen | proposed | grid | continuous | continuous on a cluster | fit to \
             the mask | fit to the picture | proposed over continuous",
        )
    }

    fn crossings() -> Self {
        let title = "Patterns that cross; means over scenes";
        Self::new(
            title,
            "SNR | proposals from | precision at as many as patterns | recall of 5 | average \
             precision | similarity of 5 | scenes without proposals",
        )
    }

    /// Mean and half range over the runs, column by column.
    fn add(&mut self, head: &str, runs: &[Vec<f64>]) {
        self.text += &format!("| {head} |");
        for column in 0..runs.first().map_or(0, Vec::len) {
            let values: Vec<f64> = runs.iter().map(|run| run[column]).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let digits = if mean >= 1.0 { 2 } else { 3 };
            self.text += &format!(" {} |", spread(&values, digits));
        }
        self.text.push('\n');
    }
}
