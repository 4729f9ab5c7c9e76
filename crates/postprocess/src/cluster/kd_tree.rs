//! A balanced k-d tree whose leaves are blocks of points for vector code.

use std::cmp::Ordering;
use std::ops::Range;

use ndarray::ArrayView2;

use super::boxes::Boxes;

/// Points per leaf. Only the last leaf may have fewer.
pub(super) const LANES: usize = 16;
/// Leaves from which on the two halves of a node are worked on at the same time.
pub(super) const PARALLEL_LEAVES: usize = 64;
/// Points that are looked at to choose the axis of a split.
const SAMPLE: usize = 64;

/// A node: leaves `first..first + leaves`. Nodes are numbered in preorder, so that a subtree
/// has neighbouring numbers: a node of `m` leaves has `2 m - 1` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) id: usize,
    pub(super) first: usize,
    pub(super) leaves: usize,
}

impl Node {
    /// The two halves; none for a leaf.
    pub(super) fn children(self) -> Option<(Self, Self)> {
        if self.leaves < 2 {
            return None;
        }
        let half = self.leaves.div_ceil(2);
        let left = Self { id: self.id + 1, first: self.first, leaves: half };
        let right =
            Self { id: self.id + 2 * half, first: self.first + half, leaves: self.leaves - half };
        Some((left, right))
    }
}

/// The tree. A point has a position in the order of the leaves and an index in the input.
#[derive(Debug)]
pub(super) struct KdTree {
    pub(super) dimensions: usize,
    /// Position to index.
    pub(super) order: Vec<u32>,
    /// Per leaf `dimensions` rows of `LANES` coordinates; infinity where there is no point.
    blocks: Vec<f32>,
    /// The box of every node.
    pub(super) boxes: Boxes,
}

impl KdTree {
    /// Builds the tree of at most `u32::MAX` finite points.
    pub(super) fn new(points: ArrayView2<'_, f32>) -> Self {
        let (count, dimensions) = points.dim();
        let mut order: Vec<u32> = (0..count as u32).collect();
        let rows = points.as_standard_layout();
        let rows = Rows { values: rows.as_slice().unwrap_or_default(), dimensions };
        let leaves = count.div_ceil(LANES);
        let mut keys = vec![(0.0, 0); count];
        split(&rows, &mut order, &mut keys, leaves);
        drop(keys);
        let mut blocks = vec![f32::INFINITY; leaves * LANES * dimensions];
        for (position, &index) in order.iter().enumerate() {
            let start = (position / LANES) * LANES * dimensions + position % LANES;
            for (d, &value) in rows.row(index).iter().enumerate() {
                blocks[start + d * LANES] = value;
            }
        }
        let mut tree = Self { dimensions, order, blocks, boxes: Boxes::default() };
        tree.boxes = Boxes::new(&tree, &|_| true);
        tree
    }

    /// Number of points.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Number of leaves.
    pub(super) fn leaves(&self) -> usize {
        self.len().div_ceil(LANES)
    }

    /// Number of nodes.
    pub(super) fn nodes(&self) -> usize {
        (2 * self.leaves()).saturating_sub(1)
    }

    /// The node of all points; none without points.
    pub(super) fn root(&self) -> Option<Node> {
        let root = Node { id: 0, first: 0, leaves: self.leaves() };
        (root.leaves > 0).then_some(root)
    }

    /// The positions of a node's points.
    pub(super) fn positions(&self, node: Node) -> Range<usize> {
        node.first * LANES..((node.first + node.leaves) * LANES).min(self.len())
    }

    /// Copies the coordinates at a position.
    pub(super) fn copy_point(&self, position: usize, to: &mut [f64]) {
        let block = self.block(position / LANES);
        for (to, row) in to.iter_mut().zip(block.chunks_exact(LANES)) {
            *to = f64::from(row[position % LANES]);
        }
    }

    /// The coordinates of a leaf.
    pub(super) fn block(&self, leaf: usize) -> &[f32] {
        let size = LANES * self.dimensions;
        &self.blocks[leaf * size..(leaf + 1) * size]
    }

    /// Squared distances from `query` to the points of a leaf; infinity where there is none.
    /// They are summed in f64 in the order of the dimensions.
    #[inline]
    pub(super) fn distances(&self, leaf: usize, query: &[f64]) -> [f64; LANES] {
        let mut sums = [0.0; LANES];
        let (rows, _) = self.block(leaf).as_chunks::<LANES>();
        for (row, &q) in rows.iter().zip(query) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                let difference = q - f64::from(value);
                *sum += difference * difference;
            }
        }
        sums
    }

    /// The siblings of the nodes on the way from a leaf up to the root: together with the leaf
    /// they hold every point once.
    pub(super) fn siblings(&self, leaf: usize, found: &mut Vec<Node>) {
        found.clear();
        let mut next = self.root();
        while let Some((left, right)) = next.and_then(Node::children) {
            let (own, other) = if leaf < right.first { (left, right) } else { (right, left) };
            found.push(other);
            next = Some(own);
        }
        found.reverse();
    }
}

/// The input, row after row.
struct Rows<'a> {
    values: &'a [f32],
    dimensions: usize,
}

impl Rows<'_> {
    fn row(&self, index: u32) -> &[f32] {
        let start = index as usize * self.dimensions;
        &self.values[start..start + self.dimensions]
    }
}

/// Orders points so that each half of a node lies on its side of a coordinate of the widest
/// axis; points with the same coordinate go by their index.
fn split(rows: &Rows<'_>, order: &mut [u32], keys: &mut [(f32, u32)], leaves: usize) {
    if leaves < 2 {
        return;
    }
    let half = leaves.div_ceil(2);
    let middle = half * LANES;
    let axis = widest_axis(rows, order);
    for (key, &index) in keys.iter_mut().zip(&*order) {
        *key = (rows.row(index)[axis], index);
    }
    keys.select_nth_unstable_by(middle, by_key);
    for (index, key) in order.iter_mut().zip(&*keys) {
        *index = key.1;
    }
    let (left, right) = order.split_at_mut(middle);
    let (left_keys, right_keys) = keys.split_at_mut(middle);
    let mut first = || split(rows, left, left_keys, half);
    let mut second = || split(rows, right, right_keys, leaves - half);
    if leaves >= PARALLEL_LEAVES {
        rayon::join(first, second);
    } else {
        first();
        second();
    }
}

fn by_key(a: &(f32, u32), b: &(f32, u32)) -> Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

/// The axis along which a sample of the points spreads most.
fn widest_axis(rows: &Rows<'_>, order: &[u32]) -> usize {
    let mut best = (0, -1.0);
    let step = order.len().div_ceil(SAMPLE).max(1);
    for axis in 0..rows.dimensions {
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for &index in order.iter().step_by(step) {
            let value = rows.row(index)[axis];
            low = low.min(value);
            high = high.max(value);
        }
        if high - low > best.1 {
            best = (axis, high - low);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn every_leaf_but_the_last_is_full_and_siblings_cover_the_rest() {
        let points = Array2::from_shape_fn((333, 3), |(i, d)| ((i * 37 + d * 11) % 101) as f32);
        let tree = KdTree::new(points.view());
        let mut seen = tree.order.clone();
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..333));
        assert_eq!((tree.leaves(), tree.nodes()), (21, 41));
        let mut siblings = Vec::new();
        for leaf in 0..tree.leaves() {
            tree.siblings(leaf, &mut siblings);
            assert_eq!(siblings.iter().map(|node| node.leaves).sum::<usize>(), 20);
            assert!(siblings.iter().all(|n| !(n.first..n.first + n.leaves).contains(&leaf)));
        }
        let mut copy = [0.0; 3];
        for (position, &index) in tree.order.iter().enumerate() {
            tree.copy_point(position, &mut copy);
            assert_eq!(tree.distances(position / LANES, &copy)[position % LANES].to_bits(), 0);
            assert!(
                points
                    .row(index as usize)
                    .iter()
                    .zip(copy)
                    .all(|(a, b)| f64::from(*a).to_bits() == b.to_bits())
            );
        }
    }
}
