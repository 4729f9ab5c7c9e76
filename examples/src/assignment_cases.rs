//! What `bench_assignment` times; the peers' side is in `xtask/peers/assignment.py`.

use anyhow::{Result, bail};
use mapvec_assignment::{AssignmentConfig, assign, assign_batch};
use ndarray::{Array2, ArrayView2};

use crate::cost_matrices::{distance_costs, uniform_costs};
use crate::timed_case::Case;

/// Names of all cases.
pub const NAMES: [&str; 5] =
    ["uniform-100", "uniform-1000", "uniform-2000", "distances-1000", "batch-300x40"];

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
    let work = Box::new(move || total(&costs));
    Ok(Case { check, runs, work })
}

/// The sum of costs of all assignments.
fn total(costs: &[Array2<f64>]) -> Result<f64> {
    if let [costs] = costs {
        return Ok(assign(costs.view())?.cost);
    }
    let views: Vec<ArrayView2<'_, f64>> = costs.iter().map(Array2::view).collect();
    let found = assign_batch(&views, &AssignmentConfig::default())?;
    Ok(found.iter().map(|assignment| assignment.cost).sum())
}
