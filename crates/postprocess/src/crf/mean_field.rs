//! Parallel mean-field updates over bands of points.
//!
//! One pass over a band reads the filtered probabilities, updates them, and spreads the new
//! ones for the next pass, so that each point is met once per iteration.

use std::ops::Range;

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::config::InferenceConfig;
use super::kernel::{Filter, Kernel};
use super::lattice::{blur, collect, fetch};
use super::layout::{check_unary, first_impossible, write_planes};
use super::report::{ConvergenceReport, IterationReport, PointInference};
use super::update::{BandState, Parts, Rows, Task};
use super::wide::wide;
use crate::{Error, Result};

/// Runs the mean field with `W` lanes per chunk of classes, in rows of `width` points.
pub(crate) fn mean_field<const W: usize>(
    kernels: &[Kernel],
    bands: &[Range<usize>],
    width: usize,
    unary: ArrayView2<'_, f32>,
    config: &InferenceConfig,
) -> Result<PointInference> {
    let parts = Parts::<W>::new(kernels, width, unary.view());
    let mut field = Field::new(&parts, bands)?;
    field.start()?;
    let mut report = ConvergenceReport::default();
    for iteration in 0..config.iterations {
        let last = iteration + 1 == config.iterations && config.tolerance <= 0.0;
        field.filter();
        let step = field.update(Task { splat: !last, energy: config.free_energy });
        let largest = step.largest_change;
        report.iterations.push(step);
        if config.tolerance > 0.0 && largest <= config.tolerance {
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
    /// The last probabilities of each band.
    old: Vec<Rows<W>>,
    /// Per kernel the values of lattice points, twice.
    lattices: Vec<(Rows<W>, Rows<W>)>,
    points: usize,
}

impl<'f, 'a, const W: usize> Field<'f, 'a, W> {
    fn new(parts: &'f Parts<'a, W>, bands: &[Range<usize>]) -> Result<Self> {
        bands
            .par_iter()
            .map(|range| check_unary(parts.unary, range.clone()))
            .collect::<Vec<_>>()
            .into_iter()
            .collect::<Result<()>>()?;
        let bands: Vec<BandState<W>> = bands
            .par_iter()
            .enumerate()
            .map(|(index, range)| BandState::new(parts, index, range.clone()))
            .collect();
        let lattices = parts
            .kernels
            .iter()
            .map(|kernel| match &kernel.filter {
                Filter::Lattice { lattice, .. } => {
                    let rows = vec![[0.0; W]; (lattice.vertices + 1) * parts.chunks];
                    (rows.clone(), rows)
                }
                _ => (Vec::new(), Vec::new()),
            })
            .collect();
        let old = bands.iter().map(|band| band.probabilities.clone()).collect();
        Ok(Self { parts, bands, old, lattices, points: parts.unary.ncols() })
    }

    /// The softmax of the unary, spread for the first iteration.
    fn start(&mut self) -> Result<()> {
        let parts = self.parts;
        self.bands.par_iter_mut().for_each(|band| {
            wide(
                #[inline(always)]
                || band.start(parts),
            );
        });
        self.swap();
        for band in &self.bands {
            if band.lowest == f32::NEG_INFINITY {
                let point = first_impossible(parts.unary, band.range.clone());
                return Err(Error::InvalidUnary { class: 0, point, value: f32::INFINITY });
            }
        }
        Ok(())
    }

    /// Sums what the bands spread and blurs it.
    fn filter(&mut self) {
        let chunks = self.parts.chunks;
        for (index, kernel) in self.parts.kernels.iter().enumerate() {
            if let Filter::Lattice { lattice, .. } = &kernel.filter {
                let bands = &self.bands;
                let (front, back) = &mut self.lattices[index];
                collect(lattice, chunks, front, |band| &bands[band].spread[index]);
                blur(lattice, chunks, false, front, back);
            }
        }
    }

    fn update(&mut self, task: Task) -> IterationReport {
        let (parts, old, lattices) = (self.parts, &self.old, &self.lattices);
        self.bands.par_iter_mut().enumerate().for_each(|(index, band)| {
            wide(
                #[inline(always)]
                || {
                    for (k, kernel) in parts.kernels.iter().enumerate() {
                        if let Filter::Lattice { lattice, .. } = &kernel.filter {
                            let own = &mut band.fetched[k];
                            fetch(&lattice.bands[index], parts.chunks, &lattices[k].0, own);
                        }
                    }
                    band.update(parts, old, task);
                },
            );
        });
        self.swap();
        let values = (self.points * self.parts.classes).max(1) as f64;
        let sum: f64 = self.bands.iter().map(|band| band.change).sum();
        IterationReport {
            largest_change: self.bands.iter().fold(0.0, |m, band| m.max(band.largest)),
            mean_change: sum / values,
            free_energy: task.energy.then(|| self.bands.iter().map(|band| band.energy).sum()),
        }
    }

    fn swap(&mut self) {
        for (old, band) in self.old.iter_mut().zip(&mut self.bands) {
            std::mem::swap(old, &mut band.probabilities);
        }
    }

    /// Probabilities [K, N] and labels.
    fn result(&self) -> (Array2<f32>, Vec<usize>) {
        let classes = self.parts.classes;
        let mut flat = vec![0.0; classes * self.points];
        let step = self.bands.first().map_or(1, |band| band.range.len()).max(1);
        // One list of pieces per band: its part of each class.
        let mut pieces: Vec<Vec<&mut [f32]>> = self.bands.iter().map(|_| Vec::new()).collect();
        for class in flat.chunks_exact_mut(self.points.max(1)) {
            for (piece, list) in class.chunks_mut(step).zip(&mut pieces) {
                list.push(piece);
            }
        }
        let labels: Vec<Vec<usize>> = self
            .old
            .par_iter()
            .zip(pieces)
            .map(|(rows, mut pieces)| write_planes(rows, &mut pieces))
            .collect();
        let probabilities = Array2::from_shape_vec((classes, self.points), flat);
        (probabilities.unwrap_or_default(), labels.concat())
    }
}
