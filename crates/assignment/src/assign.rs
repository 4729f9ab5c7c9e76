//! The exact assignment.

use ndarray::ArrayView2;

use crate::costs::Costs;
use crate::kernel::NONE;
use crate::solver::solve;
use crate::{Assignment, AssignmentConfig, Error, Objective, Result};

/// The assignment of least cost: every row has one column, or, where there are fewer
/// columns than rows, every column has one row.
///
/// Costs may be negative; NaN and infinity are refused. [`assign_with`] has other rules for
/// them, and maximises.
///
/// # Shapes
/// `costs` `[rows, columns]`, both may be 0.
///
/// # Errors
/// [`Error::Cost`] for NaN, infinity or a magnitude above [`LARGEST_COST`](crate::LARGEST_COST).
///
/// # References
/// See [`assign_with`].
///
/// ```
/// use mapvec_assignment::assign;
/// use ndarray::array;
///
/// let found = assign(array![[4.0, 1.0, 3.0], [2.0, 0.0, 5.0]].view())?;
/// assert_eq!((found.pairs, found.cost), (vec![(0, 1), (1, 0)], 3.0));
/// # Ok::<(), mapvec_assignment::Error>(())
/// ```
pub fn assign(costs: ArrayView2<'_, f64>) -> Result<Assignment> {
    assign_with(costs, &AssignmentConfig::default())
}

/// The assignment of least cost, or of the largest gain, with its dual variables.
///
/// Exact but for the rounding of `f64`: whole-numbered costs give an exact optimum as long
/// as `n` times the largest is below 2⁵³. Of assignments of equal cost the same one is
/// found on every processor. Costs that lie row by row in memory, with no fewer columns than
/// rows, are not copied for a minimum.
///
/// # Shapes
/// `costs` `[rows, columns]`, both may be 0.
///
/// # Errors
/// [`Error::Cost`] for a cost that the settings refuse, [`Error::Config`] for a setting out of
/// range, [`Error::Infeasible`] if forbidden pairs leave no full assignment.
///
/// # References
/// R. Jonker and A. Volgenant, A shortest augmenting path algorithm for dense and sparse
/// linear assignment problems, Computing 38 (1987). For rectangles: D. F. Crouse, On
/// implementing 2D rectangular assignment algorithms, IEEE Transactions on Aerospace and
/// Electronic Systems 52 (2016).
pub fn assign_with(costs: ArrayView2<'_, f64>, config: &AssignmentConfig) -> Result<Assignment> {
    let wide = Costs::of(costs, config)?;
    let solution = solve(&wide);
    let found = solution.column_of.iter().filter(|&&column| column != NONE).count();
    if found < wide.rows {
        return Err(Error::Infeasible { found, needed: wide.rows });
    }
    Ok(conclude(&wide, &solution.column_of, solution.duals, config.objective))
}

/// The pairs of the caller from columns of rows; the dual variables of rows follow from
/// those of their columns.
pub(crate) fn conclude(
    costs: &Costs<'_>,
    column_of: &[usize],
    mut long: Vec<f64>,
    objective: Objective,
) -> Assignment {
    let of_pair = |(row, &column): (usize, &usize)| costs.row(row)[column];
    let chosen: Vec<f64> = column_of.iter().enumerate().map(of_pair).collect();
    let mut short: Vec<f64> =
        column_of.iter().zip(&chosen).map(|(&column, cost)| cost - long[column]).collect();
    let mut pairs: Vec<(usize, usize)> =
        column_of.iter().enumerate().map(|(row, &column)| costs.pair(row, column)).collect();
    let mut cost: f64 = if costs.turned {
        pairs.sort_unstable();
        pairs.iter().map(|&(_, row)| chosen[row]).sum()
    } else {
        chosen.iter().sum()
    };
    if objective == Objective::Maximum {
        cost = -cost;
        short.iter_mut().chain(&mut long).for_each(|dual| *dual = -*dual);
    }
    let (row_duals, column_duals) = if costs.turned { (long, short) } else { (short, long) };
    // A sum of nothing is -0.
    Assignment { pairs, cost: cost + 0.0, row_duals, column_duals }
}
