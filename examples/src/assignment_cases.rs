//! What `bench_assignment` times; the peers' side is in `xtask/peers/assignment.py`.

use anyhow::{Result, bail};
use mapvec_assignment::{AssignmentConfig, assign, assign_batch};
use ndarray::{Array2, ArrayView2};

use crate::cost_matrices::{distance_costs, uniform_costs};

/// Names of all cases.
pub const NAMES: [&str; 5] =
    ["uniform-100", "uniform-1000", "uniform-2000", "distances-1000", "batch-300x40"];

/// Costs that can be assigned again and again.
#[derive(Debug)]
pub struct Case {
    /// Tells what is computed on, for both sides.
    pub check: u64,
    /// Repetitions to warm up, and to time.
    pub runs: (usize, usize),
    costs: Vec<Array2<f64>>,
}

impl Case {
    /// The sum of costs of all assignments.
    ///
    /// # Errors
    /// The costs cannot be assigned.
    pub fn work(&self) -> Result<f64> {
        if let [costs] = &self.costs[..] {
            return Ok(assign(costs.view())?.cost);
        }
        let views: Vec<ArrayView2<'_, f64>> = self.costs.iter().map(Array2::view).collect();
        let found = assign_batch(&views, &AssignmentConfig::default())?;
        Ok(found.iter().map(|assignment| assignment.cost).sum())
    }
}

/// Makes the costs of a case.
///
/// # Errors
/// There is no such case.
pub fn case(name: &str, small: bool) -> Result<Case> {
    let n = |n: usize| if small { n.min(100) } else { n };
    let square = |side: usize| vec![uniform_costs(n(side), n(side), 2000 + side as u64)];
    let (costs, runs) = match name {
        "uniform-100" => (square(100), (20, 500)),
        "uniform-1000" => (square(1000), (2, 40)),
        "uniform-2000" => (square(2000), (1, 11)),
        "distances-1000" => (vec![distance_costs(n(1000), n(1000), (4000, 5000))], (1, 15)),
        "batch-300x40" => {
            let count = if small { 4 } else { 64 };
            ((0..count).map(|k| uniform_costs(300, 40, 5001 + k)).collect(), (5, 100))
        }
        _ => bail!("there is no case `{name}`; cases: {}", NAMES.join(", ")),
    };
    let check = costs.iter().map(|costs| costs.len() as u64).sum();
    Ok(Case { check, runs, costs })
}
