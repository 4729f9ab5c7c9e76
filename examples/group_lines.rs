//! Groups candidate pixels of lines to one path per line, over gaps and through crossings.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use geo_types::{Coord, LineString};
use mapvec_data::{Feature, ImageLimits, read_image, to_geojson, write_atomic};
use mapvec_examples::canvas::{COLOURS, Canvas};
use mapvec_examples::line_scenes::{LineScene, lead_clusters, line_scene};
use mapvec_examples::output::members;
use mapvec_examples::progress::say;
use mapvec_examples::{make_folder, run, smoke};
use mapvec_metrics::{ChartLineCounts, chart_lines};
use mapvec_postprocess::{LineEvidence, LineGroupConfig, LineGroups, group_lines};
use ndarray::{Array2, Array3, Axis};
use serde_json::{Value, json};

/// Groups the candidate pixels of generated lines, or of a picture, and says how well that goes
/// without and with bridged gaps and crossings. Writes lines.geojson, and a picture of the pixels
/// before and the paths after.
#[derive(Debug, Parser)]
struct Args {
    /// Generated scenes to score.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    scenes: u64,
    /// Lines of a generated scene.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=40))]
    lines: u32,
    /// Seed of the first scene.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A picture instead, with its candidates by colour.
    #[arg(long, requires = "colour", conflicts_with = "mask")]
    image: Option<PathBuf>,
    /// R,G,B of candidates; several are several groups.
    #[arg(long, value_parser = parse_colour)]
    colour: Vec<[u8; 3]>,
    /// Largest distance of a candidate from its colour.
    #[arg(long, default_value_t = 60.0)]
    tolerance: f64,
    /// A mask instead: all pixels that are not black.
    #[arg(long)]
    mask: Option<PathBuf>,
    /// Groups of the pixels, as a clustering made them: each colour is one, black is none.
    #[arg(long)]
    groups: Option<PathBuf>,
    /// X,Y,WIDTH,HEIGHT of the part of the picture or mask that counts.
    #[arg(long, value_parser = mapvec_examples::output::parse_window)]
    window: Option<mapvec_geometry::Window>,
    /// True lines, a CHART-Info file with task 6.
    #[arg(long)]
    chart: Option<PathBuf>,
    /// Settings of the grouping, JSON; those that are left out have their defaults.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Few scenes, for checks.
    #[arg(long)]
    smoke: bool,
    /// Folder for the results.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

fn parse_colour(text: &str) -> Result<[u8; 3], String> {
    let parts: Result<Vec<u8>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    match parts.as_deref() {
        Ok(&[r, g, b]) => Ok([r, g, b]),
        _ => Err("expected R,G,B as whole numbers from 0 to 255".to_owned()),
    }
}

/// Candidates, their groups and the true lines, where these are known.
struct Input {
    mask: Array2<bool>,
    groups: Option<Array2<u32>>,
    truth: Option<Vec<LineString<f64>>>,
}

/// What is switched on, and its name.
const MODES: [(&str, bool, bool); 4] = [
    ("pieces", false, false),
    ("gaps bridged", true, false),
    ("crossings passed", false, true),
    ("both", true, true),
];

fn main() -> ExitCode {
    run(|args: Args| group(&args))
}

fn group(args: &Args) -> Result<()> {
    let config = match &args.config {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            serde_json::from_str(&text).with_context(|| file.display().to_string())?
        }
        None => LineGroupConfig::default(),
    };
    config.validate()?;
    make_folder(&args.out)?;
    let inputs = inputs(args)?;
    let mut values = Vec::new();
    say(&format!("{:<34} {:>6} {:>9} {:>9} {:>9}", "", "lines", "6a", "balanced", "F1"));
    for evidence in ["mask only", "groups"] {
        if evidence == "groups" && inputs.iter().any(|input| input.groups.is_none()) {
            continue;
        }
        for (mode, bridges, crossings) in MODES {
            let config = LineGroupConfig {
                bridges: config.bridges.clone().filter(|_| bridges),
                crossings: config.crossings.clone().filter(|_| crossings),
                ..config.clone()
            };
            let (lines, counts, seconds) = score(&inputs, evidence == "groups", &config)?;
            let name = format!("{evidence}, {mode}");
            say(&row(&name, lines, &counts));
            let key = name.replace([',', ' '], "_");
            values.push((format!("{key}_lines"), json!(lines)));
            values.push((format!("{key}_f1"), json!(counts.score().f1)));
            values.push((format!("{key}_seconds"), json!(seconds)));
        }
    }
    let first = &inputs[0];
    let found = found(first, first.groups.is_some(), &config)?;
    write_lines(&args.out, first, &found)?;
    draw(&args.out, first, &found, &config)?;
    if args.smoke {
        smoke::write(&args.out, values)?;
    }
    Ok(())
}

fn inputs(args: &Args) -> Result<Vec<Input>> {
    let mut input = match (&args.image, &args.mask) {
        (Some(file), _) => by_colour(&read(file, args)?, &args.colour, args.tolerance),
        (None, Some(file)) => {
            let mask = read(file, args)?.map_axis(Axis(2), |pixel| pixel.iter().any(|&v| v > 0));
            Input { mask, groups: None, truth: None }
        }
        (None, None) => {
            let scenes = if args.smoke { 2 } else { args.scenes };
            let seeds = (0..scenes).map(|scene| args.seed.wrapping_add(scene));
            return Ok(seeds.map(|seed| generated(line_scene(args.lines, seed))).collect());
        }
    };
    if let Some(file) = &args.groups {
        let labels = labels(&read(file, args)?);
        ensure!(
            labels.dim() == input.mask.dim(),
            "{}: the groups are {:?} pixels, the candidates {:?}",
            file.display(),
            labels.dim(),
            input.mask.dim()
        );
        input.groups = Some(labels);
    }
    if let Some(file) = &args.chart {
        let origin = args.window.map_or((0.0, 0.0), |w| (f64::from(w.x), f64::from(w.y)));
        input.truth = Some(true_lines(file, origin.into())?);
    }
    Ok(vec![input])
}

fn generated(scene: LineScene) -> Input {
    let groups = lead_clusters(scene.embeddings.view(), scene.mask.view(), 1.5, 40);
    Input { mask: scene.mask, groups: Some(groups), truth: Some(scene.truth) }
}

fn read(file: &Path, args: &Args) -> Result<Array3<u8>> {
    mapvec_examples::output::crop(read_image(file, &ImageLimits::default())?, args.window)
}

/// Candidates near one of the colours, each of the group of the nearest.
fn by_colour(image: &Array3<u8>, colours: &[[u8; 3]], tolerance: f64) -> Input {
    let groups = image.map_axis(Axis(2), |pixel| {
        let distance = |colour: &[u8; 3]| {
            let squares = pixel.iter().zip(colour).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2));
            squares.sum::<f64>().sqrt()
        };
        let nearest = (1_u32..).zip(colours.iter().map(distance));
        let nearest = nearest.min_by(|a, b| a.1.total_cmp(&b.1));
        nearest.filter(|(_, distance)| *distance <= tolerance).map_or(0, |(id, _)| id)
    });
    Input { mask: groups.mapv(|id| id > 0), groups: Some(groups), truth: None }
}

/// Every colour a label, in the order of the picture; black is 0.
fn labels(image: &Array3<u8>) -> Array2<u32> {
    let mut colours = vec![[0_u8; 3]];
    image.map_axis(Axis(2), |pixel| {
        let colour = [pixel[0], pixel[1], pixel[2]];
        let place = colours.iter().position(|other| *other == colour).unwrap_or_else(|| {
            colours.push(colour);
            colours.len() - 1
        });
        place as u32
    })
}

/// The lines of task 6.
fn true_lines(file: &Path, origin: Coord<f64>) -> Result<Vec<LineString<f64>>> {
    let name = || file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(name)?;
    let chart: Value = serde_json::from_str(&text).with_context(name)?;
    let lines = &chart["task6"]["output"]["visual elements"]["lines"];
    let Some(lines) = lines.as_array() else { bail!("{}: there are no lines", name()) };
    let point = |point: &Value| {
        let axis =
            |axis: &str| point[axis].as_f64().with_context(|| format!("{}: {point}", name()));
        Ok(Coord { x: axis("x")?, y: axis("y")? } - origin)
    };
    let line = |line: &Value| -> Result<LineString<f64>> {
        let points = line.as_array().into_iter().flatten();
        Ok(LineString(points.map(point).collect::<Result<_>>()?))
    };
    lines.iter().map(line).collect()
}

fn found(input: &Input, grouped: bool, config: &LineGroupConfig) -> Result<LineGroups> {
    let evidence = match &input.groups {
        Some(groups) if grouped => LineEvidence::Groups(groups.view()),
        _ => LineEvidence::Continuity,
    };
    Ok(group_lines(input.mask.view(), evidence, config)?)
}

/// Lines found, how well they meet the truth, and the time that took.
fn score(
    inputs: &[Input],
    grouped: bool,
    config: &LineGroupConfig,
) -> Result<(usize, ChartLineCounts, f64)> {
    let (mut lines, mut counts) = (0, ChartLineCounts::default());
    let start = Instant::now();
    for input in inputs {
        let found = found(input, grouped, config)?;
        lines += found.lines.len();
        if let Some(truth) = &input.truth {
            let paths: Vec<LineString<f64>> =
                found.lines.into_iter().map(|line| line.path).collect();
            counts += chart_lines(&paths, truth)?;
        }
    }
    Ok((lines, counts, start.elapsed().as_secs_f64()))
}

fn row(name: &str, lines: usize, counts: &ChartLineCounts) -> String {
    let score = counts.score();
    let cell = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    format!(
        "{name:<34} {lines:>6} {:>9} {:>9} {:>9}",
        cell(score.task_6a),
        cell(score.balanced),
        cell(score.f1)
    )
}

fn write_lines(folder: &Path, input: &Input, found: &LineGroups) -> Result<()> {
    let features: Vec<Feature> = found
        .lines
        .iter()
        .map(|line| {
            let values = json!({
                "id": line.id, "group": line.group, "score": line.score, "width": line.width,
            });
            let properties = values.as_object().cloned().unwrap_or_default();
            Feature { geometry: line.path.clone().into(), properties }
        })
        .collect();
    let (height, width) = input.mask.dim();
    let text = to_geojson(&features, &members(width, height))?;
    Ok(write_atomic(&folder.join("lines.geojson"), text.as_bytes())?)
}

/// Candidates, groups, pieces and lines.
fn draw(folder: &Path, input: &Input, lines: &LineGroups, config: &LineGroupConfig) -> Result<()> {
    let (height, width) = input.mask.dim();
    let (rows, columns) = (height as f64, width as f64);
    let mut canvas = Canvas::new(2, [640.0, (640.0 * rows / columns).ceil()]);
    canvas.panel("candidates", columns)?;
    canvas.cells(input.mask.mapv(u32::from).view(), 1.0);
    canvas.panel("groups of pixels", columns)?;
    if let Some(groups) = &input.groups {
        canvas.cells(groups.view(), 1.0);
    }
    let pieces = LineGroupConfig { bridges: None, crossings: None, ..config.clone() };
    let pieces = found(input, input.groups.is_some(), &pieces)?;
    for (title, lines) in [("before: pieces", &pieces), ("after: lines", lines)] {
        canvas.panel(&format!("{title}, {}", lines.lines.len()), columns)?;
        for (line, colour) in lines.lines.iter().zip(COLOURS.iter().cycle()) {
            canvas.line(&line.path, *colour, 2.0);
        }
    }
    canvas.write(folder, "group_lines")
}
