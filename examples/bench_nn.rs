//! Times the layers of `mapvec-nn` and U-Nets made of them, for `cargo xtask bench nn`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use mapvec_examples::bench_layers::{convolutions, others};
use mapvec_examples::bench_models::{inference, training};
use mapvec_examples::progress::say;
use mapvec_examples::{make_folder, run, smoke};
use mapvec_models::UNetConfig;
use serde_json::{Value, json};

/// Training steps and inference of U-Nets, convolutions, pooling, norms.
#[derive(Debug, Parser)]
struct Args {
    /// Run on small pictures once, for checks.
    #[arg(long)]
    smoke: bool,
    /// Run only the cases whose names contain this.
    #[arg(long, default_value = "")]
    only: String,
    /// Folder of smoke.json.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

fn main() -> ExitCode {
    run(|args: Args| bench(&args))
}

fn bench(args: &Args) -> Result<()> {
    let wide = UNetConfig { widths: vec![64, 128, 256], ..UNetConfig::default() };
    let small = UNetConfig { widths: vec![4, 8], ..UNetConfig::default() };
    let unet = if args.smoke { small.clone() } else { UNetConfig::default() };
    let features = if args.smoke { small } else { wide };
    let size = |batch, side| if args.smoke { (2, 8) } else { (batch, side) };
    let (mut count, mut checks) = (0, 0_u64);
    let mut report = |line: Value| {
        count += 1;
        checks += line["check"].as_u64().unwrap_or(0);
        say(&line.to_string());
    };
    let wanted = |name: &str| name.contains(&args.only);
    if wanted("unet-train") {
        report(training("unet-train", &unet, size(4, 128), args.smoke)?);
    }
    if wanted("unet-infer") {
        report(inference("unet-infer", &unet, size(4, 128), args.smoke)?);
    }
    if wanted("unet-512-train") {
        report(training("unet-512-train", &unet, size(1, 512), args.smoke)?);
    }
    if wanted("features-train") {
        report(training("features-train", &features, size(32, 32), args.smoke)?);
    }
    convolutions(args.smoke, wanted, &mut report)?;
    others(args.smoke, wanted, &mut report)?;
    if args.smoke {
        make_folder(&args.out)?;
        smoke::write(&args.out, [("cases", json!(count)), ("checks", json!(checks))])?;
    }
    Ok(())
}
