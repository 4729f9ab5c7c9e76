//! Times the map U-Net, for `cargo xtask bench unet`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use clap::Parser;
use mapvec_examples::measure::measure;
use mapvec_examples::progress::say;
use mapvec_examples::{make_folder, run, smoke};
use mapvec_losses::{DenseLossConfig, Targets, dense_map_loss};
use mapvec_models::{MapUNet, MapUNetConfig};
use mapvec_nn::{AdamWConfig, Optimizer, ParameterStore};
use serde_json::json;

/// One 512 x 512 tile in eval mode, and one training step on 8 crops of 192 x 192.
#[derive(Debug, Parser)]
struct Args {
    /// Run on small pictures once, for checks.
    #[arg(long)]
    smoke: bool,
    /// Folder of smoke.json.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

fn main() -> ExitCode {
    run(|args: Args| bench(&args))
}

fn bench(args: &Args) -> Result<()> {
    let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
    let network = MapUNet::new(&MapUNetConfig::default(), store.var_builder())?;
    let check = store.parameter_count() as u64;
    let (tile, crops, side) = if args.smoke { (64, 2, 32) } else { (512, 8, 192) };
    let runs = |warm_up, runs| if args.smoke { (0, 1) } else { (warm_up, runs) };

    let picture = noise((1, 3, tile, tile))?;
    let trained = MapUNet::new(&MapUNetConfig::default(), store.frozen_var_builder())?;
    let line = measure("infer", check, runs(2, 7), || {
        trained.forward(&picture, false)?;
        Ok(())
    })?;
    say(&line.to_string());

    let pictures = noise((crops, 3, side, side))?;
    let count = crops * side * side;
    let ribbon: Vec<u8> = (0..count).map(|i| u8::from(i % 10 == 0)).collect();
    let class: Vec<u8> = (0..count).map(|i| (i % 3) as u8).collect();
    let (angle, thickness) = (vec![0.5_f32; count], vec![1.5_f32; count]);
    let targets = Targets {
        boundary: &ribbon,
        centreline: &ribbon,
        class: &class,
        angle: &angle,
        thickness: &thickness,
        distractor: &class,
    };
    let config = DenseLossConfig::default();
    let mut optimizer = Optimizer::new(store.trainable(), &AdamWConfig::default())?;
    let mut last = 0.0;
    let line = measure("train", check, runs(2, 5), || {
        let logits = network.forward(&pictures, true)?;
        let loss = dense_map_loss(&logits, &targets, &config)?.loss;
        last = loss.to_scalar::<f32>()?;
        Ok(optimizer.step(&loss.backward()?)?)
    })?;
    say(&line.to_string());
    if args.smoke {
        make_folder(&args.out)?;
        smoke::write(&args.out, [("parameters", json!(check)), ("loss", json!(last))])?;
    }
    Ok(())
}

fn noise(shape: (usize, usize, usize, usize)) -> Result<Tensor> {
    let count = shape.0 * shape.1 * shape.2 * shape.3;
    let values: Vec<f32> = (0..count).map(|i| (i * 7919 % 1009) as f32 / 1009.0 - 0.5).collect();
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}
