//! Bounding boxes of the nodes of a tree, and distances to them.
//!
//! A distance to a box never exceeds the distance to a point in it, rounding included: each
//! term is the difference of two numbers that bound the point's, and differences, squares and
//! sums in the same order keep the order of their arguments when they are rounded. So a
//! search that leaves out boxes finds exactly what one over all points finds.

use super::kd_tree::{KdTree, LANES, Node, PARALLEL_LEAVES};

/// Per node the lowest coordinates, then the highest; the box of nothing is inverted.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    dimensions: usize,
    corners: Vec<f32>,
}

impl Boxes {
    /// The boxes of the points at the positions that `keep` accepts.
    pub(super) fn new(tree: &KdTree, keep: &(impl Fn(usize) -> bool + Sync)) -> Self {
        let dimensions = tree.dimensions;
        let mut corners = vec![0.0; tree.nodes() * 2 * dimensions];
        if let Some(root) = tree.root() {
            fill(tree, keep, root, &mut corners);
        }
        Self { dimensions, corners }
    }

    fn of(&self, node: Node) -> (&[f32], &[f32]) {
        let start = node.id * 2 * self.dimensions;
        self.corners[start..start + 2 * self.dimensions].split_at(self.dimensions)
    }

    /// Squared distance from a point to the box; infinite for the box of nothing.
    #[inline]
    pub(super) fn distance(&self, node: Node, query: &[f64]) -> f64 {
        let (low, high) = self.of(node);
        let mut sum = 0.0;
        for ((&low, &high), &q) in low.iter().zip(high).zip(query) {
            let gap = (f64::from(low) - q).max(q - f64::from(high)).max(0.0);
            sum += gap * gap;
        }
        sum
    }

    /// Squared distance from a point to the farthest corner.
    #[inline]
    pub(super) fn farthest(&self, node: Node, query: &[f64]) -> f64 {
        let (low, high) = self.of(node);
        let mut sum = 0.0;
        for ((&low, &high), &q) in low.iter().zip(high).zip(query) {
            let reach = (q - f64::from(low)).abs().max((q - f64::from(high)).abs());
            sum += reach * reach;
        }
        sum
    }

    /// Squared distance between two boxes.
    #[inline]
    pub(super) fn between(&self, a: Node, b: Node) -> f64 {
        let ((low_a, high_a), (low_b, high_b)) = (self.of(a), self.of(b));
        let mut sum = 0.0;
        for d in 0..self.dimensions {
            let before = f64::from(low_b[d]) - f64::from(high_a[d]);
            let after = f64::from(low_a[d]) - f64::from(high_b[d]);
            let gap = before.max(after).max(0.0);
            sum += gap * gap;
        }
        sum
    }
}

fn fill(tree: &KdTree, keep: &(impl Fn(usize) -> bool + Sync), node: Node, corners: &mut [f32]) {
    let size = 2 * tree.dimensions;
    let (own, below) = corners.split_at_mut(size);
    let (low, high) = own.split_at_mut(tree.dimensions);
    low.fill(f32::INFINITY);
    high.fill(f32::NEG_INFINITY);
    let Some((left, right)) = node.children() else {
        let rows = tree.block(node.first).chunks_exact(LANES);
        for ((low, high), row) in low.iter_mut().zip(high).zip(rows) {
            for (position, &value) in tree.positions(node).zip(row) {
                if keep(position) {
                    *low = low.min(value);
                    *high = high.max(value);
                }
            }
        }
        return;
    };
    let (left_corners, right_corners) = below.split_at_mut((right.id - left.id) * size);
    if node.leaves >= PARALLEL_LEAVES {
        rayon::join(
            || fill(tree, keep, left, left_corners),
            || fill(tree, keep, right, right_corners),
        );
    } else {
        fill(tree, keep, left, left_corners);
        fill(tree, keep, right, right_corners);
    }
    for child in [&*left_corners, &*right_corners] {
        for d in 0..tree.dimensions {
            low[d] = low[d].min(child[d]);
            high[d] = high[d].max(child[tree.dimensions + d]);
        }
    }
}
