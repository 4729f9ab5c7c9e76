//! Pictures sampled at points.
//!
//! Every value is a weighted sum over a few pixels of its column and row taps. The taps of a block
//! of points are found once and used for all channels.
#![allow(unsafe_code, reason = "disjoint writes from several threads into one fresh buffer")]

use rayon::prelude::*;

use super::output::Output;
use crate::grid_sample::{GridInterpolation, GridPadding, GridSampleConfig};

/// Points whose taps are kept at once.
const POINTS: usize = 256;

/// Planes of the gradient that one task fills.
const GROUP: usize = 8;

/// Distance in pixels from which on coordinates are taken for infinite.
pub(crate) const FAR: f32 = (1 << 30) as f32;

/// Sizes of the picture and the grid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) batch: usize,
    pub(crate) channels: usize,
    /// Rows and columns.
    pub(crate) picture: (usize, usize),
    /// Points per image.
    pub(crate) points: usize,
}

impl Sizes {
    fn plane(&self) -> usize {
        self.picture.0 * self.picture.1
    }

    fn check(&self, x: Option<&[f32]>, grid: &[f32], values: Option<&[f32]>) {
        let planes = self.batch * self.channels;
        assert!(x.is_none_or(|x| x.len() == planes * self.plane()), "size of the picture");
        assert_eq!(grid.len(), self.batch * self.points * 2, "size of the grid");
        assert!(values.is_none_or(|g| g.len() == planes * self.points), "size of the values");
    }
}

/// One axis of the picture, in pixels.
#[derive(Clone, Copy)]
struct Axis {
    size: f32,
    last: f32,
    /// Distance between neighbours along the axis in a plane.
    stride: usize,
    padding: GridPadding,
    align_corners: bool,
}

/// Pixels of one axis: their offsets in a plane, weights and the slopes of those.
#[derive(Clone, Copy)]
struct Taps<const T: usize> {
    at: [usize; T],
    weight: [f32; T],
    slope: [f32; T],
}

/// The taps of a point.
#[derive(Clone, Copy)]
struct Point<const T: usize> {
    rows: Taps<T>,
    columns: Taps<T>,
}

impl Axis {
    #[expect(clippy::cast_precision_loss, reason = "sides are at most 2^24")]
    fn new(size: usize, stride: usize, config: &GridSampleConfig) -> Self {
        Self {
            size: size as f32,
            last: (size - 1) as f32,
            stride,
            padding: config.padding,
            align_corners: config.align_corners,
        }
    }

    /// A coordinate in pixels, and its slope.
    #[inline(always)]
    fn position(&self, coordinate: f32) -> (f32, f32) {
        let place = |v: f32| {
            if self.align_corners {
                (v + 1.0) / 2.0 * self.last
            } else {
                ((v + 1.0) * self.size - 1.0) / 2.0
            }
        };
        let at = place(coordinate);
        if at.abs() <= FAR {
            return (at, if self.align_corners { self.last } else { self.size } / 2.0);
        }
        if at.is_nan() || self.padding == GridPadding::Reflection {
            return (place(-1.0), 0.0);
        }
        (at.clamp(-FAR, FAR), 0.0)
    }

    /// A place moved into the picture by the padding, and the slope of that.
    #[inline(always)]
    fn fold(&self, place: f32) -> (f32, f32) {
        if self.padding == GridPadding::Zeros {
            return (place, 1.0);
        }
        let (mut place, mut slope) = (place, 1.0);
        if self.padding == GridPadding::Reflection && !(0.0..=self.last).contains(&place) {
            let (low, span) = if self.align_corners { (0.0, self.last) } else { (-0.5, self.size) };
            if span <= 0.0 {
                return (0.0, 0.0);
            }
            slope = if place < low { -1.0 } else { 1.0 };
            let from = (place - low).abs();
            let flips = floor(from / span);
            let rest = from - flips * span;
            if flips % 2.0 == 0.0 {
                place = rest + low;
            } else {
                place = span - rest + low;
                slope = -slope;
            }
        }
        if place <= 0.0 {
            (0.0, 0.0)
        } else if place >= self.last {
            (self.last, 0.0)
        } else {
            (place, slope)
        }
    }

    /// The offset of a whole place, if it is inside.
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and inside the picture"
    )]
    fn offset(&self, place: f32) -> Option<usize> {
        (place >= 0.0 && place <= self.last).then(|| place as usize * self.stride)
    }

    /// The taps of a coordinate: one for the nearest pixel, two linear or four cubic ones.
    #[inline(always)]
    fn taps<const T: usize>(&self, coordinate: f32) -> Taps<T> {
        let mut taps = Taps { at: [0; T], weight: [0.0; T], slope: [0.0; T] };
        let mut set = |k: usize, place: f32, weight: f32, slope: f32| {
            if let Some(offset) = self.offset(place) {
                (taps.at[k], taps.weight[k], taps.slope[k]) = (offset, weight, slope);
            }
        };
        let (at, rate) = self.position(coordinate);
        match T {
            1 => set(0, self.fold(at).0.round_ties_even(), 1.0, 0.0),
            2 => {
                let (place, slope) = self.fold(at);
                let (low, slope) = (floor(place), slope * rate);
                set(0, low, 1.0 - (place - low), -slope);
                set(1, low + 1.0, place - low, slope);
            }
            _ => {
                let low = floor(at);
                let weights = cubic(at - low);
                for (k, ((weight, slope), offset)) in
                    weights.into_iter().zip([-1.0, 0.0, 1.0, 2.0]).enumerate()
                {
                    set(k, floor(self.fold(low + offset).0 + 0.5), weight, slope * rate);
                }
            }
        }
        taps
    }
}

/// The whole number below a place, without the call that processors of the baseline need.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "places are below 2^31, and whole from 2^24 on"
)]
fn floor(place: f32) -> f32 {
    let whole = place as i32 as f32;
    if whole > place { whole - 1.0 } else { whole }
}

/// The weights of the pixels at -1, 0, 1 and 2 for a point at `t`, and their slopes.
#[inline(always)]
fn cubic(t: f32) -> [(f32, f32); 4] {
    let inner = |x: f32| ((1.25 * x - 2.25) * x * x + 1.0, (3.75 * x - 4.5) * x);
    let outer = |x: f32| (((-0.75 * x + 3.75) * x - 6.0) * x + 3.0, (-2.25 * x + 7.5) * x - 6.0);
    let back = |(weight, slope): (f32, f32)| (weight, -slope);
    [outer(t + 1.0), inner(t), back(inner(1.0 - t)), back(outer(2.0 - t))]
}

impl<const T: usize> Point<T> {
    /// The value.
    #[inline(always)]
    fn value(&self, plane: &[f32]) -> f32 {
        let mut sum = 0.0;
        for (row, wy) in self.rows.at.iter().zip(&self.rows.weight) {
            let mut line = 0.0;
            for (column, wx) in self.columns.at.iter().zip(&self.columns.weight) {
                line += plane[row + column] * wx;
            }
            sum += line * wy;
        }
        sum
    }

    /// The slopes of the value along x and y.
    #[inline(always)]
    fn slopes(&self, plane: &[f32]) -> [f32; 2] {
        let mut slopes = [0.0; 2];
        let rows = self.rows.at.iter().zip(&self.rows.weight).zip(&self.rows.slope);
        for ((row, wy), sy) in rows {
            let (mut line, mut across) = (0.0, 0.0);
            let columns = self.columns.at.iter().zip(&self.columns.weight);
            for ((column, wx), sx) in columns.zip(&self.columns.slope) {
                let v = plane[row + column];
                line += v * wx;
                across += v * sx;
            }
            slopes[0] += across * wy;
            slopes[1] += line * sy;
        }
        slopes
    }

    /// The adjoint for the weights of the values.
    #[inline(always)]
    fn add(&self, g: f32, plane: &mut [f32]) {
        for (row, wy) in self.rows.at.iter().zip(&self.rows.weight) {
            for (column, wx) in self.columns.at.iter().zip(&self.columns.weight) {
                plane[row + column] += g * wy * wx;
            }
        }
    }
}

/// The taps of pairs of coordinates.
fn locate<const T: usize>(s: &Sizes, c: &GridSampleConfig, grid: &[f32], to: &mut Vec<Point<T>>) {
    let (across, down) = (Axis::new(s.picture.1, 1, c), Axis::new(s.picture.0, s.picture.1, c));
    to.clear();
    let pairs = grid.as_chunks::<2>().0;
    to.extend(pairs.iter().map(|[x, y]| Point { rows: down.taps(*y), columns: across.taps(*x) }));
}

/// Runs a function with the taps of the interpolation.
macro_rules! by_taps {
    ($config:expr, $name:ident($($arg:expr),*)) => {
        match $config.interpolation {
            GridInterpolation::Nearest => $name::<1>($($arg),*),
            GridInterpolation::Bilinear => $name::<2>($($arg),*),
            GridInterpolation::Bicubic => $name::<4>($($arg),*),
        }
    };
}

/// The values at the points, `[batch][channels][points]`.
pub(crate) fn sample(s: &Sizes, c: &GridSampleConfig, x: &[f32], grid: &[f32]) -> Vec<f32> {
    s.check(Some(x), grid, None);
    by_taps!(c, sample_by(s, c, x, grid))
}

fn sample_by<const T: usize>(s: &Sizes, c: &GridSampleConfig, x: &[f32], grid: &[f32]) -> Vec<f32> {
    let blocks = s.points.div_ceil(POINTS);
    let mut out = Output::new(s.batch * s.channels * s.points);
    let to = out.shared();
    (0..s.batch * blocks).into_par_iter().for_each_init(Vec::new, |points, job| {
        let (image, first) = (job / blocks, job % blocks * POINTS);
        let count = POINTS.min(s.points - first);
        locate::<T>(s, c, &grid[2 * (image * s.points + first)..][..2 * count], points);
        for channel in image * s.channels..(image + 1) * s.channels {
            let plane = &x[channel * s.plane()..][..s.plane()];
            let mut line = [0.0; POINTS];
            for (to, point) in line.iter_mut().zip(points.iter()) {
                *to = point.value(plane);
            }
            let to = to.range(channel * s.points + first, count);
            // SAFETY: the range was checked; this job alone writes these points of the plane.
            unsafe { to.copy_from_nonoverlapping(line.as_ptr(), count) };
        }
    });
    // SAFETY: the jobs cover all points of all planes.
    unsafe { out.filled() }
}

/// The gradient of the picture.
pub(crate) fn input_gradient(s: &Sizes, c: &GridSampleConfig, grid: &[f32], g: &[f32]) -> Vec<f32> {
    s.check(None, grid, Some(g));
    by_taps!(c, input_gradient_by(s, c, grid, g))
}

fn input_gradient_by<const T: usize>(
    s: &Sizes,
    c: &GridSampleConfig,
    grid: &[f32],
    g: &[f32],
) -> Vec<f32> {
    let mut out = vec![0.0; s.batch * s.channels * s.plane()];
    let images = out.par_chunks_mut(s.channels * s.plane());
    let parts = images.zip(grid.par_chunks(2 * s.points)).zip(g.par_chunks(s.channels * s.points));
    parts.for_each(|((out, grid), g)| {
        let groups = out.par_chunks_mut(GROUP * s.plane()).zip(g.par_chunks(GROUP * s.points));
        groups.for_each_init(Vec::new, |points, (out, g)| {
            for first in (0..s.points).step_by(POINTS) {
                let count = POINTS.min(s.points - first);
                locate::<T>(s, c, &grid[2 * first..][..2 * count], points);
                for (plane, g) in out.chunks_exact_mut(s.plane()).zip(g.chunks_exact(s.points)) {
                    for (point, g) in points.iter().zip(&g[first..]) {
                        point.add(*g, plane);
                    }
                }
            }
        });
    });
    out
}

/// The gradient of the grid.
pub(crate) fn grid_gradient(
    s: &Sizes,
    c: &GridSampleConfig,
    x: &[f32],
    grid: &[f32],
    g: &[f32],
) -> Vec<f32> {
    s.check(Some(x), grid, Some(g));
    if c.interpolation == GridInterpolation::Nearest {
        return vec![0.0; grid.len()];
    }
    by_taps!(c, grid_gradient_by(s, c, x, grid, g))
}

fn grid_gradient_by<const T: usize>(
    s: &Sizes,
    c: &GridSampleConfig,
    x: &[f32],
    grid: &[f32],
    g: &[f32],
) -> Vec<f32> {
    let mut out = vec![0.0; grid.len()];
    let images = out.par_chunks_mut(2 * s.points).zip(grid.par_chunks(2 * s.points));
    images.enumerate().for_each(|(image, (out, grid))| {
        let blocks = out.par_chunks_mut(2 * POINTS).zip(grid.par_chunks(2 * POINTS)).enumerate();
        blocks.for_each_init(Vec::new, |points, (block, (out, grid))| {
            locate::<T>(s, c, grid, points);
            for channel in image * s.channels..(image + 1) * s.channels {
                let plane = &x[channel * s.plane()..][..s.plane()];
                let g = &g[channel * s.points + block * POINTS..][..points.len()];
                for ((to, point), g) in out.as_chunks_mut::<2>().0.iter_mut().zip(&*points).zip(g) {
                    let [across, down] = point.slopes(plane);
                    to[0] += g * across;
                    to[1] += g * down;
                }
            }
        });
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 31) % 1009) as f32 / 400.0 - 1.2).collect()
    }

    #[test]
    fn gradients_are_the_adjoint_and_whole_places_the_pixels() {
        let s = Sizes { batch: 2, channels: 5, picture: (3, 4), points: 6 };
        let (x, grid, g) = (values(120, 1), values(24, 2), values(60, 3));
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        for interpolation in
            [GridInterpolation::Nearest, GridInterpolation::Bilinear, GridInterpolation::Bicubic]
        {
            for padding in [GridPadding::Zeros, GridPadding::Border, GridPadding::Reflection] {
                let c = GridSampleConfig { interpolation, padding, align_corners: true };
                let y = sample(&s, &c, &x, &grid);
                let dx = input_gradient(&s, &c, &grid, &g);
                assert!((dot(&y, &g) - dot(&x, &dx)).abs() < 1e-3, "{c:?}");
                assert_eq!(grid_gradient(&s, &c, &x, &grid, &g).len(), grid.len());
                // The corners, and the pixel right of the upper left one.
                let points = [-1.0, -1.0, 1.0, -1.0, -1.0, 1.0, 1.0, 1.0, -1.0 / 3.0, -1.0];
                let s = Sizes { batch: 1, channels: 1, points: 5, ..s };
                for (y, at) in sample(&s, &c, &x[..12], &points).iter().zip([0, 3, 8, 11, 1]) {
                    assert!((y - x[at]).abs() < 1e-5, "{c:?} {at}");
                }
            }
        }
    }
}
