//! Cells of a lattice that edges pass, for snap rounding.

/// Whether a segment passes the cell of a lattice point: half a step around it, without the
/// sides at the higher coordinates, so that cells do not overlap.
///
/// Exact for coordinates up to 2^60.
///
/// # References
/// Guibas, Marimont, *Rounding arrangements dynamically*, 1998.
pub(crate) fn passes([p, q]: [[i64; 2]; 2], cell: [i64; 2]) -> bool {
    let [p, q] = if p[0] <= q[0] { [p, q] } else { [q, p] };
    let place = |p: [i64; 2]| [2 * (p[0] - cell[0]), 2 * (p[1] - cell[1])];
    // Doubled and relative to the point, the cell is [-1, 1) x [-1, 1).
    let ([px, py], [qx, qy]) = (place(p), place(q));
    if px.min(qx) >= 1 || px.max(qx) < -1 || py.min(qy) >= 1 || py.max(qy) < -1 {
        return false;
    }
    if px == qx || py == qy {
        return true;
    }
    let side = |x: i64, y: i64| {
        let product = |a: i64, b: i64| i128::from(a) * i128::from(b);
        (product(qx - px, y - py) - product(qy - py, x - px)).signum()
    };
    // x grows from p to q. The corner at both lower sides belongs to the cell, the
    // others do not: a line that only touches them does not count.
    let grows = qy > py;
    let [low, left, right, high] = [side(-1, -1), side(-1, 1), side(1, -1), side(1, 1)];
    if low == 0 {
        return true;
    }
    if left == 0 || right == 0 {
        return !grows;
    }
    if high == 0 {
        return grows;
    }
    !(low == left && left == right && right == high)
}

#[cfg(test)]
mod tests {
    use super::passes;

    #[test]
    fn cells_hold_their_lower_sides() {
        // Through the corner between four cells: the highest of them holds it.
        let falling = [[0, 1], [1, 0]];
        assert!(passes(falling, [1, 1]) && !passes(falling, [2, 2]), "falling");
        assert!(!passes(falling, [0, 0]), "falling");
        let steep = [[2, 1], [0, 0]];
        assert!(passes(steep, [1, 1]) && !passes(steep, [1, 2]), "steep");
        assert!(!passes(steep, [2, 0]), "steep");
    }
}
