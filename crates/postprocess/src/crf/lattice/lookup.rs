//! Values of a lattice at points that it was not built of.

use std::ops::Range;

use super::keys::{Codec, KeyTable, mixed};
use super::simplex::SimplexBlock;
use super::{LANES, PermutohedralLattice};
use crate::Result;
use crate::crf::features::Features;

/// The places of a lattice's points in space.
#[derive(Debug)]
pub(crate) struct Lookup {
    codec: Codec,
    table: KeyTable,
    /// Number of lattice points.
    vertices: usize,
}

impl Lookup {
    /// A lattice that can be read at all points whose features lie between two bounds each, and
    /// how.
    pub(crate) fn build(
        features: &Features,
        bands: &[Range<usize>],
        bounds: &[(f32, f32)],
    ) -> Result<(PermutohedralLattice, Self)> {
        let codec = Codec::within(bounds)?;
        let (lattice, table) = PermutohedralLattice::with_keys(features, bands, &codec)?;
        let vertices = lattice.vertices;
        Ok((lattice, Self { codec, table, vertices }))
    }

    /// Work space for [`Lookup::read`].
    pub(crate) fn block(&self) -> SimplexBlock {
        SimplexBlock::new(self.codec.dimension)
    }

    /// Sums the values of the vertices of the first points of a block, weighted; vertices that
    /// are no lattice points give what stands behind the values of all those, zeros. Returns about
    /// what each point would give itself: directly and by way of the next vertices.
    #[inline(always)]
    pub(crate) fn read<const W: usize>(
        &self,
        block: &mut SimplexBlock,
        values: &[[f32; W]],
        chunks: usize,
        out: &mut [[f32; W]],
    ) -> [f32; LANES] {
        let d = self.codec.dimension;
        block.locate(&self.codec);
        let mut own = [0.0; LANES];
        for k in 0..=d {
            let (weights, next) = (&block.weights[k], &block.weights[(k + 1) % (d + 1)]);
            for l in 0..LANES {
                own[l] += weights[l] * (weights[l] + next[l]);
            }
        }
        let mut vertex = vec![0; if self.codec.packed { 0 } else { d }];
        for (l, sums) in out.chunks_exact_mut(chunks).enumerate().take(LANES) {
            sums.fill([0.0; W]);
            for k in 0..=d {
                let found = if self.codec.packed {
                    self.table.find(block.keys[k][l], &[])
                } else {
                    block.coordinates(l, k, &mut vertex);
                    self.table.find(mixed(&vertex), &vertex)
                };
                let row = found.map_or(self.vertices, |id| id as usize);
                let weight = block.weights[k][l];
                for (sum, row) in sums.iter_mut().zip(&values[row * chunks..][..chunks]) {
                    for (sum, value) in sum.iter_mut().zip(row) {
                        *sum += weight * value;
                    }
                }
            }
        }
        own
    }
}
