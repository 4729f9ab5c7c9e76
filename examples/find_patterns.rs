//! Finds hatching and other bundles of parallel lines in a picture.

use std::f64::consts::PI;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use geo_types::Geometry;
use mapvec_data::{Feature, ImageLimits, encode_png, read_image, to_geojson, write_all_atomic};
use mapvec_examples::hatched_plan::{Hatching, hatched_plan};
use mapvec_examples::output::{crop, members, parse_window};
use mapvec_examples::progress::say;
use mapvec_examples::{make_folder, pattern_overlay, run, smoke};
use mapvec_fourier::{LinePattern, PatternConfig, find_patterns};
use mapvec_geometry::{Window, point_polygon_distance, polygon_area};
use ndarray::{Array2, Array3, Axis};
use serde_json::{Map, Value, json};

/// Writes patterns.geojson, the patterns' areas and lines in px, and patterns.png, both drawn
/// over the picture.
#[derive(Debug, Parser)]
struct Args {
    /// A PNG, JPEG or TIFF picture; without one a plan with hatched shapes is drawn.
    image: Option<PathBuf>,
    /// A part of the picture: X,Y,WIDTH,HEIGHT; coordinates then count from its corner.
    #[arg(long, value_parser = parse_window)]
    window: Option<Window>,
    /// Least and largest distance between lines, px.
    #[arg(long, num_args = 2, default_values_t = [2.5, 10.0], value_names = ["MIN", "MAX"])]
    spacing: Vec<f64>,
    /// Side of the windows that are looked at, px: about six distances.
    #[arg(long, default_value_t = 32)]
    side: usize,
    /// Share of what varies in a window that one wave must explain.
    #[arg(long, default_value_t = PatternConfig::default().min_share)]
    share: f64,
    /// Share of what varies along its lines that a pattern must explain.
    #[arg(long, default_value_t = PatternConfig::default().min_confidence)]
    confidence: f64,
    /// Lines are lighter than what is between them.
    #[arg(long)]
    light: bool,
    /// Noise of the drawn plan, grey levels.
    #[arg(long, default_value_t = 12.0)]
    noise: f64,
    /// Seed of the drawn plan.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the results.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// Write what was found as numbers, for checks.
    #[arg(long)]
    smoke: bool,
}

fn main() -> ExitCode {
    run(|args: Args| find(&args))
}

fn find(args: &Args) -> Result<()> {
    let (picture, truth) = match &args.image {
        Some(path) => (read_image(path, &ImageLimits::default())?, Vec::new()),
        None => hatched_plan(768, args.noise, args.seed)?,
    };
    let picture = crop(picture, args.window)?;
    let ink = ink(&picture, args.light)?;
    let config = PatternConfig {
        window: args.side,
        stride: (args.side / 4).max(1),
        min_spacing: args.spacing[0],
        max_spacing: args.spacing[1],
        min_share: args.share,
        min_confidence: args.confidence,
        ..PatternConfig::default()
    };
    let start = std::time::Instant::now();
    let patterns = find_patterns(ink.view(), &config)?;
    let seconds = start.elapsed().as_secs_f64();
    let (height, width) = ink.dim();
    let lines: usize = patterns.iter().map(|pattern| pattern.lines.len()).sum();
    say(&format!(
        "{} patterns with {lines} lines in {width} x {height} pixels, {seconds:.1} s",
        patterns.len()
    ));
    let mut largest: Vec<&LinePattern> = patterns.iter().collect();
    largest.sort_by_key(|pattern| std::cmp::Reverse(pattern.lines.len()));
    for pattern in largest.iter().take(12) {
        say(&format!(
            "{:>5} lines at {:5.1} degrees, {:5.2} px apart, bend {:4.1}, confidence {:.2}",
            pattern.lines.len(),
            pattern.angle.to_degrees(),
            pattern.spacing,
            pattern.bend.to_degrees(),
            pattern.confidence
        ));
    }
    make_folder(&args.out)?;
    let geojson = to_geojson(&features(&patterns), &members(width, height))?;
    let overlay = pattern_overlay::draw(&picture, &patterns)?;
    write_all_atomic(&[
        (&args.out.join("patterns.geojson"), geojson.as_bytes()),
        (&args.out.join("patterns.png"), &encode_png(overlay.view())?),
    ])?;
    let known = (!truth.is_empty() && args.window.is_none()).then(|| compare(&patterns, &truth));
    if let Some(known) = &known {
        say(&format!(
            "{} of {} hatchings found, {} patterns elsewhere; largest errors {:.2} degrees, {:.3} px",
            known.found,
            truth.len(),
            known.elsewhere,
            known.angle.to_degrees(),
            known.spacing
        ));
    }
    if args.smoke {
        let known = known.context("the smoke run draws its own plan")?;
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

/// Darkness from 0 to 1, or lightness.
fn ink(picture: &Array3<u8>, light: bool) -> Result<Array2<f64>> {
    let grey = picture.mapv(f64::from).mean_axis(Axis(2)).context("a picture without colours")?;
    Ok(grey.mapv(|tone| if light { tone / 255.0 } else { 1.0 - tone / 255.0 }))
}

fn features(patterns: &[LinePattern]) -> Vec<Feature> {
    let mut features = Vec::new();
    for (index, pattern) in patterns.iter().enumerate() {
        let mut add = |kind: &str, geometry: Geometry<f64>, confidence: f64| {
            let properties = [
                ("class", json!(kind)),
                ("pattern", json!(index)),
                ("angle_degrees", json!(pattern.angle.to_degrees())),
                ("spacing", json!(pattern.spacing)),
                ("bend_degrees", json!(pattern.bend.to_degrees())),
                ("confidence", json!(confidence)),
            ];
            let properties: Map<String, Value> =
                properties.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            features.push(Feature { geometry, properties });
        };
        add("pattern", pattern.extent.clone().into(), pattern.confidence);
        for line in &pattern.lines {
            add("line", line.line.clone().into(), line.confidence);
        }
    }
    features
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
