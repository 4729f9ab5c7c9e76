//! Pairs, and the proof that no others are cheaper.

use ndarray::ArrayView2;

use crate::costs::Costs;
use crate::{AssignmentConfig, Error, Objective, Result};

/// Which row goes with which column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assignment {
    /// Rows and their columns, by ascending row; as many as the smaller side has.
    pub pairs: Vec<(usize, usize)>,
    /// Sum of the costs of the pairs, in the order of the rows.
    pub cost: f64,
    /// Dual variables of the rows, one each, or none from an algorithm that proves nothing.
    ///
    /// For a minimum, `row_duals[i] + column_duals[j] <= costs[i, j]`, equal for the pairs
    /// (for a maximum `>=`); in the longer of both directions they are at most 0 (at least
    /// 0), and 0 without a pair. All but for rounding.
    pub row_duals: Vec<f64>,
    /// Dual variables of the columns.
    pub column_duals: Vec<f64>,
}

impl Assignment {
    /// How far the sum of costs may lie from the best possible one, as the dual variables
    /// prove it: by weak duality
    ///
    /// ```text
    /// optimum >= sum(u) + sum(v) - n max(0, max(u_i + v_j - c_ij)) = bound
    /// gap = cost - bound
    /// ```
    ///
    /// with `n` the smaller of the numbers of rows and columns, and dual variables of the
    /// longer direction taken as 0 where they have the wrong sign. (Shown for a minimum.)
    ///
    /// # Errors
    /// [`Error::Pairs`] if the pairs are no full assignment of these costs, contain a
    /// forbidden pair, or have no dual variables; other variants if the costs are wrong.
    pub fn optimality_gap(
        &self,
        costs: ArrayView2<'_, f64>,
        config: &AssignmentConfig,
    ) -> Result<f64> {
        let costs = Costs::of(costs, config)?;
        Ok(self.gap(&costs, config.objective)?.max(0.0))
    }

    /// Checks that the pairs are a full assignment, that the dual variables prove it optimal,
    /// and that [`cost`](Self::cost) is the sum of its costs.
    ///
    /// The gap may be what rounding explains, `16 n eps (|c|max + |u|max + |v|max)` with `n` the
    /// smaller of the numbers of rows and columns and `eps` = 2⁻⁵². Returns the gap.
    ///
    /// # Errors
    /// [`Error::Gap`] if the gap is larger; [`Error::Pairs`] if `cost` differs from the sum of
    /// the costs by more than rounding explains; the errors of
    /// [`optimality_gap`](Self::optimality_gap).
    pub fn certify(&self, costs: ArrayView2<'_, f64>, config: &AssignmentConfig) -> Result<f64> {
        let costs = Costs::of(costs, config)?;
        let gap = self.gap(&costs, config.objective)?;
        let largest = |duals: &[f64]| duals.iter().fold(0.0_f64, |most, d| most.max(d.abs()));
        let scale = costs.largest + largest(&self.row_duals) + largest(&self.column_duals);
        let allowed = 16.0 * costs.rows as f64 * f64::EPSILON * scale;
        // Not `gap > allowed`: NaN proves nothing.
        let proved = gap <= allowed;
        if !proved {
            return Err(Error::Gap { gap, allowed });
        }
        let of_pair = |&(row, column): &(usize, usize)| {
            let (row, column) = costs.pair(row, column);
            costs.row(row)[column]
        };
        let sum: f64 = self.pairs.iter().map(of_pair).sum();
        let cost = if config.objective == Objective::Maximum { -self.cost } else { self.cost };
        let right = (cost - sum).abs() <= allowed;
        if right {
            return Ok(gap.max(0.0));
        }
        let (rows, columns) = costs.pair(costs.rows, costs.columns);
        Err(Error::Pairs {
            rows,
            columns,
            reason: "`cost` is not the sum of the costs of the pairs",
        })
    }

    fn gap(&self, costs: &Costs<'_>, objective: Objective) -> Result<f64> {
        let sign = if objective == Objective::Maximum { -1.0 } else { 1.0 };
        self.check_pairs(costs)?;
        let (short, long) = if costs.turned {
            (&self.column_duals, &self.row_duals)
        } else {
            (&self.row_duals, &self.column_duals)
        };
        let square = costs.rows == costs.columns;
        let long: Vec<f64> =
            long.iter().map(|&v| if square { sign * v } else { (sign * v).min(0.0) }).collect();
        let mut violation = 0.0_f64;
        for (row, &u) in short.iter().enumerate() {
            let slack = costs.row(row).iter().zip(&long).map(|(cost, v)| cost - v);
            let least =
                slack.fold(f64::INFINITY, |least, slack| if slack < least { slack } else { least });
            violation = violation.max(sign * u - least);
        }
        // The terms of a pair cancel, which a sum of all terms would not.
        let mut gap = costs.rows as f64 * violation;
        let mut unpaired = long.clone();
        for &(row, column) in &self.pairs {
            let (row, column) = costs.pair(row, column);
            gap += costs.row(row)[column] - sign * short[row] - long[column];
            unpaired[column] = 0.0;
        }
        // A square has none, and in others they lower the bound.
        Ok(gap - unpaired.iter().sum::<f64>())
    }

    fn check_pairs(&self, costs: &Costs<'_>) -> Result<()> {
        let (rows, columns) = costs.pair(costs.rows, costs.columns);
        let wrong = |reason| Err(Error::Pairs { rows, columns, reason });
        if self.row_duals.len() != rows || self.column_duals.len() != columns {
            return wrong("there is not one dual variable for every row and column");
        }
        if self.pairs.len() != costs.rows {
            return wrong("there are not as many pairs as the smaller side has");
        }
        let mut taken = (vec![false; rows], vec![false; columns]);
        for &(row, column) in &self.pairs {
            if row >= rows || column >= columns {
                return wrong("a pair lies outside");
            }
            if std::mem::replace(&mut taken.0[row], true)
                || std::mem::replace(&mut taken.1[column], true)
            {
                return wrong("a row or column is in two pairs");
            }
            let (row, column) = costs.pair(row, column);
            if costs.row(row)[column].is_infinite() {
                return wrong("a pair is forbidden");
            }
        }
        Ok(())
    }
}
