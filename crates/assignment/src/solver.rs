//! The algorithm of Jonker and Volgenant on rows that lie one after the other.

use pulp::Arch;

use crate::costs::Costs;
use crate::kernel::{NONE, nearest, position, relax, two_smallest};

/// Rows and their columns with the dual variables that prove them.
pub(crate) struct Solution {
    /// The column of a row, or [`NONE`] where forbidden pairs leave none.
    pub(crate) column_of: Vec<usize>,
    /// Dual variables of the columns.
    pub(crate) duals: Vec<f64>,
}

/// Assigns every row with the widest vectors that the processor has.
pub(crate) fn solve(costs: &Costs<'_>) -> Solution {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let mut solver = Solver::new(costs);
            solver.reduce_columns();
            for _ in 0..PASSES {
                solver.reduce_rows();
            }
            solver.augment();
            Solution { column_of: solver.column_of, duals: solver.duals }
        },
    )
}

/// Passes of row reduction, as published.
const PASSES: usize = 2;

struct Solver<'a> {
    values: &'a [f64],
    columns: usize,
    column_of: Vec<usize>,
    row_of: Vec<usize>,
    /// Of the columns; no row has a cost below its own dual variable plus the column's.
    duals: Vec<f64>,
    /// Rows without a column.
    free: Vec<usize>,
}

impl<'a> Solver<'a> {
    #[inline(always)]
    fn new(costs: &'a Costs<'_>) -> Self {
        Self {
            values: &costs.values,
            columns: costs.columns,
            column_of: vec![NONE; costs.rows],
            row_of: vec![NONE; costs.columns],
            duals: vec![0.0; costs.columns],
            free: (0..costs.rows).collect(),
        }
    }

    #[inline(always)]
    fn row(&self, row: usize) -> &'a [f64] {
        &self.values[row * self.columns..][..self.columns]
    }

    /// Gives each column to the row where it is cheapest, if that row has no column yet.
    ///
    /// Only where every column gets a row: columns that stay free keep the dual variable 0.
    #[inline(always)]
    fn reduce_columns(&mut self) {
        let rows = self.column_of.len();
        if rows < self.columns || rows == 0 {
            return;
        }
        let mut cheapest = vec![0_usize; self.columns];
        let first = self.row(0);
        self.duals.copy_from_slice(first);
        for index in 1..rows {
            let row = self.row(index);
            for ((dual, cheapest), &cost) in self.duals.iter_mut().zip(&mut cheapest).zip(row) {
                let less = cost < *dual;
                *dual = if less { cost } else { *dual };
                *cheapest = if less { index } else { *cheapest };
            }
        }
        for column in (0..self.columns).rev() {
            let row = cheapest[column];
            if self.duals[column].is_infinite() {
                // All rows are forbidden; what is left of the search will find that out.
                self.duals[column] = 0.0;
            } else if self.column_of[row] == NONE {
                self.column_of[row] = column;
                self.row_of[column] = row;
            }
        }
        self.free.retain(|&row| self.column_of[row] == NONE);
    }

    /// Gives each free row its cheapest column and lowers the column's dual variable to
    /// where the second best is as good; the row that had the column goes on.
    #[inline(always)]
    fn reduce_rows(&mut self) {
        // Rows can outbid each other for long; then shortest paths are the better way.
        let mut steps = 4 * self.free.len() + 64;
        let mut left = Vec::new();
        for first in std::mem::take(&mut self.free) {
            let mut row = first;
            loop {
                steps = steps.saturating_sub(1);
                let costs = self.row(row);
                let (least, second) = two_smallest(costs, &self.duals);
                let Some(mut column) = position(costs, &self.duals, least, NONE) else { break };
                let lowered = self.duals[column] - (second - least);
                // Not so in ties, nor where a difference is lost in rounding.
                let lowers = lowered < self.duals[column] && second < f64::INFINITY;
                let mut other = self.row_of[column];
                if least.is_infinite() || (second.is_infinite() && other != NONE) {
                    left.push(row);
                    break;
                }
                if lowers {
                    self.duals[column] = lowered;
                } else if other != NONE
                    && let Some(next) = position(costs, &self.duals, least, column)
                {
                    column = next;
                    other = self.row_of[column];
                }
                self.column_of[row] = column;
                self.row_of[column] = row;
                if other == NONE {
                    break;
                }
                self.column_of[other] = NONE;
                if !lowers || steps == 0 {
                    left.push(other);
                    break;
                }
                row = other;
            }
        }
        self.free = left;
    }

    /// Gives each free row a column along a shortest path of reduced costs (Dijkstra).
    #[inline(always)]
    fn augment(&mut self) {
        let mut distance = vec![0.0; self.columns];
        let mut before = vec![NONE; self.columns];
        // Columns on shortest paths: their distance, and their dual variable.
        let mut reached: Vec<(usize, f64, f64)> = Vec::new();
        for start in std::mem::take(&mut self.free) {
            distance.fill(f64::INFINITY);
            reached.clear();
            let (mut row, mut offset) = (start, 0.0);
            let (sink, length) = loop {
                let costs = (row, self.row(row));
                let least = relax(costs, &self.duals, offset, &mut distance, &mut before);
                if least.is_infinite() {
                    break (NONE, 0.0);
                }
                let column = nearest(&distance, &self.row_of, least);
                row = self.row_of[column];
                if row == NONE {
                    break (column, least);
                }
                let dual = self.duals[column];
                offset = least - (self.row(row)[column] - dual);
                reached.push((column, least, dual));
                // A column that has been reached is at no finite distance any more.
                self.duals[column] = f64::NEG_INFINITY;
                distance[column] = f64::INFINITY;
            };
            for &(column, at, dual) in &reached {
                self.duals[column] = if sink == NONE { dual } else { dual - (length - at) };
            }
            if sink == NONE {
                continue;
            }
            let mut column = sink;
            loop {
                let row = before[column];
                self.row_of[column] = row;
                let previous = std::mem::replace(&mut self.column_of[row], column);
                if row == start {
                    break;
                }
                column = previous;
            }
        }
    }
}
