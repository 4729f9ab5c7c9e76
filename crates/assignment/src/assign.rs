//! The exact assignment.

use ndarray::{ArrayView2, Axis};

use crate::{Error, Result};

/// Which row goes with which column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assignment {
    /// Rows and their columns, by ascending row; as many as the smaller side has.
    pub pairs: Vec<(usize, usize)>,
    /// Sum of the costs of the pairs, in the order of the rows.
    pub cost: f64,
}

/// The assignment of least cost: every row has one column, or, where there are fewer
/// columns than rows, every column has one row.
///
/// Costs may be negative. A cost of plus infinity forbids a pair.
///
/// # Shapes
/// `costs` `[rows, columns]`, both may be 0.
///
/// # Errors
/// [`Error::Cost`] for NaN or minus infinity; [`Error::Infeasible`] if the forbidden pairs
/// leave no full assignment.
///
/// # References
/// R. Jonker and A. Volgenant, A shortest augmenting path algorithm for dense and sparse
/// linear assignment problems, Computing 38 (1987).
pub fn assign(costs: ArrayView2<'_, f64>) -> Result<Assignment> {
    for ((row, column), &value) in costs.indexed_iter() {
        if value.is_nan() || value == f64::NEG_INFINITY {
            return Err(Error::Cost { row, column, value });
        }
    }
    let turned = costs.nrows() > costs.ncols();
    let wide = if turned { costs.reversed_axes() } else { costs };
    let mut pairs = augment(wide)?;
    if turned {
        pairs.iter_mut().for_each(|pair| *pair = (pair.1, pair.0));
    }
    pairs.sort_unstable();
    let cost = pairs.iter().map(|&pair| costs[pair]).sum();
    Ok(Assignment { pairs, cost })
}

/// Pairs of the smaller side, one shortest augmenting path per row.
fn augment(costs: ArrayView2<'_, f64>) -> Result<Vec<(usize, usize)>> {
    let (rows, columns) = costs.dim();
    let mut row_duals = vec![0.0; rows];
    let mut column_duals = vec![0.0; columns];
    let mut row_of: Vec<Option<usize>> = vec![None; columns];
    for start in 0..rows {
        let mut distance = vec![f64::INFINITY; columns];
        let mut before = vec![start; columns];
        let mut done = vec![false; columns];
        let (mut row, mut reached) = (start, 0.0);
        let sink = loop {
            let mut nearest: Option<usize> = None;
            for (column, &cost) in costs.index_axis(Axis(0), row).iter().enumerate() {
                if done[column] {
                    continue;
                }
                let through = reached + (cost - row_duals[row] - column_duals[column]);
                if through < distance[column] {
                    (distance[column], before[column]) = (through, row);
                }
                let nearer = nearest.is_none_or(|n| distance[column] < distance[n]);
                if nearer && distance[column] < f64::INFINITY {
                    nearest = Some(column);
                }
            }
            let Some(column) = nearest else {
                return Err(Error::Infeasible { found: start, needed: rows });
            };
            done[column] = true;
            reached = distance[column];
            match row_of[column] {
                Some(next) => row = next,
                None => break column,
            }
        };
        row_duals[start] += reached;
        for column in (0..columns).filter(|&column| done[column]) {
            let slack = reached - distance[column];
            column_duals[column] -= slack;
            if let Some(row) = row_of[column] {
                row_duals[row] += slack;
            }
        }
        let mut column = sink;
        loop {
            let row = before[column];
            let previous = row_of.iter().position(|&other| other == Some(row));
            row_of[column] = Some(row);
            match previous {
                Some(previous) => column = previous,
                None => break,
            }
        }
    }
    Ok(row_of.iter().enumerate().filter_map(|(column, row)| row.map(|row| (row, column))).collect())
}
