//! Trains the map U-Net on generated sheets, on the CPU or a GPU.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use candle_core::DType;
use clap::Parser;
use mapvec_data::write_all_atomic;
use mapvec_examples::device::DeviceName;
use mapvec_examples::progress::{Bar, say};
use mapvec_examples::training::Crops;
use mapvec_examples::{make_folder, run, smoke};
use mapvec_losses::DenseLossConfig;
use mapvec_models::{MapUNet, MapUNetConfig};
use mapvec_nn::ParameterStore;
use mapvec_train::{Checkpoint, MapBatch, TrainConfig, Trainer, map_loss};
use serde_json::json;

/// Trains on sheets made on the fly; the same seed gives the same weights.
#[derive(Debug, Parser)]
struct Args {
    /// Optimiser steps.
    #[arg(long, default_value_t = 3000)]
    steps: u64,
    /// Crops per step.
    #[arg(long, default_value_t = 6)]
    batch: usize,
    /// Side of a crop in pixels, a multiple of 16.
    #[arg(long, default_value_t = 224)]
    crop: u32,
    /// Peak learning rate.
    #[arg(long, default_value_t = 3e-3)]
    learning_rate: f64,
    /// Seed of initialisation and sheets.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Crops taken from one sheet.
    #[arg(long, default_value_t = 64)]
    crops_per_sheet: usize,
    /// Weights of town plans, topographic and rural sheets.
    #[arg(long, value_delimiter = ',', num_args = 3, default_values_t = [0.55, 0.35, 0.1])]
    styles: Vec<f64>,
    /// Folder for weights.safetensors, checkpoint.safetensors, history.jsonl and loss.svg.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// Go on from the checkpoint in that folder.
    #[arg(long, conflicts_with = "weights")]
    resume: bool,
    /// Start from these weights instead of random ones.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Where the network runs.
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceName,
    /// Three steps on small crops, for checks.
    #[arg(long)]
    smoke: bool,
}

/// A checkpoint is written every so many steps.
const CHECKPOINT_EVERY: u64 = 250;
/// Batches of the validation, from sheets that the training has not seen.
const VALIDATION_BATCHES: u64 = 24;

fn main() -> ExitCode {
    run(train)
}

fn train(mut args: Args) -> Result<()> {
    let (mut validation, mut sheet) = (VALIDATION_BATCHES, 640);
    if args.smoke {
        (args.steps, args.batch, args.crop, args.crops_per_sheet) = (3, 2, 64, 4);
        (validation, sheet) = (1, 128);
    }
    let Args { batch, crop: side, crops_per_sheet: per_sheet, seed, .. } = args;
    let styles = args.styles[..].try_into().context("--styles needs three weights")?;
    let crops = Crops { batch, side, per_sheet, sheet, styles, seed };
    let (source, loss) = (crops.training(args.steps)?, DenseLossConfig::default());
    let config = TrainConfig {
        steps: args.steps,
        batch,
        learning_rate: args.learning_rate,
        seed,
        log_every: (args.steps / 100).max(1),
        task: serde_json::to_string(&(source.config(), &loss))?,
        ..TrainConfig::default()
    };
    let device = args.device.open()?;
    make_folder(&args.out)?;
    let store = ParameterStore::new(seed, DType::F32, &device);
    let network = MapUNet::new(&MapUNetConfig::default(), store.var_builder())?;
    if let Some(path) = &args.weights {
        store.load(path)?;
    }
    let file = |name: &str| args.out.join(name);
    let checkpoint = file("checkpoint.safetensors");
    let mut trainer = if args.resume {
        Trainer::resume(&store, &config, &Checkpoint::load(&checkpoint)?)?
    } else {
        Trainer::new(&store, &config)?
    };
    trainer.fit(
        |step| MapBatch::of(&source, step, batch),
        |batch| map_loss(&network, &batch, &loss, true, &device),
        |t| {
            if t.step() % CHECKPOINT_EVERY == 0 {
                t.checkpoint()?.save(&checkpoint)
            } else {
                Ok(())
            }
        },
        &Bar::default(),
    )?;
    trainer.checkpoint()?.save(&checkpoint)?;

    let trained = MapUNet::new(&MapUNetConfig::default(), store.frozen_var_builder())?;
    let means = crops.validate(&trained, validation, &device)?;
    let history = trainer.history();
    write_all_atomic(&[
        (&file("history.jsonl"), history.to_json_lines()?.as_bytes()),
        (&file("loss.svg"), history.to_svg(900, 520)?.as_bytes()),
        (&file("validation.json"), serde_json::to_string_pretty(&means)?.as_bytes()),
        (&file("weights.safetensors"), &store.to_bytes()?),
    ])?;
    means.iter().for_each(|(name, value)| say(&format!("validation {name:<16} {value:.4}")));
    if args.smoke {
        let loss = json!(history.entries.last().context("no entry")?.loss);
        smoke::write(&args.out, [("loss", loss), ("parameters", json!(store.parameter_count()))])?;
    }
    Ok(())
}
