//! Trains a detector of lines and symbols by matching its queries with the true objects.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device};
use clap::Parser;
use mapvec_data::{Record, Source, encode_png, write_all_atomic};
use mapvec_examples::detector::batch::Batch;
use mapvec_examples::detector::network::Detector;
use mapvec_examples::detector::picture::sheet;
use mapvec_examples::detector::scores::{Scores, value};
use mapvec_examples::device::DeviceName;
use mapvec_examples::progress::say;
use mapvec_examples::{make_folder, run, smoke};
use mapvec_losses::{
    BoxForm, ClassTarget, Classes, CrossEntropyConfig, HungarianLossConfig, MatchSettings,
    MatchedObjects, Objects, cross_entropy, hungarian_loss,
};
use mapvec_metrics::Report;
use mapvec_nn::ParameterStore;
use mapvec_synth::{DatasetConfig, Purpose};
use mapvec_train::{StepLoss, TrainConfig, Trainer};
use serde_json::json;

/// Trains on pictures made on the fly; the same seed gives the same weights.
#[derive(Debug, Parser)]
struct Args {
    /// Optimiser steps.
    #[arg(long, default_value_t = 1500)]
    steps: u64,
    /// Pictures per step.
    #[arg(long, default_value_t = 16)]
    batch: usize,
    /// Peak learning rate.
    #[arg(long, default_value_t = 3e-3)]
    learning_rate: f64,
    /// Weight of the classes of pixels beside the objects; 0 leaves them out.
    #[arg(long, default_value_t = 0.5)]
    pixel_weight: f64,
    /// Pictures for validation, which the training has not seen.
    #[arg(long, default_value_t = 256)]
    validation: usize,
    /// Seed of initialisation and pictures.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A data set as JSON, of patterns, as dataset.json in the folder of results; its steps
    /// make the weights of pixels.
    #[arg(long)]
    dataset: Option<PathBuf>,
    /// Folder for the weights, dataset.json, history.jsonl, loss.svg, scores.json, report.json,
    /// report.svg and detections.png.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// Where the network runs.
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceName,
    /// 400 steps, for checks: about ten seconds.
    #[arg(long)]
    smoke: bool,
}

/// Few lines and symbols on plain ground. Pixels at borders between classes count more.
const DATASET: &str = r#"{
  "generator": { "patterns": {
    "size": 32,
    "patterns_num_range": [1, 3],
    "max_components_num": 6,
    "min_contrast": 0.3,
    "patterns_prob": { "polyline": 1.0, "spreaded_shapes": 1.0 }
  } },
  "augmentation": [{ "op": "blur" }],
  "steps": [
    { "op": "line_features" },
    { "op": "boundary_weights", "map": { "strength": 4.0, "sigma": 1.5 } }
  ]
}"#;
/// Separates the pictures of the validation from those of the training.
const HELD_BACK: u64 = 0x7A11_DA7E;
/// Panels of the picture.
const PANELS: usize = 6;

fn main() -> ExitCode {
    run(train)
}

/// Losses of objects and of pixels.
struct Losses {
    objects: HungarianLossConfig,
    pixel_weight: f64,
}

impl Losses {
    /// The loss of a batch, and its objects as they were matched.
    fn of(
        &self,
        network: &Detector,
        batch: &Batch,
        train: bool,
    ) -> Result<(StepLoss, Objects, MatchedObjects)> {
        let (prediction, pixels) = network.forward(&batch.pictures, train)?;
        let found = hungarian_loss(&prediction, &batch.truth, &self.objects)?;
        let mut loss = found.loss.mean_all()?;
        let terms = found.terms.iter();
        let mut terms: Vec<_> = terms.map(|(name, mean)| ((*name).to_owned(), *mean)).collect();
        if self.pixel_weight > 0.0 && !batch.classes.is_empty() {
            let mut target = ClassTarget::from(Classes::Bytes(&batch.classes));
            if !batch.weights.is_empty() {
                target = target.weighted(&batch.weights);
            }
            let term = cross_entropy(&pixels, target, &CrossEntropyConfig::default())?;
            terms.push(("pixels".to_owned(), f64::from(term.to_scalar::<f32>()?)));
            loss = (loss + (term * self.pixel_weight)?)?;
        }
        Ok((StepLoss { loss, terms }, prediction, found.objects))
    }

    /// The mean loss and the scores of all samples of a source, and a picture of the first.
    fn evaluate(
        &self,
        network: &Detector,
        source: &dyn Source<Sample = Record>,
        (side, batch): (usize, usize),
        device: &Device,
    ) -> Result<(f64, Report, Vec<u8>)> {
        let (mut scores, mut sum, mut picture) = (Scores::new(side)?, 0.0, Vec::new());
        for first in (0..source.len()).step_by(batch) {
            let count = batch.min(source.len() - first);
            let batch = Batch::of(source, first, count, device)?;
            let (loss, prediction, matched) = self.of(network, &batch, false)?;
            sum += f64::from(loss.loss.to_scalar::<f32>()?) * count as f64;
            scores.add(&prediction, &batch.truth, &matched)?;
            if first == 0 {
                let drawn = sheet(&batch.pictures, &batch.truth, &prediction, PANELS)?;
                picture = encode_png(drawn.view())?;
            }
        }
        let report = scores.report("Detection of lines and symbols");
        Ok((sum / source.len().max(1) as f64, report, picture))
    }
}

/// What a run leaves, as it tells.
const FILES: &str = "detections.png (truth above, predictions below), report.json, report.svg, \
     scores.json (course of the training), history.jsonl, loss.svg, weights.safetensors, dataset.json";

fn train(mut args: Args) -> Result<()> {
    if args.smoke {
        (args.steps, args.batch, args.validation) = (400, 8, 32);
    }
    ensure!(args.validation > 0 && args.batch > 0, "--validation and --batch must be 1 or more");
    let text = match &args.dataset {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?,
        None => DATASET.to_owned(),
    };
    let dataset = DatasetConfig::from_json(&text)?;
    let samples = args.steps as usize * args.batch;
    let source = dataset.source(args.seed, samples, Purpose::Training)?;
    let held_back = dataset.source(args.seed ^ HELD_BACK, args.validation, Purpose::Evaluation)?;
    let device = args.device.open()?;
    make_folder(&args.out)?;
    let side = Batch::of(&*held_back, 0, 1, &device)?.pictures.dim(2)?;
    let size = (side, args.batch);
    let losses = Losses { objects: objects(), pixel_weight: args.pixel_weight };

    let config = TrainConfig {
        steps: args.steps,
        batch: args.batch,
        learning_rate: args.learning_rate,
        seed: args.seed,
        log_every: (args.steps / 20).max(1),
        task: serde_json::to_string(&(&dataset, &losses.objects, args.pixel_weight))?,
        ..TrainConfig::default()
    };
    let store = ParameterStore::new(args.seed, DType::F32, &device);
    let network = Detector::new(side, &store, false)?;
    let (loss_before, before, _) = losses.evaluate(&network, &*held_back, size, &device)?;
    let mut trainer = Trainer::new(&store, &config)?;
    let (mut curve, mut scores) = (Vec::new(), Scores::new(side)?);
    for step in 0..args.steps {
        let batch = Batch::of(&*source, step as usize * args.batch, args.batch, &device)?;
        let (loss, prediction, matched) = losses.of(&network, &batch, true)?;
        scores.add(&prediction, &batch.truth, &matched)?;
        let loss = trainer.train_step(|| Ok(loss))?;
        if (step + 1) % config.log_every == 0 {
            let report = std::mem::replace(&mut scores, Scores::new(side)?).report("training");
            let f1 = value(&report, "class F1");
            let last = config.log_every;
            say(&format!(
                "step {:>6} loss {loss:>8.4}, class F1 of {last} steps {f1:.4}",
                step + 1
            ));
            curve.push(json!({ "step": step + 1, "scores": report.scores }));
        }
    }
    let trained = Detector::new(side, &store, true)?;
    let (loss_after, after, picture) = losses.evaluate(&trained, &*held_back, size, &device)?;

    let history = trainer.history();
    let file = |name: &str| args.out.join(name);
    write_all_atomic(&[
        (&file("dataset.json"), serde_json::to_string_pretty(&dataset)?.as_bytes()),
        (&file("history.jsonl"), history.to_json_lines()?.as_bytes()),
        (&file("loss.svg"), history.to_svg(900, 520)?.as_bytes()),
        (&file("scores.json"), serde_json::to_string_pretty(&curve)?.as_bytes()),
        (&file("report.json"), after.to_json().as_bytes()),
        (&file("report.svg"), after.to_svg().as_bytes()),
        (&file("detections.png"), &picture),
        (&file("weights.safetensors"), &store.to_bytes()?),
    ])?;
    say(&format!("validation loss {loss_before:.4} before, {loss_after:.4} after"));
    say(&format!("written to {}: {FILES}", args.out.display()));
    say(&after.to_markdown());
    if args.smoke {
        let rises = |name: &str| json!(value(&after, name) > value(&before, name));
        smoke::write(
            &args.out,
            [
                ("loss_falls", json!(loss_after < 0.5 * loss_before)),
                ("class_f1_rises", rises("class F1")),
                ("mean_box_iou_rises", rises("mean box IoU")),
                ("ap50_rises", rises("AP50")),
                ("parameters", json!(store.parameter_count())),
            ],
        )?;
    }
    Ok(())
}

/// Classes of all queries, boxes and vectors of matched ones.
fn objects() -> HungarianLossConfig {
    HungarianLossConfig {
        class_weight: 1.0,
        box_weight: 2.0,
        mask_weight: 0.0,
        vector_weight: 2.0,
        unmatched_classes: true,
        no_object: None,
        matching: MatchSettings {
            normalize_weights: false,
            box_form: BoxForm::Center,
            ..MatchSettings::default()
        },
    }
}
