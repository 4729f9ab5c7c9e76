//! Scores of the pipeline against truth: on the sample sheet, on a scanned city sheet,
//! on patches of a topographic map.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use mapvec_examples::device::DeviceName;
use mapvec_examples::evaluation::{
    city_shapes, on_city_sheet, on_road_patches, on_sample, patch_lines,
};
use mapvec_examples::hachured_roads::{hachures_table, on_hachures};
use mapvec_examples::progress::{Bar, say};
use mapvec_examples::{make_folder, output, run, smoke, table};
use mapvec_models::MapUNetConfig;
use mapvec_vectorize::{VectorizeConfig, Vectorizer};
use serde_json::json;

/// Scores closed shapes (PQ) and lines (F1 within 3 px) against truth.
#[derive(Debug, Parser)]
struct Args {
    /// What to score; the sample sheet if left out.
    #[command(subcommand)]
    sheet: Option<Sheet>,
    /// Also write the named scores as one JSON object.
    #[arg(long, global = true)]
    json: Option<PathBuf>,
    /// Weights (safetensors) of one network for shapes and lines, instead of the embedded two.
    #[arg(long, global = true)]
    weights: Option<PathBuf>,
    /// Settings of the pipeline as a JSON file.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// Average four quarter turns.
    #[arg(long, global = true)]
    rotations: bool,
    /// Re-estimate batch-norm statistics on this many tiles.
    #[arg(long, global = true, default_value_t = 0)]
    adapt: u32,
    /// Where the network runs.
    #[arg(long, global = true, value_enum, default_value = "cpu")]
    device: DeviceName,
    /// Score the sample sheet, for checks.
    #[arg(long, global = true)]
    smoke: bool,
    /// Folder of smoke.json.
    #[arg(long, global = true, default_value = "out")]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Sheet {
    /// The embedded sample sheet.
    Sample,
    /// The folder of the Paris atlas sheet: scan, edge target, content mask.
    Paris { folder: PathBuf },
    /// A folder of patches: image/*.tif and truth/*.tif.
    Roads { folder: PathBuf },
    /// What `vectorize --hachures` leaves out: a folder of patches of a map with hachures,
    /// image/*.jpeg and truth/*.png, masks of main roads.
    Hachures { folder: PathBuf },
    /// The sample sheet, the Paris sheet and the roads in every mode, as the tables of a
    /// Markdown file (docs/results.md).
    Table { paris: PathBuf, roads: PathBuf, file: PathBuf },
}

fn main() -> ExitCode {
    run(|args: Args| evaluate(&args))
}

fn evaluate(args: &Args) -> Result<()> {
    let device = args.device.open()?;
    let read = |path: &PathBuf| {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let vectorizer = match &args.weights {
        Some(path) => Vectorizer::new(&read(path)?, &MapUNetConfig::default(), &device)?,
        None => Vectorizer::embedded(&device)?,
    };
    let mut config: VectorizeConfig = match &args.config {
        Some(path) => {
            serde_json::from_slice(&read(path)?).with_context(|| path.display().to_string())?
        }
        None => VectorizeConfig::default(),
    };
    config.predict.rotations |= args.rotations;
    config.predict.adapt_tiles = config.predict.adapt_tiles.max(args.adapt);
    let bar = Bar::default();
    if let Some(Sheet::Table { paris, roads, file }) = &args.sheet {
        return table::write(file, (paris, roads), &vectorizer, &bar);
    }
    if let Some(Sheet::Hachures { folder }) = &args.sheet {
        let counts = on_hachures(folder, &vectorizer, &config, &bar)?;
        say(&hachures_table(&counts));
        return Ok(());
    }
    let scores = match &args.sheet {
        None | Some(Sheet::Sample | Sheet::Table { .. } | Sheet::Hachures { .. }) => {
            on_sample(&vectorizer, &config, &bar)?
        }
        Some(Sheet::Paris { folder }) => {
            on_city_sheet(folder, |i| city_shapes(i, &vectorizer, &config, &bar))?
        }
        Some(Sheet::Roads { folder }) => {
            on_road_patches(folder, |i| patch_lines(i, &vectorizer, &config, &bar))?
        }
    };
    for (name, value) in &scores {
        say(&format!("{name:<24} {value:>10.4}"));
    }
    if let Some(path) = &args.json {
        output::write_json(path, &json!(scores))?;
    }
    if args.smoke {
        make_folder(&args.out)?;
        let score = |name: &str| json!(scores.get(name));
        smoke::write(
            &args.out,
            [("shapes_pq", score("shapes_pq")), ("lines_f1", score("lines_f1"))],
        )?;
    }
    Ok(())
}
