//! Scenes of matching patterns, front to back.

use std::f64::consts::TAU;

use rand::Rng;
use rand::seq::SliceRandom;

use super::config::{DominantPlacement, MatchingConfig};
use super::shape::Shape;
use super::style::Style;
use crate::pattern::color::{Color, Palette};
use crate::pattern::generator::pick;
use crate::pattern::plane::{Point, undirected};

/// A visible pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) style: Style,
    pub(super) dominant: bool,
    /// Whether it is a segment.
    pub(super) line: bool,
    /// Direction of the segment or of the stripes, in `[0, pi)`.
    pub(super) angle: Option<f64>,
    /// How much of every pixel is of its colour once what is in front of it is taken away.
    pub(super) alpha: Vec<f32>,
}

/// A line between two colours of the background.
#[derive(Debug)]
struct Split {
    color: Color,
    through: Point,
    normal: (f64, f64),
}

/// Patterns, front to back.
#[derive(Debug)]
pub(super) struct Scene {
    /// Rows and columns.
    pub(super) size: (usize, usize),
    pub(super) patterns: Vec<Pattern>,
    /// Whether rows and columns of labels change places.
    pub(super) transposed: bool,
    background: Color,
    split: Option<Split>,
    /// What is left for the background.
    clear: Vec<f32>,
}

impl Scene {
    pub(super) fn draw(config: &MatchingConfig, rng: &mut impl Rng) -> Self {
        let size = (config.height, config.width);
        let palette = Palette::new(rng, config.grayscale, config.min_contrast);
        let split = rng.random_bool(config.split_prob).then(|| {
            let (sin, cos) = rng.random_range(0.0..TAU).sin_cos();
            Split {
                color: Palette::new(rng, config.grayscale, 0.0).background,
                through: Point {
                    x: config.width as f64 * rng.random_range(0.2..0.8),
                    y: config.height as f64 * rng.random_range(0.2..0.8),
                },
                normal: (cos, sin),
            }
        });
        let mut scene = Self {
            size,
            patterns: Vec::new(),
            transposed: false,
            background: palette.background,
            split,
            clear: vec![1.0; config.height * config.width],
        };
        for (shape, style, dominant) in drafts(config, &palette, rng) {
            scene.add(config, &shape, style, dominant);
        }
        // A number is drawn whatever the probability, so that it changes nothing else.
        scene.transposed = rng.random::<f64>() < config.transpose_prob;
        scene
    }

    /// Whether a dominant pattern is visible.
    pub(super) fn has_dominant(&self) -> bool {
        self.patterns.iter().any(|p| p.dominant)
    }

    /// Adds a pattern behind all others, if enough of it is visible.
    fn add(&mut self, config: &MatchingConfig, shape: &Shape, style: Style, dominant: bool) {
        let mut alpha = style.opacity(shape, self.size);
        let full: f64 = alpha.iter().map(|v| f64::from(*v)).sum();
        alpha.iter_mut().zip(&self.clear).for_each(|(alpha, clear)| *alpha *= clear);
        let visible: f64 = alpha.iter().map(|v| f64::from(*v)).sum();
        if visible <= config.min_visible * full || !alpha.iter().any(|v| *v > 0.5) {
            return;
        }
        self.clear.iter_mut().zip(&alpha).for_each(|(clear, alpha)| {
            *clear = (*clear - alpha).max(0.0);
        });
        let angle = match (shape, &style) {
            (Shape::Segment { ends: [a, b], .. }, _) => Some((b.y - a.y).atan2(b.x - a.x)),
            (_, Style::Stripes(stripes)) => Some(stripes.angle),
            _ => None,
        };
        let line = matches!(shape, Shape::Segment { .. });
        self.patterns.push(Pattern { style, dominant, line, angle: angle.map(undirected), alpha });
    }

    /// The picture, before rows and columns change places.
    pub(super) fn image(&self) -> Vec<f32> {
        let (_, columns) = self.size;
        let mut image = Vec::with_capacity(self.clear.len() * 3);
        for (at, clear) in self.clear.iter().enumerate() {
            let p = Point { x: (at % columns) as f64 + 0.5, y: (at / columns) as f64 + 0.5 };
            let behind = match &self.split {
                Some(split) if split.has(p) => split.color,
                _ => self.background,
            };
            let mut pixel = behind.map(|v| v * clear);
            for pattern in &self.patterns {
                let alpha = pattern.alpha[at];
                if alpha > 0.0 {
                    let color = pattern.style.color(p);
                    for (value, color) in pixel.iter_mut().zip(color) {
                        *value += alpha * color;
                    }
                }
            }
            image.extend(pixel.map(|v| v.clamp(0.0, 1.0)));
        }
        image
    }
}

impl Split {
    /// Whether a point is on the side of the second colour.
    fn has(&self, p: Point) -> bool {
        (p.x - self.through.x) * self.normal.0 + (p.y - self.through.y) * self.normal.1 > 0.0
    }
}

/// What is drawn, front to back, and whether it is dominant.
fn drafts(
    config: &MatchingConfig,
    palette: &Palette,
    rng: &mut impl Rng,
) -> Vec<(Shape, Style, bool)> {
    let shared = Shape::draw(config, rng);
    let mut dominants = Vec::new();
    for number in 0..pick(rng, config.dominants_num_range) {
        let apart = config.dominant_placement == DominantPlacement::Apart && number > 0;
        let shape = if apart { shared.moved(config, rng) } else { shared.clone() };
        let style = Style::draw(config, &shape, palette, rng);
        dominants.push((shape, style, true));
    }
    // What has gaps lies over what has none, which it would not show otherwise.
    dominants.sort_by_key(|(_, style, _)| !style.has_gaps());
    let mut noise: Vec<(Shape, Style, bool)> = Vec::new();
    for _ in 0..pick(rng, config.noise_num_range) {
        let shape = Shape::draw(config, rng);
        let style = Style::draw(config, &shape, palette, rng);
        noise.push((shape, style, false));
    }
    let mut order = [vec![true; dominants.len()], vec![false; noise.len()]].concat();
    order.shuffle(rng);
    let (mut dominants, mut noise) = (dominants.into_iter(), noise.into_iter());
    order
        .into_iter()
        .filter_map(|dominant| if dominant { dominants.next() } else { noise.next() })
        .collect()
}
