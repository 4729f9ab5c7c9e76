//! Points in blocks for vector code.

use ndarray::ArrayView2;

/// Points per block.
pub(super) const LANES: usize = 16;
/// Blocks that one piece of parallel work has. Sums are taken per piece and added in order,
/// so that they do not depend on the number of threads.
pub(super) const CHUNK: usize = 128;

/// Points, sixteen at a time: per block a row of `LANES` coordinates for every dimension.
/// Lanes without a point repeat the origin.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) dimensions: usize,
    /// Number of points.
    pub(super) len: usize,
    values: Vec<f32>,
}

impl Blocks {
    pub(super) fn new(points: ArrayView2<'_, f32>) -> Self {
        let (len, dimensions) = points.dim();
        let mut values = vec![0.0; len.div_ceil(LANES) * LANES * dimensions];
        for (i, point) in points.rows().into_iter().enumerate() {
            let start = (i / LANES) * LANES * dimensions + i % LANES;
            for (d, &value) in point.iter().enumerate() {
                values[start + d * LANES] = value;
            }
        }
        Self { dimensions, len, values }
    }

    /// Number of pieces of work.
    pub(super) fn chunks(&self) -> usize {
        self.len.div_ceil(LANES * CHUNK)
    }

    /// The blocks of a piece of work, each with the number of its points.
    pub(super) fn chunk(&self, chunk: usize) -> impl Iterator<Item = (&[f32], usize)> {
        let first = chunk * CHUNK;
        let last = (first + CHUNK).min(self.len.div_ceil(LANES));
        let size = LANES * self.dimensions;
        (first..last).map(move |block| {
            let points = (self.len - block * LANES).min(LANES);
            (&self.values[block * size..(block + 1) * size], points)
        })
    }
}

impl Blocks {
    /// The coordinates of a point.
    pub(super) fn point(&self, index: usize) -> impl Iterator<Item = f32> {
        let start = (index / LANES) * LANES * self.dimensions + index % LANES;
        (0..self.dimensions).map(move |d| self.values[start + d * LANES])
    }
}
