//! Trains the rule that tells real borders between regions from false ones.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use candle_core::Device;
use clap::Parser;
use mapvec_data::{ImageLimits, read_image, write_atomic};
use mapvec_examples::border_training::{Fit, SeenSheet, borders, drawn_sheets, fit, shapes_only};
use mapvec_examples::evaluation::city_truth;
use mapvec_examples::progress::{Bar, say};
use mapvec_examples::{make_folder, run, smoke};
use mapvec_metrics::PqCounts;
use mapvec_vectorize::Vectorizer;
use serde_json::json;

/// Draws sheets, lets the network look at them, and learns from the borders that merging
/// meets. Writes borders.json.
#[derive(Debug, Parser)]
struct Args {
    /// Sheets to learn from.
    #[arg(long, default_value_t = 60)]
    sheets: u64,
    /// Sheets to choose the threshold on, and as many to score on.
    #[arg(long, default_value_t = 12)]
    held_back: u64,
    /// Side of a sheet in pixels.
    #[arg(long, default_value_t = 896)]
    size: u32,
    /// Steps of the optimiser in each round.
    #[arg(long, default_value_t = 4000)]
    steps: u64,
    /// Hidden units.
    #[arg(long, default_value_t = 24)]
    hidden: usize,
    /// Rounds: from the second on borders are those that the rule of the round before meets.
    #[arg(long, default_value_t = 2)]
    rounds: u32,
    /// Seed of sheets and parameters.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Also score the city sheet of this folder.
    #[arg(long)]
    city: Option<PathBuf>,
    /// Small sheets and few steps, for checks.
    #[arg(long)]
    smoke: bool,
    /// Folder of borders.json.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

/// Logits of a real border at which merging by the model may stop.
const SCORES: [f32; 9] = [-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0];
/// Mean logits of an edge at which merging by the mean may stop.
const MEANS: [f32; 7] = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5];

fn main() -> ExitCode {
    run(train)
}

fn train(mut args: Args) -> Result<()> {
    if args.smoke {
        (args.sheets, args.held_back, args.size, args.steps) = (2, 1, 256, 60);
    }
    let vectorizer = Vectorizer::embedded(&Device::Cpu)?;
    let bar = Bar::default();
    let draw = |first, count| drawn_sheets((first, count, args.size), args.seed, &vectorizer, &bar);
    let sheets = draw(0, args.sheets)?;
    let held_back = draw(args.sheets, args.held_back)?;
    let others = draw(args.sheets + args.held_back, args.held_back)?;

    let (batch, hidden) = (512, args.hidden);
    let settings = Fit { steps: args.steps, batch, hidden, seed: args.seed };
    let mut samples = borders(&sheets, None)?;
    let mut model = fit(&samples, settings, &bar)?;
    for _ in 1..args.rounds {
        samples.extend(borders(&sheets, Some(&model))?);
        model = fit(&samples, settings, &bar)?;
    }
    let real = samples.iter().filter(|sample| sample.real).count();
    say(&format!("{} borders, {real} of them real", samples.len()));
    make_folder(&args.out)?;
    write_atomic(&args.out.join("borders.json"), serde_json::to_string(&model)?.as_bytes())?;

    let rules: [(&str, &[f32], Score<'_>); 2] = [
        ("mean logit", &MEANS, &|sheet, threshold| sheet.by_mean(threshold)),
        ("trained rule", &SCORES, &|sheet, threshold| sheet.by_model(&model, threshold)),
    ];
    say(
        "| sheets | borders judged by | stop at, chosen on other sheets | PQ | best stop | PQ there |",
    );
    say("|---|---|---|---|---|---|");
    let chosen = rules.map(|(_, stops, score)| best(&held_back, stops, score));
    let mut found = Vec::new();
    let mut tell = |name: &str, sheets: &[SeenSheet]| -> Result<()> {
        for ((rule, stops, score), chosen) in rules.iter().zip(&chosen) {
            let (stop, _) = chosen.as_ref().map_err(|error| anyhow!("{error}"))?;
            let (pq, top) = (quality(sheets, *stop, *score)?, best(sheets, stops, *score)?);
            say(&format!("| {name} | {rule} | {stop} | {pq:.3} | {} | {:.3} |", top.0, top.1));
            found.push((format!("{name}_{rule}").replace(' ', "_"), json!(pq)));
        }
        Ok(())
    };
    tell("generated", &others)?;
    if let Some(folder) = &args.city {
        let image = read_image(&folder.join("val_scan.jpg"), &ImageLimits::default())?;
        let (truth, mask) = city_truth(folder)?;
        for (name, adapt) in [("city", 0), ("city, adapted", 120)] {
            let maps = vectorizer.predict(image.view(), &shapes_only(false, adapt), &bar)?;
            let seen = SeenSheet::new(image.view(), maps, truth.clone(), Some(mask.clone()))?;
            tell(name, &[seen])?;
        }
    }
    if args.smoke {
        found.push(("borders".to_owned(), json!(samples.len())));
        smoke::write(&args.out, found)?;
    }
    Ok(())
}

/// Counts of a sheet whose regions are merged up to a threshold.
type Score<'a> = &'a dyn Fn(&SeenSheet, f32) -> Result<PqCounts>;

/// Panoptic quality over all sheets; 0 where there is nothing.
fn quality(sheets: &[SeenSheet], stop: f32, score: Score<'_>) -> Result<f64> {
    let counts: Vec<PqCounts> =
        sheets.iter().map(|sheet| score(sheet, stop)).collect::<Result<_>>()?;
    Ok(counts.into_iter().sum::<PqCounts>().score().pq.unwrap_or(0.0))
}

/// The threshold with the best quality, the first among equals.
fn best(sheets: &[SeenSheet], stops: &[f32], score: Score<'_>) -> Result<(f32, f64)> {
    let mut found = (stops[0], f64::NEG_INFINITY);
    for &stop in stops {
        let pq = quality(sheets, stop, score)?;
        if pq > found.1 {
            found = (stop, pq);
        }
    }
    Ok(found)
}
