//! Learns on generated sheets which borders between regions are real.

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use mapvec_data::{Progress, Silent, sample_rng};
use mapvec_losses::{BinaryCrossEntropyConfig, BinaryTarget, binary_cross_entropy};
use mapvec_metrics::{PqCounts, panoptic_counts};
use mapvec_nn::{Linear, ParameterStore};
use mapvec_postprocess::{
    BorderMaps, BorderModel, BorderSample, LearnedMergeConfig, MergeConfig, WatershedConfig,
    border_feature_count, border_samples, edge_logit, merge_learned, merge_regions, watershed,
};
use mapvec_synth::{SheetConfig, SheetStyle, generate_sheet};
use mapvec_train::{StepLoss, TrainConfig, Trainer};
use mapvec_vectorize::{
    BORDER_CHANNELS, Find, MapPrediction, PredictConfig, VectorizeConfig, Vectorizer,
    border_channels,
};
use ndarray::{Array2, Array3, ArrayView3};
use rand_chacha::rand_core::RngCore;
use rayon::prelude::*;

/// A sheet that a network has looked at.
#[derive(Debug)]
pub struct SeenSheet {
    /// Regions of the flood.
    pub basins: Array2<u32>,
    /// Probability of a border.
    pub edge: Array2<u8>,
    /// Maps beside it.
    pub channels: Array3<u8>,
    /// True regions, 0 for none.
    pub truth: Array2<u32>,
    /// Where scores count.
    pub mask: Option<Array2<bool>>,
}

impl SeenSheet {
    /// Floods what the network sees in a picture.
    ///
    /// # Errors
    /// The network fails, or a raster is too large.
    pub fn new(
        image: ArrayView3<'_, u8>,
        maps: MapPrediction,
        truth: Array2<u32>,
        mask: Option<Array2<bool>>,
    ) -> Result<Self> {
        let channels = border_channels(image, &maps)?;
        let basins = watershed(maps.boundary.view(), &WatershedConfig::default())?;
        Ok(Self { basins, edge: maps.boundary, channels, truth, mask })
    }

    /// The maps that borders are judged in.
    #[must_use]
    pub fn maps(&self) -> BorderMaps<'_> {
        BorderMaps { edge: self.edge.view(), channels: self.channels.view() }
    }

    /// Score of merging by the mean logit.
    ///
    /// # Errors
    /// A setting is out of range.
    pub fn by_mean(&self, threshold: f32) -> Result<PqCounts> {
        let strength = self.edge.mapv(edge_logit);
        let config = MergeConfig { threshold, ..MergeConfig::default() };
        self.counts(&merge_regions(self.basins.view(), strength.view(), &config)?)
    }

    /// Score of merging by a model.
    ///
    /// # Errors
    /// A setting is out of range.
    pub fn by_model(&self, model: &BorderModel, threshold: f32) -> Result<PqCounts> {
        let config = LearnedMergeConfig { threshold, ..LearnedMergeConfig::default() };
        self.counts(&merge_learned(self.basins.view(), &self.maps(), model, &config)?)
    }

    fn counts(&self, regions: &Array2<u32>) -> Result<PqCounts> {
        let mask = self.mask.as_ref().map(|mask| mask.view());
        Ok(panoptic_counts(regions.view(), self.truth.view(), mask)?)
    }
}

/// How a network looks at sheets for [`SeenSheet`].
#[must_use]
pub fn shapes_only(rotations: bool, adapt_tiles: u32) -> VectorizeConfig {
    let predict = PredictConfig { rotations, adapt_tiles, ..PredictConfig::default() };
    VectorizeConfig { find: Find::Shapes, predict, ..VectorizeConfig::default() }
}

/// Draws sheets and lets the network look at them.
///
/// # Errors
/// A sheet cannot be drawn, or the network fails.
pub fn drawn_sheets(
    (first, count, size): (u64, u64, u32),
    seed: u64,
    vectorizer: &Vectorizer,
    progress: &dyn Progress,
) -> Result<Vec<SeenSheet>> {
    let drawn: Vec<_> = (first..first + count)
        .into_par_iter()
        .map(|index| {
            let config = SheetConfig { size, style: SheetStyle::Town, ..SheetConfig::default() };
            generate_sheet(&config, &mut sample_rng(seed, index))
        })
        .collect::<Result<_, _>>()?;
    progress.begin("sheets", count);
    let mut seen = Vec::new();
    for (sheet, index) in drawn.into_iter().zip(first..) {
        let image = sheet.sample.image;
        // As users run it: in one pass, turned, adapted.
        let config = shapes_only(index % 3 == 1, if index % 3 == 2 { 24 } else { 0 });
        let maps = vectorizer.predict(image.view(), &config, &Silent)?;
        seen.push(SeenSheet::new(image.view(), maps, sheet.regions, None)?);
        progress.advance(1);
    }
    progress.end();
    Ok(seen)
}

/// How a model is fitted.
#[derive(Debug, Clone, Copy)]
pub struct Fit {
    /// Steps of the optimiser.
    pub steps: u64,
    /// Borders in a step.
    pub batch: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Seed of the parameters and of the choice of borders.
    pub seed: u64,
}

/// The borders of sheets, those that a merging by `model` meets or, without one, by the mean.
///
/// # Errors
/// The rasters of a sheet differ in size.
pub fn borders(sheets: &[SeenSheet], model: Option<&BorderModel>) -> Result<Vec<BorderSample>> {
    let min_area = LearnedMergeConfig::default().min_area;
    let found: Vec<Vec<BorderSample>> = sheets
        .par_iter()
        .map(|sheet| {
            let (basins, truth) = (sheet.basins.view(), sheet.truth.view());
            border_samples(basins, truth, &sheet.maps(), model, min_area)
        })
        .collect::<Result<_, _>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// Fits a model to borders, each weighted by the purity of its regions.
///
/// # Errors
/// There are no borders of both kinds, or the loss diverges.
pub fn fit(samples: &[BorderSample], fit: Fit, progress: &dyn Progress) -> Result<BorderModel> {
    let inputs = border_feature_count(BORDER_CHANNELS.len());
    ensure!(
        samples.iter().any(|s| s.real) && samples.iter().any(|s| !s.real),
        "borders of both kinds are needed; draw more or larger sheets"
    );
    let count = samples.len() as f64;
    let mean =
        |value: &dyn Fn(&BorderSample) -> f64| samples.iter().map(value).sum::<f64>() / count;
    let (mut center, mut scale) = (Vec::new(), Vec::new());
    for i in 0..inputs {
        let m = mean(&|s| f64::from(s.features[i]));
        let variance = mean(&|s| (f64::from(s.features[i]) - m).powi(2));
        center.push(m as f32);
        scale.push(variance.sqrt().max(1e-3) as f32);
    }
    let device = Device::Cpu;
    let bias = |layer: &Linear| -> Result<Vec<f32>> {
        Ok(layer.bias().context("a layer without bias")?.to_vec1()?)
    };
    let store = ParameterStore::new(fit.seed, DType::F32, &device);
    let vb = store.var_builder();
    let hidden = Linear::new(inputs, fit.hidden, true, vb.pp("hidden"))?;
    let output = Linear::new(fit.hidden, 1, true, vb.pp("output"))?;
    let config = TrainConfig {
        steps: fit.steps,
        batch: fit.batch,
        learning_rate: 3e-3,
        seed: fit.seed,
        task: format!("{fit:?}"),
        ..TrainConfig::default()
    };
    let mut trainer = Trainer::new(&store, &config)?;
    let standard = |s: &BorderSample| -> Vec<f32> {
        let z = s.features.iter().zip(center.iter().zip(&scale));
        z.map(|(v, (m, d))| ((v - m) / d).clamp(-10.0, 10.0)).collect()
    };
    trainer.fit(
        |step| {
            let mut rng = sample_rng(fit.seed ^ 0x626f_7264, step);
            let (mut x, mut y, mut w) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..fit.batch {
                let s = &samples[(rng.next_u64() % samples.len() as u64) as usize];
                x.extend(standard(s));
                y.push(f32::from(u8::from(s.real)));
                w.push(s.purity);
            }
            Ok((x, y, w))
        },
        |(x, y, w)| {
            let x = Tensor::from_vec(x, (fit.batch, inputs), &device)?;
            let y = Tensor::from_vec(y, (fit.batch, 1), &device)?;
            let w = Tensor::from_vec(w, (fit.batch, 1), &device)?;
            let logits = output.forward(&hidden.forward(&x)?.relu()?)?;
            let config = BinaryCrossEntropyConfig::default();
            let target = BinaryTarget { values: &y, weights: Some(&w) };
            let loss = binary_cross_entropy(&logits, target, &config)?;
            Ok(StepLoss { loss, terms: Vec::new() })
        },
        |_| Ok(()),
        progress,
    )?;
    Ok(BorderModel {
        channels: BORDER_CHANNELS.len(),
        center,
        scale,
        weights: hidden.weight().to_vec2()?,
        bias: bias(&hidden)?,
        output: output.weight().flatten_all()?.to_vec1()?,
        output_bias: bias(&output)?[0],
    })
}
