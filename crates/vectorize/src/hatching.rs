//! Hatched areas, and lines that are strokes of hatching.

use std::collections::BTreeMap;

use geo_types::{Coord, LineString, Polygon};
use mapvec_fourier::{LinePattern, PatternConfig, find_patterns};
use mapvec_geometry::{SegmentIndex, fill_labels};
use ndarray::{Array2, ArrayView3, Axis};
use serde::{Deserialize, Serialize};

use crate::{Error, Line, Result, Shape};

/// How hatching is told from shapes and lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HatchingConfig {
    /// What counts as a pattern of lines; the picture is darkness from 0 to 1.
    pub patterns: PatternConfig,
    /// A shape is hatched if patterns have at least this share of it, above 0 to 1. Default 0.4.
    pub min_share: f64,
    /// A line is left out if at least this share of it runs along strokes, above 0 to 1. Default
    /// 0.6.
    pub stroke_share: f64,
    /// A line runs along a stroke if their directions differ by at most this, radians, 0 to
    /// pi / 2. Default 0.35.
    pub max_turn: f64,
}

impl Default for HatchingConfig {
    fn default() -> Self {
        Self {
            patterns: PatternConfig::default(),
            min_share: 0.4,
            stroke_share: 0.6,
            max_turn: 0.35,
        }
    }
}

impl HatchingConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Config`] names the first field outside its range, [`Error::Patterns`] one of
    /// `patterns`.
    pub fn validate(&self) -> Result<()> {
        self.patterns.validate()?;
        let shares =
            [("hatching.min_share", self.min_share), ("hatching.stroke_share", self.stroke_share)];
        for (field, value) in shares {
            if !(value > 0.0 && value <= 1.0) {
                let value = value.to_string();
                return Err(Error::Config { field, value, allowed: "above 0 to 1" });
            }
        }
        if !(0.0..=std::f64::consts::FRAC_PI_2).contains(&self.max_turn) {
            let (field, value) = ("hatching.max_turn", self.max_turn.to_string());
            return Err(Error::Config { field, value, allowed: "0 to pi / 2 radians" });
        }
        Ok(())
    }
}

/// The hatching of a shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hatching {
    /// Direction of its strokes, undirected, radians in `[0, pi)`.
    pub angle: f64,
    /// Distance between them, px.
    pub spacing: f64,
    /// Share of the shape that is hatched, 0 to 1.
    pub share: f64,
}

/// The patterns of dark lines of an RGB picture `[H, W, 3]`.
pub(crate) fn dark_patterns(
    image: ArrayView3<'_, u8>,
    config: &PatternConfig,
) -> Result<Vec<LinePattern>> {
    let channels = image.len_of(Axis(2));
    let scale = 255.0 * channels as f64;
    let darkness = image.map_axis(Axis(2), |pixel| {
        1.0 - pixel.iter().map(|&tone| f64::from(tone)).sum::<f64>() / scale
    });
    Ok(find_patterns(darkness.view(), config)?)
}

/// Says of every shape whether patterns fill it.
pub(crate) fn mark_hatched(
    shapes: &mut [Shape],
    patterns: &[LinePattern],
    size: (usize, usize),
    config: &HatchingConfig,
) {
    let polygons = patterns.iter().map(|pattern| pattern.extent.0.as_slice());
    let hatched = drawn(polygons, size);
    let filled = drawn(shapes.iter().map(|shape| std::slice::from_ref(&shape.polygon)), size);
    // Pixels of every pattern in every shape.
    let mut counts: BTreeMap<u32, BTreeMap<u32, u32>> = BTreeMap::new();
    for (&shape, &pattern) in filled.iter().zip(&hatched) {
        if shape > 0 && pattern > 0 {
            *counts.entry(shape).or_default().entry(pattern).or_default() += 1;
        }
    }
    for (number, counts) in counts {
        let shape = &mut shapes[number as usize - 1];
        let all: u32 = counts.values().sum();
        let share = (f64::from(all) / shape.area.max(1.0)).min(1.0);
        // The first of equal ones.
        let most =
            counts.iter().max_by_key(|&(pattern, count)| (count, std::cmp::Reverse(pattern)));
        if let Some((&pattern, _)) = most
            && share >= config.min_share
        {
            let LinePattern { angle, spacing, .. } = patterns[pattern as usize - 1];
            shape.hatching = Some(Hatching { angle, spacing, share });
        }
    }
}

/// Polygons with the number of their list, from 1.
fn drawn<'a>(lists: impl Iterator<Item = &'a [Polygon<f64>]>, size: (usize, usize)) -> Array2<u32> {
    let mut labels = Array2::zeros(size);
    for (polygons, number) in lists.zip(1..) {
        polygons.iter().for_each(|polygon| fill_labels(polygon, number, &mut labels));
    }
    labels
}

/// Leaves out lines that run along the strokes of patterns.
pub(crate) fn drop_strokes(
    lines: &mut Vec<Line>,
    patterns: &[LinePattern],
    config: &HatchingConfig,
) -> Result<()> {
    let strokes: Vec<(&LineString<f64>, f64)> = patterns
        .iter()
        .flat_map(|pattern| pattern.lines.iter().map(|line| (&line.line, pattern.spacing)))
        .collect();
    let index = SegmentIndex::new(strokes.iter().map(|stroke| stroke.0))?;
    lines.retain(|line| {
        let (mut along, mut all) = (0.0, 0.0);
        for part in line.line.lines() {
            let step = part.end - part.start;
            let length = step.x.hypot(step.y);
            let samples = length.ceil().max(1.0);
            let mut k = 0.5;
            while k < samples {
                let at = part.start + step * (k / samples);
                all += length / samples;
                if is_stroke(&index, &strokes, at, step, config.max_turn) {
                    along += length / samples;
                }
                k += 1.0;
            }
        }
        all <= 0.0 || along < config.stroke_share * all
    });
    Ok(())
}

/// Whether a stroke runs beside a point, in its direction.
fn is_stroke(
    index: &SegmentIndex,
    strokes: &[(&LineString<f64>, f64)],
    at: Coord<f64>,
    direction: Coord<f64>,
    max_turn: f64,
) -> bool {
    let Some(nearest) = index.nearest(at) else { return false };
    let (stroke, spacing) = strokes[nearest.line];
    let (from, to) = (stroke.0[nearest.segment], stroke.0[nearest.segment + 1]);
    let (a, b) = (direction, to - from);
    let turn = (a.x * b.y - a.y * b.x).abs().atan2((a.x * b.x + a.y * b.y).abs());
    // Half a spacing away would be between two strokes.
    nearest.distance <= 0.5 * spacing && turn <= max_turn
}

#[cfg(test)]
mod tests {
    use geo_types::polygon;
    use mapvec_fourier::PlaneWave;
    use ndarray::Array3;

    use super::*;
    use crate::ShapeClass;

    /// A picture of 128 x 96 px, whose left part, up to x = 70, is hatched.
    fn picture(wave: &PlaneWave) -> Array3<u8> {
        let field = wave.field((96, 128));
        Array3::from_shape_fn(
            (96, 128, 3),
            |(y, x, _)| {
                if x < 70 && field[(y, x)] > 0.5 { 60 } else { 220 }
            },
        )
    }

    fn rectangle(id: u32, left: f64, right: f64) -> Shape {
        let polygon = polygon![
            (x: left, y: 0.0), (x: right, y: 0.0), (x: right, y: 96.0), (x: left, y: 96.0)
        ];
        let class = ShapeClass::Shape;
        Shape { id, polygon, class, area: 96.0 * (right - left), confidence: 1.0, hatching: None }
    }

    fn line(from: (f64, f64), to: (f64, f64)) -> Line {
        Line { line: LineString::from(vec![from, to]), width: 1.0, confidence: 1.0 }
    }

    #[test]
    fn hatched_shapes_say_so_and_strokes_are_no_lines() {
        let wave = PlaneWave::from_crests(0.7, 5.0, 0.0);
        let config = HatchingConfig::default();
        let patterns = dark_patterns(picture(&wave).view(), &config.patterns).unwrap();
        assert_eq!(patterns.len(), 1, "one hatching");
        let mut shapes = vec![rectangle(7, 0.0, 70.0), rectangle(3, 70.0, 128.0)];
        mark_hatched(&mut shapes, &patterns, (96, 128), &config);
        let hatching = shapes[0].hatching.unwrap();
        assert!((hatching.angle - 0.7).abs() < 0.02, "{hatching:?}");
        assert!((hatching.spacing - 5.0).abs() < 0.05, "{hatching:?}");
        assert!(hatching.share > 0.8 && hatching.share <= 1.0, "{hatching:?}");
        assert_eq!(shapes[1].hatching, None, "the empty one");

        // A stroke, a road across the strokes, a line along them where nothing is hatched.
        let [a, b] = wave.crests((96, 70))[8];
        let stroke = line((a[0], a[1]), (b[0], b[1]));
        let across = line((5.0, 90.0), (65.0, 10.0));
        let outside = line((85.0, 10.0), (120.0, 10.0 + 35.0 * 0.7_f64.tan()));
        let mut lines = vec![stroke, across.clone(), outside.clone()];
        drop_strokes(&mut lines, &patterns, &config).unwrap();
        assert_eq!(lines, [across, outside], "the stroke went");
    }

    #[test]
    fn settings_out_of_range_are_named() {
        assert!(HatchingConfig::default().validate().is_ok(), "the default must be valid");
        let share = HatchingConfig { min_share: 0.0, ..HatchingConfig::default() };
        let message = share.validate().unwrap_err().to_string();
        assert!(message.contains("hatching.min_share = 0"), "{message}");
        let turn = HatchingConfig { max_turn: 2.0, ..HatchingConfig::default() };
        assert!(turn.validate().unwrap_err().to_string().contains("max_turn"), "a direction");
        let patterns = PatternConfig { window: 1, ..PatternConfig::default() };
        let inner = HatchingConfig { patterns, ..HatchingConfig::default() };
        assert!(inner.validate().unwrap_err().to_string().contains("window"), "an inner field");
    }
}
