//! Labels from probabilities or scribbles that follow the picture, by a dense CRF.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use mapvec_data::{ImageLimits, decode_npy, encode_png, read_image, write_all_atomic};
use mapvec_examples::canvas::Colour;
use mapvec_examples::crf_panels::{before_after, painted, palette};
use mapvec_examples::crf_scene::DiscScene;
use mapvec_examples::progress::say;
use mapvec_examples::{make_folder, run, smoke};
use mapvec_postprocess::crf::{
    ConvergenceReport, DenseCrf, DenseCrfConfig, GateConfig, InferenceConfig, KernelShape,
    PairwiseTerm, TileConfig, infer_tiles, infer_where_uncertain, unary_from_labels,
    unary_from_probabilities,
};
use ndarray::{Array2, Array3, ArrayView3, Axis, s, stack};
use serde_json::{Value, json};

/// Writes labels.png, the classes in colours; `before_after.png`, the picture, the labels before
/// and after, and these over the picture; and report.json, how each iteration went.
///
/// Without a picture, discs are drawn, and probabilities are made from their true classes as a
/// network with a stride of eight pixels would give them, with a share of errors.
#[derive(Debug, Parser)]
struct Args {
    /// A PNG, JPEG or TIFF picture.
    #[arg(long)]
    image: Option<PathBuf>,
    /// A picture of scribbles: each colour is a class.
    #[arg(long, requires = "image")]
    scribbles: Option<PathBuf>,
    /// R,G,B of what no scribble covers.
    #[arg(long, default_value = "0,0,0", value_parser = parse_colour)]
    unknown: Colour,
    /// Share of the probability that a scribble has, above 0 and below 1.
    #[arg(long, default_value_t = 0.7)]
    confidence: f64,
    /// Probabilities as a NumPy file, float32 [classes, rows, columns].
    #[arg(long, requires = "image", conflicts_with = "scribbles")]
    probabilities: Option<PathBuf>,
    /// Probabilities as grey pictures, white for certain; give one for each class.
    #[arg(long, requires = "image", conflicts_with_all = ["scribbles", "probabilities"])]
    class: Vec<PathBuf>,
    /// Settings of the field, JSON, instead of the weights and deviations below.
    #[arg(long, conflicts_with_all = ["smooth_sigma", "smooth_weight", "sigma", "color_sigma", "weight"])]
    config: Option<PathBuf>,
    /// Standard deviation of the kernel that removes specks, pixels.
    #[arg(long, default_value_t = 3.0)]
    smooth_sigma: f64,
    /// Its weight.
    #[arg(long, default_value_t = 3.0)]
    smooth_weight: f32,
    /// Standard deviation of the kernel that follows edges, pixels.
    #[arg(long, default_value_t = 80.0)]
    sigma: f64,
    /// The same in colours, which go from 0 to 255.
    #[arg(long, default_value_t = 13.0)]
    color_sigma: f64,
    /// Its weight.
    #[arg(long, default_value_t = 10.0)]
    weight: f32,
    /// Most iterations.
    #[arg(long, default_value_t = 5)]
    iterations: usize,
    /// Stop when no probability changes by more; 0 never does.
    #[arg(long, default_value_t = 0.0)]
    tolerance: f32,
    /// Update only pixels whose likeliest class has less than this probability.
    #[arg(long, value_name = "PROBABILITY", num_args = 0..=1, default_missing_value = "0.8")]
    gate: Option<f32>,
    /// Run the field on the pixels of every so many rows and columns, and update the others from
    /// there.
    #[arg(long, value_name = "PIXELS", default_value_t = 1, requires = "gate")]
    stride: usize,
    /// With a stride above 1: what deviations of colours are multiplied by.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.4, requires = "gate")]
    widening: f64,
    /// Work in tiles of so many pixels, with memory for one at a time.
    #[arg(long, value_name = "PIXELS", conflicts_with = "gate")]
    tiles: Option<usize>,
    /// Pixels around a tile that are computed with it.
    #[arg(long, default_value_t = 160)]
    overlap: usize,
    /// Side of the drawn picture in pixels.
    #[arg(long, default_value_t = 384, value_parser = clap::value_parser!(u32).range(32..=4096))]
    size: u32,
    /// Seed of the drawn picture.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Share of errors in the drawn probabilities, 0 to 1.
    #[arg(long, default_value_t = 0.15)]
    errors: f64,
    /// A small picture, for checks.
    #[arg(long)]
    smoke: bool,
    /// Folder for the results.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

/// Classes of the drawn picture.
const DRAWN_CLASSES: usize = 5;
/// Most colours of scribbles: more means that the picture is none of scribbles.
const MOST_CLASSES: usize = 64;

/// What the field works on.
struct Input {
    /// [H, W, 3].
    image: Array3<u8>,
    /// Energies, [K, H, W].
    unary: Array3<f32>,
    /// What is known before.
    before: Array2<Option<usize>>,
    colours: Vec<Colour>,
    truth: Option<Array2<usize>>,
}

fn main() -> ExitCode {
    run(|args: Args| label(&args))
}

fn label(args: &Args) -> Result<()> {
    let config = config(args)?;
    let inference = InferenceConfig {
        iterations: args.iterations,
        tolerance: args.tolerance,
        changes: true,
        free_energy: args.tiles.is_none(),
    };
    make_folder(&args.out)?;
    let input = input(args)?;
    let start = Instant::now();
    let (labels, reports) = infer(args, &input, &config, &inference)?;
    let seconds = start.elapsed().as_secs_f64();
    let known = |(label, before): (&usize, &Option<usize>)| before.is_some_and(|b| b != *label);
    let changed = labels.iter().zip(&input.before).filter(|pair| known(*pair)).count();
    let (rows, columns) = labels.dim();
    say(&format!("{} classes, {columns} x {rows} pixels: {seconds:.2} s", input.colours.len()));
    for (number, step) in (1..).zip(reports.first().into_iter().flat_map(|r| &r.iterations)) {
        let energy =
            step.free_energy.map_or(String::new(), |e| format!(", free energy {e:.0} before"));
        let (Some(mean), Some(largest)) = (step.mean_change, step.largest_change) else { continue };
        say(&format!("iteration {number}: mean change {mean:.5}, largest {largest:.3}{energy}"));
    }
    say(&format!("{changed} of the known pixels changed their class"));
    let scores = scores(&input, &labels);
    if let Some((before, after)) = scores {
        say(&format!("right pixels: {:.2} % before, {:.2} % after", 100.0 * before, 100.0 * after));
    }
    let after = painted(&labels.mapv(Some), &input.colours);
    // Colours of scribbles are often hard to tell apart.
    let shown = palette(input.colours.len());
    let panels = [painted(&input.before, &shown), painted(&labels.mapv(Some), &shown)];
    let panels = before_after(&input.image, &panels[0], &panels[1]);
    let mut report = json!({
        "config": config,
        "inference": inference,
        "seconds": seconds,
        "changed": changed,
        "classes": classes(&labels, &input.colours),
        "parts": reports.iter().map(convergence).collect::<Vec<_>>(),
    });
    if let Some((before, after)) = scores {
        report["right_before"] = json!(before);
        report["right_after"] = json!(after);
    }
    write_all_atomic(&[
        (&args.out.join("labels.png"), &encode_png(after.view())?),
        (&args.out.join("before_after.png"), &encode_png(panels.view())?),
        (&args.out.join("report.json"), serde_json::to_string_pretty(&report)?.as_bytes()),
    ])?;
    if args.smoke {
        let values =
            ["changed", "right_before", "right_after"].map(|key| (key, report[key].clone()));
        smoke::write(&args.out, values)?;
    }
    Ok(())
}

fn config(args: &Args) -> Result<DenseCrfConfig> {
    let config = match &args.config {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            serde_json::from_str(&text).with_context(|| file.display().to_string())?
        }
        None => {
            let smooth = KernelShape::Gaussian { sigma: [args.smooth_sigma; 2] };
            let color_sigma = vec![args.color_sigma];
            let edges = KernelShape::Bilateral { sigma: [args.sigma; 2], color_sigma };
            let terms = vec![
                PairwiseTerm::potts(smooth, args.smooth_weight),
                PairwiseTerm::potts(edges, args.weight),
            ];
            DenseCrfConfig { terms }
        }
    };
    config.validate()?;
    Ok(config)
}

/// Labels, and a report of each part that was inferred by itself.
fn infer(
    args: &Args,
    input: &Input,
    crf: &DenseCrfConfig,
    inference: &InferenceConfig,
) -> Result<(Array2<usize>, Vec<ConvergenceReport>)> {
    let image = input.image.view().permuted_axes([2, 0, 1]).mapv(f32::from);
    let (crf, inference) = (crf.clone(), inference.clone());
    if let Some(size) = args.tiles {
        let config = TileConfig { crf, inference, size, overlap: args.overlap };
        let mut labels = Array2::zeros(input.before.dim());
        let mut reports = Vec::new();
        infer_tiles(
            labels.dim(),
            &config,
            |tile| {
                let (y, x) = (tile.padded_rows.clone(), tile.padded_columns.clone());
                let part = |of: &Array3<f32>| of.slice(s![.., y.clone(), x.clone()]).to_owned();
                Ok((part(&image), part(&input.unary)))
            },
            |tile, part| {
                labels.slice_mut(s![tile.rows.clone(), tile.columns.clone()]).assign(&part.labels);
                reports.push(part.report);
            },
        )?;
        return Ok((labels, reports));
    }
    let unary = input.unary.view();
    let result = match args.gate {
        Some(confidence) => {
            let (stride, widening) = (args.stride, args.widening);
            let gate = GateConfig { stride, widening, confidence, ..GateConfig::default() };
            let config = GateConfig { crf, inference, ..gate };
            infer_where_uncertain(image.view(), unary, &config)?
        }
        None => DenseCrf::new(image.view(), &crf)?.infer(unary, &inference)?,
    };
    Ok((result.labels, vec![result.report]))
}

fn input(args: &Args) -> Result<Input> {
    let Some(file) = &args.image else { return drawn(args) };
    let image = read_image(file, &ImageLimits::default())?;
    let (rows, columns, _) = image.dim();
    if let Some(file) = &args.scribbles {
        let marks = read_image(file, &ImageLimits::default())?;
        same_size(file, (marks.dim().0, marks.dim().1), (rows, columns))?;
        let (before, colours) =
            scribbles(&marks, args.unknown).with_context(|| file.display().to_string())?;
        let unary = unary_from_labels(before.view(), colours.len(), args.confidence)?;
        return Ok(Input { image, unary, before, colours, truth: None });
    }
    let probabilities = match &args.probabilities {
        Some(file) => {
            let name = || file.display().to_string();
            let field = decode_npy(&std::fs::read(file).with_context(name)?).with_context(name)?;
            let shape = field.shape().to_vec();
            let values = field.values().as_f32();
            let (Some(values), &[classes, height, width]) = (values, shape.as_slice()) else {
                anyhow::bail!(
                    "{}: float32 [classes, rows, columns] is needed, it has {shape:?}",
                    name()
                );
            };
            same_size(file, (height, width), (rows, columns))?;
            Array3::from_shape_vec((classes, height, width), values.to_vec())?
        }
        None => from_pictures(&args.class, (rows, columns))?,
    };
    let unary = unary_from_probabilities(probabilities.view())?;
    Ok(with_probabilities(image, probabilities.view(), unary, None))
}

fn with_probabilities(
    image: Array3<u8>,
    probabilities: ArrayView3<'_, f32>,
    unary: Array3<f32>,
    truth: Option<Array2<usize>>,
) -> Input {
    let before = probabilities.map_axis(Axis(0), |values| {
        let largest = values.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1));
        largest.map(|(class, _)| class)
    });
    let colours = palette(probabilities.dim().0);
    Input { image, unary, before, colours, truth }
}

fn drawn(args: &Args) -> Result<Input> {
    ensure!((0.0..=1.0).contains(&args.errors), "--errors {}: 0 to 1 is allowed", args.errors);
    let size = if args.smoke { 96 } else { args.size as usize };
    let scene = DiscScene::new((size, size), args.seed);
    let whole = scene.whole();
    let probabilities = scene.coarse_probabilities(DRAWN_CLASSES, args.errors);
    let unary = unary_from_probabilities(probabilities.view())?;
    #[expect(clippy::cast_sign_loss, reason = "tones lie between 0 and 255")]
    let image = scene.picture(&whole).permuted_axes([1, 2, 0]).mapv(|tone| tone as u8);
    let truth = scene.labels(&whole).mapv(|disc| disc % DRAWN_CLASSES);
    let image = image.as_standard_layout().into_owned();
    Ok(with_probabilities(image, probabilities.view(), unary, Some(truth)))
}

/// A class for each colour but one, in the order of their tones.
fn scribbles(marks: &Array3<u8>, unknown: Colour) -> Result<(Array2<Option<usize>>, Vec<Colour>)> {
    let colour = |pixel: ndarray::ArrayView1<'_, u8>| [pixel[0], pixel[1], pixel[2]];
    let mut colours = std::collections::BTreeSet::new();
    for pixel in marks.rows() {
        colours.insert(colour(pixel));
        ensure!(
            colours.len() <= MOST_CLASSES,
            "more than {MOST_CLASSES} colours; scribbles need plain colours (PNG, not JPEG)"
        );
    }
    colours.remove(&unknown);
    ensure!(colours.len() > 1, "{} colours of scribbles; two or more are needed", colours.len());
    let colours: Vec<Colour> = colours.into_iter().collect();
    let labels = marks.map_axis(Axis(2), |pixel| colours.binary_search(&colour(pixel)).ok());
    Ok((labels, colours))
}

/// Grey pictures, one per class, made to sum to 1.
fn from_pictures(files: &[PathBuf], size: (usize, usize)) -> Result<Array3<f32>> {
    ensure!(
        files.len() > 1,
        "--scribbles, --probabilities or --class (at least twice) is needed with --image"
    );
    let mut planes = Vec::new();
    for file in files {
        let image = read_image(file, &ImageLimits::default())?;
        same_size(file, (image.dim().0, image.dim().1), size)?;
        planes.push(image.index_axis(Axis(2), 0).mapv(|tone| f32::from(tone) / 255.0));
    }
    let views: Vec<_> = planes.iter().map(Array2::view).collect();
    let mut probabilities = stack(Axis(0), &views)?;
    let classes = files.len() as f32;
    for mut pixel in probabilities.lanes_mut(Axis(0)) {
        let sum = pixel.sum();
        pixel.mapv_inplace(|p| if sum > 0.0 { p / sum } else { 1.0 / classes });
    }
    Ok(probabilities)
}

fn same_size(file: &Path, found: (usize, usize), image: (usize, usize)) -> Result<()> {
    ensure!(
        found == image,
        "{}: {} x {} pixels; the picture has {} x {}",
        file.display(),
        found.1,
        found.0,
        image.1,
        image.0
    );
    Ok(())
}

/// Shares of right pixels before and after, where the truth is known.
fn scores(input: &Input, labels: &Array2<usize>) -> Option<(f64, f64)> {
    let truth = input.truth.as_ref()?;
    let share = |right: usize| right as f64 / truth.len().max(1) as f64;
    let before = truth.iter().zip(&input.before).filter(|(t, b)| **b == Some(**t)).count();
    let after = truth.iter().zip(labels).filter(|(t, l)| t == l).count();
    Some((share(before), share(after)))
}

fn classes(labels: &Array2<usize>, colours: &[Colour]) -> Vec<Value> {
    let count = |class: usize| labels.iter().filter(|label| **label == class).count();
    let entry =
        |(class, colour): (usize, &Colour)| json!({"colour": colour, "pixels": count(class)});
    colours.iter().enumerate().map(entry).collect()
}

fn convergence(report: &ConvergenceReport) -> Value {
    let step = |step: &mapvec_postprocess::crf::IterationReport| {
        json!({
            "largest_change": step.largest_change,
            "mean_change": step.mean_change,
            "free_energy_before": step.free_energy,
        })
    };
    let iterations: Vec<Value> = report.iterations.iter().map(step).collect();
    json!({"converged": report.converged, "iterations": iterations})
}

fn parse_colour(text: &str) -> Result<Colour, String> {
    let parts: Result<Vec<u8>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    match parts.as_deref() {
        Ok(&[r, g, b]) => Ok([r, g, b]),
        _ => Err("expected R,G,B as whole numbers from 0 to 255".to_owned()),
    }
}
