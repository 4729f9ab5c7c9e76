//! What can be wrong with the input.

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why costs cannot be assigned.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A cost is not a number, or minus infinity.
    #[error(
        "the cost of row {row} and column {column} is {value}; costs are finite, or plus infinity for a pair that must not be made"
    )]
    Cost {
        /// Row of the first such cost.
        row: usize,
        /// Its column.
        column: usize,
        /// The cost that came.
        value: f64,
    },
    /// Pairs of infinite cost leave a row without a column (or a column, where there are
    /// fewer columns than rows).
    #[error(
        "no assignment avoids the pairs of infinite cost: {found} of {needed} pairs can be made; give those pairs a large finite cost instead"
    )]
    Infeasible {
        /// Pairs that can be made.
        found: usize,
        /// The smaller of the numbers of rows and columns.
        needed: usize,
    },
}
