//! Finds hatching and other bundles of parallel lines in a picture.

use std::f64::consts::PI;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use geo_types::Geometry;
use mapvec_data::{
    Feature, GeoJsonConfig, ImageLimits, encode_png, read_image, to_geojson_with, write_all_atomic,
};
use mapvec_examples::georeference::{GeoreferenceArgs, Placement};
use mapvec_examples::hatched_plan::{Hatching, hatched_plan};
use mapvec_examples::output::{crop, parse_window};
use mapvec_examples::progress::say;
use mapvec_examples::{make_folder, pattern_overlay, run, smoke};
use mapvec_fourier::{LinePattern, PatternConfig, find_patterns};
use mapvec_geometry::{Window, point_polygon_distance, polygon_area};
use ndarray::{Array2, Array3, Axis};
use serde_json::{Map, Value, json};

/// Writes patterns.geojson, the patterns' areas and lines, and patterns.png, both drawn over the
/// picture with the numbers of the patterns.
///
/// Coordinates are pixels of the whole picture, y pointing down; with --georeference they are
/// longitude and latitude. A GIS takes the pixels for degrees: tell it that the layer has no
/// system of coordinates (QGIS: Layer, Set CRS, No CRS); it shows them upside down.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
struct Args {
    /// A PNG, JPEG or TIFF picture; without one a plan with hatched shapes is drawn.
    image: Option<PathBuf>,
    /// A part of the picture: X,Y,WIDTH,HEIGHT in pixels; coordinates stay those of the whole.
    #[arg(long, value_parser = parse_window)]
    window: Option<Window>,
    /// Least and largest distance between lines, px, from 2 to half of --side.
    #[arg(
        long, num_args = 2, default_values_t = [2.5, 10.0], value_names = ["MIN", "MAX"],
        value_parser = |text: &str| number(text, 2.0, 256.0), allow_negative_numbers = true
    )]
    spacing: Vec<f64>,
    /// Side of the windows that are looked at, px, 8 to 512: about six distances.
    #[arg(
        long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(8..=512),
        allow_negative_numbers = true
    )]
    side: u16,
    /// Share of what varies in a window that one wave must explain, 0 to 1.
    #[arg(
        long, default_value_t = PatternConfig::default().min_share,
        value_parser = |text: &str| number(text, 0.0, 1.0), allow_negative_numbers = true
    )]
    share: f64,
    /// Share of what varies along its lines that a pattern must explain, 0 to 1.
    #[arg(
        long, default_value_t = PatternConfig::default().min_confidence,
        value_parser = |text: &str| number(text, 0.0, 1.0), allow_negative_numbers = true
    )]
    confidence: f64,
    /// Settings for hachures, strokes that break and bend and have words on them: windows of 20 px,
    /// --share 0.2 --confidence 0.3, and at least three lines side by side everywhere.
    #[arg(long, conflicts_with_all = ["side", "share", "confidence"])]
    hachures: bool,
    /// Lines are lighter than what is between them.
    #[arg(long)]
    light: bool,
    #[command(flatten)]
    georeference: GeoreferenceArgs,
    /// Noise of the drawn plan, grey levels, 0 to 255.
    #[arg(
        long, default_value_t = 12.0, value_parser = |text: &str| number(text, 0.0, 255.0),
        allow_negative_numbers = true, conflicts_with = "image"
    )]
    noise: f64,
    /// Seed of the drawn plan.
    #[arg(long, default_value_t = 1, conflicts_with = "image")]
    seed: u64,
    /// Folder for the results.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// Write what was found in the drawn plan as numbers, for checks.
    #[arg(long, conflicts_with_all = ["image", "window"])]
    smoke: bool,
}

/// Patterns that are told one by one.
const TOLD: usize = 12;

fn main() -> ExitCode {
    run(|args: Args| find(&args))
}

/// A number of the command line within two others.
fn number(text: &str, low: f64, high: f64) -> Result<f64, String> {
    let value = text.parse::<f64>().ok().filter(|value| (low..=high).contains(value));
    value.ok_or_else(|| format!("it must be a number from {low} to {high}"))
}

/// What counts as a pattern.
fn settings(args: &Args) -> Result<PatternConfig> {
    let (min_spacing, max_spacing) = (args.spacing[0], args.spacing[1]);
    ensure!(
        min_spacing <= max_spacing,
        "--spacing is {min_spacing} {max_spacing}; the smaller distance comes first"
    );
    let side = usize::from(args.side);
    let config = if args.hachures {
        PatternConfig::hachures()
    } else {
        PatternConfig {
            window: side,
            stride: side / 4,
            min_share: args.share,
            min_confidence: args.confidence,
            ..PatternConfig::default()
        }
    };
    ensure!(
        2.0 * max_spacing <= config.window as f64,
        "--spacing reaches to {max_spacing} px, but at most to half of the windows' side, which \
         is {}; give --side {} or more, without --hachures",
        config.window,
        (2.0 * max_spacing).ceil()
    );
    Ok(PatternConfig { min_spacing, max_spacing, ..config })
}

fn find(args: &Args) -> Result<()> {
    let config = settings(args)?;
    let placement = args.georeference.placement(args.image.as_deref(), args.window)?;
    make_folder(&args.out)?;
    let (whole, truth) = match &args.image {
        Some(path) => (read_image(path, &ImageLimits::default())?, Vec::new()),
        None => hatched_plan(768, args.noise, args.seed)?,
    };
    let (rows, columns, _) = whole.dim();
    let picture = crop(whole, args.window)?;
    let ink = ink(&picture, args.light)?;
    let start = std::time::Instant::now();
    let mut patterns = find_patterns(ink.view(), &config)?;
    let seconds = start.elapsed().as_secs_f64();
    // The numbers of the patterns, in the list, the picture and the file.
    patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.lines.len()));
    let (height, width) = ink.dim();
    let lines: usize = patterns.iter().map(|pattern| pattern.lines.len()).sum();
    say(&format!(
        "{} patterns with {lines} lines in {width} x {height} pixels, {seconds:.1} s",
        patterns.len()
    ));
    tell(&patterns, (height, width), config.window, args);
    placement.remarks(columns, rows).iter().for_each(|line| say(line));
    let features = features(&patterns, &placement)?;
    let decimals = placement.decimals();
    let members = placement.members(columns, rows);
    let geojson = to_geojson_with(&features, &members, &GeoJsonConfig { decimals })?;
    let overlay = pattern_overlay::draw(&picture, &patterns)?;
    write_all_atomic(&[
        (&args.out.join("patterns.geojson"), geojson.as_bytes()),
        (&args.out.join("patterns.png"), &encode_png(overlay.view())?),
    ])?;
    say(&format!("written to {}: patterns.geojson patterns.png", args.out.display()));
    if truth.is_empty() || args.window.is_some() {
        return Ok(());
    }
    let known = compare(&patterns, &truth);
    say(&format!(
        "{} of {} hatchings found, {} patterns elsewhere; largest errors {:.2} degrees, {:.3} px",
        known.found,
        truth.len(),
        known.elsewhere,
        known.angle.to_degrees(),
        known.spacing
    ));
    if args.smoke {
        smoke::write(
            &args.out,
            [
                ("patterns", json!(patterns.len())),
                ("lines", json!(lines)),
                ("hatchings", json!(truth.len())),
                ("found", json!(known.found)),
                ("elsewhere", json!(known.elsewhere)),
                ("angles_within_three_degrees", json!(known.angle.to_degrees() < 3.0)),
                ("distances_within_a_tenth", json!(known.spacing < 0.1)),
            ],
        )?;
    }
    Ok(())
}

/// Lists the largest patterns, or says what to try where there are none.
fn tell(patterns: &[LinePattern], (height, width): (usize, usize), side: usize, args: &Args) {
    for (pattern, number) in patterns.iter().zip(1..).take(TOLD) {
        say(&format!(
            "{number:>3}: {:>5} lines at {:5.1} degrees, {:5.2} px apart, bend {:4.1}, confidence \
             {:.2}",
            pattern.lines.len(),
            pattern.angle.to_degrees(),
            pattern.spacing,
            pattern.bend.to_degrees(),
            pattern.confidence
        ));
    }
    if patterns.len() > TOLD {
        say(&format!("and {} smaller ones, in patterns.geojson", patterns.len() - TOLD));
    }
    let without = if args.hachures { ", without --hachures" } else { "" };
    if height.min(width) < side {
        say(&format!(
            "the picture is smaller than the windows; give a --side below {side}{without}"
        ));
    } else if patterns.is_empty() {
        let other = if args.light { "leave out --light for dark" } else { "add --light for light" };
        say(&format!(
            "to find more: --spacing MIN MAX around the distance of the lines and --side about six \
             times it (half as much for narrow areas); lower --share and --confidence for faint, \
             uneven or crossed lines{without}; {other} lines"
        ));
    }
}

/// Darkness from 0 to 1, or lightness.
fn ink(picture: &Array3<u8>, light: bool) -> Result<Array2<f64>> {
    let grey = picture.mapv(f64::from).mean_axis(Axis(2)).context("a picture without colours")?;
    Ok(grey.mapv(|tone| if light { tone / 255.0 } else { 1.0 - tone / 255.0 }))
}

/// Areas and lines in coordinates of the whole picture, or in degrees.
fn features(patterns: &[LinePattern], placement: &Placement) -> Result<Vec<Feature>> {
    let mut features = Vec::new();
    for (pattern, number) in patterns.iter().zip(1..) {
        let mut add = |kind: &str, geometry: Geometry<f64>, confidence: f64| -> Result<()> {
            let properties = [
                ("class", json!(kind)),
                ("pattern", json!(number)),
                ("angle_degrees", json!(pattern.angle.to_degrees())),
                ("spacing", json!(pattern.spacing)),
                ("bend_degrees", json!(pattern.bend.to_degrees())),
                ("confidence", json!(confidence)),
            ];
            let properties: Map<String, Value> =
                properties.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            features.push(Feature { geometry: placement.place(&geometry)?, properties });
            Ok(())
        };
        add("pattern", pattern.extent.clone().into(), pattern.confidence)?;
        for line in &pattern.lines {
            add("line", line.line.clone().into(), line.confidence)?;
        }
    }
    Ok(features)
}

/// How patterns fit known hatchings.
struct Comparison {
    /// Hatchings with a pattern on at least half of their area.
    found: usize,
    /// Patterns that belong to no hatching.
    elsewhere: usize,
    /// Largest error of a direction, radians.
    angle: f64,
    /// Largest error of a distance, px.
    spacing: f64,
}

fn compare(patterns: &[LinePattern], truth: &[Hatching]) -> Comparison {
    let mut result = Comparison { found: 0, elsewhere: 0, angle: 0.0, spacing: 0.0 };
    let mut covered = vec![0.0; truth.len()];
    for pattern in patterns {
        // The hatching that has most of its lines' vertices.
        let inside = |hatching: &Hatching| {
            let points = pattern.lines.iter().flat_map(|line| &line.line.0);
            points
                .filter(|at| {
                    point_polygon_distance(**at, &hatching.polygon).is_ok_and(|away| away <= 2.0)
                })
                .count()
        };
        let all: usize = pattern.lines.iter().map(|line| line.line.0.len()).sum();
        let counts: Vec<usize> = truth.iter().map(inside).collect();
        let best = (0..truth.len()).max_by_key(|&index| counts[index]).unwrap_or(0);
        if 2 * counts[best] < all {
            result.elsewhere += 1;
            continue;
        }
        covered[best] += pattern.extent.0.iter().map(polygon_area).sum::<f64>();
        let wave = &truth[best].wave;
        let turn = (pattern.angle - wave.angle()).rem_euclid(PI);
        result.angle = result.angle.max(turn.min(PI - turn));
        result.spacing = result.spacing.max((pattern.spacing - wave.spacing()).abs());
    }
    result.found = covered
        .iter()
        .zip(truth)
        .filter(|(covered, hatching)| **covered >= 0.5 * polygon_area(&hatching.polygon))
        .count();
    result
}
