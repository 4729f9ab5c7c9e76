//! The assignment that takes the cheapest pair first.

use ndarray::ArrayView2;

use crate::costs::Costs;
use crate::{Assignment, AssignmentConfig, Objective, Result};

/// Takes the cheapest pair whose row and column are both free until none is left.
///
/// Of equal costs the lower row is first, then the lower column. The sum of costs is not the
/// least one, and nothing is known about how far it is from that; there are no dual variables.
/// There may be fewer pairs than the smaller side has where pairs are forbidden. All pairs are
/// sorted at once, which takes 24 bytes for each cost on top of the costs.
///
/// # Shapes
/// `costs` `[rows, columns]`, both may be 0.
///
/// # Errors
/// [`Error::Cost`](crate::Error::Cost) for a cost that the settings refuse,
/// [`Error::Config`](crate::Error::Config) for a setting out of range.
pub fn greedy(costs: ArrayView2<'_, f64>, config: &AssignmentConfig) -> Result<Assignment> {
    let wide = Costs::of(costs, config)?;
    let mut order: Vec<(f64, usize, usize)> = Vec::new();
    for row in 0..wide.rows {
        for (column, &cost) in wide.row(row).iter().enumerate() {
            if cost.is_finite() {
                let (row, column) = wide.pair(row, column);
                // Zero has one sign here, or ties would depend on it.
                order.push((cost + 0.0, row, column));
            }
        }
    }
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (mut rows, mut columns) = (vec![true; costs.nrows()], vec![true; costs.ncols()]);
    let mut chosen = Vec::with_capacity(wide.rows);
    for (cost, row, column) in order {
        if rows[row] && columns[column] {
            (rows[row], columns[column]) = (false, false);
            chosen.push((row, column, cost));
        }
    }
    chosen.sort_unstable_by_key(|&(row, ..)| row);
    let sum: f64 = chosen.iter().map(|&(.., cost)| cost).sum();
    Ok(Assignment {
        pairs: chosen.iter().map(|&(row, column, _)| (row, column)).collect(),
        cost: if config.objective == Objective::Maximum { -sum } else { sum } + 0.0,
        row_duals: Vec::new(),
        column_duals: Vec::new(),
    })
}
