//! Shapes that are filled with strokes.
//!
//! Each shape is looked at alone, with nothing of its outline and its neighbours: so buildings a
//! few strokes wide are seen, and a white yard beside hatching is not.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use geo_types::Polygon;
use mapvec_fourier::{
    PlaneWave, ProposalConfig, WaveProposal, Window, fit_wave, mean_direction, propose_waves,
};
use mapvec_geometry::fill_labels;
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use crate::hatching::{Hatching, HatchingConfig};
use crate::{Result, Shape};

/// What a window sees of a shape.
struct Seen {
    /// Number of the shape, from 1.
    shape: u32,
    /// Pixels of the shape in the window's cell.
    pixels: u32,
    /// The wave of its strokes, if there are some.
    wave: Option<PlaneWave>,
}

/// Says of every shape whether strokes fill it. `ink` is darkness from 0 to 1.
pub(crate) fn mark_hatched(
    shapes: &mut [Shape],
    ink: ArrayView2<'_, f64>,
    config: &HatchingConfig,
) -> Result<()> {
    let inside = interiors(shapes.iter().map(|shape| &shape.polygon), ink.dim());
    let mut of_shapes: BTreeMap<u32, Vec<Seen>> = BTreeMap::new();
    for seen in look(ink, inside.view(), config)? {
        of_shapes.entry(seen.shape).or_default().push(seen);
    }
    for (number, seen) in of_shapes {
        shapes[number as usize - 1].hatching = hatching(&seen, config.min_share);
    }
    Ok(())
}

/// Pixels of the shapes whose eight neighbours belong to the same one, with its number from 1:
/// outlines are no strokes.
fn interiors<'a>(
    polygons: impl Iterator<Item = &'a Polygon<f64>>,
    size: (usize, usize),
) -> Array2<u32> {
    let mut labels = Array2::<u32>::zeros(size);
    polygons.zip(1..).for_each(|(polygon, number)| fill_labels(polygon, number, &mut labels));
    let mut inside = Array2::zeros(size);
    if inside.is_empty() {
        return inside;
    }
    for (around, label) in labels
        .windows((3, 3))
        .into_iter()
        .zip(inside.slice_mut(s![1..size.0.max(2) - 1, 1..size.1.max(2) - 1]))
    {
        let own = around[(1, 1)];
        *label = if around.iter().all(|&other| other == own) { own } else { 0 };
    }
    inside
}

/// Looks at every cell of a grid through the window around it, at each shape alone.
fn look(
    ink: ArrayView2<'_, f64>,
    inside: ArrayView2<'_, u32>,
    config: &HatchingConfig,
) -> Result<Vec<Seen>> {
    let (side, stride) = (config.window, config.stride);
    // At most half of the side is the stride.
    let window = Frame { taper: Window::Hann.line(side), before: (side - stride) / 2 };
    let rows: Vec<usize> = (0..ink.nrows()).step_by(stride).collect();
    let of_rows: Vec<Result<Vec<Seen>>> = rows
        .into_par_iter()
        .map(|top| {
            let mut all = Vec::new();
            for left in (0..ink.ncols()).step_by(stride) {
                let (bottom, right) =
                    ((top + stride).min(ink.nrows()), (left + stride).min(ink.ncols()));
                let mut pixels: BTreeMap<u32, u32> = BTreeMap::new();
                for &label in inside.slice(s![top..bottom, left..right]) {
                    *pixels.entry(label).or_default() += 1;
                }
                pixels.remove(&0);
                for (shape, pixels) in pixels {
                    let patch = Patch::cut(ink, inside, shape, [top, left], &window);
                    all.push(Seen { shape, pixels, wave: patch.strokes(config)? });
                }
            }
            Ok(all)
        })
        .collect();
    let mut all = Vec::new();
    for row in of_rows {
        all.extend(row?);
    }
    Ok(all)
}

/// How a window lies around the cell it is for.
struct Frame {
    /// Weights along a side.
    taper: Vec<f64>,
    /// Pixels before the cell.
    before: usize,
}

/// A window on one shape.
struct Patch {
    ink: Array2<f64>,
    weights: Array2<f64>,
}

impl Patch {
    fn cut(
        ink: ArrayView2<'_, f64>,
        inside: ArrayView2<'_, u32>,
        shape: u32,
        [top, left]: [usize; 2],
        frame: &Frame,
    ) -> Self {
        let size = (frame.taper.len(), frame.taper.len());
        let (mut values, mut weights) = (Array2::zeros(size), Array2::zeros(size));
        for (i, down) in frame.taper.iter().enumerate() {
            let Some(y) = (top + i).checked_sub(frame.before) else { continue };
            for (j, across) in frame.taper.iter().enumerate() {
                let Some(x) = (left + j).checked_sub(frame.before) else { continue };
                if inside.get((y, x)) == Some(&shape) {
                    values[(i, j)] = ink[(y, x)];
                    weights[(i, j)] = down * across;
                }
            }
        }
        Self { ink: values, weights }
    }

    /// The wave that explains the patch, if it is strong and there are enough crests of it.
    fn strokes(&self, config: &HatchingConfig) -> Result<Option<PlaneWave>> {
        let total = self.weights.sum();
        if total <= 0.0 {
            return Ok(None);
        }
        let mean = (&self.ink * &self.weights).sum() / total;
        let square = |(value, weight): (&f64, &f64)| weight * (value - mean).powi(2);
        let variance = self.ink.iter().zip(&self.weights).map(square).sum::<f64>() / total;
        // What the weakest wave has; most of a map is empty paper.
        if variance < 0.5 * config.min_amplitude.powi(2) {
            return Ok(None);
        }
        let Some(start) = self.strongest(config)? else { return Ok(None) };
        // Fits take most of the time. One cannot make a wave between two bins twice as strong.
        let hopeless = 2.0 * start.amplitude < config.min_amplitude
            || 2.0 * start.amplitude.powi(2) < config.min_explained * variance
            || 2.0 * breadth(self.weights.view(), start.wave.frequency) < config.min_strokes;
        if hopeless {
            return Ok(None);
        }
        let fit = fit_wave(self.ink.view(), Some(self.weights.view()), &start.wave)?;
        let spacing = fit.wave.spacing();
        let explained = 1.0 - fit.residual / variance;
        let strokes = explained >= config.min_explained
            && fit.amplitude >= config.min_amplitude
            && (config.patterns.min_spacing..=config.patterns.max_spacing).contains(&spacing)
            && breadth(self.weights.view(), fit.wave.frequency) >= config.min_strokes;
        Ok(strokes.then_some(fit.wave))
    }

    /// The strongest bin of a canvas of twice the side: spectra need finer bins than the window
    /// has, since a shape may fill little of it.
    fn strongest(&self, config: &HatchingConfig) -> Result<Option<WaveProposal>> {
        let side = 2 * self.ink.nrows();
        let on_canvas = |values: &Array2<f64>| {
            let mut canvas = Array2::zeros((side, side));
            canvas.slice_mut(s![..side / 2, ..side / 2]).assign(values);
            canvas
        };
        let proposals = ProposalConfig {
            count: 1,
            min_frequency: side as f64 / config.patterns.max_spacing,
            min_spacing: config.patterns.min_spacing,
            ..ProposalConfig::default()
        };
        let (ink, weights) = (on_canvas(&self.ink), on_canvas(&self.weights));
        let picture = ink.view().insert_axis(Axis(0));
        Ok(propose_waves(picture, Some(weights.view()), &proposals)?.first().copied())
    }
}

/// How many crests lie side by side where the weights are: the width of the uniform distribution
/// that has their standard deviation across the crests, in spacings.
fn breadth(weights: ArrayView2<'_, f64>, [u, v]: [f64; 2]) -> f64 {
    let (mut total, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for ((y, x), weight) in weights.indexed_iter() {
        let at = u * x as f64 + v * y as f64;
        total += weight;
        sum += weight * at;
        squares += weight * at * at;
    }
    (12.0 * (squares / total - (sum / total).powi(2)).max(0.0)).sqrt()
}

/// The strokes of a shape from what its windows see.
fn hatching(seen: &[Seen], min_share: f64) -> Option<Hatching> {
    let all: f64 = seen.iter().map(|seen| f64::from(seen.pixels)).sum();
    let waves: Vec<(PlaneWave, f64)> =
        seen.iter().filter_map(|seen| Some((seen.wave?, f64::from(seen.pixels)))).collect();
    let hatched: f64 = waves.iter().map(|wave| wave.1).sum();
    let share = hatched / all.max(1.0);
    if waves.is_empty() || share < min_share {
        return None;
    }
    let angle = mean_direction(waves.iter().map(|(wave, pixels)| (wave.angle(), *pixels)));
    let turned = |wave: &PlaneWave| {
        let turn = (wave.angle() - angle).rem_euclid(PI);
        turn.min(PI - turn)
    };
    let bend = waves.iter().map(|(wave, pixels)| pixels * turned(wave)).sum::<f64>() / hatched;
    let mut spacings: Vec<(f64, f64)> = waves.iter().map(|(w, n)| (w.spacing(), *n)).collect();
    spacings.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut below = 0.0;
    let middle = spacings.iter().find(|(_, pixels)| {
        below += pixels;
        below >= 0.5 * hatched
    });
    middle.map(|&(spacing, _)| Hatching { angle, spacing, share, bend })
}

#[cfg(test)]
mod tests {
    use geo_types::polygon;

    use super::*;
    use crate::ShapeClass;

    fn rectangle([left, top, right, bottom]: [usize; 4]) -> Shape {
        let [l, t, r, b] = [left, top, right, bottom].map(|at| at as f64);
        let polygon = polygon![(x: l, y: t), (x: r, y: t), (x: r, y: b), (x: l, y: b)];
        let (class, area) = (ShapeClass::Shape, (r - l) * (b - t));
        Shape { id: 1, polygon, class, area, confidence: 1.0, hatching: None }
    }

    /// Paper with outlined rectangles, filled by strokes where a wave is given.
    fn plan(rectangles: &[([usize; 4], Option<PlaneWave>)]) -> (Array2<f64>, Vec<Shape>) {
        let mut ink = Array2::from_elem((160, 200), 0.12);
        for ([left, top, right, bottom], wave) in rectangles {
            for y in *top..*bottom {
                for x in *left..*right {
                    let edge = y == *top || x == *left || y + 1 == *bottom || x + 1 == *right;
                    let at = [x as f64 + 0.5, y as f64 + 0.5];
                    let stroke = wave.is_some_and(|wave| wave.value(at) > 0.3);
                    ink[(y, x)] = if edge || stroke { 0.7 } else { 0.12 };
                }
            }
        }
        (ink, rectangles.iter().map(|(corners, _)| rectangle(*corners)).collect())
    }

    fn marked(rectangles: &[([usize; 4], Option<PlaneWave>)]) -> Vec<Option<Hatching>> {
        let (ink, mut shapes) = plan(rectangles);
        mark_hatched(&mut shapes, ink.view(), &HatchingConfig::default()).unwrap();
        shapes.into_iter().map(|shape| shape.hatching).collect()
    }

    #[test]
    fn large_and_narrow_shapes_have_the_direction_and_spacing_of_their_strokes() {
        let strokes = |angle| Some(PlaneWave::from_crests(angle, 4.2, 1.0));
        let found = marked(&[
            ([10, 10, 90, 70], strokes(2.3)),
            // 14 px wide; the last one is as narrow, with strokes nearly along the x axis.
            ([100, 10, 114, 60], strokes(2.3)),
            ([120, 10, 134, 60], strokes(0.1)),
            ([10, 90, 70, 150], None),
        ]);
        for (found, angle) in found.iter().zip([2.3_f64, 2.3, 0.1]) {
            let found = found.expect("a hatched shape");
            assert!((found.angle - angle).abs() < 0.05, "{found:?}");
            assert!((found.spacing - 4.2).abs() < 0.15, "{found:?}");
            assert!(found.share > 0.9 && found.share <= 1.0, "{found:?}");
        }
        assert_eq!(found[3], None, "the empty one");
    }

    #[test]
    fn strokes_around_a_yard_and_outlines_beside_it_are_not_its_own() {
        let wave = Some(PlaneWave::from_crests(2.3, 4.2, 1.0));
        // A hatched block with a white yard drawn over it, and three narrow parallel strips.
        let found = marked(&[
            ([10, 10, 110, 80], wave),
            ([40, 35, 70, 50], None),
            ([10, 100, 190, 108], None),
            ([10, 107, 190, 115], None),
            ([10, 114, 190, 122], None),
        ]);
        assert!(found[0].is_some(), "the block");
        assert_eq!(found[1..], [None; 4], "yard and strips");
    }

    #[test]
    fn names_over_strokes_leave_them_strokes() {
        let wave = PlaneWave::from_crests(2.3, 4.2, 1.0);
        let (mut ink, mut shapes) = plan(&[([10, 10, 90, 70], Some(wave))]);
        // Letters as bars across the block.
        for x in (20..80).step_by(12) {
            ink.slice_mut(s![32..48, x..x + 4]).fill(0.75);
        }
        mark_hatched(&mut shapes, ink.view(), &HatchingConfig::default()).unwrap();
        let found = shapes[0].hatching.expect("a hatched block");
        assert!((found.angle - 2.3).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn pictures_of_any_size_are_taken() {
        for size in [(1, 1), (1, 40), (2, 2), (3, 50)] {
            let mut shapes = vec![rectangle([0, 0, size.1, size.0])];
            let ink = Array2::from_elem(size, 0.5);
            mark_hatched(&mut shapes, ink.view(), &HatchingConfig::default()).unwrap();
            assert_eq!(shapes[0].hatching, None, "{size:?}");
        }
    }
}
