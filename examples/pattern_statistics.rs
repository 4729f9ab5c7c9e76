//! Counts what scenes of patterns hold, and how fast they and their labels are made.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use mapvec_data::write_atomic;
use mapvec_examples::pattern_counts::PatternCounts;
use mapvec_examples::progress::say;
use mapvec_examples::table::replaced;
use mapvec_examples::{make_folder, run, smoke};
use mapvec_synth::{PatternConfig, PatternGenerator, PatternOutput};
use serde_json::json;

/// Statistics of the default scenes of patterns beside those of the generator they follow.
#[derive(Debug, Parser)]
struct Args {
    /// Scenes to count.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    scenes: u64,
    /// Seed of the scenes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Put the tables between the markers `patterns` of this file.
    #[arg(long)]
    results: Option<PathBuf>,
    /// Count few scenes, for checks.
    #[arg(long)]
    smoke: bool,
    /// Folder of smoke.json.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

fn main() -> ExitCode {
    run(|args: Args| count(&args))
}

fn count(args: &Args) -> Result<()> {
    let scenes = if args.smoke { 300 } else { args.scenes };
    let config = PatternConfig::default();
    let generator = PatternGenerator::new(&config, args.seed, 0)?;
    let mut counts = PatternCounts::default();
    for index in 0..scenes {
        counts.add(&generator.scene(index));
    }
    let mut text = counts.table();
    if args.smoke {
        make_folder(&args.out)?;
        let values = counts.values().into_iter().map(|(name, value)| (name, json!(value)));
        smoke::write(&args.out, values)?;
    } else {
        text += "\n";
        text += &speeds(args.seed)?;
    }
    say(&text);
    if let Some(file) = &args.results {
        let old = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
        write_atomic(file, replaced(&old, "patterns", &text)?.as_bytes())?;
    }
    Ok(())
}

/// Scenes per second on one thread: those with all labels, and those with the picture and the
/// two class maps, beside the reference with all labels.
fn speeds(seed: u64) -> Result<String> {
    let mut text = String::from(
        "| side | all labels, scenes/s | picture and classes, scenes/s | reference | all | some |\n\
         |---|---|---|---|---|---|\n",
    );
    let some = [PatternOutput::Img, PatternOutput::LineLabel, PatternOutput::ShapeLabel];
    for (size, reference) in [(32, 190.0), (64, 83.0), (128, 24.0), (256, 7.2)] {
        let config = PatternConfig { size, ..PatternConfig::default() };
        let generator = PatternGenerator::new(&config, seed, 0)?;
        let rate = |outputs: &[PatternOutput]| -> Result<f64> {
            let (start, mut scenes) = (Instant::now(), 0_u64);
            while start.elapsed().as_secs_f64() < 1.0 {
                for _ in 0..20 {
                    let scene = generator.scene(scenes);
                    for output in outputs {
                        std::hint::black_box(scene.output(*output)?);
                    }
                    scenes += 1;
                }
            }
            Ok(scenes as f64 / start.elapsed().as_secs_f64())
        };
        let (all, few) = (rate(PatternOutput::ALL)?, rate(&some)?);
        text += &format!(
            "| {size} | {all:.0} | {few:.0} | {reference} | {:.0} x | {:.0} x |\n",
            all / reference,
            few / reference
        );
    }
    Ok(text)
}
