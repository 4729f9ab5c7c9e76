//! Draws a generated sheet with everything that is known about it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use geo_types::Geometry;
use mapvec_data::{Feature, encode_png, sample_rng, to_geojson, to_svg, write_all_atomic};
use mapvec_examples::progress::say;
use mapvec_examples::{labels, make_folder, output, run, smoke};
use mapvec_synth::{Sheet, SheetConfig, SheetStyle, generate_sheet};
use serde_json::{Map, json};

/// Writes sheet.png, sheet.jpg, labels.png, truth.geojson and truth.svg.
#[derive(Debug, Parser)]
struct Args {
    /// Family of maps.
    #[arg(long, value_enum, default_value = "rural")]
    style: Style,
    /// Seed of the sheet.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Side in pixels.
    #[arg(long, default_value_t = 1024)]
    size: u32,
    /// Folder for the results.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// A small sheet, for checks.
    #[arg(long)]
    smoke: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Style {
    Town,
    Topographic,
    Rural,
}

fn main() -> ExitCode {
    run(|args: Args| draw(&args))
}

fn draw(args: &Args) -> Result<()> {
    let style = match args.style {
        Style::Town => SheetStyle::Town,
        Style::Topographic => SheetStyle::Topographic,
        Style::Rural => SheetStyle::Rural,
    };
    let size = if args.smoke { 192 } else { args.size };
    let config = SheetConfig { size, style, ..SheetConfig::default() };
    let sheet = generate_sheet(&config, &mut sample_rng(args.seed, 0))?;
    let features = features(&sheet);
    make_folder(&args.out)?;
    let file = |name: &str| args.out.join(name);
    let side = size as usize;
    write_all_atomic(&[
        (&file("sheet.png"), &encode_png(sheet.sample.image.view())?),
        (&file("sheet.jpg"), &output::encode_jpeg(&sheet.sample.image, 90)?),
        (&file("labels.png"), &encode_png(labels::picture(&sheet.sample).view())?),
        (&file("truth.geojson"), to_geojson(&features, &output::members(side, side))?.as_bytes()),
        (&file("truth.svg"), to_svg(&features, size, size)?.as_bytes()),
    ])?;
    say(&format!(
        "{} shapes and {} lines in {}",
        sheet.shapes.len(),
        sheet.lines.len(),
        args.out.display()
    ));
    if args.smoke {
        let counts = [("shapes", json!(sheet.shapes.len())), ("lines", json!(sheet.lines.len()))];
        smoke::write(&args.out, counts)?;
    }
    Ok(())
}

fn features(sheet: &Sheet) -> Vec<Feature> {
    let feature = |geometry: Geometry<f64>, class: &str, kind: String| {
        let properties = [("class".to_owned(), json!(class)), ("kind".to_owned(), json!(kind))];
        Feature { geometry, properties: Map::from_iter(properties) }
    };
    let shapes = sheet.shapes.iter().map(|shape| {
        let class = if shape.kind.is_shape() { "shape" } else { "background" };
        feature(shape.polygon.clone().into(), class, format!("{:?}", shape.kind).to_lowercase())
    });
    let lines = sheet.lines.iter().map(|line| {
        let mut feature =
            feature(line.line.clone().into(), "line", format!("{:?}", line.class).to_lowercase());
        feature.properties.insert("width".to_owned(), json!((line.width * 100.0).round() / 100.0));
        feature
    });
    shapes.chain(lines).collect()
}
