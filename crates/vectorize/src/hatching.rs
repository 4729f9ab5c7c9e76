//! What counts as hatching, and lines that are strokes of it.

use geo_types::{Coord, LineString};
use mapvec_fourier::{LinePattern, PatternConfig, find_patterns};
use mapvec_geometry::{SegmentIndex, fill_labels};
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use serde::{Deserialize, Serialize};

use crate::{Error, Line, Result, Shape};

/// How hatching is told from shapes and lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HatchingConfig {
    /// What counts as a pattern of lines; the picture is darkness from 0 to 1. Shapes are looked
    /// at through windows of its side, at its stride, for strokes of its spacings.
    pub patterns: PatternConfig,
    /// A shape is hatched if windows that see strokes have at least this share of it, above 0 to
    /// 1. Default 0.4.
    pub min_share: f64,
    /// A window sees strokes if one wave explains at least this share of what varies in the shape
    /// there, above 0 to 1. Default 0.25: names on hatching vary, too.
    pub min_explained: f64,
    /// Amplitude of that wave at least, darkness, above 0. Default 0.06.
    pub min_amplitude: f64,
    /// Strokes side by side at least, 0 or more, by the spread of the window's weights: a shape
    /// between two outlines is no hatching. Default 2.5.
    pub min_strokes: f64,
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
            min_explained: 0.25,
            min_amplitude: 0.06,
            min_strokes: 2.5,
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
        let shares = [
            ("hatching.min_share", self.min_share),
            ("hatching.min_explained", self.min_explained),
            ("hatching.stroke_share", self.stroke_share),
        ];
        for (field, value) in shares {
            if !(value > 0.0 && value <= 1.0) {
                let value = value.to_string();
                return Err(Error::Config { field, value, allowed: "above 0 to 1" });
            }
        }
        if !(self.min_amplitude > 0.0 && self.min_amplitude.is_finite()) {
            let (field, value) = ("hatching.min_amplitude", self.min_amplitude.to_string());
            return Err(Error::Config { field, value, allowed: "above 0" });
        }
        if !(self.min_strokes >= 0.0 && self.min_strokes.is_finite()) {
            let (field, value) = ("hatching.min_strokes", self.min_strokes.to_string());
            return Err(Error::Config { field, value, allowed: "0 or more" });
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

/// Darkness from 0 to 1 of an RGB picture `[H, W, 3]`.
pub(crate) fn darkness(image: ArrayView3<'_, u8>) -> Array2<f64> {
    let scale = 255.0 * image.len_of(Axis(2)) as f64;
    image.map_axis(Axis(2), |pixel| {
        1.0 - pixel.iter().map(|&tone| f64::from(tone)).sum::<f64>() / scale
    })
}

/// Leaves out lines that run along the strokes of patterns, or, inside of shapes that are hatched
/// throughout, along their strokes. `ink` is darkness from 0 to 1.
pub(crate) fn drop_strokes(
    lines: &mut Vec<Line>,
    shapes: &[Shape],
    ink: ArrayView2<'_, f64>,
    config: &HatchingConfig,
) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let patterns: Vec<LinePattern> = find_patterns(ink, &config.patterns)?;
    let strokes: Vec<(&LineString<f64>, f64)> = patterns
        .iter()
        .flat_map(|pattern| pattern.lines.iter().map(|line| (&line.line, pattern.spacing)))
        .collect();
    let index = SegmentIndex::new(strokes.iter().map(|stroke| stroke.0))?;
    let fills = Fills::new(shapes, ink.dim());
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
                let in_pattern = is_stroke(&index, &strokes, at, step, config.max_turn);
                if in_pattern || fills.run_along(at, step, config.max_turn) {
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
    // Half a spacing away would be between two strokes.
    nearest.distance <= 0.5 * spacing && turn(direction, to - from) <= max_turn
}

/// The angle between two undirected lines, radians from 0 to pi / 2.
fn turn(a: Coord<f64>, b: Coord<f64>) -> f64 {
    (a.x * b.y - a.y * b.x).abs().atan2((a.x * b.x + a.y * b.y).abs())
}

/// Share of a shape from which on strokes are taken to fill all of it.
const WHOLE: f64 = 0.8;

/// Where shapes are hatched, and along what.
struct Fills {
    /// The number of the direction, from 1; 0 where nothing is hatched.
    labels: Array2<u32>,
    directions: Vec<Coord<f64>>,
}

impl Fills {
    fn new(shapes: &[Shape], size: (usize, usize)) -> Self {
        let mut fills = Self { labels: Array2::zeros(size), directions: Vec::new() };
        for shape in shapes {
            let Some(Hatching { angle, share, .. }) = shape.hatching else { continue };
            // Where strokes fill a part, as in a river with its streets, the rest has other lines.
            if share >= WHOLE {
                fills.directions.push(Coord { x: angle.cos(), y: angle.sin() });
                fill_labels(&shape.polygon, fills.directions.len() as u32, &mut fills.labels);
            }
        }
        fills
    }

    /// Whether a line in some direction at a point is one of the strokes of a shape.
    fn run_along(&self, at: Coord<f64>, direction: Coord<f64>, max_turn: f64) -> bool {
        let pixel = |value: f64| (value.floor() as i64).try_into().ok();
        let (Some(x), Some(y)) = (pixel(at.x), pixel(at.y)) else { return false };
        let label = self.labels.get::<(usize, usize)>((y, x)).copied().unwrap_or(0) as usize;
        label > 0 && turn(self.directions[label - 1], direction) <= max_turn
    }
}

#[cfg(test)]
mod tests {
    use geo_types::polygon;
    use mapvec_fourier::PlaneWave;

    use super::*;
    use crate::ShapeClass;

    fn line(from: (f64, f64), to: (f64, f64)) -> Line {
        Line { line: LineString::from(vec![from, to]), width: 1.0, confidence: 1.0 }
    }

    #[test]
    fn strokes_are_no_lines() {
        // The left part, up to x = 70, is hatched.
        let wave = PlaneWave::from_crests(0.7, 5.0, 0.0);
        let mut ink = wave.field((96, 128)).mapv(|value| if value > 0.5 { 0.8 } else { 0.1 });
        ink.slice_mut(ndarray::s![.., 70..]).fill(0.1);
        // A stroke, a road across the strokes, a line along them where nothing is hatched.
        let [a, b] = wave.crests((96, 70))[8];
        let stroke = line((a[0], a[1]), (b[0], b[1]));
        let across = line((5.0, 90.0), (65.0, 10.0));
        let outside = line((85.0, 10.0), (120.0, 10.0 + 35.0 * 0.7_f64.tan()));
        let mut lines = vec![stroke, across.clone(), outside.clone()];
        drop_strokes(&mut lines, &[], ink.view(), &HatchingConfig::default()).unwrap();
        assert_eq!(lines, [across, outside], "the stroke went");
    }

    #[test]
    fn strokes_inside_hatched_shapes_are_no_lines() {
        let polygon = polygon![
            (x: 10.0, y: 10.0), (x: 60.0, y: 10.0), (x: 60.0, y: 30.0), (x: 10.0, y: 30.0)
        ];
        let hatching = Some(Hatching { angle: 0.7, spacing: 5.0, share: 1.0 });
        let hatched = Shape {
            id: 3,
            polygon,
            class: ShapeClass::Shape,
            area: 1000.0,
            confidence: 1.0,
            hatching,
        };
        let plain = Shape { id: 1, hatching: None, ..hatched.clone() };
        let partly = Hatching { share: 0.6, angle: 0.7, spacing: 5.0 };
        let partly = Shape { id: 2, hatching: Some(partly), ..hatched.clone() };
        let slope = 0.7_f64.tan();
        let stroke = line((20.0, 12.0), (36.0, 12.0 + 16.0 * slope));
        let back = line((36.0, 12.0 + 16.0 * slope), (20.0, 12.0));
        let across = line((30.0, 28.0), (45.0, 12.0));
        let outside = line((70.0, 12.0), (86.0, 12.0 + 16.0 * slope));
        // Most of it is outside, and none of it inside the picture for a part.
        let leaving = line((50.0, 12.0), (-90.0, 12.0 - 140.0 * slope));
        let ink = Array2::zeros((96, 128));
        let all = [stroke.clone(), back, across.clone(), outside.clone(), leaving.clone()];
        for (shapes, left) in [
            (vec![plain.clone(), hatched], vec![across, outside, leaving]),
            (vec![partly, plain], all.to_vec()),
        ] {
            let mut lines = all.to_vec();
            drop_strokes(&mut lines, &shapes, ink.view(), &HatchingConfig::default()).unwrap();
            assert_eq!(lines, left);
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        type Change = fn(&mut HatchingConfig);
        assert!(HatchingConfig::default().validate().is_ok(), "the default must be valid");
        let cases: [(&str, Change); 7] = [
            ("hatching.min_share = 0", |config| config.min_share = 0.0),
            ("hatching.min_explained = 2", |config| config.min_explained = 2.0),
            ("hatching.min_amplitude = NaN", |config| config.min_amplitude = f64::NAN),
            ("hatching.min_strokes = -1", |config| config.min_strokes = -1.0),
            ("hatching.stroke_share = 0", |config| config.stroke_share = 0.0),
            ("hatching.max_turn = 2", |config| config.max_turn = 2.0),
            ("window", |config| config.patterns.window = 1),
        ];
        for (name, change) in cases {
            let mut config = HatchingConfig::default();
            change(&mut config);
            let message = config.validate().unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
    }
}
