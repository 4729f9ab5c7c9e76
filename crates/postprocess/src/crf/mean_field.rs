//! Parallel mean-field updates over bands of points.
//!
//! One pass over a band reads the filtered probabilities, updates them, and spreads the new
//! ones for the next pass, so that each point is met once per iteration.

use std::ops::Range;

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::config::InferenceConfig;
use super::kernel::{Filter, Kernel};
use super::lattice::{blur, collect};
use super::layout::{first_impossible, write_planes};
use super::report::{ConvergenceReport, IterationReport, PointInference};
use super::update::{BandState, Parts, Rows, Task};
use super::wide::wide;
use crate::{Error, Result};

/// Runs the mean field with `W` lanes per chunk of classes; bands are whole rows of the picture.
pub(crate) fn mean_field<const W: usize>(
    kernels: &[Kernel],
    bands: &[Range<usize>],
    unary: ArrayView2<'_, f32>,
    config: &InferenceConfig,
) -> Result<PointInference> {
    let parts = Parts::<W>::new(kernels, bands, unary.view(), config);
    let mut field = Field::new(&parts, bands)?;
    field.start(config.iterations > 0)?;
    let mut report = ConvergenceReport::default();
    for iteration in 0..config.iterations {
        let last = iteration + 1 == config.iterations && config.tolerance <= 0.0;
        field.filter();
        let step = field.update(Task { splat: !last, energy: config.free_energy });
        let largest = step.largest_change;
        report.iterations.push(step);
        if config.tolerance > 0.0 && largest.is_some_and(|change| change <= config.tolerance) {
            report.converged = true;
            break;
        }
    }
    let (probabilities, labels) = field.result();
    Ok(PointInference { probabilities, labels, report })
}

/// The state of all bands.
struct Field<'f, 'a, const W: usize> {
    parts: &'f Parts<'a, W>,
    bands: Vec<BandState<W>>,
    /// Per kernel the values of all lattice points or nodes, those of lattice points twice.
    gathered: Vec<(Rows<W>, Rows<W>)>,
    points: usize,
}

impl<'f, 'a, const W: usize> Field<'f, 'a, W> {
    fn new(parts: &'f Parts<'a, W>, bands: &[Range<usize>]) -> Result<Self> {
        let bands = bands
            .par_iter()
            .enumerate()
            .map(|(index, range)| {
                wide(
                    #[inline(always)]
                    || BandState::new(parts, index, range.clone()),
                )
            })
            .collect::<Vec<_>>()
            .into_iter()
            .collect::<Result<Vec<BandState<W>>>>()?;
        let gathered = parts
            .kernels
            .iter()
            .map(|kernel| match &kernel.filter {
                Filter::Lattice { lattice, .. } => {
                    let rows = vec![[0.0; W]; (lattice.vertices + 1) * parts.chunks];
                    (rows.clone(), rows)
                }
                Filter::Grid(grid) => (vec![[0.0; W]; grid.nodes() * parts.chunks], Vec::new()),
                Filter::Matrix(_) => (Vec::new(), Vec::new()),
            })
            .collect();
        Ok(Self { parts, bands, gathered, points: parts.unary.ncols() })
    }

    /// The softmax of the unary, spread if there is an iteration.
    fn start(&mut self, splat: bool) -> Result<()> {
        let parts = self.parts;
        self.bands.par_iter_mut().for_each(|band| {
            wide(
                #[inline(always)]
                || band.start(parts, splat),
            );
        });
        for band in &self.bands {
            if band.lowest == f32::NEG_INFINITY {
                let point = first_impossible(parts.unary, band.range.clone());
                return Err(Error::InvalidUnary { class: 0, point, value: f32::INFINITY });
            }
        }
        Ok(())
    }

    /// Sums what the bands spread, on lattices blurred.
    fn filter(&mut self) {
        let chunks = self.parts.chunks;
        for (index, kernel) in self.parts.kernels.iter().enumerate() {
            let bands = &self.bands;
            let (front, back) = &mut self.gathered[index];
            match &kernel.filter {
                Filter::Lattice { lattice, .. } => {
                    collect(lattice, chunks, front, |band| &bands[band].spread[index]);
                    blur(lattice, chunks, false, front, back);
                }
                Filter::Grid(grid) => {
                    let row = grid.row_nodes() * chunks;
                    let rows: Vec<&[f32]> = bands
                        .iter()
                        .flat_map(|band| band.spread[index].chunks_exact(row))
                        .map(<[_]>::as_flattened)
                        .collect();
                    grid.collect(chunks * W, &rows, front.as_flattened_mut());
                }
                Filter::Matrix(_) => {}
            }
        }
    }

    fn update(&mut self, task: Task) -> IterationReport {
        let parts = self.parts;
        let gathered: Vec<&[[f32; W]]> =
            self.gathered.iter().map(|(front, _)| front.as_slice()).collect();
        self.bands.par_iter_mut().for_each(|band| {
            wide(
                #[inline(always)]
                || band.update(parts, &gathered, task),
            );
        });
        let values = (self.points * self.parts.classes).max(1) as f64;
        let largest = self.bands.iter().fold(0.0_f32, |m, band| m.max(band.largest));
        let sum: f64 = self.bands.iter().map(|band| band.change).sum();
        IterationReport {
            largest_change: parts.changes.then_some(largest),
            mean_change: parts.changes.then_some(sum / values),
            free_energy: task.energy.then(|| self.bands.iter().map(|band| band.energy).sum()),
        }
    }

    /// Probabilities [K, N] and labels.
    fn result(&self) -> (Array2<f32>, Vec<usize>) {
        let classes = self.parts.classes;
        let mut flat = vec![0.0; classes * self.points];
        // One list of pieces per band: its part of each class.
        let mut pieces: Vec<Vec<&mut [f32]>> = self.bands.iter().map(|_| Vec::new()).collect();
        for class in flat.chunks_exact_mut(self.points.max(1)) {
            let mut rest = class;
            for (band, list) in self.bands.iter().zip(&mut pieces) {
                let (piece, more) = rest.split_at_mut(band.range.len());
                list.push(piece);
                rest = more;
            }
        }
        let labels: Vec<Vec<usize>> = self
            .bands
            .par_iter()
            .zip(pieces)
            .map(|(band, mut pieces)| {
                wide(
                    #[inline(always)]
                    || write_planes(&band.probabilities, &mut pieces),
                )
            })
            .collect();
        let probabilities = Array2::from_shape_vec((classes, self.points), flat);
        (probabilities.unwrap_or_default(), labels.concat())
    }
}
