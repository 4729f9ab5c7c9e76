//! The whole way from a picture to vectors.

use std::collections::BTreeMap;
use std::time::Instant;

use candle_core::Device;
use mapvec_data::{Feature, Progress};
use mapvec_geometry::line_length;
use mapvec_models::MapUNetConfig;
use ndarray::ArrayView3;
use serde_json::{Map, json};

use crate::hatched_shapes::mark_hatched;
use crate::hatching::darkness;
use crate::network::Network;
use crate::strokes::drop_strokes;
use crate::{
    Find, Line, MapPrediction, Result, ShapeMap, VectorizeConfig, extract_lines, extract_shapes,
};

/// Weights of a default `MapUNet` for closed shapes, trained on generated town plans
/// (commands, seeds and figures in `docs/results.md`).
pub const SHAPE_WEIGHTS: &[u8] = include_bytes!("../weights/shapes.safetensors");

/// Weights of a default `MapUNet` for lines, trained on generated topographic and rural
/// sheets.
pub const LINE_WEIGHTS: &[u8] = include_bytes!("../weights/lines.safetensors");

/// One or two networks ready to vectorize pictures.
///
/// Town plans and topographic sheets differ so much that one small network for both is
/// worse at each. So borders, classes and distractors may come from one network, axes,
/// angles and widths of lines from another.
#[derive(Debug)]
pub struct Vectorizer {
    shapes: Network,
    lines: Option<Network>,
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
    /// One network of shape `config` for everything, with the given safetensors weights.
    ///
    /// # Errors
    /// The weights lack a parameter, have one too many, or one of another shape; one
    /// error names them all.
    pub fn new(weights: &[u8], config: &MapUNetConfig, device: &Device) -> Result<Self> {
        Ok(Self { shapes: Network::new(weights, config, device)?, lines: None })
    }

    /// The same with a second network, of shape `config`, for the lines.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn with_lines(
        self,
        weights: &[u8],
        config: &MapUNetConfig,
        device: &Device,
    ) -> Result<Self> {
        Ok(Self { lines: Some(Network::new(weights, config, device)?), ..self })
    }

    /// The networks with the weights this crate ships.
    ///
    /// # Errors
    /// The device cannot hold them.
    pub fn embedded(device: &Device) -> Result<Self> {
        let config = MapUNetConfig::default();
        Self::new(SHAPE_WEIGHTS, &config, device)?.with_lines(LINE_WEIGHTS, &config, device)
    }

    /// BLAKE3 of the weights by purpose, hexadecimal.
    #[must_use]
    pub fn weights(&self) -> BTreeMap<String, String> {
        let lines = self.lines.as_ref().unwrap_or(&self.shapes);
        let named = [("shapes", &self.shapes), ("lines", lines)];
        named.into_iter().map(|(name, network)| (name.to_owned(), network.hash.clone())).collect()
    }

    /// Number of trained parameters of all networks.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        let lines = self.lines.as_ref().map_or(0, Network::parameter_count);
        self.shapes.parameter_count() + lines
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
        let mut watch = Stopwatch::default();
        let maps = self.predict(image, config, progress)?;
        watch.lap("predict");
        progress.begin("vectorize", 2);
        let mut shapes = match config.find {
            Find::Lines => ShapeMap::empty(maps.boundary.dim()),
            Find::All | Find::Shapes => extract_shapes(&maps, &config.shapes)?,
        };
        watch.lap("shapes");
        progress.advance(1);
        let mut lines = match config.find {
            Find::Shapes => Vec::new(),
            Find::All | Find::Lines => extract_lines(&maps, &config.lines)?,
        };
        watch.lap("lines");
        progress.advance(1);
        if let Some(config) = &config.hatching {
            let ink = darkness(image);
            mark_hatched(&mut shapes.shapes, ink.view(), config)?;
            drop_strokes(&mut lines, &shapes.shapes, ink.view(), config)?;
            watch.lap("hatching");
        }
        progress.end();
        Ok(Vectorized { shapes, lines, seconds: watch.seconds })
    }

    /// Per-pixel predictions of an RGB picture `[H, W, 3]`.
    ///
    /// Where only shapes or only lines are looked for, all maps are those of their network.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn predict(
        &self,
        image: ArrayView3<'_, u8>,
        config: &VectorizeConfig,
        progress: &dyn Progress,
    ) -> Result<MapPrediction> {
        let lines = match (&self.lines, config.find) {
            (None, _) | (_, Find::Shapes) => return self.shapes.predict(image, config, progress),
            (Some(lines), Find::Lines) => return lines.predict(image, config, progress),
            (Some(lines), Find::All) => lines,
        };
        let maps = self.shapes.predict(image, config, progress)?;
        let MapPrediction { centreline, angle, thickness, .. } =
            lines.predict(image, config, progress)?;
        Ok(MapPrediction { centreline, angle, thickness, ..maps })
    }
}

/// Seconds by stage.
#[derive(Debug)]
struct Stopwatch {
    last: Instant,
    seconds: BTreeMap<String, f64>,
}

impl Default for Stopwatch {
    fn default() -> Self {
        Self { last: Instant::now(), seconds: BTreeMap::new() }
    }
}

impl Stopwatch {
    fn lap(&mut self, stage: &str) {
        self.seconds.insert(stage.to_owned(), self.last.elapsed().as_secs_f64());
        self.last = Instant::now();
    }
}

impl Vectorized {
    /// The vectors as features with the properties `class`, `confidence`, and
    /// `area` (shapes) or `length` and `width` (lines), all in pixels. Hatched shapes have
    /// `hatched`, the hatched share, `hatching_angle_degrees` and `hatching_spacing`, too.
    #[must_use]
    pub fn features(&self) -> Vec<Feature> {
        let shapes = self.shapes.shapes.iter().map(|shape| {
            let mut properties = Map::new();
            properties.insert("class".to_owned(), json!(shape.class.name()));
            properties.insert("confidence".to_owned(), json!(rounded(shape.confidence, 1e3)));
            properties.insert("area".to_owned(), json!(shape.area));
            if let Some(hatching) = shape.hatching {
                let mut add = |name: &str, value: f64, steps| {
                    properties.insert(name.to_owned(), json!(rounded(value, steps)));
                };
                add("hatched", hatching.share, 1e3);
                // 179.96 degrees are rounded to 0.
                let angle = rounded(hatching.angle.to_degrees(), 1e1) % 180.0;
                add("hatching_angle_degrees", angle, 1e1);
                add("hatching_spacing", hatching.spacing, 1e2);
            }
            Feature { geometry: shape.polygon.clone().into(), properties }
        });
        let lines = self.lines.iter().map(|line| {
            let mut properties = Map::new();
            properties.insert("class".to_owned(), json!("line"));
            properties.insert("confidence".to_owned(), json!(rounded(line.confidence, 1e3)));
            properties.insert("length".to_owned(), json!(rounded(line_length(&line.line), 1e2)));
            properties.insert("width".to_owned(), json!(rounded(line.width, 1e2)));
            Feature { geometry: line.line.clone().into(), properties }
        });
        shapes.chain(lines).collect()
    }
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}
