//! A contact sheet of scenes of patterns with every label drawn.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use mapvec_data::write_png;
use mapvec_examples::pattern_panels::{COLUMNS, panels};
use mapvec_examples::progress::say;
use mapvec_examples::{make_folder, run, smoke};
use mapvec_synth::{PatternConfig, PatternGenerator};
use ndarray::{Array3, s};
use serde_json::json;

/// Draws scenes of patterns, a row each: the picture, and its labels beside it. Writes
/// patterns.png.
#[derive(Debug, Parser)]
struct Args {
    /// Settings of the scenes, JSON; those that are left out have their defaults.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Number of scenes.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=100))]
    scenes: u64,
    /// Seed of the scenes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the picture.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// Few scenes, for checks.
    #[arg(long)]
    smoke: bool,
}

/// Pixels of the gap between panels.
const GAP: usize = 8;
/// Side of a panel that is aimed at, px.
const PANEL: usize = 192;

fn main() -> ExitCode {
    run(|args: Args| draw(&args))
}

fn draw(args: &Args) -> Result<()> {
    let config = match &args.config {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            PatternConfig::from_json(&text).with_context(|| file.display().to_string())?
        }
        None => PatternConfig::default(),
    };
    let scenes = if args.smoke { 3 } else { args.scenes };
    let generator = PatternGenerator::new(&config, args.seed, 0)?;
    make_folder(&args.out)?;
    let scale = (PANEL / config.size).max(1);
    let side = scale * config.size;
    let rows = usize::try_from(scenes)?;
    let size = |count: usize| count * (side + GAP) + GAP;
    let mut sheet = Array3::from_elem((size(rows), size(COLUMNS), 3), 255_u8);
    let mut components = 0;
    for row in 0..rows {
        let scene = generator.scene(row as u64);
        components += scene.components.len();
        for (column, panel) in panels(&scene, scale)?.iter().enumerate() {
            let (y, x) = (GAP + row * (side + GAP), GAP + column * (side + GAP));
            sheet.slice_mut(s![y..y + side, x..x + side, ..]).assign(panel);
        }
    }
    let file = args.out.join("patterns.png");
    write_png(&file, sheet.view())?;
    say(&format!(
        "{scenes} scenes with {components} lines and symbols in {}: picture, classes, directions, \
         ways to the axis, thickness, patterns, components, vectors and boxes",
        file.display()
    ));
    if args.smoke {
        smoke::write(&args.out, [("components", json!(components))])?;
    }
    Ok(())
}
