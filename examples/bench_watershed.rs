//! Times the watershed on a smooth random picture, for `cargo xtask bench watershed`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use mapvec_examples::measure::measure;
use mapvec_examples::progress::say;
use mapvec_examples::{make_folder, run, smoke};
use mapvec_postprocess::{Connectivity, WatershedConfig, watershed};
use ndarray::Array2;
use serde_json::json;

/// Floods a picture of 1024 x 1024 pixels from all its minima.
#[derive(Debug, Parser)]
struct Args {
    /// Flood once, for checks.
    #[arg(long)]
    smoke: bool,
    /// Folder of smoke.json.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

const SIZE: u64 = 1024;

fn main() -> ExitCode {
    run(|args: Args| bench(&args))
}

fn bench(args: &Args) -> Result<()> {
    let height = picture();
    let config = WatershedConfig { area: 1, dynamics: 1, connectivity: Connectivity::Four };
    let check = height.iter().zip(0..).map(|(v, i)| u64::from(*v) * (1 + i % 251)).sum();
    let mut regions = 0;
    let runs = if args.smoke { (0, 1) } else { (1, 3) };
    let line = measure("minima", check, runs, || {
        let labels = watershed(height.view(), &config)?;
        regions = labels.iter().copied().max().unwrap_or(0);
        Ok(())
    })?;
    say(&line.to_string());
    if args.smoke {
        make_folder(&args.out)?;
        smoke::write(&args.out, [("regions", json!(regions)), ("check", json!(check))])?;
    }
    Ok(())
}

/// Two octaves of bilinear lattice noise in whole numbers, as `xtask/peers/watershed.py` has it.
fn picture() -> Array2<u8> {
    Array2::from_shape_fn((SIZE as usize, SIZE as usize), |(y, x)| {
        let (y, x) = (y as u64, x as u64);
        ((3 * octave(0, 32, y, x) + octave(1, 8, y, x) + 2) / 4) as u8
    })
}

fn octave(number: u64, s: u64, y: u64, x: u64) -> u64 {
    let (r, v, c, u) = (y / s, y % s, x / s, x % s);
    let lattice = |row: u64, column: u64| splitmix64(number << 40 | row << 20 | column) >> 56;
    let top = (s - u) * lattice(r, c) + u * lattice(r, c + 1);
    let bottom = (s - u) * lattice(r + 1, c) + u * lattice(r + 1, c + 1);
    ((s - v) * top + v * bottom + s * s / 2) / (s * s)
}

fn splitmix64(counter: u64) -> u64 {
    let mut z = counter.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
