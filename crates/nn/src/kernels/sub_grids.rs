//! Dilated convolutions as plain ones: a kernel of dilation `d` sees every `d`-th
//! row and column only, so it is the undilated kernel on each of the `d * d`
//! sub-grids of a map, which become images of a larger batch.
//!
//! # References
//!
//! Chen et al., *`DeepLab`* (2016), who call the sub-grids reduced-resolution maps.

use super::im2col::Geometry;
use super::output::fill_parts;

/// The sub-grids of the maps of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SubGrids {
    /// Images.
    batch: usize,
    /// Rows and columns of a map.
    size: (usize, usize),
    /// Distance between the pixels of a sub-grid.
    step: usize,
}

impl SubGrids {
    /// Those that a kernel of this dilation sees, if it keeps the size of its input.
    pub(crate) fn of(g: &Geometry) -> Self {
        assert_eq!(g.dilation.0, g.dilation.1, "square steps");
        assert_eq!(g.out_size(), g.size, "the result has the size of the input");
        Self { batch: g.batch, size: g.size, step: g.dilation.0 }
    }

    /// Images after the split.
    pub(crate) fn images(&self) -> usize {
        self.batch * self.step * self.step
    }

    /// Rows and columns of a sub-grid; those that reach beyond the map are zeros there.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.size.0.div_ceil(self.step), self.size.1.div_ceil(self.step))
    }

    /// `[B][C][H][W]` to `[B d d][C][H / d][W / d]`, sizes rounded up.
    pub(crate) fn split(&self, x: &[f32], channels: usize) -> Vec<f32> {
        let (step, (rows, columns)) = (self.step, self.size());
        let plane = self.size.0 * self.size.1;
        assert_eq!(x.len(), self.batch * channels * plane, "tensor size");
        fill_parts(self.images() * channels * rows * columns, rows * columns, |i, grid| {
            let (image, channel) = (i / channels, i % channels);
            let (image, top, left) = (image / (step * step), image / step % step, image % step);
            let plane = &x[(image * channels + channel) * plane..][..plane];
            let lines = plane.chunks_exact(self.size.1).skip(top).step_by(step);
            for (to, from) in grid.chunks_exact_mut(columns).zip(lines) {
                for (value, x) in to.iter_mut().zip(from.iter().skip(left).step_by(step)) {
                    *value = *x;
                }
            }
        })
    }

    /// The inverse of [`split`](Self::split); what lies beyond the maps is left out.
    pub(crate) fn join(&self, grids: &[f32], channels: usize) -> Vec<f32> {
        let (step, (rows, columns)) = (self.step, self.size());
        let plane = self.size.0 * self.size.1;
        assert_eq!(grids.len(), self.images() * channels * rows * columns, "size of the grids");
        fill_parts(self.batch * channels * plane, plane, |i, plane| {
            let (image, channel) = (i / channels, i % channels);
            for (y, to) in plane.chunks_exact_mut(self.size.1).enumerate() {
                for left in 0..step.min(to.len()) {
                    let grid = (image * step + y % step) * step + left;
                    let from = &grids[((grid * channels + channel) * rows + y / step) * columns..];
                    for (value, x) in to[left..].iter_mut().step_by(step).zip(&from[..columns]) {
                        *value = *x;
                    }
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_come_back_from_their_sub_grids() {
        for (batch, channels, size, step) in
            [(1, 1, (4, 6), 2), (2, 3, (5, 7), 3), (1, 2, (3, 9), 4), (2, 1, (1, 1), 5)]
        {
            let grids = SubGrids { batch, size, step };
            let x: Vec<f32> =
                (0..batch * channels * size.0 * size.1).map(|v| v as f32 + 1.0).collect();
            let parts = grids.split(&x, channels);
            assert_eq!(grids.join(&parts, channels), x, "{size:?} by {step}");
            let padding = parts.iter().filter(|v| **v == 0.0).count();
            assert_eq!(parts.len() - padding, x.len(), "every value once, zeros around");
        }
    }

    #[test]
    fn neighbours_in_a_sub_grid_are_a_step_apart() {
        let grids = SubGrids { batch: 1, size: (4, 4), step: 2 };
        let x: Vec<f32> = (0..16).map(|v| v as f32).collect();
        assert_eq!(grids.split(&x, 1)[..8], [0.0, 2.0, 8.0, 10.0, 1.0, 3.0, 9.0, 11.0]);
    }
}
