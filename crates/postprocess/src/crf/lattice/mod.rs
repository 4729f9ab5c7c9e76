//! High-dimensional Gaussian filtering on the permutohedral lattice.

mod band;
mod blur;
mod keys;
mod lookup;
mod simplex;

use std::ops::Range;

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::features::{Features, check_points};
use crate::crf::wide::wide;
use crate::{Error, Result};

pub(crate) use band::{Band, slice_point, splat_point};
pub(crate) use blur::{blur, collect, fetch};
use keys::{Codec, KeyTable, mixed};
pub(crate) use lookup::Lookup;
pub(crate) use simplex::{LANES, SimplexBlock};

/// Points that one task works on; fixed, so that results do not depend on threads.
pub(crate) const BAND_POINTS: usize = 32_768;

/// A Gaussian filter of N points with features of any dimension, in time proportional to N.
///
/// Filtering spreads values over the vertices of the simplices of a lattice (splat), blurs
/// along the d + 1 directions of the lattice, and reads them back with the same weights
/// (slice). The result approximates `sum_j exp(-|f_i - f_j|^2 / 2) v_j`, the point itself
/// included, up to a factor that normalised kernels do not see.
///
/// Results have the same bytes at any number of threads.
///
/// # References
/// A. Adams, J. Baek and M. A. Davis, Fast High-Dimensional Filtering Using the Permutohedral
/// Lattice, Computer Graphics Forum 29(2), 2010.
#[derive(Debug, Clone)]
pub struct PermutohedralLattice {
    dimension: usize,
    pub(crate) points: usize,
    pub(crate) bands: Vec<Band>,
    /// Number of lattice points.
    pub(crate) vertices: usize,
    /// Per direction the two neighbours of each lattice point; `vertices` where there is none.
    pub(crate) neighbours: Vec<Vec<[u32; 2]>>,
    /// Where the members of each lattice point start.
    pub(crate) offsets: Vec<u32>,
    /// Band and place in the band, in the order of lattice points.
    pub(crate) members: Vec<[u32; 2]>,
}

impl PermutohedralLattice {
    /// Builds the lattice of these features.
    ///
    /// # Errors
    /// [`Error::FeatureRange`] if the features span more than about a million standard
    /// deviations; [`Error::TooManyPoints`] for more vertices than 32 bits count.
    pub fn new(features: &Features) -> Result<Self> {
        Self::in_bands(features, &bands_of(features.points(), 1))
    }

    /// Builds it with the points split at given places.
    pub(crate) fn in_bands(features: &Features, bands: &[Range<usize>]) -> Result<Self> {
        Ok(Self::with_keys(features, bands, &Codec::new(features)?)?.0)
    }

    /// Builds it of features within the bounds of a codec, and keeps the keys of its points.
    fn with_keys(
        features: &Features,
        bands: &[Range<usize>],
        codec: &Codec,
    ) -> Result<(Self, KeyTable)> {
        let dimension = features.dimension();
        let points = features.points();
        let limit = (u32::MAX / 2) as usize / (dimension + 1);
        if points > limit {
            return Err(Error::TooManyPoints { points, limit });
        }
        let mut built: Vec<(Band, KeyTable)> = bands
            .par_iter()
            .map(|range| {
                wide(
                    #[inline(always)]
                    || Band::new(features, range.clone(), codec),
                )
            })
            .collect();
        let table = if let [(band, local)] = &mut built[..] {
            // The numbers of the only band are those of the lattice.
            band.vertices = (0..local.keys().len() as u32).collect();
            std::mem::replace(local, KeyTable::new(0, 0))
        } else {
            joined(&mut built, codec)
        };
        let bands: Vec<Band> = built.into_iter().map(|(band, _)| band).collect();
        let vertices = table.keys().len();
        let neighbours =
            (0..=dimension).into_par_iter().map(|axis| neighbours(&table, codec, axis)).collect();
        let (offsets, members) = members_of(&bands, vertices);
        let lattice = Self { dimension, points, bands, vertices, neighbours, offsets, members };
        Ok((lattice, table))
    }

    /// Number of lattice points in use.
    #[must_use]
    pub fn vertices(&self) -> usize {
        self.vertices
    }

    /// Filters any number of channels.
    ///
    /// With `reverse` the blur runs through the directions backwards, which is the transpose
    /// of the filter without.
    ///
    /// # Shapes
    /// `values` and the result [C, N].
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] for another number of points.
    pub fn filter(&self, values: ArrayView2<'_, f32>, reverse: bool) -> Result<Array2<f32>> {
        check_points("values", values.ncols(), self.points)?;
        let mut out = Array2::zeros(values.dim());
        for channel in 0..values.nrows() {
            let row: Vec<f32> = values.row(channel).to_vec();
            let filtered = self.filter_one(&row, reverse);
            out.row_mut(channel).iter_mut().zip(filtered).for_each(|(out, value)| *out = value);
        }
        Ok(out)
    }

    /// Filters one channel.
    pub(crate) fn filter_one(&self, values: &[f32], reverse: bool) -> Vec<f32> {
        let spread: Vec<Vec<[f32; 1]>> = self
            .bands
            .par_iter()
            .map(|band| {
                wide(
                    #[inline(always)]
                    || band.splat_one(&values[band.range.clone()]),
                )
            })
            .collect();
        let mut front = vec![[0.0; 1]; self.vertices + 1];
        let mut back = front.clone();
        collect(self, 1, &mut front, |band| &spread[band]);
        blur(self, 1, reverse, &mut front, &mut back);
        let scale = self.scale();
        let parts: Vec<Vec<f32>> = self
            .bands
            .par_iter()
            .map(|band| {
                wide(
                    #[inline(always)]
                    || band.slice_one(&front, scale),
                )
            })
            .collect();
        parts.concat()
    }

    /// What the blur adds to a constant, undone.
    pub(crate) fn scale(&self) -> f32 {
        1.0 / (1.0 + (-(self.dimension as f32)).exp2())
    }
}

/// Splits points into bands of whole `unit`s (rows of a picture).
pub(crate) fn bands_of(points: usize, unit: usize) -> Vec<Range<usize>> {
    let unit = unit.max(1);
    // An even number, so that two threads have as much to do.
    let count = match points.div_ceil(BAND_POINTS) {
        0 | 1 => 1,
        more => more.next_multiple_of(2),
    };
    let step = points.div_ceil(count).div_ceil(unit).max(1) * unit;
    (0..points.div_ceil(step)).map(|i| i * step..points.min((i + 1) * step)).collect()
}

/// Numbers the lattice points of all bands, in their order.
fn joined(built: &mut [(Band, KeyTable)], codec: &Codec) -> KeyTable {
    let width = if codec.packed { 0 } else { codec.dimension };
    let largest = built.iter().map(|(_, table)| table.keys().len()).max().unwrap_or(0);
    let mut table = KeyTable::new(largest * 2, width);
    for (band, local) in built {
        band.vertices = (local.keys().iter().enumerate())
            .map(|(id, &key)| table.insert(key, local.coordinates(id)))
            .collect();
    }
    table
}

/// The neighbours along one direction.
fn neighbours(table: &KeyTable, codec: &Codec, axis: usize) -> Vec<[u32; 2]> {
    let count = table.keys().len();
    let mut pairs = vec![[count as u32; 2]; count];
    let step = i32::try_from(codec.dimension).unwrap_or(i32::MAX);
    let mut near = vec![0; if codec.packed { 0 } else { codec.dimension }];
    for (id, &key) in table.keys().iter().enumerate() {
        let found = if codec.packed {
            table.find(codec.neighbour(key, axis), &[])
        } else {
            for (i, (near, &c)) in near.iter_mut().zip(table.coordinates(id)).enumerate() {
                *near = if i == axis { c.saturating_add(step) } else { c - 1 };
            }
            table.find(mixed(&near), &near)
        };
        if let Some(other) = found {
            pairs[id][0] = other;
            pairs[other as usize][1] = id as u32;
        }
    }
    pairs
}

/// Which places of the bands belong to each lattice point.
fn members_of(bands: &[Band], vertices: usize) -> (Vec<u32>, Vec<[u32; 2]>) {
    let mut offsets = vec![0_u32; vertices + 2];
    for &vertex in bands.iter().flat_map(|band| &band.vertices) {
        offsets[vertex as usize + 2] += 1;
    }
    for i in 2..offsets.len() {
        offsets[i] += offsets[i - 1];
    }
    let total = offsets.last().copied().unwrap_or(0);
    let mut members = vec![[0; 2]; total as usize];
    for (index, band) in bands.iter().enumerate() {
        for (place, &vertex) in band.vertices.iter().enumerate() {
            let next = &mut offsets[vertex as usize + 1];
            members[*next as usize] = [index as u32, place as u32];
            *next += 1;
        }
    }
    offsets.pop();
    (offsets, members)
}
