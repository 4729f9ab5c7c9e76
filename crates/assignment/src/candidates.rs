//! The cheapest columns of each row, so that most steps need not look at a whole row.

use crate::kernel::{LANES, each_at_most, lesser, smallest_of_lanes};

/// Most columns of a row that are kept.
const KEPT: usize = 64;
/// For each row a few columns, and a bound that holds for all others.
///
/// Dual variables of columns only ever fall, so reduced costs rise and the bounds stay true.
pub(crate) struct Candidates {
    /// `KEPT` places per row.
    columns: Vec<usize>,
    costs: Vec<f64>,
    /// Places in use; 0 before a row is filled.
    count: Vec<usize>,
    /// No other column has a reduced cost below this.
    bound: Vec<f64>,
}

impl Candidates {
    #[inline(always)]
    pub(crate) fn of(rows: usize) -> Self {
        Self {
            columns: Vec::new(),
            costs: Vec::new(),
            count: vec![0; rows],
            bound: vec![f64::NEG_INFINITY; rows],
        }
    }

    /// Chooses the candidates of a row anew, for the dual variables of now: at least `wanted`,
    /// up to [`LANES`], where the row has so many, and often twice that.
    #[inline(always)]
    pub(crate) fn fill(&mut self, row: usize, costs: &[f64], duals: &[f64], wanted: usize) {
        if self.columns.is_empty() {
            self.columns = vec![0; self.count.len() * KEPT];
            self.costs = vec![0.0; self.count.len() * KEPT];
        }
        let columns = &mut self.columns[row * KEPT..][..KEPT];
        let kept = &mut self.costs[row * KEPT..][..KEPT];
        let mut least = [f64::INFINITY; LANES];
        let mut threshold = f64::INFINITY;
        if costs.len() > KEPT {
            least = smallest_of_lanes(costs, duals);
            let mut ordered = least;
            threshold = *ordered.select_nth_unstable_by(wanted - 1, f64::total_cmp).1;
        }
        let mut count = 0;
        let mut all = true;
        each_at_most(costs, duals, threshold, |column| {
            all = count < KEPT;
            if all {
                columns[count] = column;
                kept[count] = costs[column];
                count += 1;
            }
            all
        });
        self.count[row] = count;
        self.bound[row] = if all {
            threshold
        } else {
            // Ties: what was left out is only known to be no less than the least.
            least.into_iter().fold(f64::INFINITY, lesser)
        };
    }

    /// Columns of a row in ascending order, with their costs; none before it is filled.
    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> (&[usize], &[f64]) {
        let places = row * KEPT..row * KEPT + self.count[row];
        let columns = self.columns.get(places.clone()).unwrap_or_default();
        (columns, self.costs.get(places).unwrap_or_default())
    }

    /// No column that is no candidate has a reduced cost below this.
    #[inline(always)]
    pub(crate) fn bound(&self, row: usize) -> f64 {
        self.bound[row]
    }

    #[inline(always)]
    pub(crate) fn is_filled(&self, row: usize) -> bool {
        self.count[row] > 0
    }
}
