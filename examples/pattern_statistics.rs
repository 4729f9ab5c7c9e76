//! Counts what scenes of patterns hold, and how fast they and their labels are made.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
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
    // What was mended undone where it is a setting: the smallest symbols vanish (a triangle of
    // size 2 has 4 pixels here, 3 there), scenes may be empty.
    let mut rules = config.clone();
    (rules.shape_args.min_visible_pixels, rules.min_components_num) = (5, 0);
    let by_rules = PatternGenerator::new(&rules, args.seed, 0)?;
    let (mut counts, mut rules) = (PatternCounts::default(), PatternCounts::default());
    for index in 0..scenes {
        counts.add(&generator.scene(index));
        rules.add(&by_rules.scene(index));
    }
    let mut text = counts.table(&rules);
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
/// two class maps, beside the reference with all labels; and all labels on several threads.
fn speeds(seed: u64) -> Result<String> {
    let threads = std::thread::available_parallelism()?.get();
    let mut text = format!(
        "| side | all labels, scenes/s | picture and classes, scenes/s | reference | all | some | \
         all labels on {threads} threads |\n|---|---|---|---|---|---|---|\n",
    );
    let some = [PatternOutput::Img, PatternOutput::LineLabel, PatternOutput::ShapeLabel];
    for (size, reference) in [(32, 190.0), (64, 83.0), (128, 24.0), (256, 7.2)] {
        let config = PatternConfig { size, ..PatternConfig::default() };
        let generator = PatternGenerator::new(&config, seed, 0)?;
        let all = rate(&generator, PatternOutput::ALL)?;
        let few = rate(&generator, &some)?;
        let rates: Vec<Result<f64>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| rate(&generator, PatternOutput::ALL)))
                .collect();
            let failed = || Err(anyhow!("a thread that makes scenes panicked"));
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| failed())).collect()
        });
        let together = rates.into_iter().sum::<Result<f64>>()?;
        text += &format!(
            "| {size} | {all:.0} | {few:.0} | {reference} | {:.0} x | {:.0} x | {:.2} x |\n",
            all / reference,
            few / reference,
            together / all
        );
    }
    text += "\n";
    text += &costs(seed)?;
    Ok(text)
}

/// Scenes of some outputs per second.
fn rate(generator: &PatternGenerator, outputs: &[PatternOutput]) -> Result<f64> {
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
}

/// What single outputs cost beyond the scene: time, and the memory of their values.
fn costs(seed: u64) -> Result<String> {
    let config = PatternConfig { size: 64, ..PatternConfig::default() };
    let generator = PatternGenerator::new(&config, seed, 0)?;
    let alone = 1e6 / rate(&generator, &[])?;
    let mut text =
        format!("| output, 64 px | us beyond the scene ({alone:.1} us) | kB |\n|---|---|---|\n");
    let mut row = |name: &str, outputs: &[PatternOutput]| -> Result<()> {
        let time = 1e6 / rate(&generator, outputs)? - alone;
        let mut bytes = 0;
        for index in 0..100 {
            let scene = generator.scene(index);
            for output in outputs {
                let field = scene.output(*output)?;
                let values = field.values();
                bytes += values.len() * if values.as_u8().is_some() { 1 } else { 4 };
            }
        }
        text += &format!("| {name} | {:.1} | {:.1} |\n", time.max(0.0), bytes as f64 / 1e5);
        Ok(())
    };
    for output in PatternOutput::ALL {
        row(output.name(), &[*output])?;
    }
    row("all", PatternOutput::ALL)?;
    Ok(text)
}
