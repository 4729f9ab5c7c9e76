//! The whole way from a picture to vectors.

use std::collections::BTreeMap;
use std::time::Instant;

use candle_core::{DType, Device};
use mapvec_data::{Feature, Progress};
use mapvec_geometry::Tile;
use mapvec_models::{MapUNet, MapUNetConfig};
use mapvec_nn::{ParameterStore, reestimate_statistics};
use ndarray::ArrayView3;
use rand::Rng;
use serde_json::{Map, json};

use crate::predict::cut;
use crate::report::length;
use crate::{
    Line, MapPrediction, Result, ShapeMap, VectorizeConfig, extract_lines, extract_shapes, predict,
};

/// The weights this crate ships: a default [`MapUNet`] trained on generated sheets
/// (command, seed and validation figures in `docs/results.md`).
pub const EMBEDDED_WEIGHTS: &[u8] = include_bytes!("../weights/map_unet.safetensors");

/// A network ready to vectorize pictures.
#[derive(Debug)]
pub struct Vectorizer {
    network: MapUNet,
    store: ParameterStore,
    device: Device,
    weights_hash: String,
}

/// What was found in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectorized {
    /// Closed shapes.
    pub shapes: ShapeMap,
    /// Line features.
    pub lines: Vec<Line>,
    /// Seconds by stage.
    pub seconds: BTreeMap<String, f64>,
}

impl Vectorizer {
    /// Makes a network of shape `config` with the given safetensors weights.
    ///
    /// # Errors
    /// The weights lack a parameter, have one too many, or one of another shape; one
    /// error names them all.
    pub fn new(weights: &[u8], config: &MapUNetConfig, device: &Device) -> Result<Self> {
        let store = ParameterStore::new(0, DType::F32, device);
        // Names the parameters, so that the weights can be checked against them.
        MapUNet::new(config, store.var_builder())?;
        store.load_bytes(weights)?;
        let network = MapUNet::new(config, store.frozen_var_builder())?;
        let weights_hash = blake3::hash(weights).to_hex().to_string();
        Ok(Self { network, store, device: device.clone(), weights_hash })
    }

    /// The network with the weights this crate ships.
    ///
    /// # Errors
    /// The device cannot hold it.
    pub fn embedded(device: &Device) -> Result<Self> {
        Self::new(EMBEDDED_WEIGHTS, &MapUNetConfig::default(), device)
    }

    /// BLAKE3 of the weights, hexadecimal.
    #[must_use]
    pub fn weights_hash(&self) -> &str {
        &self.weights_hash
    }

    /// Number of trained parameters.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.store.parameter_count()
    }

    /// Closed shapes and lines of an RGB picture `[H, W, 3]`.
    ///
    /// # Errors
    /// The picture is empty or not RGB, a field of `config` is outside its range, or
    /// the device fails.
    pub fn run(
        &self,
        image: ArrayView3<'_, u8>,
        config: &VectorizeConfig,
        progress: &dyn Progress,
    ) -> Result<Vectorized> {
        config.validate()?;
        let mut seconds = BTreeMap::new();
        let start = Instant::now();
        let maps = self.predict(image, config, progress)?;
        seconds.insert("predict".to_owned(), start.elapsed().as_secs_f64());
        self.extract(&maps, config, seconds, progress)
    }

    /// Per-pixel predictions of an RGB picture `[H, W, 3]`.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn predict(
        &self,
        image: ArrayView3<'_, u8>,
        config: &VectorizeConfig,
        progress: &dyn Progress,
    ) -> Result<MapPrediction> {
        if config.predict.adapt_tiles == 0 {
            return predict(image, &self.network, &self.device, config, progress);
        }
        let adapted = MapUNet::new(self.network.config(), self.store.frozen_var_builder())?;
        self.adapt(&adapted, image, config, progress)?;
        predict(image, &adapted, &self.device, config, progress)
    }

    /// Vectors of per-pixel predictions, with the seconds each stage takes.
    fn extract(
        &self,
        maps: &MapPrediction,
        config: &VectorizeConfig,
        mut seconds: BTreeMap<String, f64>,
        progress: &dyn Progress,
    ) -> Result<Vectorized> {
        progress.begin("vectorize", 2);
        let start = Instant::now();
        let shapes = extract_shapes(maps, &config.shapes)?;
        seconds.insert("shapes".to_owned(), start.elapsed().as_secs_f64());
        progress.advance(1);
        let start = Instant::now();
        let lines = extract_lines(maps, &config.lines)?;
        seconds.insert("lines".to_owned(), start.elapsed().as_secs_f64());
        progress.advance(1);
        progress.end();
        Ok(Vectorized { shapes, lines, seconds })
    }

    /// Replaces a network's batch-norm statistics by those of random tiles of the picture.
    #[expect(clippy::cast_possible_wrap, reason = "picture sides fit i64")]
    fn adapt(
        &self,
        network: &MapUNet,
        image: ArrayView3<'_, u8>,
        config: &VectorizeConfig,
        progress: &dyn Progress,
    ) -> Result<()> {
        let (height, width, _) = image.dim();
        let size = config.predict.tile;
        let count = config.predict.adapt_tiles as usize;
        let mut rng = mapvec_data::sample_rng(config.predict.seed, 0);
        progress.begin("adapt", count as u64);
        reestimate_statistics(count, |_| -> Result<()> {
            let x = rng.random_range(0..=(width as i64 - i64::from(size)).max(0));
            let y = rng.random_range(0..=(height as i64 - i64::from(size)).max(0));
            let core = mapvec_geometry::Window { x: 0, y: 0, width: size, height: size };
            let tile = Tile { core, x, y, size };
            network.forward(&cut(image, &tile).tensor(0, &self.device)?, true)?;
            progress.advance(1);
            Ok(())
        })?;
        progress.end();
        Ok(())
    }
}

impl Vectorized {
    /// The vectors as features with the properties `class`, `confidence`, and
    /// `area` (shapes) or `length` and `width` (lines), all in pixels.
    #[must_use]
    pub fn features(&self) -> Vec<Feature> {
        let shapes = self.shapes.shapes.iter().map(|shape| {
            let mut properties = Map::new();
            properties.insert("class".to_owned(), json!(shape.class.name()));
            properties.insert("confidence".to_owned(), json!(rounded(shape.confidence, 1e3)));
            properties.insert("area".to_owned(), json!(shape.area));
            Feature { geometry: shape.polygon.clone().into(), properties }
        });
        let lines = self.lines.iter().map(|line| {
            let mut properties = Map::new();
            properties.insert("class".to_owned(), json!("line"));
            properties.insert("confidence".to_owned(), json!(rounded(line.confidence, 1e3)));
            properties.insert("length".to_owned(), json!(rounded(length(&line.line), 1e2)));
            properties.insert("width".to_owned(), json!(rounded(line.width, 1e2)));
            Feature { geometry: line.line.clone().into(), properties }
        });
        shapes.chain(lines).collect()
    }
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}
