//! The assignment by bids.

use ndarray::ArrayView2;

use crate::assign::conclude;
use crate::costs::Costs;
use crate::kernel::NONE;
use crate::solver::solve;
use crate::{Assignment, AssignmentConfig, Error, Objective, Result};

/// How much smaller the bids of a phase are than those of the one before.
const SCALE: f64 = 5.0;

/// Bids per row and column, for the whole auction.
const BIDS: u64 = 2000;

/// The assignment by an auction: rows bid for columns, and a column goes to the last bid.
///
/// The sum of costs is at most `n epsilon` above the least one, with `n` the smaller of the
/// numbers of rows and columns; whole-numbered costs with `epsilon < 1 / n` give an optimum.
/// [`Assignment::optimality_gap`] tells how far above it the sum lies at most.
/// [`assign_with`](crate::assign_with) is exact and nearly always faster; an auction is of use
/// where prices are.
///
/// Bids start at a fifth of the range of costs and get five times finer from phase to phase,
/// down to `epsilon`, a step that keeps the prices of the phase before. Where that leaves a
/// column that nobody has at a price, the last phase starts again from prices of 0, since
/// then the bound would not hold.
///
/// # Shapes
/// `costs` `[rows, columns]`, both may be 0.
///
/// # Errors
/// [`Error::Cost`] for a cost that the settings refuse, [`Error::Infeasible`] if forbidden
/// pairs leave no full assignment, [`Error::Config`] for a setting out of range or an `epsilon`
/// that is not above 0 or below 2⁻⁴⁰ of the largest cost (prices could not tell such bids
/// apart), [`Error::Bids`] after 2000 bids per row and column.
///
/// # References
/// D. P. Bertsekas, The auction algorithm: a distributed relaxation method for the assignment
/// problem, Annals of Operations Research 14 (1988).
pub fn auction(
    costs: ArrayView2<'_, f64>,
    epsilon: f64,
    config: &AssignmentConfig,
) -> Result<Assignment> {
    let wide = Costs::of(costs, config)?;
    let fine = 2.0_f64.powi(-40) * wide.largest;
    if !epsilon.is_finite() || epsilon <= 0.0 || epsilon < fine {
        return Err(Error::Config {
            field: "epsilon",
            value: epsilon.to_string(),
            expected: "finite, above 0 and at least 2^-40 of the largest cost",
        });
    }
    check_feasible(&wide)?;
    let mut auction = Auction::of(&wide);
    let mut step = (wide.largest / SCALE).max(epsilon);
    while step > epsilon {
        auction.phase(step)?;
        step /= SCALE;
    }
    auction.phase(epsilon)?;
    if auction.has_price_without_row() {
        auction.prices.fill(0.0);
        auction.phase(epsilon)?;
    }
    let duals = auction.prices.iter().map(|price| 0.0 - price).collect();
    let mut found = conclude(&wide, &auction.column_of, duals, config.objective);
    // Rows are only content to within epsilon; their dual variables are those of the bound.
    for (row, &column) in auction.column_of.iter().enumerate() {
        let best = auction.best(row).0;
        let (row, column) = wide.pair(row, column);
        let dual = if config.objective == Objective::Maximum { -best } else { best };
        if wide.turned { found.column_duals[column] = dual } else { found.row_duals[row] = dual }
    }
    Ok(found)
}

/// Bids would never end where pairs are forbidden and no assignment is left.
fn check_feasible(costs: &Costs<'_>) -> Result<()> {
    if costs.values.iter().all(|cost| cost.is_finite()) {
        return Ok(());
    }
    let found = solve(costs).column_of.iter().filter(|&&column| column != NONE).count();
    if found < costs.rows { Err(Error::Infeasible { found, needed: costs.rows }) } else { Ok(()) }
}

struct Auction<'a> {
    costs: &'a Costs<'a>,
    prices: Vec<f64>,
    column_of: Vec<usize>,
    row_of: Vec<usize>,
    bids: u64,
}

impl<'a> Auction<'a> {
    fn of(costs: &'a Costs<'a>) -> Self {
        Self {
            costs,
            prices: vec![0.0; costs.columns],
            column_of: vec![NONE; costs.rows],
            row_of: vec![NONE; costs.columns],
            bids: 0,
        }
    }

    /// One auction with the prices of now, until every row has a column.
    fn phase(&mut self, epsilon: f64) -> Result<()> {
        self.column_of.fill(NONE);
        self.row_of.fill(NONE);
        let most = BIDS * (self.costs.rows + self.costs.columns) as u64;
        let mut free: Vec<usize> = (0..self.costs.rows).rev().collect();
        while let Some(row) = free.pop() {
            self.bids += 1;
            if self.bids > most {
                return Err(Error::Bids { bids: most });
            }
            let (least, second, column) = self.best(row);
            // The only column that the row may have is worth any price; a bid of the range
            // of costs is above what any other row would bid.
            let lead = if second.is_finite() { second - least } else { 2.0 * self.costs.largest };
            self.prices[column] += lead + epsilon;
            if self.row_of[column] != NONE {
                self.column_of[self.row_of[column]] = NONE;
                free.push(self.row_of[column]);
            }
            self.row_of[column] = row;
            self.column_of[row] = column;
        }
        Ok(())
    }

    /// The least cost with its price, the second least, and the column of the least.
    fn best(&self, row: usize) -> (f64, f64, usize) {
        let (mut least, mut second, mut column) = (f64::INFINITY, f64::INFINITY, 0);
        for (index, (cost, price)) in self.costs.row(row).iter().zip(&self.prices).enumerate() {
            let with_price = cost + price;
            if with_price < least {
                (second, least, column) = (least, with_price, index);
            } else if with_price < second {
                second = with_price;
            }
        }
        (least, second, column)
    }

    /// Whether prices of an earlier phase are left at columns that no row has.
    fn has_price_without_row(&self) -> bool {
        let mut columns = self.prices.iter().zip(&self.row_of);
        columns.any(|(&price, &row)| price > 0.0 && row == NONE)
    }
}
