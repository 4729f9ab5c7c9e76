//! Times the watershed, alone and with the merging of its regions, for `cargo xtask bench
//! watershed`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use mapvec_data::{ImageLimits, read_image};
use mapvec_examples::run;
use mapvec_examples::timed_case::{self, Case, bench};
use mapvec_postprocess::{
    Connectivity, MergeConfig, WatershedConfig, edge_logit, merge_regions, watershed,
};
use mapvec_testkit::bits;
use ndarray::{Array2, s};

/// Floods a smooth random picture from all its minima (`minima`), or floods and merges the
/// edge map of a sheet (`sheet`).
#[derive(Debug, Parser)]
struct Args {
    #[command(flatten)]
    cases: timed_case::Args,
    /// Edge map of `sheet`, 8 bits, high on edges; a drawn one of 9000 x 3000 if left out.
    #[arg(long)]
    map: Option<PathBuf>,
}

fn main() -> ExitCode {
    run(|args: Args| bench(&args.cases, &["minima", "sheet"], |n, s| case(n, s, &args), None))
}

fn case(name: &str, smoke: bool, args: &Args) -> Result<Case> {
    let minima = name == "minima";
    ensure!(minima || name == "sheet", "no case `{name}`; there are minima and sheet");
    let height = match &args.map {
        Some(path) if !minima => {
            read_image(path, &ImageLimits::default())?.slice_move(s![.., .., 0])
        }
        _ => match (minima, smoke) {
            (true, _) => picture(1024, 1024),
            (_, true) => picture(400, 300),
            _ => picture(3000, 9000),
        },
    };
    let check = height.iter().zip(0..).map(|(v, i)| u64::from(*v) * (1 + i % 251)).sum();
    let work: Box<dyn FnMut() -> Result<f64>> = if minima {
        let config = WatershedConfig { area: 1, dynamics: 1, connectivity: Connectivity::Four };
        Box::new(move || Ok(count(&watershed(height.view(), &config)?)))
    } else {
        Box::new(move || {
            let basins = watershed(height.view(), &WatershedConfig::default())?;
            let strength = height.mapv(edge_logit);
            Ok(count(&merge_regions(basins.view(), strength.view(), &MergeConfig::default())?))
        })
    };
    Ok(Case { check, runs: (1, 3), work })
}

fn count(labels: &Array2<u32>) -> f64 {
    f64::from(labels.iter().copied().max().unwrap_or(0))
}
/// Two octaves of bilinear lattice noise in whole numbers, as `xtask/peers/watershed.py` has it.
fn picture(rows: usize, columns: usize) -> Array2<u8> {
    Array2::from_shape_fn((rows, columns), |(y, x)| {
        let (y, x) = (y as u64, x as u64);
        ((3 * octave(0, 32, y, x) + octave(1, 8, y, x) + 2) / 4) as u8
    })
}

fn octave(number: u64, s: u64, y: u64, x: u64) -> u64 {
    let (r, v, c, u) = (y / s, y % s, x / s, x % s);
    let lattice = |row: u64, column: u64| bits(0, number << 40 | row << 20 | column) >> 56;
    let top = (s - u) * lattice(r, c) + u * lattice(r, c + 1);
    let bottom = (s - u) * lattice(r + 1, c) + u * lattice(r + 1, c + 1);
    ((s - v) * top + v * bottom + s * s / 2) / (s * s)
}
