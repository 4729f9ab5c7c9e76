//! Pictures of discs with noise and what a classifier might say of them, for the dense CRF; the
//! peer's side is in `xtask/peers/crf.py`.

use std::f64::consts::TAU;
use std::ops::Range;

use ndarray::{Array2, Array3};

use crate::geometry_cases::inputs::uniform;

const UNIT: (f64, f64) = (0.0, 1.0);
const DISCS: usize = 24;

/// Rows and columns of a picture.
pub type Part = (Range<usize>, Range<usize>);

/// Discs of one colour each on black, with noise; any part can be made by itself.
#[derive(Debug, Clone)]
pub struct DiscScene {
    /// Height and width.
    size: (usize, usize),
    seed: u64,
    discs: Vec<Disc>,
}

#[derive(Debug, Clone)]
struct Disc {
    center: (f64, f64),
    radius: f64,
    color: [f64; 3],
}

impl DiscScene {
    /// A scene of a height and width.
    #[must_use]
    pub fn new(size: (usize, usize), seed: u64) -> Self {
        let (height, width) = (size.0 as f64, size.1 as f64);
        let disc = |disc: usize| {
            let draw = |index: usize| uniform(seed, 6 * disc + index, UNIT);
            Disc {
                center: (draw(0) * width, draw(1) * height),
                radius: (0.05 + 0.18 * draw(2)) * height.min(width),
                color: [3, 4, 5].map(|index| 255.0 * draw(index)),
            }
        };
        Self { size, seed, discs: (0..DISCS).map(disc).collect() }
    }

    /// All of it.
    #[must_use]
    pub fn whole(&self) -> Part {
        (0..self.size.0, 0..self.size.1)
    }

    /// The disc of each pixel, 0 for none.
    #[must_use]
    pub fn labels(&self, (rows, columns): &Part) -> Array2<usize> {
        Array2::from_shape_fn((rows.len(), columns.len()), |(y, x)| {
            let (y, x) = ((rows.start + y) as f64, (columns.start + x) as f64);
            let inside = |disc: &Disc| {
                let (cx, cy) = disc.center;
                (x - cx).powi(2) + (y - cy).powi(2) < disc.radius * disc.radius
            };
            self.discs.iter().rposition(inside).map_or(0, |disc| disc + 1)
        })
    }

    /// Red, green and blue from 0 to 255, [3, H, W].
    #[must_use]
    pub fn picture(&self, part: &Part) -> Array3<f32> {
        let labels = self.labels(part);
        let noise = |index: usize| {
            let unit = |i: usize| uniform(self.seed + 1, i, UNIT);
            (-2.0 * (1.0 - unit(2 * index)).ln()).sqrt() * (TAU * unit(2 * index + 1)).cos()
        };
        let (height, width) = labels.dim();
        Array3::from_shape_fn((3, height, width), |(channel, y, x)| {
            let index = (part.0.start + y) * self.size.1 + part.1.start + x;
            let color = match labels[(y, x)] {
                0 => 0.0,
                disc => self.discs[disc - 1].color[channel],
            };
            (color + 12.0 * noise(index * 3 + channel) + 0.5).floor().clamp(0.0, 255.0) as f32
        })
    }

    /// Energies, [K, H, W], of labels of which a quarter is noise, each by itself.
    #[must_use]
    pub fn unary(&self, part: &Part, classes: usize, seed: u64) -> Array3<f32> {
        let labels = self.labels(part);
        let (height, width) = labels.dim();
        let noisy = Array2::from_shape_fn((height, width), |(y, x)| {
            let index = (part.0.start + y) * self.size.1 + part.1.start + x;
            if uniform(seed, index, UNIT) < 0.25 {
                class_at(seed + 1, index, classes)
            } else {
                labels[(y, x)] % classes
            }
        });
        Array3::from_shape_fn((classes, height, width), |(class, y, x)| {
            let own = class == noisy[(y, x)];
            let p: f64 = if own { 0.6 } else { 0.4 / (classes - 1) as f64 };
            -p.ln() as f32
        })
    }

    /// Probabilities, [K, H, W], as of a network with a stride of eight pixels: true classes
    /// at the middles of squares, but for a share of errors, and between them interpolated.
    #[must_use]
    pub fn coarse_probabilities(&self, classes: usize, errors: f64) -> Array3<f32> {
        const STRIDE: usize = 8;
        let labels = self.labels(&self.whole());
        let (height, width) = self.size;
        let (down, across) = (height.div_ceil(STRIDE), width.div_ceil(STRIDE));
        let seen = Array2::from_shape_fn((down, across), |(row, column)| {
            let middle = |at: usize, size: usize| (at * STRIDE + STRIDE / 2).min(size - 1);
            let index = row * across + column;
            if uniform(self.seed + 2, index, UNIT) < errors {
                class_at(self.seed + 3, index, classes)
            } else {
                labels[(middle(row, height), middle(column, width))] % classes
            }
        });
        let (own, other) = (0.9, 0.1 / (classes - 1).max(1) as f32);
        let mut out = Array3::from_elem((classes, height, width), other);
        for y in 0..height {
            for x in 0..width {
                let (rows, columns) = (around(y, STRIDE, down), around(x, STRIDE, across));
                for (row, down) in rows {
                    for (column, across) in columns {
                        out[(seen[(row, column)], y, x)] += (own - other) * down * across;
                    }
                }
            }
        }
        out
    }
}

/// A class, drawn.
fn class_at(seed: u64, index: usize, classes: usize) -> usize {
    let drawn = uniform(seed, index, UNIT) * classes as f64;
    (0..classes).rev().find(|&class| drawn >= class as f64).unwrap_or(0)
}

/// The two nearest squares and their shares.
fn around(at: usize, stride: usize, count: usize) -> [(usize, f32); 2] {
    let place = ((at as f32 + 0.5) / stride as f32 - 0.5).clamp(0.0, (count - 1) as f32);
    let first = (at + stride / 2) / stride;
    let first = first.saturating_sub(1).min(count - 1);
    let share = (place - first as f32).clamp(0.0, 1.0);
    [(first, 1.0 - share), ((first + 1).min(count - 1), share)]
}
