//! Costs as the algorithms want them: to be minimised, no more rows than columns, row by
//! row in memory, plus infinity for forbidden pairs.

use std::borrow::Cow;

use ndarray::ArrayView2;

use crate::config::usable;
use crate::{AssignmentConfig, Error, NonFinite, Objective, Result};

/// Costs ready to be assigned.
pub(crate) struct Costs<'a> {
    /// Row after row.
    pub(crate) values: Cow<'a, [f64]>,
    /// The smaller number.
    pub(crate) rows: usize,
    /// The larger number.
    pub(crate) columns: usize,
    /// Whether rows and columns have changed places.
    pub(crate) turned: bool,
    /// The largest magnitude of a cost that is not forbidden.
    pub(crate) largest: f64,
}

impl<'a> Costs<'a> {
    /// Checks costs and brings them into order; copies them only where it has to.
    pub(crate) fn of(costs: ArrayView2<'a, f64>, config: &AssignmentConfig) -> Result<Self> {
        config.validate()?;
        let turned = costs.nrows() > costs.ncols();
        let wide = if turned { costs.reversed_axes() } else { costs };
        let (rows, columns) = wide.dim();
        let mut values = match (wide.to_slice(), costs.to_slice()) {
            (Some(slice), _) => Cow::Borrowed(slice),
            (None, Some(slice)) if turned => Cow::Owned(transposed(slice, columns, rows)),
            _ => Cow::Owned(wide.iter().copied().collect()),
        };
        if config.objective == Objective::Maximum {
            values.to_mut().iter_mut().for_each(|cost| *cost = -*cost);
        }
        let mut largest = largest(&values);
        if !usable(largest) {
            refuse(costs, config)?;
            let replacement = match config.non_finite {
                NonFinite::Cap(cap) if config.objective == Objective::Maximum => -cap,
                NonFinite::Cap(cap) => cap,
                _ => f64::INFINITY,
            };
            for cost in values.to_mut() {
                *cost = if usable(*cost) { *cost } else { replacement };
            }
            let finite = values.iter().filter(|cost| cost.is_finite());
            largest = finite.fold(0.0, |largest, cost| largest.max(cost.abs()));
        }
        Ok(Self { values, rows, columns, turned, largest })
    }

    /// The costs of a row.
    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..][..self.columns]
    }

    /// Row and column of the caller.
    pub(crate) fn pair(&self, row: usize, column: usize) -> (usize, usize) {
        if self.turned { (column, row) } else { (row, column) }
    }
}

/// The first cost, in the order of the rows, that the settings do not allow.
fn refuse(costs: ArrayView2<'_, f64>, config: &AssignmentConfig) -> Result<()> {
    let unwanted = match config.objective {
        Objective::Minimum => f64::INFINITY,
        Objective::Maximum => f64::NEG_INFINITY,
    };
    let settled = |value: f64| {
        let missing = value.is_nan() || value.total_cmp(&unwanted).is_eq();
        usable(value) || (missing && config.non_finite != NonFinite::Refuse)
    };
    let wrong = costs.indexed_iter().find(|&(_, &value)| !settled(value));
    wrong.map_or(Ok(()), |((row, column), &value)| Err(Error::Cost { row, column, value }))
}

/// The largest magnitude; infinity where there is a NaN.
fn largest(values: &[f64]) -> f64 {
    const LANES: usize = 16;
    let mut largest = [0.0_f64; LANES];
    // Zero times infinity or NaN is NaN, which stays in a sum.
    let mut zero = [0.0_f64; LANES];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for k in 0..LANES {
            let magnitude = block[k].abs();
            largest[k] = if magnitude > largest[k] { magnitude } else { largest[k] };
            zero[k] += block[k] * 0.0;
        }
    }
    if zero.iter().any(|zero| zero.is_nan()) || rest.iter().any(|value| !value.is_finite()) {
        return f64::INFINITY;
    }
    let rest = rest.iter().map(|value| value.abs());
    largest.into_iter().chain(rest).fold(0.0, f64::max)
}

/// A matrix of `rows` x `columns` turned over.
fn transposed(values: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    const BLOCK: usize = 8;
    let mut turned = vec![0.0; values.len()];
    let (whole_rows, whole_columns) = (rows - rows % BLOCK, columns - columns % BLOCK);
    // Whole lines of the cache are read and written.
    for top in (0..whole_rows).step_by(BLOCK) {
        for left in (0..whole_columns).step_by(BLOCK) {
            let mut block = [[0.0; BLOCK]; BLOCK];
            for (row, line) in block.iter_mut().enumerate() {
                if let Some(cells) = values[(top + row) * columns + left..].first_chunk() {
                    *line = *cells;
                }
            }
            for column in 0..BLOCK {
                let out = &mut turned[(left + column) * rows + top..];
                if let Some(line) = out.first_chunk_mut::<BLOCK>() {
                    for row in 0..BLOCK {
                        line[row] = block[row][column];
                    }
                }
            }
        }
    }
    for row in 0..rows {
        let start = if row < whole_rows { whole_columns } else { 0 };
        for column in start..columns {
            turned[column * rows + row] = values[row * columns + column];
        }
    }
    turned
}
