//! Contact sheets of the scenes of all small generators, with every label drawn.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use mapvec_data::{Record, Source, write_png};
use mapvec_examples::progress::say;
use mapvec_examples::sibling_panels::{
    matching_panels, mini_shapes_panels, shifts_panels, single_line_panels, wave_panels,
};
use mapvec_examples::{make_folder, pattern_panels, run, smoke};
use mapvec_synth::{
    MatchingConfig, MatchingGenerator, MatchingOutput, MiniShapesConfig, MiniShapesGenerator,
    MiniShapesOutput, PatternConfig, PatternGenerator, ShiftsConfig, ShiftsGenerator, ShiftsOutput,
    SingleLineConfig, SingleLineGenerator, SingleLineOutput, WaveConfig, WaveGenerator, WaveOutput,
};
use ndarray::{Array3, s};
use serde_json::json;

/// Draws scenes, a row each: the picture, and its labels beside it. Writes GENERATOR.png for
/// every generator.
#[derive(Debug, Parser)]
struct Args {
    /// What to draw; all of them without it.
    #[arg(long, value_enum)]
    generator: Option<Generator>,
    /// Settings of the scenes of the generator, JSON; those that are left out have their
    /// defaults.
    #[arg(long, requires = "generator")]
    config: Option<PathBuf>,
    /// Number of scenes.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=100))]
    scenes: u64,
    /// Seed of the scenes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the pictures.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// Few scenes, for checks.
    #[arg(long)]
    smoke: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Generator {
    Patterns,
    Waves,
    SingleLine,
    MiniShapes,
    Matching,
    Shifts,
}

impl Generator {
    /// Its name in files.
    fn name(self) -> &'static str {
        match self {
            Self::Patterns => "patterns",
            Self::Waves => "waves",
            Self::SingleLine => "single_line",
            Self::MiniShapes => "mini_shapes",
            Self::Matching => "matching",
            Self::Shifts => "shifts",
        }
    }

    /// What its panels show.
    fn panels(self) -> &'static str {
        match self {
            Self::Patterns => {
                "picture, classes, directions, ways to the axis, thickness, patterns, components, \
                 vectors and boxes"
            }
            Self::Waves => {
                "picture, classes, directions, patterns, lines, first wave, crests, vectors"
            }
            Self::SingleLine => "picture, line and distractors, ends and sample point",
            Self::MiniShapes => "picture, shapes, background, colours, vertices",
            Self::Matching => {
                "picture, classes, dominant pixels, patterns, opacity, boxes and directions"
            }
            Self::Shifts => "picture, opacity, lines, patches, vectors",
        }
    }
}

/// A row of panels per scene.
type Rows = Vec<Vec<Array3<u8>>>;

/// Pixels of the gap between panels.
const GAP: usize = 8;
/// Side of a panel that is aimed at, px.
const PANEL: usize = 192;

fn main() -> ExitCode {
    run(|args: Args| draw(&args))
}

fn draw(args: &Args) -> Result<()> {
    let text = match &args.config {
        Some(file) => std::fs::read_to_string(file).with_context(|| file.display().to_string())?,
        None => "{}".to_owned(),
    };
    let scenes = usize::try_from(if args.smoke { 3 } else { args.scenes })?;
    make_folder(&args.out)?;
    let all = [args.generator].into_iter().flatten().collect::<Vec<_>>();
    let all = if all.is_empty() { Generator::value_variants() } else { &all };
    let mut counts = Vec::new();
    for generator in all {
        let name = || args.config.as_ref().map_or("settings".into(), |f| f.display().to_string());
        let (rows, count) = rows(*generator, &text, scenes, args.seed).with_context(name)?;
        let file = args.out.join(format!("{}.png", generator.name()));
        write_png(&file, contact_sheet(&rows)?.view())?;
        say(&format!("{scenes} scenes in {}: {}", file.display(), generator.panels()));
        counts.push((generator.name(), json!(count)));
    }
    if args.smoke {
        smoke::write(&args.out, counts)?;
    }
    Ok(())
}

/// The panels of scenes, and how many lines or shapes these have.
fn rows(generator: Generator, text: &str, scenes: usize, seed: u64) -> Result<(Rows, usize)> {
    // Every output is drawn.
    match generator {
        Generator::Patterns => patterns(&PatternConfig::from_json(text)?, scenes, seed),
        Generator::Waves => {
            let mut config = WaveConfig::from_json(text)?;
            config.outputs = WaveOutput::ALL.to_vec();
            let source = WaveGenerator::new(&config, seed, scenes)?;
            records(&source, "vecs", config.size, wave_panels)
        }
        Generator::SingleLine => {
            let mut config = SingleLineConfig::from_json(text)?;
            config.outputs = SingleLineOutput::ALL.to_vec();
            let source = SingleLineGenerator::new(&config, seed, scenes)?;
            records(&source, "endpoints", config.size, single_line_panels)
        }
        Generator::MiniShapes => {
            let mut config = MiniShapesConfig::from_json(text)?;
            config.outputs = MiniShapesOutput::ALL.to_vec();
            let source = MiniShapesGenerator::new(&config, seed, scenes)?;
            records(&source, "colors", config.size, mini_shapes_panels)
        }
        Generator::Matching => {
            let mut config = MatchingConfig::from_json(text)?;
            config.outputs = MatchingOutput::ALL.to_vec();
            let source = MatchingGenerator::new(&config, seed, scenes)?;
            records(&source, "dominant", config.height.max(config.width), matching_panels)
        }
        Generator::Shifts => {
            let mut config = ShiftsConfig::from_json(text)?;
            config.outputs = ShiftsOutput::ALL.to_vec();
            let source = ShiftsGenerator::new(&config, seed, scenes)?;
            records(&source, "shifts", config.size, shifts_panels)
        }
    }
}

fn patterns(config: &PatternConfig, scenes: usize, seed: u64) -> Result<(Rows, usize)> {
    let generator = PatternGenerator::new(config, seed, scenes)?;
    let scale = (PANEL / config.size).max(1);
    let (mut rows, mut components) = (Vec::new(), 0);
    for index in 0..scenes {
        let scene = generator.get(index)?;
        components += scene.components.len();
        rows.push(pattern_panels::panels(&scene, scale)?);
    }
    Ok((rows, components))
}

/// The panels of records, and how many entries an output has in all.
fn records(
    source: &impl Source<Sample = Record>,
    counted: &str,
    side: usize,
    panels: fn(&Record, usize) -> Result<Vec<Array3<u8>>>,
) -> Result<(Rows, usize)> {
    let (mut rows, mut count) = (Vec::new(), 0);
    for index in 0..source.len() {
        let record = source.get(index)?;
        count += record.get(counted)?.shape()[0];
        rows.push(panels(&record, (PANEL / side).max(1))?);
    }
    Ok((rows, count))
}

/// Rows of panels on white.
fn contact_sheet(rows: &Rows) -> Result<Array3<u8>> {
    let panels = || rows.iter().flatten().map(Array3::dim);
    let height = panels().map(|(h, ..)| h).max().unwrap_or(0) + GAP;
    let width = panels().map(|(_, w, _)| w).max().unwrap_or(0) + GAP;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    ensure!(columns > 0, "there is no panel to draw");
    let size = (rows.len() * height + GAP, columns * width + GAP, 3);
    let mut sheet = Array3::from_elem(size, 255_u8);
    for (i, row) in rows.iter().enumerate() {
        for (j, panel) in row.iter().enumerate() {
            let (y, x) = (GAP + i * height, GAP + j * width);
            let (h, w, _) = panel.dim();
            sheet.slice_mut(s![y..y + h, x..x + w, ..]).assign(panel);
        }
    }
    Ok(sheet)
}
