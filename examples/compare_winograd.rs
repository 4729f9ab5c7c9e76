//! Trains a U-Net with and without the Winograd convolution and compares the losses.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use clap::Parser;
use mapvec_data::write_atomic;
use mapvec_examples::progress::say;
use mapvec_examples::table::replaced;
use mapvec_examples::{make_folder, run, shapes, smoke};
use mapvec_losses::{CrossEntropyConfig, cross_entropy};
use mapvec_models::{UNet, UNetConfig};
use mapvec_nn::{AdamWConfig, Optimizer, ParameterStore, set_exact};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;

/// Learns to find discs in noise, several seeds with either kernel.
#[derive(Debug, Parser)]
struct Args {
    /// Training steps of a run; the last tenth, at most 100, gives its loss.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// Number of seeds.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..100))]
    seeds: u64,
    /// Put the table between the markers `winograd` of this file.
    #[arg(long)]
    results: Option<PathBuf>,
    /// Take few steps, for checks.
    #[arg(long)]
    smoke: bool,
    /// Folder of smoke.json.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

/// Pictures of a batch, and their side in pixels.
const BATCH: usize = 4;
const SIDE: usize = 64;

fn main() -> ExitCode {
    run(|args: Args| compare(&args))
}

fn compare(args: &Args) -> Result<()> {
    let (steps, seeds) = if args.smoke { (4, 1) } else { (args.steps, args.seeds) };
    let mut text = String::from(
        "| convolution | loss of each seed | mean | half range |\n|---|---|---|---|\n",
    );
    let mut means = Vec::new();
    for (name, exact) in [("Winograd", false), ("direct", true)] {
        set_exact(exact);
        let losses = (0..seeds).map(|seed| train(seed, steps)).collect::<Result<Vec<f64>>>()?;
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        let (low, high) = losses.iter().fold((mean, mean), |(l, h), v| (l.min(*v), h.max(*v)));
        let each: Vec<String> = losses.iter().map(|loss| format!("{loss:.4}")).collect();
        text +=
            &format!("| {name} | {} | {mean:.4} | {:.4} |\n", each.join(", "), (high - low) / 2.0);
        means.push(mean);
    }
    say(&text);
    if let Some(file) = &args.results {
        let old = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
        write_atomic(file, replaced(&old, "winograd", &text)?.as_bytes())?;
    }
    if args.smoke {
        make_folder(&args.out)?;
        smoke::write(&args.out, [("winograd", json!(means[0])), ("direct", json!(means[1]))])?;
    }
    Ok(())
}

/// Mean loss of the last steps of a run. Weights and pictures depend on the seed only.
fn train(seed: u64, steps: u32) -> Result<f64> {
    let store = ParameterStore::new(seed, DType::F32, &Device::Cpu);
    let config = UNetConfig { widths: vec![16, 32, 64], convolutions: 2, ..UNetConfig::default() };
    let net = UNet::new(&config, store.var_builder())?;
    let mut optimizer = Optimizer::new(store.trainable(), &AdamWConfig::default())?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let classes = CrossEntropyConfig::uniform(2);
    let last = (steps / 10).clamp(1, 100);
    let mut total = 0.0;
    for step in 0..steps {
        let (pixels, labels) = shapes::discs(BATCH, SIDE, &mut rng);
        let pictures = Tensor::from_vec(pixels, (BATCH, 3, SIDE, SIDE), &Device::Cpu)?;
        let loss = cross_entropy(&net.forward(&pictures, true)?, &labels, &classes)?;
        if step + last >= steps {
            total += f64::from(loss.to_scalar::<f32>()?);
        }
        optimizer.step(&loss.backward()?)?;
    }
    Ok(total / f64::from(last))
}
