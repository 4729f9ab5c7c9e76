//! What shapes are filled with, as in legends.

use std::f64::consts::PI;

use rand::Rng;

use super::config::MatchingConfig;
use super::shape::Shape;
use crate::pattern::color::{Color, Palette};
use crate::pattern::generator::pick;
use crate::pattern::plane::Point;

/// How a shape is drawn.
#[derive(Debug, Clone)]
pub(super) enum Style {
    /// One colour; segments as a line.
    Solid(Color),
    /// Parallel stripes of an area, of which some may be gaps.
    Stripes(Stripes),
    /// Pieces of a line.
    Dashes {
        color: Color,
        /// Lengths of a piece and of what follows it, px.
        on: f64,
        period: f64,
    },
    /// Discs at equal steps on a line.
    Discs { color: Color, radius: f64, step: f64, line: f64 },
}

/// Parallel stripes.
#[derive(Debug, Clone)]
pub(super) struct Stripes {
    /// Direction, in `[0, pi)`.
    pub(super) angle: f64,
    /// Where the first one begins, px across.
    offset: f64,
    /// Widths in px and colours; none is a gap.
    bands: Vec<(f64, Option<Color>)>,
}

impl Style {
    /// A style for a shape.
    pub(super) fn draw(
        config: &MatchingConfig,
        shape: &Shape,
        palette: &Palette,
        rng: &mut impl Rng,
    ) -> Self {
        let [color, second] = palette.pair(rng);
        match (shape, rng.random_range(0..3)) {
            (_, 0) => Self::Solid(color),
            (Shape::Quadrilateral(_), 1) => {
                let three = rng.random_bool(config.three_colors_prob);
                let widest = pick(rng, config.stripe_width_range) as f64;
                let same = rng.random_bool(config.same_width_prob);
                let [third, _] = palette.pair(rng);
                let mut width = || if same { widest } else { real([0.3, 1.0], rng) * widest };
                let mut bands = vec![(widest, Some(color)), (width(), Some(second))];
                if three {
                    bands.push((width(), Some(third)));
                }
                Self::stripes(bands, rng)
            }
            (Shape::Quadrilateral(_), _) => {
                let width = pick(rng, config.hatch_width_range) as f64;
                let gap = width * real(config.hatch_gap_range, rng);
                Self::stripes(vec![(width, Some(color)), (gap, None)], rng)
            }
            (Shape::Segment { width, .. }, 1) => {
                let on = width * real([1.0, 3.0], rng) + 1.0;
                Self::Dashes { color, on, period: on + width * real([0.5, 1.5], rng) + 1.0 }
            }
            (Shape::Segment { width, .. }, _) => {
                let radius = (width / 2.0).max(1.0);
                let step = 2.0 * radius * real([1.3, 2.5], rng);
                Self::Discs { color, radius, step, line: (width / 4.0).max(0.7) }
            }
        }
    }

    fn stripes(bands: Vec<(f64, Option<Color>)>, rng: &mut impl Rng) -> Self {
        let angle = rng.random_range(0.0..PI);
        let period: f64 = bands.iter().map(|(width, _)| width).sum();
        Self::Stripes(Stripes { angle, offset: rng.random_range(0.0..period), bands })
    }

    /// Whether what lies behind shows through gaps.
    pub(super) fn has_gaps(&self) -> bool {
        match self {
            Self::Solid(_) => false,
            Self::Stripes(stripes) => stripes.bands.iter().any(|(_, color)| color.is_none()),
            Self::Dashes { .. } | Self::Discs { .. } => true,
        }
    }

    /// Opacity of every pixel of a shape, 0 to 1.
    pub(super) fn opacity(&self, shape: &Shape, size: (usize, usize)) -> Vec<f32> {
        let line = match self {
            Self::Discs { line, .. } => Some(*line),
            _ => None,
        };
        let mut plane = shape.coverage(size, line);
        let (_, columns) = size;
        let centre =
            |at: usize| Point { x: (at % columns) as f64 + 0.5, y: (at / columns) as f64 + 0.5 };
        match (self, shape) {
            (Self::Stripes(stripes), _) if self.has_gaps() => {
                for (at, value) in plane.iter_mut().enumerate().filter(|(_, v)| **v > 0.0) {
                    *value *= stripes.mean(centre(at)).1;
                }
            }
            (Self::Dashes { on, period, .. }, Shape::Segment { ends, .. }) => {
                let axis = Axis::new(*ends);
                for (at, value) in plane.iter_mut().enumerate().filter(|(_, v)| **v > 0.0) {
                    let (along, _) = axis.local(centre(at));
                    *value *= single(overlap(along, *on, *period));
                }
            }
            (Self::Discs { radius, step, .. }, Shape::Segment { ends, .. }) => {
                let axis = Axis::new(*ends);
                let last = (axis.length / step).floor();
                // Equal rests at both ends.
                let first = (axis.length - last * step) / 2.0;
                for (at, value) in plane.iter_mut().enumerate() {
                    let (along, across) = axis.local(centre(at));
                    if across.abs() > radius + 1.0 {
                        continue;
                    }
                    let disc = ((along - first) / step).round().clamp(0.0, last);
                    let distance = (along - first - disc * step).hypot(across);
                    *value = value.max(single((0.5 + radius - distance).clamp(0.0, 1.0)));
                }
            }
            _ => {}
        }
        plane
    }

    /// Its colour at a point.
    pub(super) fn color(&self, at: Point) -> Color {
        match self {
            Self::Solid(color) | Self::Dashes { color, .. } | Self::Discs { color, .. } => *color,
            Self::Stripes(stripes) => stripes.mean(at).0,
        }
    }
}

impl Stripes {
    /// Colour of what is no gap, and the share of it, over a pixel's width across the stripes.
    fn mean(&self, at: Point) -> (Color, f32) {
        let period: f64 = self.bands.iter().map(|(width, _)| width).sum();
        let (sin, cos) = self.angle.sin_cos();
        let across = at.y * cos - at.x * sin - self.offset;
        let (mut sum, mut share, mut start) = ([0.0; 3], 0.0, 0.0);
        for (width, color) in &self.bands {
            if let Some(color) = color {
                let part = single(overlap(across - start, *width, period));
                share += part;
                for (sum, value) in sum.iter_mut().zip(color) {
                    *sum += part * value;
                }
            }
            start += width;
        }
        let first = self.bands.iter().find_map(|(_, color)| *color).unwrap_or_default();
        (if share > 0.0 { sum.map(|v| v / share) } else { first }, share.min(1.0))
    }
}

/// The frame of a segment.
struct Axis {
    start: Point,
    direction: (f64, f64),
    length: f64,
}

impl Axis {
    fn new([a, b]: [Point; 2]) -> Self {
        let length = a.distance(b).max(1e-9);
        Self { start: a, direction: ((b.x - a.x) / length, (b.y - a.y) / length), length }
    }

    /// Distance from the start along the segment, and across it.
    fn local(&self, p: Point) -> (f64, f64) {
        let ((dx, dy), (x, y)) = (self.direction, (p.x - self.start.x, p.y - self.start.y));
        (x * dx + y * dy, y * dx - x * dy)
    }
}

/// How much of the unit interval around `at` lies in the intervals `[0, on)` of every period.
fn overlap(at: f64, on: f64, period: f64) -> f64 {
    let before = |x: f64| {
        let whole = (x / period).floor();
        whole * on + (x - whole * period).min(on)
    };
    (before(at + 0.5) - before(at - 0.5)).clamp(0.0, 1.0)
}

/// A real number of a range.
pub(super) fn real([from, to]: [f64; 2], rng: &mut impl Rng) -> f64 {
    from + (to - from) * rng.random_range(0.0..1.0)
}

#[expect(clippy::cast_possible_truncation, reason = "opacities are f32")]
fn single(value: f64) -> f32 {
    value as f32
}
