//! Shares of pixels beside straight lines.

use geo_types::Coord;

/// Pixels that are computed side by side.
const LANES: usize = 4;
/// Lines flatter than this count as level, with numbers of 32 bits.
const LEVEL: f64 = 1e-6;
/// Growth is that much larger with numbers of 32 bits, so that pixels inside are whole.
const EXCESS: f64 = 1.0 + 4e-7;

/// Areas of the unit square around the origin beside a line of one direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    /// From this distance on the line misses the square.
    outer: f64,
    /// Up to this distance it cuts two opposite sides.
    inner: f64,
    /// Growth of the area there.
    growth: f64,
    /// How fast the growth slows down beyond.
    bend: f64,
}

impl Edge {
    /// For a line with unit normal `n`.
    pub(super) fn new(n: Coord<f64>) -> Self {
        let (a, b) = (n.x.abs().max(n.y.abs()), n.x.abs().min(n.y.abs()));
        // Where the square is cut along its sides there is nothing in between.
        let bend = if b > 1e-100 { 0.5 / b } else { 0.0 };
        Self { outer: 0.5 * (a + b), inner: 0.5 * (a - b), growth: 1.0 / a, bend }
    }

    /// Area on the side `p . n <= x`, less one half.
    #[inline]
    pub(super) fn area(&self, x: f64) -> f64 {
        let x = x.min(self.outer).max(-self.outer);
        let beyond = x - x.min(self.inner).max(-self.inner);
        self.growth * (x - self.bend * (beyond * beyond.abs()))
    }
}

/// Shares of the pixels of a row inside the strip between two parallel lines, to 1e-6.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strip {
    outer: f32,
    inner: f32,
    growth: f32,
    bend: f32,
    half: f64,
    step: f64,
}

impl Strip {
    /// `half` the width to both sides of the middle; from pixel to pixel the distance from
    /// the middle grows by `step`.
    pub(super) fn new(edge: &Edge, half: f64, step: f64) -> Self {
        let level = edge.outer - edge.inner < LEVEL;
        let middle = 0.5 * (edge.outer + edge.inner);
        let (outer, inner) = if level { (middle, middle) } else { (edge.outer, edge.inner) };
        let bend = if level { 0.0 } else { edge.bend as f32 };
        let growth = (edge.growth * EXCESS) as f32;
        Self { outer: outer as f32, inner: inner as f32, growth, bend, half, step }
    }

    /// Combines the shares of a run of pixels, the first at a distance from the middle, by
    /// maximum.
    #[inline]
    pub(super) fn paint(&self, mut offset: f64, line: &mut [f32]) {
        let step = self.step as f32;
        let steps = [0.0, step, 2.0 * step, 3.0 * step];
        for cells in line.chunks_mut(LANES) {
            let (near, far) = ((self.half - offset) as f32, (-self.half - offset) as f32);
            // Beyond the end of the run, too: a fixed number is computed side by side.
            let mut shares = [0.0; LANES];
            for (share, step) in shares.iter_mut().zip(steps) {
                let inside = self.area(near - step) - self.area(far - step);
                *share = if inside < 1.0 { inside } else { 1.0 };
            }
            for (cell, share) in cells.iter_mut().zip(shares) {
                *cell = if share > *cell { share } else { *cell };
            }
            offset += LANES as f64 * self.step;
        }
    }

    /// As [`Edge::area`].
    #[inline]
    fn area(&self, x: f32) -> f32 {
        let x = limit(x, self.outer);
        let beyond = x - limit(x, self.inner);
        self.growth * (x - self.bend * (beyond * beyond.abs()))
    }
}

/// The number in `-range..=range` that is nearest, without a branch.
#[inline]
fn limit(x: f32, range: f32) -> f32 {
    let x = if x < range { x } else { range };
    if x > -range { x } else { -range }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_plane_area_is_symmetric_and_total() {
        for n in [(1.0, 0.0), (0.6, 0.8), (-0.8, 0.6)] {
            for k in -12..=12 {
                let x = f64::from(k) * 0.1;
                let edge = Edge::new(Coord { x: n.0, y: n.1 });
                assert!((edge.area(x) + edge.area(-x)).abs() < 1e-12);
                assert!((edge.area(0.8) - 0.5).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn strips_are_differences_of_areas() {
        for k in 0..=2000 {
            // Also near the axes, where a side of the square is cut or not.
            let angle = f64::from(k - 1000) * if k % 2 == 0 { 1e-9 } else { 1.7e-3 };
            let u = Coord { x: angle.cos(), y: angle.sin() };
            let edge = Edge::new(u);
            for half in [0.1, 0.5, 1.0, 40.0] {
                let mut line = [0.0; 9];
                Strip::new(&edge, half, -u.y).paint(half + 1.0, &mut line);
                for (index, cell) in line.into_iter().enumerate() {
                    let offset = half + 1.0 - index as f64 * u.y;
                    let exact = edge.area(half - offset) - edge.area(-half - offset);
                    assert!((f64::from(cell) - exact).abs() < 1e-6, "{angle} {half} {offset}");
                }
            }
            let mut inside = [0.0; 5];
            Strip::new(&edge, 9.0, -u.y).paint(1.0, &mut inside);
            assert!(inside.iter().all(|&share| share >= 1.0));
        }
    }
}
