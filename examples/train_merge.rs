//! Trains the rule that tells real borders between regions from false ones.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use candle_core::Device;
use clap::Parser;
use mapvec_data::{ImageLimits, read_image, write_atomic};
use mapvec_examples::border_training::{Fit, SeenSheet, borders, drawn_sheets, fit, shapes_only};
use mapvec_examples::progress::{Bar, say};
use mapvec_examples::{make_folder, run, smoke};
use mapvec_metrics::PqCounts;
use mapvec_postprocess::{BorderModel, Connectivity, components};
use mapvec_vectorize::Vectorizer;
use ndarray::s;
use serde_json::json;

/// Draws sheets, lets the network look at them, and learns from the borders that merging
/// meets. Writes borders.json.
#[derive(Debug, Parser)]
struct Args {
    /// Sheets to learn from.
    #[arg(long, default_value_t = 60)]
    sheets: u64,
    /// Sheets to choose the threshold on.
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

const THRESHOLDS: [f32; 9] = [-3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0];
const MEANS: [f32; 6] = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0];

fn main() -> ExitCode {
    run(train)
}

fn train(mut args: Args) -> Result<()> {
    if args.smoke {
        (args.sheets, args.held_back, args.size, args.steps) = (2, 1, 256, 60);
    }
    let vectorizer = Vectorizer::embedded(&Device::Cpu)?;
    let bar = Bar::default();
    let sheets = drawn_sheets((0, args.sheets, args.size), args.seed, &vectorizer, &bar)?;
    let held_back =
        drawn_sheets((args.sheets, args.held_back, args.size), args.seed, &vectorizer, &bar)?;
    let mut samples = Vec::new();
    let mut model: Option<BorderModel> = None;
    let settings = Fit { steps: args.steps, batch: 512, hidden: args.hidden, seed: args.seed };
    for round in 0..args.rounds {
        samples.extend(borders(&sheets, model.as_ref())?);
        let real = samples.iter().filter(|s| s.real).count();
        say(&format!("round {round}: {} borders, {real} real", samples.len()));
        model = Some(fit(&samples, settings, &bar)?);
        if let Some(model) = &model {
            scores("held back", &held_back, model)?;
        }
    }
    let Some(model) = model else { return Ok(()) };
    make_folder(&args.out)?;
    write_atomic(&args.out.join("borders.json"), serde_json::to_string(&model)?.as_bytes())?;
    if let Some(folder) = &args.city {
        let read = |name: &str| read_image(&folder.join(name), &ImageLimits::default());
        let image = read("val_scan.jpg")?;
        let edges = read("val_edge_target.png")?.slice_move(s![.., .., 0]);
        let mask = read("val_mask_content.png")?.slice_move(s![.., .., 0]).mapv(|v| v > 127);
        let truth = components(edges.mapv(|v| v == 0).view(), Connectivity::Four).labels;
        for (rotations, adapt) in [(false, 0), (false, 120)] {
            let maps = vectorizer.predict(image.view(), &shapes_only(rotations, adapt), &bar)?;
            let sheet = SeenSheet::new(image.view(), maps, truth.clone(), Some(mask.clone()))?;
            scores(&format!("city, rotations {rotations}, adapt {adapt}"), &[sheet], &model)?;
        }
    }
    if args.smoke {
        smoke::write(&args.out, [("borders", json!(samples.len()))])?;
    }
    Ok(())
}

fn scores(name: &str, sheets: &[SeenSheet], model: &BorderModel) -> Result<()> {
    let sum = |of: &dyn Fn(&SeenSheet) -> Result<PqCounts>| -> Result<PqCounts> {
        let mut total = PqCounts::default();
        for sheet in sheets {
            total += of(sheet)?;
        }
        Ok(total)
    };
    for threshold in MEANS {
        let q = sum(&|sheet| sheet.by_mean(threshold))?.quality();
        say(&format!("{name}: mean  {threshold:>4} PQ {:.4} SQ {:.3} RQ {:.3}", q.pq, q.sq, q.rq));
    }
    for threshold in THRESHOLDS {
        let q = sum(&|sheet| sheet.by_model(model, threshold))?.quality();
        say(&format!("{name}: model {threshold:>4} PQ {:.4} SQ {:.3} RQ {:.3}", q.pq, q.sq, q.rq));
    }
    Ok(())
}
