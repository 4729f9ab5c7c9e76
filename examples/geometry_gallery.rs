//! A picture of each family of plane algorithms, drawn by the crate itself.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use mapvec_examples::progress::say;
use mapvec_examples::{gallery, make_folder, run, smoke};
use serde_json::json;

/// Writes NAME.png and NAME.svg for each family of algorithms.
#[derive(Debug, Parser)]
struct Args {
    /// Folder for the pictures.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// Also write what was drawn to smoke.json, for checks.
    #[arg(long)]
    smoke: bool,
}

fn main() -> ExitCode {
    run(|args: Args| draw(&args))
}

fn draw(args: &Args) -> Result<()> {
    make_folder(&args.out)?;
    let mut shapes = Vec::new();
    for (name, picture) in gallery::PICTURES {
        let canvas = picture()?;
        canvas.write(&args.out, name)?;
        shapes.push((name, json!(canvas.len())));
    }
    say(&format!("{} pictures in {}", shapes.len(), args.out.display()));
    if args.smoke {
        smoke::write(&args.out, shapes)?;
    }
    Ok(())
}
