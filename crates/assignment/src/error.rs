//! What can be wrong with the input.

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why costs cannot be assigned.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A cost is not a number, infinite, or too large.
    #[error(
        "the cost of row {row} and column {column} is {value:e}; costs are finite, of magnitude \
         1e290 or less; where a pair must not be made or has no cost, set `non_finite` to \
         forbid NaN and the infinity that is worst, or to cap them; the infinity that is best has no meaning"
    )]
    Cost {
        /// Row of the first such cost.
        row: usize,
        /// Its column.
        column: usize,
        /// The cost that came.
        value: f64,
    },
    /// Forbidden pairs leave a row without a column (or a column, where there are fewer
    /// columns than rows).
    #[error(
        "no assignment avoids the forbidden pairs: {found} of {needed} pairs can be made; cap \
         those costs instead (`non_finite`)"
    )]
    Infeasible {
        /// The most pairs that can be made.
        found: usize,
        /// The smaller of the numbers of rows and columns.
        needed: usize,
    },
    /// A configuration field is out of its range.
    #[error("{field} = {value}: must be {expected}")]
    Config {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// The values allowed.
        expected: &'static str,
    },
    /// Pairs are not an assignment of these costs.
    #[error("not an assignment of {rows} rows to {columns} columns: {reason}")]
    Pairs {
        /// Rows of the costs.
        rows: usize,
        /// Columns of the costs.
        columns: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// The dual variables do not prove that an assignment is optimal.
    #[error(
        "the dual variables prove the sum of costs optimal only to within {gap}; {allowed} is \
         what rounding explains"
    )]
    Gap {
        /// How far the optimum may lie from the assignment.
        gap: f64,
        /// What rounding explains.
        allowed: f64,
    },
    /// One matrix of a batch cannot be assigned.
    #[error("matrix {index} of the batch: {source}")]
    Batch {
        /// Its position in the batch.
        index: usize,
        /// What is wrong with it.
        source: Box<Self>,
    },
    /// An auction does not end.
    #[error(
        "the auction made {bids} bids without an end; a larger `epsilon` needs fewer, and \
         `assign` none"
    )]
    Bids {
        /// Bids made.
        bids: u64,
    },
}
