//! Loops over one row of costs, written so that the compiler makes vector code of them:
//! blocks of a fixed length, no branches, no order of additions.
//!
//! Results do not depend on the width of the vectors: smallest values are exact, and of
//! equal ones the first position counts.

/// Costs per block.
const LANES: usize = 16;

/// Not a row, not a column.
pub(crate) const NONE: usize = usize::MAX;

/// The smaller number; no branch and no care for NaN, which cannot come.
#[inline(always)]
fn lesser(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// The larger number.
#[inline(always)]
fn greater(a: f64, b: f64) -> f64 {
    if a < b { b } else { a }
}

/// The smallest of lanes.
#[inline(always)]
fn least_of(mut lanes: [f64; LANES]) -> f64 {
    let mut width = LANES / 2;
    while width > 0 {
        for k in 0..width {
            lanes[k] = lesser(lanes[k], lanes[k + width]);
        }
        width /= 2;
    }
    lanes[0]
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

/// The first position other than `but` where `costs - duals` is at most `bound`.
#[inline(always)]
pub(crate) fn position(costs: &[f64], duals: &[f64], bound: f64, but: usize) -> Option<usize> {
    let (blocks, rest) = costs.as_chunks::<LANES>();
    let (dual_blocks, dual_rest) = duals.as_chunks::<LANES>();
    for (index, (block, duals)) in blocks.iter().zip(dual_blocks).enumerate() {
        let mut hit = false;
        for k in 0..LANES {
            hit |= block[k] - duals[k] <= bound;
        }
        if hit {
            let found =
                (0..LANES).find(|&k| block[k] - duals[k] <= bound && index * LANES + k != but);
            if let Some(k) = found {
                return Some(index * LANES + k);
            }
        }
    }
    let start = blocks.len() * LANES;
    let found = rest
        .iter()
        .zip(dual_rest)
        .enumerate()
        .find(|&(k, (cost, dual))| cost - dual <= bound && start + k != but);
    found.map(|(k, _)| start + k)
}

/// The first position where `distance` is at most `bound` and `row_of` has no row, or else
/// the first where `distance` is at most `bound`.
#[inline(always)]
pub(crate) fn nearest(distance: &[f64], row_of: &[usize], bound: f64) -> usize {
    let mut taken = NONE;
    let (blocks, rest) = distance.as_chunks::<LANES>();
    for (index, block) in blocks.iter().enumerate() {
        let mut hit = false;
        for &d in block {
            hit |= d <= bound;
        }
        if hit {
            for k in (0..LANES).filter(|&k| block[k] <= bound) {
                let column = index * LANES + k;
                if row_of[column] == NONE {
                    return column;
                }
                taken = taken.min(column);
            }
        }
    }
    let start = blocks.len() * LANES;
    for k in (0..rest.len()).filter(|&k| rest[k] <= bound) {
        if row_of[start + k] == NONE {
            return start + k;
        }
        taken = taken.min(start + k);
    }
    taken
}

/// Lowers `distance` to `costs - duals + offset` where that is less, notes `row` in `before`
/// there, and returns the smallest distance.
#[inline(always)]
pub(crate) fn relax(
    (row, costs): (usize, &[f64]),
    duals: &[f64],
    offset: f64,
    distance: &mut [f64],
    before: &mut [usize],
) -> f64 {
    let mut least = [f64::INFINITY; LANES];
    let (blocks, rest) = costs.as_chunks::<LANES>();
    let (dual_blocks, dual_rest) = duals.as_chunks::<LANES>();
    let (distance_blocks, distance_rest) = distance.as_chunks_mut::<LANES>();
    let (before_blocks, before_rest) = before.as_chunks_mut::<LANES>();
    for (((block, duals), distance), before) in
        blocks.iter().zip(dual_blocks).zip(distance_blocks).zip(before_blocks)
    {
        for k in 0..LANES {
            let through = (block[k] - duals[k]) + offset;
            let shorter = through < distance[k];
            distance[k] = if shorter { through } else { distance[k] };
            before[k] = if shorter { row } else { before[k] };
            least[k] = lesser(distance[k], least[k]);
        }
    }
    for (k, (cost, dual)) in rest.iter().zip(dual_rest).enumerate() {
        let through = (cost - dual) + offset;
        if through < distance_rest[k] {
            distance_rest[k] = through;
            before_rest[k] = row;
        }
        least[k] = lesser(distance_rest[k], least[k]);
    }
    least_of(least)
}
