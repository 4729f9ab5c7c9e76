//! Lines that are strokes of hatching.

use std::ops::RangeInclusive;

use geo_types::{Coord, LineString};
use mapvec_fourier::{LinePattern, find_patterns};
use mapvec_geometry::{SegmentIndex, fill_labels};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use crate::hatching::{Hatching, HatchingConfig};
use crate::{Line, Result, Shape};

/// Leaves out lines that run along the strokes of patterns, or, inside of shapes that are hatched
/// throughout, along their strokes. `ink` is darkness from 0 to 1.
///
/// Roads and thick lines that run along strokes stay, since they have less or more ink than the
/// strokes beside them.
pub(crate) fn drop_strokes(
    lines: &mut Vec<Line>,
    shapes: &[Shape],
    ink: ArrayView2<'_, f64>,
    config: &HatchingConfig,
) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut patterns: Vec<LinePattern> = find_patterns(ink, &config.patterns)?;
    patterns.retain(|pattern| pattern.bend <= config.max_bend);
    let strokes: Vec<(&LineString<f64>, f64)> = patterns
        .iter()
        .flat_map(|pattern| pattern.lines.iter().map(|line| (&line.line, pattern.spacing)))
        .collect();
    let index = SegmentIndex::new(strokes.iter().map(|stroke| stroke.0))?;
    let fills = Fills::new(shapes, ink.dim(), config.max_bend);
    let is_stroke = |at: Coord<f64>, direction: Coord<f64>| {
        let along = |stroke: &Strokes| turn(direction, stroke.direction) <= config.max_turn;
        let like = |stroke: &Strokes, inside: &dyn Fn(Coord<f64>) -> bool| {
            is_like_others(ink, at, stroke, (config.max_ratio, inside))
        };
        let label = fills.label(at);
        beside(&index, &strokes, at).is_some_and(|stroke| along(&stroke) && like(&stroke, &|_| true))
            // What lies outside of a shape has other ink.
            || (fills.strokes(label))
                .is_some_and(|stroke| along(stroke) && like(stroke, &|at| fills.label(at) == label))
    };
    let kept: Vec<bool> = lines
        .par_iter()
        .map(|line| {
            let (mut along, mut all) = (0.0, 0.0);
            for part in line.line.lines() {
                let step = part.end - part.start;
                let length = step.x.hypot(step.y);
                let samples = length.ceil().max(1.0);
                let mut k = 0.5;
                while k < samples {
                    all += length / samples;
                    if is_stroke(part.start + step * (k / samples), step) {
                        along += length / samples;
                    }
                    k += 1.0;
                }
            }
            all <= 0.0 || along < config.stroke_share * all
        })
        .collect();
    let mut kept = kept.into_iter();
    lines.retain(|_| kept.next().unwrap_or(true));
    Ok(())
}

/// Strokes around a point.
#[derive(Debug, Clone, Copy)]
struct Strokes {
    direction: Coord<f64>,
    spacing: f64,
}

/// The strokes of patterns of which one runs beside a point.
fn beside(
    index: &SegmentIndex,
    strokes: &[(&LineString<f64>, f64)],
    at: Coord<f64>,
) -> Option<Strokes> {
    let nearest = index.nearest(at)?;
    let (stroke, spacing) = strokes[nearest.line];
    let (from, to) = (stroke.0[nearest.segment], stroke.0[nearest.segment + 1]);
    // Half a spacing away would be between two strokes.
    (nearest.distance <= 0.5 * spacing).then_some(Strokes { direction: to - from, spacing })
}

/// The angle between two undirected lines, radians from 0 to pi / 2.
fn turn(a: Coord<f64>, b: Coord<f64>) -> f64 {
    (a.x * b.y - a.y * b.x).abs().atan2((a.x * b.x + a.y * b.y).abs())
}

/// Steps across strokes per distance of strokes.
const STEPS: usize = 8;

/// How far the ink beside a point is looked at, to either side and in both directions along, in
/// distances of strokes.
const REACH: usize = 3;

/// Paper has some darkness, too; less ink than this is none.
const PAPER: f64 = 0.03;

/// Whether there is as much ink at a point as on the strokes beside it: the largest ratio between
/// the two, and where strokes are.
///
/// Ink is a mean over one distance of strokes across and two along, so it does not matter whether
/// the point is on a stroke or between two. What is beside it is the median of such means, of
/// those that lie where strokes are; a side without any does not count.
fn is_like_others(
    ink: ArrayView2<'_, f64>,
    at: Coord<f64>,
    stroke: &Strokes,
    (max_ratio, inside): (f64, &dyn Fn(Coord<f64>) -> bool),
) -> bool {
    let length = stroke.direction.x.hypot(stroke.direction.y);
    if length <= 0.0 {
        return false;
    }
    let along = stroke.direction / length;
    let across = Coord { x: -along.y, y: along.x } * (stroke.spacing / STEPS as f64);
    let steps = stroke.spacing.floor();
    // Sums of the profile across, from its start.
    let half = (REACH * STEPS) as f64;
    let (mut sums, mut counts) = (vec![0.0], [false; 2 * REACH * STEPS + 1]);
    for k in 0..=2 * REACH * STEPS {
        let middle = at + across * (k as f64 - half);
        counts[k] = inside(middle);
        let (mut t, mut sum) = (-steps, 0.0);
        while t <= steps {
            sum += tone(ink, middle + along * t);
            t += 1.0;
        }
        sums.push(sums[k] + sum / (2.0 * steps + 1.0));
    }
    let mean = |from: usize| (sums[from + STEPS] - sums[from]) / STEPS as f64;
    let own = REACH * STEPS - STEPS / 2;
    let like = |others: RangeInclusive<usize>| {
        let inside = |from: &usize| counts[*from..*from + STEPS].iter().all(|&counts| counts);
        let mut others: Vec<f64> = others.filter(inside).map(mean).collect();
        if others.is_empty() {
            return true;
        }
        others.sort_by(f64::total_cmp);
        let (own, others) = (mean(own).max(PAPER), others[others.len() / 2].max(PAPER));
        own <= max_ratio * others && others <= max_ratio * own
    };
    like(0..=own - STEPS) && like(own + STEPS..=(2 * REACH - 1) * STEPS)
}

/// The value of the pixel in which a point lies, or of the nearest one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "points near a picture that has pixels"
)]
fn tone(ink: ArrayView2<'_, f64>, at: Coord<f64>) -> f64 {
    let (height, width) = ink.dim();
    let (y, x) = (at.y.max(0.0) as usize, at.x.max(0.0) as usize);
    ink.get((y.min(height.saturating_sub(1)), x.min(width.saturating_sub(1))))
        .copied()
        .unwrap_or(0.0)
}

/// Share of a shape from which on strokes are taken to fill all of it.
const WHOLE: f64 = 0.8;

/// Where shapes are hatched, and along what.
struct Fills {
    /// The number of the strokes, from 1; 0 where nothing is hatched.
    labels: Array2<u32>,
    strokes: Vec<Strokes>,
}

impl Fills {
    fn new(shapes: &[Shape], size: (usize, usize), max_bend: f64) -> Self {
        let mut fills = Self { labels: Array2::zeros(size), strokes: Vec::new() };
        for shape in shapes {
            let Some(Hatching { angle, spacing, share, bend }) = shape.hatching else { continue };
            // Where strokes fill a part, as in a river with its streets, the rest has other lines.
            if share >= WHOLE && bend <= max_bend {
                let direction = Coord { x: angle.cos(), y: angle.sin() };
                fills.strokes.push(Strokes { direction, spacing });
                fill_labels(&shape.polygon, fills.strokes.len() as u32, &mut fills.labels);
            }
        }
        fills
    }

    /// The number of the strokes of the shape in which a point lies, or 0.
    fn label(&self, at: Coord<f64>) -> u32 {
        let pixel = |value: f64| usize::try_from(value.floor() as i64).unwrap_or(usize::MAX);
        self.labels.get((pixel(at.y), pixel(at.x))).copied().unwrap_or(0)
    }

    /// The strokes with a number.
    fn strokes(&self, label: u32) -> Option<&Strokes> {
        self.strokes.get((label as usize).checked_sub(1)?)
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
        let hatching = Some(Hatching { angle: 0.7, spacing: 5.0, share: 1.0, bend: 0.0 });
        let hatched = Shape {
            id: 3,
            polygon,
            class: ShapeClass::Shape,
            area: 1000.0,
            confidence: 1.0,
            hatching,
        };
        let plain = Shape { id: 1, hatching: None, ..hatched.clone() };
        let partly = Hatching { share: 0.6, angle: 0.7, spacing: 5.0, bend: 0.0 };
        let partly = Shape { id: 2, hatching: Some(partly), ..hatched.clone() };
        let slope = 0.7_f64.tan();
        let stroke = line((20.0, 12.0), (36.0, 12.0 + 16.0 * slope));
        let back = line((36.0, 12.0 + 16.0 * slope), (20.0, 12.0));
        let across = line((30.0, 28.0), (45.0, 12.0));
        let outside = line((70.0, 12.0), (86.0, 12.0 + 16.0 * slope));
        // Most of it is outside, and none of it inside the picture for a part.
        let leaving = line((50.0, 12.0), (-90.0, 12.0 - 140.0 * slope));
        // Four strokes side by side, and paper around.
        let wave = PlaneWave::from_crests(0.7, 5.0, 0.0).field((96, 128));
        let ink = Array2::from_shape_fn((96, 128), |(y, x)| {
            let hatched = (10..30).contains(&y) && (10..60).contains(&x);
            if hatched && wave[(y, x)] > 0.5 { 0.8 } else { 0.1 }
        });
        // A line along the strokes that is thicker than they are.
        let mut thick = ink.clone();
        for ((y, x), tone) in thick.indexed_iter_mut() {
            let away = (x as f64 - 19.5) * 0.7_f64.sin() - (y as f64 - 11.5) * 0.7_f64.cos();
            *tone = if away.abs() < 2.5 { 0.8 } else { *tone };
        }
        let all = [stroke.clone(), back, across.clone(), outside.clone(), leaving.clone()];
        for (shapes, left) in [
            (vec![plain.clone(), hatched], vec![across, outside, leaving]),
            (vec![partly, plain], all.to_vec()),
        ] {
            let mut lines = all.to_vec();
            drop_strokes(&mut lines, &shapes, ink.view(), &HatchingConfig::default()).unwrap();
            assert_eq!(lines, left);
            let mut lines = vec![stroke.clone()];
            drop_strokes(&mut lines, &shapes, thick.view(), &HatchingConfig::default()).unwrap();
            assert_eq!(lines.len(), 1, "thick lines stay");
        }
    }

    /// Paper on which `ink` says what is dark.
    fn drawn(ink: impl Fn(f64, f64) -> bool) -> Array2<f64> {
        Array2::from_shape_fn((160, 160), |(y, x)| {
            if ink(x as f64 + 0.5, y as f64 + 0.5) { 0.85 } else { 0.1 }
        })
    }

    fn left(lines: &[&Line], ink: &Array2<f64>, config: &HatchingConfig) -> Vec<bool> {
        let mut kept: Vec<Line> = lines.iter().map(|line| (*line).clone()).collect();
        drop_strokes(&mut kept, &[], ink.view(), config).unwrap();
        lines.iter().map(|line| kept.contains(line)).collect()
    }

    /// A number from -1 to 1 for each pair.
    fn random(a: f64, b: f64) -> f64 {
        2.0 * ((12.9898 * a + 78.233 * b).sin() * 43758.5453).rem_euclid(1.0) - 1.0
    }

    /// Strokes 5.5 px apart that run down, in rows with breaks, unevenly; across them, at a slope,
    /// a road of two lines with nothing between.
    fn hachures_with_a_road() -> Array2<f64> {
        drawn(|x, y| {
            let from_road = y - 60.0 - 0.3 * x;
            if (-5.0..5.0).contains(&from_road) {
                return from_road.abs() > 2.8;
            }
            let (row, stroke) = ((y / 30.0).floor(), (x / 5.5).floor());
            let middle = (stroke + 0.5) * 5.5 + 0.5 * random(stroke, row);
            let (along, end) = (y - 30.0 * row, 27.0 + 2.0 * random(row, stroke));
            (x - middle).abs() < 1.0 && along < end
        })
    }

    #[test]
    fn lines_in_hachures_go_and_the_road_across_them_stays() {
        let ink = hachures_with_a_road();
        let road = line((12.0, 63.6), (148.0, 104.4));
        let casing = line((12.0, 59.6), (148.0, 100.4));
        let [along, between] =
            [line((46.8, 112.0), (46.8, 136.0)), line((80.0, 20.0), (80.0, 50.0))];
        let across = line((30.0, 20.0), (70.0, 40.0));
        let lines = [&road, &casing, &along, &between, &across];
        let config = HatchingConfig::hachures();
        assert_eq!(left(&lines, &ink, &config), [true, true, false, false, false]);
    }

    #[test]
    fn roads_and_thick_lines_along_strokes_stay() {
        // Strokes 5 px apart; at x = 80 one is twice as wide, at x = 120 three are missing.
        let ink = drawn(|x, _| {
            let from_stroke = (x - 2.5).rem_euclid(5.0) - 2.5;
            let road = (x - 120.0).abs() < 6.5;
            (from_stroke.abs() < 0.9 && !road) || (x - 80.0).abs() < 1.9
        });
        let down = |x: f64| line((x, 20.0), (x, 140.0));
        let (stroke, between, thick, road) = (down(40.0), down(41.5), down(80.0), down(120.0));
        for config in [HatchingConfig::default(), HatchingConfig::hachures()] {
            let kept = left(&[&stroke, &between, &thick, &road], &ink, &config);
            assert_eq!(kept, [false, false, true, true]);
            let blind = HatchingConfig { max_ratio: 1e6, ..config };
            assert_eq!(left(&[&thick], &ink, &blind), [false], "by its ink alone");
        }
    }

    #[test]
    fn close_contour_lines_stay_unless_hachures_are_asked_for() {
        // Contour lines around a hill, 6 px apart.
        let ink = drawn(|x, y| {
            let radius = (x - 80.0).hypot(1.3 * (y - 80.0));
            (radius.rem_euclid(6.0) - 3.0).abs() < 0.9
        });
        let ring = |radius: f64| {
            let at = |k: i32| {
                let (sin, cos) = (f64::from(k) * 0.1).sin_cos();
                (80.0 + radius * cos, 80.0 + radius / 1.3 * sin)
            };
            let line = LineString::from((0..=50).map(at).collect::<Vec<_>>());
            Line { line, width: 1.8, confidence: 1.0 }
        };
        let (inner, outer) = (ring(39.0), ring(57.0));
        let lines = [&inner, &outer];
        assert_eq!(left(&lines, &ink, &HatchingConfig::default()), [true, true]);
        assert_eq!(left(&lines, &ink, &HatchingConfig::hachures()), [false, false]);
    }
}
