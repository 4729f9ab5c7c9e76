//! Trains the map U-Net on generated sheets, on the CPU or a GPU.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use candle_core::DType;
use clap::Parser;
use mapvec_data::{write_all_atomic, write_atomic};
use mapvec_examples::device::DeviceName;
use mapvec_examples::progress::{Bar, say};
use mapvec_examples::{make_folder, run, smoke};
use mapvec_losses::DenseLossConfig;
use mapvec_models::{MapUNet, MapUNetConfig};
use mapvec_nn::ParameterStore;
use mapvec_synth::{SheetConfig, SheetSource, SourceConfig};
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
    /// Folder for weights.safetensors, checkpoint.safetensors, history.jsonl and loss.svg.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// Go on from the checkpoint in that folder.
    #[arg(long)]
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
/// Batches of the validation, from sheets of their own seed.
const VALIDATION_BATCHES: u64 = 24;

fn main() -> ExitCode {
    run(|| train(Args::parse()))
}

fn train(mut args: Args) -> Result<()> {
    let mut validation_batches = VALIDATION_BATCHES;
    if args.smoke {
        (args.steps, args.batch, args.crop, args.crops_per_sheet, validation_batches) =
            (3, 2, 64, 4, 1);
    }
    let device = args.device.open()?;
    make_folder(&args.out)?;
    let config = TrainConfig {
        steps: args.steps,
        batch: args.batch,
        learning_rate: args.learning_rate,
        seed: args.seed,
        log_every: (args.steps / 100).max(1),
        ..TrainConfig::default()
    };
    let store = ParameterStore::new(args.seed, DType::F32, &device);
    let network = MapUNet::new(&MapUNetConfig::default(), store.var_builder())?;
    if let Some(path) = &args.weights {
        store.load(path)?;
    }
    let checkpoint = args.out.join("checkpoint.safetensors");
    let mut trainer = if args.resume {
        Trainer::resume(&store, &config, &Checkpoint::load(&checkpoint)?)?
    } else {
        Trainer::new(&store, &config)?
    };
    let source = SheetSource::new(source_config(&args, args.seed, args.steps))?;
    let loss = DenseLossConfig::default();
    let forward = |batch: MapBatch, train| map_loss(&network, &batch, &loss, train, &device);
    trainer.fit(
        |step| MapBatch::of(&source, step, args.batch),
        |batch| forward(batch, true),
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

    let held_back =
        SheetSource::new(source_config(&args, args.seed ^ 0x7A11_DA7E, validation_batches))?;
    let mut sums = std::collections::BTreeMap::new();
    for step in 0..validation_batches {
        for (name, value) in forward(MapBatch::of(&held_back, step, args.batch)?, false)?.terms {
            *sums.entry(name).or_insert(0.0) += value / validation_batches as f64;
        }
    }
    let file = |name: &str| args.out.join(name);
    let history = trainer.history();
    write_all_atomic(&[
        (&file("history.jsonl"), history.to_json_lines()?.as_bytes()),
        (&file("loss.svg"), history.to_svg(900, 520)?.as_bytes()),
        (&file("weights.safetensors"), &store.to_bytes()?),
    ])?;
    write_atomic(&file("validation.json"), serde_json::to_string_pretty(&sums)?.as_bytes())?;
    sums.iter().for_each(|(name, value)| say(&format!("validation {name:<16} {value:.4}")));
    if args.smoke {
        let last = history.entries.last().context("no entry")?.loss;
        smoke::write(
            &args.out,
            [("loss", json!(last)), ("parameters", json!(store.parameter_count()))],
        )?;
    }
    Ok(())
}

fn source_config(args: &Args, seed: u64, batches: u64) -> SourceConfig {
    let crops = batches as usize * args.batch;
    SourceConfig {
        seed,
        sheets: crops.div_ceil(args.crops_per_sheet).max(1),
        crops_per_sheet: args.crops_per_sheet,
        crop: args.crop,
        interleave: if args.smoke { 2 } else { 16 },
        sheet: SheetConfig { size: if args.smoke { 128 } else { 640 }, ..SheetConfig::default() },
        ..SourceConfig::default()
    }
}
