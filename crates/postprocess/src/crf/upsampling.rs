//! From the probabilities of a coarse field to those of all pixels.

use ndarray::{ArrayView2, ArrayView3};
use rayon::prelude::*;

use super::coarse::{CoarseField, Grid, Space};
use super::config::Normalization;
use super::convolution::GridKernel;
use super::coupling::Coupling;
use super::kernel::Filter;
use super::lattice::{
    Band, LANES, Lookup, PermutohedralLattice, SimplexBlock, blur, collect, splat_point,
};
use super::report::PictureInference;
use super::softmax::softmax;
use super::wide::wide;

/// Pixels of one task; fixed, so that results do not depend on threads.
const TASK: usize = 4096;

/// Updates some pixels once by what the points of a coarse field give them.
///
/// Behind the classes each row of values has the sum of the kernel, which is all that it takes
/// to normalise what a pixel gets.
pub(crate) fn upsample(
    field: &CoarseField<'_>,
    image: ArrayView3<'_, f32>,
    unary: ArrayView3<'_, f32>,
    given: ArrayView2<'_, f32>,
    pixels: &[[u32; 2]],
    result: &mut PictureInference,
) {
    let (image, unary) = (image.view(), unary.view());
    if unary.dim().0 < 4 {
        Upsampling::<4>::new(field, image, unary, given).update(pixels, result);
    } else {
        Upsampling::<8>::new(field, image, unary, given).update(pixels, result);
    }
}

/// What pixels are updated from.
struct Upsampling<'a, const W: usize> {
    grid: &'a Grid,
    image: ArrayView3<'a, f32>,
    unary: ArrayView3<'a, f32>,
    chunks: usize,
    terms: Vec<(Source<'a, W>, Coupling)>,
}

/// What a kernel gives.
enum Source<'a, const W: usize> {
    /// At the points of the grid; between them are means of the four around.
    Grid(Vec<[f32; W]>),
    Lattice(LatticeSource<'a, W>),
}

/// What a kernel gives at the points of a lattice.
struct LatticeSource<'a, const W: usize> {
    space: &'a Space,
    lookup: &'a Lookup,
    normalization: Normalization,
    /// What slices are multiplied by.
    scale: f32,
    /// One over the pixels of a cell.
    share: f32,
    values: Vec<[f32; W]>,
}

impl<const W: usize> LatticeSource<'_, W> {
    /// Normalises what a pixel gets; returns the factor of what it gives itself, next to points
    /// that stand for cells.
    #[inline(always)]
    fn normalise(&self, row: &mut [[f32; W]], own: f32, classes: usize) -> f32 {
        let own = self.scale * own * self.share;
        let sum = self.scale * row.as_flattened()[classes] + own;
        let whole = 1.0 / (sum + 1e-20);
        let (after, both) = match self.normalization {
            Normalization::None => (1.0, 1.0),
            Normalization::Before => (1.0, whole),
            Normalization::After => (whole, whole),
            Normalization::Symmetric => (whole.sqrt(), whole),
        };
        scale_row(row, self.scale * after);
        own * both
    }
}

impl<'a, const W: usize> Upsampling<'a, W> {
    fn new(
        field: &'a CoarseField<'_>,
        image: ArrayView3<'a, f32>,
        unary: ArrayView3<'a, f32>,
        given: ArrayView2<'_, f32>,
    ) -> Self {
        let classes = unary.dim().0;
        let chunks = (classes + 1).div_ceil(W);
        let mut rows = vec![[0.0; W]; field.points.len() * chunks];
        for (class, plane) in given.rows().into_iter().enumerate() {
            for (row, &value) in rows.chunks_exact_mut(chunks).zip(plane) {
                row[class / W][class % W] = value;
            }
        }
        let terms =
            field.crf.kernels().iter().zip(&field.lookups).filter_map(|(kernel, lookup)| {
                let source = match (&kernel.filter, lookup) {
                    (Filter::Grid(grid), _) => {
                        Source::Grid(grid_values(field, grid, &rows, classes))
                    }
                    (
                        Filter::Lattice { lattice, before, normalization, .. },
                        Some((space, lookup)),
                    ) => {
                        let source = LatticeSource {
                            space,
                            lookup,
                            normalization: *normalization,
                            scale: lattice.scale(),
                            share: 1.0 / (field.stride * field.stride) as f32,
                            values: lattice_values(lattice, before, &rows, classes),
                        };
                        Source::Lattice(source)
                    }
                    // A stride above 1 goes with no matrix.
                    _ => return None,
                };
                let coupling = Coupling::new(&kernel.compatibility, classes, chunks * W, LANES);
                Some((source, coupling))
            });
        Self { grid: field.grid, image, unary, chunks, terms: terms.collect() }
    }

    fn update(&self, pixels: &[[u32; 2]], result: &mut PictureInference) {
        let before = result.probabilities.view();
        let parts: Vec<Vec<[f32; W]>> = pixels
            .par_chunks(TASK)
            .map(|pixels| {
                wide(
                    #[inline(always)]
                    || self.update_some(pixels, before),
                )
            })
            .collect();
        let classes = self.unary.dim().0;
        let rows = parts.iter().flat_map(|part| part.chunks_exact(self.chunks));
        for (&[y, x], row) in pixels.iter().zip(rows) {
            let (y, x) = (y as usize, x as usize);
            let mut best = 0;
            let row = row.as_flattened();
            for (class, &value) in row[..classes].iter().enumerate() {
                result.probabilities[(class, y, x)] = value;
                best = if value > row[best] { class } else { best };
            }
            result.labels[(y, x)] = best;
        }
    }

    #[inline(always)]
    fn update_some(&self, pixels: &[[u32; 2]], before: ArrayView3<'_, f32>) -> Vec<[f32; W]> {
        match self.chunks {
            1 => self.update_rows(pixels, before, 1),
            chunks => self.update_rows(pixels, before, chunks),
        }
    }

    #[inline(always)]
    fn update_rows(
        &self,
        pixels: &[[u32; 2]],
        before: ArrayView3<'_, f32>,
        chunks: usize,
    ) -> Vec<[f32; W]> {
        let (classes, lanes) = (self.unary.dim().0, chunks * W);
        let mut out = vec![[f32::NEG_INFINITY; W]; pixels.len() * chunks];
        let mut filtered = vec![[0.0; W]; LANES * chunks];
        let mut blocks: Vec<SimplexBlock> =
            self.terms.iter().map(|_| SimplexBlock::new(0)).collect();
        for (block, (source, _)) in blocks.iter_mut().zip(&self.terms) {
            if let Source::Lattice(source) = source {
                *block = source.lookup.block();
            }
        }
        for (pixels, out) in pixels.chunks(LANES).zip(out.chunks_mut(LANES * chunks)) {
            for (&[y, x], row) in pixels.iter().zip(out.chunks_exact_mut(chunks)) {
                let row = row.as_flattened_mut();
                for (class, value) in row[..classes].iter_mut().enumerate() {
                    *value = -self.unary[(class, y as usize, x as usize)];
                }
            }
            let filtered = &mut filtered[..pixels.len() * chunks];
            for ((source, coupling), block) in self.terms.iter().zip(&mut blocks) {
                match source {
                    Source::Grid(values) => self.between(values, pixels, chunks, filtered),
                    Source::Lattice(source) => {
                        for (l, &[y, x]) in pixels.iter().enumerate() {
                            let at = [y as usize, x as usize];
                            let put = |i: usize, value| block.features[i][l] = value;
                            source.space.features(self.image, at, put);
                        }
                        let own = source.lookup.read(block, &source.values, chunks, filtered);
                        let rows = filtered.chunks_exact_mut(chunks).zip(own);
                        for ((row, own), &[y, x]) in rows.zip(pixels) {
                            let own = source.normalise(row, own, classes);
                            let row = &mut row.as_flattened_mut()[..classes];
                            for (class, value) in row.iter_mut().enumerate() {
                                *value += own * before[(class, y as usize, x as usize)];
                            }
                        }
                    }
                }
                coupling.apply(filtered.as_flattened(), lanes, out.as_flattened_mut());
            }
            softmax(out, chunks);
        }
        out
    }

    /// Means of the four points around each pixel, as far as they take part.
    #[inline(always)]
    fn between(
        &self,
        values: &[[f32; W]],
        pixels: &[[u32; 2]],
        chunks: usize,
        out: &mut [[f32; W]],
    ) {
        let (_, width) = self.grid.points();
        let classes = self.unary.dim().0;
        for (&[y, x], out) in pixels.iter().zip(out.chunks_exact_mut(chunks)) {
            let (above, below, down) = self.grid.rows.between[y as usize];
            let (left, right, along) = self.grid.columns.between[x as usize];
            out.fill([0.0; W]);
            for (row, weight) in [(above, 1.0 - down), (below, down)] {
                for (column, share) in [(left, 1.0 - along), (right, along)] {
                    let values = &values[(row * width + column) * chunks..][..chunks];
                    let weight = weight * share;
                    for (out, value) in out.iter_mut().zip(values) {
                        for l in 0..W {
                            out[l] += weight * value[l];
                        }
                    }
                }
            }
            let near = out.as_flattened()[classes];
            scale_row(out, if near > 0.0 { 1.0 / near } else { 0.0 });
        }
    }
}

#[inline(always)]
fn scale_row<const W: usize>(row: &mut [[f32; W]], factor: f32) {
    for chunk in row {
        for value in chunk {
            *value *= factor;
        }
    }
}

/// What a convolution gives at the points of the grid, and 1 where there is one.
fn grid_values<const W: usize>(
    field: &CoarseField<'_>,
    kernel: &GridKernel,
    rows: &[[f32; W]],
    classes: usize,
) -> Vec<[f32; W]> {
    let (height, width) = field.grid.points();
    let chunks = rows.len() / field.points.len();
    let mut values = vec![[0.0; W]; height * width * chunks];
    for chunk in 0..chunks {
        let given: Vec<[f32; W]> = rows.iter().skip(chunk).step_by(chunks).copied().collect();
        let sums = wide(
            #[inline(always)]
            || kernel.filtered(&given),
        );
        for (&point, sum) in field.points.iter().zip(sums) {
            values[point * chunks + chunk] = sum;
        }
    }
    for &point in &field.points {
        values[point * chunks + classes / W][classes % W] = 1.0;
    }
    values
}

/// What the points give at the points of a lattice, the sum of the kernel with it; behind them
/// zeros, for places without one.
fn lattice_values<const W: usize>(
    lattice: &PermutohedralLattice,
    before: &[f32],
    rows: &[[f32; W]],
    classes: usize,
) -> Vec<[f32; W]> {
    let chunks = rows.len() / before.len();
    let mut given = rows.to_vec();
    for (row, before) in given.chunks_exact_mut(chunks).zip(before) {
        scale_row(row, *before);
        row[classes / W][classes % W] = 1.0;
    }
    let splat = |band: &Band| {
        wide(
            #[inline(always)]
            || {
                let mut spread = vec![[0.0; W]; band.vertices.len() * chunks];
                let given = &given[band.range.start * chunks..band.range.end * chunks];
                for (point, row) in given.chunks_exact(chunks).enumerate() {
                    splat_point(band, point, 1.0, row, &mut spread);
                }
                spread
            },
        )
    };
    let spread: Vec<Vec<[f32; W]>> = lattice.bands.par_iter().map(splat).collect();
    let mut values = vec![[0.0; W]; (lattice.vertices + 1) * chunks];
    let mut back = values.clone();
    collect(lattice, chunks, &mut values, |band| &spread[band]);
    blur(lattice, chunks, false, &mut values, &mut back);
    values
}
