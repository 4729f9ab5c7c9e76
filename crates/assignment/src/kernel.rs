//! Loops over one row of costs, written so that the compiler makes vector code of them:
//! blocks of a fixed length, no branches, no order of additions.
//!
//! Results do not depend on the width of the vectors: smallest values are exact, and of
//! equal ones the first position counts.

/// Costs per block.
pub(crate) const LANES: usize = 32;

/// Costs per block where most blocks are passed over.
const FEW: usize = 8;

/// Not a row, not a column.
pub(crate) const NONE: usize = usize::MAX;

/// The smaller number; no branch and no care for NaN, which cannot come.
#[inline(always)]
pub(crate) fn lesser(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// The larger number.
#[inline(always)]
fn greater(a: f64, b: f64) -> f64 {
    if a < b { b } else { a }
}

/// The smallest and the second smallest of `costs - duals`; infinity where there is none.
#[inline(always)]
pub(crate) fn two_smallest(costs: &[f64], duals: &[f64]) -> (f64, f64) {
    let mut first = [f64::INFINITY; LANES];
    let mut second = [f64::INFINITY; LANES];
    let (blocks, rest) = costs.as_chunks::<LANES>();
    let (dual_blocks, dual_rest) = duals.as_chunks::<LANES>();
    for (block, duals) in blocks.iter().zip(dual_blocks) {
        for k in 0..LANES {
            let reduced = block[k] - duals[k];
            second[k] = lesser(second[k], greater(first[k], reduced));
            first[k] = lesser(first[k], reduced);
        }
    }
    for (k, (cost, dual)) in rest.iter().zip(dual_rest).enumerate() {
        let reduced = cost - dual;
        second[k] = lesser(second[k], greater(first[k], reduced));
        first[k] = lesser(first[k], reduced);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for k in 0..width {
            let larger = greater(first[k], first[k + width]);
            second[k] = lesser(lesser(second[k], second[k + width]), larger);
            first[k] = lesser(first[k], first[k + width]);
        }
        width /= 2;
    }
    (first[0], second[0])
}

/// The smallest of `costs - duals` over every `LANES`-th position.
#[inline(always)]
pub(crate) fn smallest_of_lanes(costs: &[f64], duals: &[f64]) -> [f64; LANES] {
    let mut least = [f64::INFINITY; LANES];
    let (blocks, rest) = costs.as_chunks::<LANES>();
    let (dual_blocks, dual_rest) = duals.as_chunks::<LANES>();
    for (block, duals) in blocks.iter().zip(dual_blocks) {
        for k in 0..LANES {
            least[k] = lesser(least[k], block[k] - duals[k]);
        }
    }
    for (k, (cost, dual)) in rest.iter().zip(dual_rest).enumerate() {
        least[k] = lesser(least[k], cost - dual);
    }
    least
}

/// Calls `found` with each position, in order, where `costs - duals` is at most `bound`; it
/// returns whether to go on.
#[inline(always)]
pub(crate) fn each_at_most(
    costs: &[f64],
    duals: &[f64],
    bound: f64,
    mut found: impl FnMut(usize) -> bool,
) {
    let (blocks, rest) = costs.as_chunks::<FEW>();
    let (dual_blocks, dual_rest) = duals.as_chunks::<FEW>();
    for (index, (block, duals)) in blocks.iter().zip(dual_blocks).enumerate() {
        let mut hit = false;
        for k in 0..FEW {
            hit |= block[k] - duals[k] <= bound;
        }
        if hit {
            for k in 0..FEW {
                if block[k] - duals[k] <= bound && !found(index * FEW + k) {
                    return;
                }
            }
        }
    }
    let start = blocks.len() * FEW;
    for (k, (cost, dual)) in rest.iter().zip(dual_rest).enumerate() {
        if cost - dual <= bound && !found(start + k) {
            return;
        }
    }
}

/// Calls `found` with each position, in order, where `costs - duals + offset` is below
/// `distance`, and with that sum; it returns whether the sum is the new distance.
#[inline(always)]
pub(crate) fn each_below(
    costs: &[f64],
    duals: &[f64],
    offset: f64,
    distance: &mut [f64],
    mut found: impl FnMut(usize, f64) -> bool,
) {
    let (blocks, rest) = costs.as_chunks::<FEW>();
    let (dual_blocks, dual_rest) = duals.as_chunks::<FEW>();
    let (distance_blocks, distance_rest) = distance.as_chunks_mut::<FEW>();
    for (index, ((block, duals), distance)) in
        blocks.iter().zip(dual_blocks).zip(distance_blocks).enumerate()
    {
        let mut hit = false;
        for k in 0..FEW {
            hit |= (block[k] - duals[k]) + offset < distance[k];
        }
        if hit {
            for k in 0..FEW {
                let through = (block[k] - duals[k]) + offset;
                if through < distance[k] && found(index * FEW + k, through) {
                    distance[k] = through;
                }
            }
        }
    }
    let start = blocks.len() * FEW;
    for (k, (cost, dual)) in rest.iter().zip(dual_rest).enumerate() {
        let through = (cost - dual) + offset;
        if through < distance_rest[k] && found(start + k, through) {
            distance_rest[k] = through;
        }
    }
}
