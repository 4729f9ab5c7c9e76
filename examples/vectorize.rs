//! A picture of a map in, GeoJSON, SVG, an overlay picture and a report out.
//!
//! Without a picture it takes the sample sheet it carries with it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use mapvec_data::{
    Feature, GeoJsonConfig, ImageLimits, encode_png, read_image, to_geojson_with, to_svg,
    write_all_atomic,
};
use mapvec_examples::device::DeviceName;
use mapvec_examples::georeference::GeoreferenceArgs;
use mapvec_examples::progress::{Bar, say};
use mapvec_examples::{make_folder, output, run, sample, smoke};
use mapvec_models::MapUNetConfig;
use mapvec_vectorize::{
    Find, HatchingConfig, OverlayStyle, Report, VectorizeConfig, Vectorizer, draw_overlay,
};
use serde_json::json;

/// Turns a raster map into closed shapes and lines.
///
/// Coordinates in map.geojson are pixels of the whole picture, y pointing down; with
/// --georeference they are longitude and latitude. Lengths, widths and areas are pixels in either
/// case. map.svg and overlay.png show the part that --window names.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
struct Args {
    /// PNG, JPEG or TIFF picture; the embedded sample sheet if left out.
    input: Option<PathBuf>,
    /// Part of the picture: X,Y,WIDTH,HEIGHT in pixels; coordinates stay those of the whole.
    #[arg(long, value_parser = output::parse_window)]
    window: Option<mapvec_geometry::Window>,
    #[command(flatten)]
    georeference: GeoreferenceArgs,
    /// Folder for the results.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// Weights (safetensors) of one network for shapes and lines, instead of the embedded two.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Look for shapes only or lines only: half the time, and no lines on outlines where a
    /// map has no roads drawn as lines.
    #[arg(long, value_enum, default_value = "all")]
    find: What,
    /// Look for hatching: hatched shapes say so, and its strokes are no lines. Strokes that bend,
    /// as contour lines do, stay.
    #[arg(long)]
    hatching: bool,
    /// Look for hatching on a map with hachures: what runs in them is no line, whichever way.
    /// Contour lines as close as strokes go, too.
    #[arg(long, conflicts_with = "hatching")]
    hachures: bool,
    /// Where the network runs.
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceName,
    /// Average four quarter turns: better, four times the time.
    #[arg(long)]
    rotations: bool,
    /// Re-estimate batch-norm statistics on this many tiles of the picture.
    #[arg(long, default_value_t = 0)]
    adapt: u32,
    /// Seed of the choice of those tiles.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Largest picture that is opened, in pixels; about 30 bytes of memory each.
    #[arg(long, default_value_t = 200_000_000)]
    max_pixels: u64,
    /// Run on a corner of the sample sheet only, for checks.
    #[arg(long)]
    smoke: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    All,
    Shapes,
    Lines,
}

fn main() -> ExitCode {
    run(|args: Args| vectorize(&args))
}

fn vectorize(args: &Args) -> Result<()> {
    let limits =
        ImageLimits { max_width: u32::MAX, max_height: u32::MAX, max_pixels: args.max_pixels };
    let corner = mapvec_geometry::Window { x: 256, y: 256, width: 320, height: 256 };
    let window = if args.smoke { Some(corner) } else { args.window };
    let placement = args.georeference.placement(args.input.as_deref(), window)?;
    let whole = match &args.input {
        Some(path) => read_image(path, &limits).map_err(output::name_flag)?,
        None => sample::picture()?,
    };
    let (rows, columns, _) = whole.dim();
    let image = output::crop(whole, window)?;
    let device = args.device.open()?;
    let vectorizer = match &args.weights {
        Some(path) => {
            let bytes =
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            Vectorizer::new(&bytes, &MapUNetConfig::default(), &device)?
        }
        None => Vectorizer::embedded(&device)?,
    };
    let find = match args.find {
        What::All => Find::All,
        What::Shapes => Find::Shapes,
        What::Lines => Find::Lines,
    };
    let mut config = VectorizeConfig { find, ..VectorizeConfig::default() };
    let hatching = args.hatching.then(HatchingConfig::default);
    config.hatching = if args.hachures { Some(HatchingConfig::hachures()) } else { hatching };
    config.predict.rotations = args.rotations;
    config.predict.adapt_tiles = args.adapt;
    config.predict.seed = args.seed;
    make_folder(&args.out)?;

    let found = vectorizer.run(image.view(), &config, &Bar::default())?;

    let name = args.input.as_ref().map_or("sample sheet".into(), |p| p.display().to_string());
    let report = Report::new(&name, &found, &config, vectorizer.weights());
    let features = found.features();
    let (height, width, _) = image.dim();
    let overlay = draw_overlay(image.view(), &found, &OverlayStyle::default())?;
    let place = |feature: &Feature| -> Result<Feature> {
        let geometry = placement.place(&feature.geometry)?;
        Ok(Feature { geometry, properties: feature.properties.clone() })
    };
    let placed: Vec<Feature> = features.iter().map(place).collect::<Result<_>>()?;
    let (members, decimals) = (placement.members(columns, rows), placement.decimals());
    let geojson = to_geojson_with(&placed, &members, &GeoJsonConfig { decimals })?;
    let file = |name: &str| args.out.join(name);
    write_all_atomic(&[
        (&file("map.geojson"), geojson.as_bytes()),
        (&file("map.svg"), to_svg(&features, width as u32, height as u32)?.as_bytes()),
        (&file("overlay.png"), &encode_png(overlay.view())?),
        (&file("report.json"), serde_json::to_string_pretty(&report)?.as_bytes()),
    ])?;
    placement.remarks(columns, rows).iter().for_each(|line| say(line));
    output::summary(&report).iter().for_each(|line| say(line));
    if config.hatching.is_some() && !found.shapes.shapes.is_empty() {
        let hatched = found.shapes.shapes.iter().filter(|shape| shape.hatching.is_some()).count();
        say(&format!("{hatched} shapes are hatched"));
    }
    say(&format!("written to {}: map.geojson map.svg overlay.png report.json", args.out.display()));
    if args.smoke {
        let count = |class: &str| json!(report.features.get(class).copied().unwrap_or(0));
        smoke::write(&args.out, [("shapes", count("shape")), ("lines", count("line"))])?;
    }
    Ok(())
}
