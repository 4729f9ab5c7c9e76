//! Conditional random fields on the grid of a picture: pixels and their 4 or 8 neighbours.

use ndarray::{Array2, ArrayView2, ArrayView3};
use serde::{Deserialize, Serialize};

use super::features::check_points;
use crate::{Connectivity, Error, Result};

/// Settings of a [`GridCrf`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GridCrfConfig {
    /// Which pixels are neighbours.
    pub connectivity: Connectivity,
    /// Energy of different labels where colours are equal; 0 to 10^6.
    pub alpha: f64,
    /// Standard deviation of colour differences, in the units of the picture; positive. The
    /// larger, the less edges of the picture attract borders.
    pub sigma: f64,
}

impl Default for GridCrfConfig {
    fn default() -> Self {
        Self { connectivity: Connectivity::Four, alpha: 2.0, sigma: 13.0 }
    }
}

impl GridCrfConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`].
    pub fn validate(&self) -> Result<()> {
        if !(self.alpha >= 0.0 && self.alpha <= 1e6) {
            let expected = "from 0 to 1e6";
            return Err(Error::InvalidSetting { field: "alpha", value: self.alpha, expected });
        }
        super::features::check_sigmas("sigma", &[self.sigma], 1)
    }
}

/// Labels of a grid and their energy.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GridLabels {
    /// [H, W].
    pub labels: Array2<usize>,
    /// Energy before the first sweep and after each one.
    pub energies: Vec<f64>,
}

/// A random field with an energy for each pixel and each pair of neighbours:
/// `sum U_i(x_i) + sum_ij alpha exp(-|c_i - c_j|^2 / (2 sigma^2)) [x_i != x_j]`.
///
/// Diagonal neighbours weigh as much as the others.
#[derive(Debug, Clone)]
pub struct GridCrf {
    pub(crate) size: (usize, usize),
    /// Pairs of neighbours (first pixel, second pixel, weight), in scan order.
    pub(crate) edges: Vec<(u32, u32, f64)>,
    /// Where the edges of each pixel start in `around`.
    offsets: Vec<u32>,
    /// Neighbour and weight.
    around: Vec<(u32, f64)>,
}

impl GridCrf {
    /// Computes the weights of all pairs of neighbours.
    ///
    /// # Shapes
    /// `image` [C, H, W].
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] as [`GridCrfConfig::validate`]; [`Error::InvalidFeature`] for
    /// a pixel that is not finite; [`Error::TooManyPoints`] for 2^28 pixels or more.
    pub fn new(image: ArrayView3<'_, f32>, config: &GridCrfConfig) -> Result<Self> {
        config.validate()?;
        let (channels, rows, columns) = image.dim();
        let points = rows.saturating_mul(columns);
        let limit = 1 << 28;
        if points >= limit {
            return Err(Error::TooManyPoints { points, limit });
        }
        for ((dimension, row, column), &value) in image.indexed_iter() {
            if !value.is_finite() {
                let point = row * columns + column;
                return Err(Error::InvalidFeature { dimension, point, value });
            }
        }
        let steps: &[(usize, isize)] = match config.connectivity {
            Connectivity::Four => &[(0, 1), (1, 0)],
            Connectivity::Eight => &[(0, 1), (1, -1), (1, 0), (1, 1)],
        };
        let mut edges = Vec::with_capacity(points * steps.len());
        for row in 0..rows {
            for column in 0..columns {
                for &(down, right) in steps {
                    let Some(other) = column.checked_add_signed(right) else { continue };
                    if row + down >= rows || other >= columns {
                        continue;
                    }
                    let square: f64 = (0..channels)
                        .map(|c| {
                            let here = f64::from(image[(c, row, column)]);
                            (here - f64::from(image[(c, row + down, other)])).powi(2)
                        })
                        .sum();
                    let weight = config.alpha * (-square / (2.0 * config.sigma.powi(2))).exp();
                    let first = (row * columns + column) as u32;
                    edges.push((first, ((row + down) * columns + other) as u32, weight));
                }
            }
        }
        let (offsets, around) = adjacency(points, &edges);
        Ok(Self { size: (rows, columns), edges, offsets, around })
    }

    /// The energy of labels.
    ///
    /// # Shapes
    /// `unary` [K, H, W], `labels` [H, W].
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] for another size; [`Error::InvalidUnary`] for an energy that
    /// is not finite; [`Error::InvalidLabel`].
    pub fn energy(&self, unary: ArrayView3<'_, f32>, labels: ArrayView2<'_, usize>) -> Result<f64> {
        let unary = self.checked(unary)?;
        let classes = unary.nrows();
        let (rows, columns) = labels.dim();
        check_points("rows of the labels", rows, self.size.0)?;
        check_points("columns of the labels", columns, self.size.1)?;
        let labels: Vec<usize> = labels.iter().copied().collect();
        if let Some((point, &label)) = labels.iter().enumerate().find(|(_, l)| **l >= classes) {
            return Err(Error::InvalidLabel { point, label, classes });
        }
        Ok(self.energy_of(&unary, &labels))
    }

    pub(crate) fn energy_of(&self, unary: &Array2<f64>, labels: &[usize]) -> f64 {
        let own: f64 = labels.iter().enumerate().map(|(i, &label)| unary[(label, i)]).sum();
        let cut = |&&(a, b, _): &&(u32, u32, f64)| labels[a as usize] != labels[b as usize];
        own + self.edges.iter().filter(cut).map(|&(_, _, weight)| weight).sum::<f64>()
    }

    /// Neighbours of a pixel with weights.
    pub(crate) fn around(&self, point: usize) -> &[(u32, f64)] {
        &self.around[self.offsets[point] as usize..self.offsets[point + 1] as usize]
    }

    /// The unary as [class, pixel], finite.
    pub(crate) fn checked(&self, unary: ArrayView3<'_, f32>) -> Result<Array2<f64>> {
        let (classes, rows, columns) = unary.dim();
        check_points("rows of the unary", rows, self.size.0)?;
        check_points("columns of the unary", columns, self.size.1)?;
        if classes == 0 {
            let expected = "at least 1";
            return Err(Error::InvalidSetting { field: "classes", value: 0.0, expected });
        }
        let mut out = Array2::zeros((classes, rows * columns));
        for ((class, row, column), &value) in unary.indexed_iter() {
            let point = row * columns + column;
            if !value.is_finite() {
                return Err(Error::InvalidUnary { class, point, value });
            }
            out[(class, point)] = f64::from(value);
        }
        Ok(out)
    }

    /// The label of least unary energy of each pixel, of equal ones the first.
    pub(crate) fn start(unary: &Array2<f64>) -> Vec<usize> {
        let best = |point| {
            let better = |best, class| {
                if unary[(class, point)] < unary[(best, point)] { class } else { best }
            };
            (1..unary.nrows()).fold(0, better)
        };
        (0..unary.ncols()).map(best).collect()
    }

    pub(crate) fn labelled(&self, labels: Vec<usize>, energies: Vec<f64>) -> GridLabels {
        let labels = Array2::from_shape_vec(self.size, labels).unwrap_or_default();
        GridLabels { labels, energies }
    }
}

/// The edges of each pixel.
fn adjacency(points: usize, edges: &[(u32, u32, f64)]) -> (Vec<u32>, Vec<(u32, f64)>) {
    let mut offsets = vec![0_u32; points + 2];
    for &(a, b, _) in edges {
        offsets[a as usize + 2] += 1;
        offsets[b as usize + 2] += 1;
    }
    for i in 2..offsets.len() {
        offsets[i] += offsets[i - 1];
    }
    let mut around = vec![(0, 0.0); edges.len() * 2];
    for &(a, b, weight) in edges {
        for (from, to) in [(a, b), (b, a)] {
            let next = &mut offsets[from as usize + 1];
            around[*next as usize] = (to, weight);
            *next += 1;
        }
    }
    offsets.pop();
    (offsets, around)
}
