//! The ground of topographic sheets: shading, halftone, woods, contour lines.

use ndarray::Array2;

use crate::draw::Draw;
use crate::noise::smooth_noise;
use crate::picture::{Colour, Picture, varied};
use crate::raster::{Plane, max_into};

/// Elevation of a sheet in units of its deviation.
#[derive(Debug)]
pub(crate) struct Relief {
    height: Plane,
    /// Colour of contour lines and their numbers.
    pub(crate) contour: Colour,
}

impl Relief {
    pub(crate) fn new(draw: &mut Draw, size: usize) -> Self {
        let coarse = draw.log_range(85.0, 290.0);
        let (middling, fine) = (draw.range32(0.1, 0.5), draw.range32(0.02, 0.14));
        let mut height = smooth_noise(draw, (size, size), coarse);
        height.scaled_add(middling, &smooth_noise(draw, (size, size), 45.0));
        height.scaled_add(fine, &smooth_noise(draw, (size, size), 18.0));
        let brown = draw.pick([
            [185.0, 112.0, 52.0],
            [190.0, 95.0, 45.0],
            [150.0, 95.0, 60.0],
            [120.0, 110.0, 100.0],
        ]);
        Self { height, contour: varied(draw, brown, 16.0) }
    }

    /// Slope towards the light, clipped: 0 is flat or lit, 1 is the deepest shade.
    fn shade(&self) -> Plane {
        let (rows, columns) = self.height.dim();
        let reach = 8;
        let mut shade = Array2::from_shape_fn((rows, columns), |(y, x)| {
            let (low, right) = ((y + reach).min(rows - 1), (x + reach).min(columns - 1));
            let (up, left) = (y.saturating_sub(reach), x.saturating_sub(reach));
            self.height[(up, left)] - self.height[(low, right)]
        });
        let power = shade.iter().map(|v| v * v).sum::<f32>() / shade.len().max(1) as f32;
        let scale = 0.5 / power.sqrt().max(1e-6);
        shade.mapv_inplace(|v| (v * scale).clamp(0.0, 1.0));
        shade
    }

    /// Paints relief shading, as a tint and as a halftone of dots.
    pub(crate) fn paint_shade(&self, draw: &mut Draw, picture: &mut Picture) {
        let shade = self.shade();
        let grey = varied(draw, [135.0, 138.0, 132.0], 10.0);
        let tint = draw.range32(0.0, 0.4);
        picture.paint(&shade, grey, tint);
        let strength = draw.range32(0.3, 1.3);
        let base = if draw.chance(0.35) { draw.range32(0.0, 0.25) } else { 0.0 };
        let wave = draw.range(1.3, 2.7);
        let phase = draw.turn();
        let (rows, columns) = shade.dim();
        let table = |length: usize| -> Vec<f32> {
            (0..length).map(|k| (wave * k as f64 + phase).sin() as f32).collect()
        };
        let (down, across) = (table(rows), table(columns));
        // The product of two sines is a screen at 45 degrees, their sum one at 0 degrees.
        let diagonal = draw.chance(0.5);
        let dots = Array2::from_shape_fn((rows, columns), |(y, x)| {
            let screen = if diagonal { down[y] * across[x] } else { 0.5 * (down[y] + across[x]) };
            let level = shade[(y, x)] * strength + base;
            ((level - 0.5 * screen - 0.5) * 3.0).clamp(0.0, 1.0)
        });
        let alpha = draw.range32(0.15, 0.8);
        picture.paint(&dots, grey.map(|v| v - 8.0), alpha);
    }

    /// Paints woods as a green tint; returns the ink of their dotted edges.
    pub(crate) fn paint_woods(&self, draw: &mut Draw, picture: &mut Picture) -> Option<Plane> {
        if !draw.chance(0.6) {
            return None;
        }
        let (rows, columns) = self.height.dim();
        let cell = draw.range(60.0, 160.0);
        let field = smooth_noise(draw, (rows, columns), cell);
        let level = draw.range32(0.5, 1.8);
        let green = varied(draw, [188.0, 208.0, 150.0], 10.0);
        let alpha = draw.range32(0.3, 0.85);
        picture.paint(&field.mapv(|v| ((v - level) * 40.0 + 0.5).clamp(0.0, 1.0)), green, alpha);
        if !draw.chance(0.6) {
            return None;
        }
        let step = draw.range(4.5, 7.0);
        let table = |length: usize| -> Vec<f32> {
            (0..length).map(|k| (k as f64 * std::f64::consts::TAU / step).sin() as f32).collect()
        };
        let (down, across) = (table(rows), table(columns));
        let mut dots: Plane = Array2::zeros((rows, columns));
        for_gradient(&field, |at, value, slope| {
            let distance = (value - level).abs() / slope;
            if distance < 2.0 {
                let on = ((down[at.0] + across[at.1]) * 1.5 - 0.2).clamp(0.0, 1.0);
                dots[at] = (1.6 - distance).clamp(0.0, 1.0) * on;
            }
        });
        Some(dots)
    }

    /// Ink of the contour lines, every fifth one thicker.
    pub(crate) fn contours(&self, draw: &mut Draw) -> Plane {
        let interval = draw.log_range(0.14, 0.55) as f32;
        let width = draw.range32(0.6, 1.7);
        let index_width = width * draw.range32(1.3, 2.2);
        let closest = draw.range32(0.12, 0.3);
        let mut ink: Plane = Array2::zeros(self.height.dim());
        let wobble_size = draw.range32(0.0, 0.35);
        let wobble = smooth_noise(draw, self.height.dim(), 7.0);
        for_gradient(&self.height, |at, value, slope| {
            let level = (value / interval).round();
            let distance = (value - level * interval).abs() / slope + wobble_size * wobble[at];
            let index = level.rem_euclid(5.0) < 0.5;
            let half = if index { index_width } else { width } / 2.0;
            // Where lines would run together only the index contours are drawn.
            if index || slope < closest * interval {
                ink[at] = (half - distance + 0.5).clamp(0.0, 1.0);
            }
        });
        ink
    }
}

/// Calls `visit` with every pixel's place, value and slope per pixel.
fn for_gradient(field: &Plane, mut visit: impl FnMut((usize, usize), f32, f32)) {
    let (rows, columns) = field.dim();
    for y in 0..rows {
        let (up, down) = (y.saturating_sub(1), (y + 1).min(rows - 1));
        for x in 0..columns {
            let (left, right) = (x.saturating_sub(1), (x + 1).min(columns - 1));
            let gx = field[(y, right)] - field[(y, left)];
            let gy = field[(down, x)] - field[(up, x)];
            visit((y, x), field[(y, x)], (0.5 * (gx * gx + gy * gy).sqrt()).max(1e-6));
        }
    }
}

/// Adds one plane's ink to another.
pub(crate) fn add_ink(target: &mut Plane, ink: Option<&Plane>) {
    if let Some(ink) = ink {
        max_into(target, ink);
    }
}
