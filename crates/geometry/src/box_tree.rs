//! Static tree over bounding boxes, for "what may touch this?".

use geo_types::Coord;

/// Boxes in a leaf.
const LEAF: usize = 8;
/// Boxes along a path from which on it is worth while to sort them.
const SHORT: usize = 256;

/// An axis-parallel box, sides included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) low: Coord<f64>,
    pub(crate) high: Coord<f64>,
}

impl Bounds {
    /// Box of a segment.
    pub(crate) fn of(a: Coord<f64>, b: Coord<f64>) -> Self {
        Self {
            low: Coord { x: a.x.min(b.x), y: a.y.min(b.y) },
            high: Coord { x: a.x.max(b.x), y: a.y.max(b.y) },
        }
    }

    /// The box with `margin` on all sides.
    pub(crate) fn grown(self, margin: f64) -> Self {
        let by = Coord { x: margin, y: margin };
        Self { low: self.low - by, high: self.high + by }
    }

    /// The box around both.
    pub(crate) fn join(self, other: Self) -> Self {
        let low = Self::of(self.low, other.low).low;
        Self { low, high: Self::of(self.high, other.high).high }
    }

    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.low.x <= other.high.x
            && other.low.x <= self.high.x
            && self.low.y <= other.high.y
            && other.low.y <= self.high.y
    }

    /// How far a point is outside along the axis where that is more; at most 0 inside.
    fn gap(&self, p: Coord<f64>) -> f64 {
        let x = (self.low.x - p.x).max(p.x - self.high.x);
        x.max(self.low.y - p.y).max(p.y - self.high.y)
    }
}

/// Boxes halved at the median of their centres, again and again.
#[derive(Debug)]
pub(crate) struct BoxTree {
    boxes: Vec<Bounds>,
    /// Indices of the boxes, in the order of the leaves.
    order: Vec<u32>,
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    bounds: Bounds,
    /// The part of `order` below this node.
    range: [usize; 2],
    /// The second child; the first follows its parent. 0 for a leaf.
    second: usize,
}

/// How the boxes of a node are halved.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Halves {
    ByCentre,
    AsTheyCome,
}

impl BoxTree {
    /// Cost: n log n for n boxes.
    pub(crate) fn new(boxes: Vec<Bounds>) -> Self {
        Self::halved(boxes, Halves::ByCentre)
    }

    /// A tree of boxes of which most lie beside the one before, as along a ring: where they
    /// are few they are not sorted.
    pub(crate) fn of_path(boxes: Vec<Bounds>) -> Self {
        let halves = if boxes.len() < SHORT { Halves::AsTheyCome } else { Halves::ByCentre };
        Self::halved(boxes, halves)
    }

    fn halved(boxes: Vec<Bounds>, halves: Halves) -> Self {
        let order = (0..boxes.len() as u32).collect();
        let nodes = Vec::with_capacity(boxes.len() / 2 + 1);
        let mut tree = Self { boxes, order, nodes };
        if !tree.boxes.is_empty() {
            tree.build(0, tree.boxes.len(), halves);
        }
        tree
    }

    /// The depth is the logarithm of the number of boxes.
    fn build(&mut self, start: usize, end: usize, halves: Halves) {
        let boxes = &self.boxes;
        let range = &mut self.order[start..end];
        let bounds = range[1..]
            .iter()
            .fold(boxes[range[0] as usize], |all, &index| all.join(boxes[index as usize]));
        let id = self.nodes.len();
        self.nodes.push(Node { bounds, range: [start, end], second: 0 });
        if end - start <= LEAF {
            return;
        }
        let half = (end - start) / 2;
        if halves == Halves::ByCentre {
            halve(range, boxes, bounds, half);
        }
        self.build(start, start + half, halves);
        self.nodes[id].second = self.nodes.len();
        self.build(start + half, end, halves);
    }

    /// Calls `visit` with the index of every box that meets `bounds`, until it
    /// returns false.
    pub(crate) fn visit(&self, bounds: &Bounds, mut visit: impl FnMut(usize) -> bool) {
        let mut stack = [0; 64];
        let mut depth = usize::from(!self.nodes.is_empty());
        while depth > 0 {
            depth -= 1;
            let id = stack[depth];
            let node = &self.nodes[id];
            if !node.bounds.meets(bounds) {
                continue;
            }
            if node.second > 0 {
                stack[depth] = node.second;
                stack[depth + 1] = id + 1;
                depth += 2;
                continue;
            }
            for &index in &self.order[node.range[0]..node.range[1]] {
                if self.boxes[index as usize].meets(bounds) && !visit(index as usize) {
                    return;
                }
            }
        }
    }

    /// Calls `visit` with the index of every box that is at most `reach` away from a point
    /// along both axes, near ones first; it returns the reach from then on.
    pub(crate) fn visit_near(
        &self,
        p: Coord<f64>,
        mut reach: f64,
        mut visit: impl FnMut(usize) -> f64,
    ) {
        let mut stack = [(f64::NEG_INFINITY, 0); 64];
        let mut depth = usize::from(!self.nodes.is_empty());
        while depth > 0 {
            depth -= 1;
            let (gap, id) = stack[depth];
            if gap > reach {
                continue;
            }
            let node = &self.nodes[id];
            if node.second == 0 {
                for &index in &self.order[node.range[0]..node.range[1]] {
                    if self.boxes[index as usize].gap(p) <= reach {
                        reach = visit(index as usize);
                    }
                }
                continue;
            }
            let children = [id + 1, node.second].map(|id| (self.nodes[id].bounds.gap(p), id));
            let [near, far] = children;
            let [near, far] = if near.0 <= far.0 { [near, far] } else { [far, near] };
            stack[depth] = far;
            stack[depth + 1] = near;
            depth += 2;
        }
    }
}

/// Puts the indices of the half of the boxes whose centres are lower along the longer axis first.
fn halve(range: &mut [u32], boxes: &[Bounds], bounds: Bounds, half: usize) {
    let size = bounds.high - bounds.low;
    let centre = |index: u32| {
        let (low, high) = (boxes[index as usize].low, boxes[index as usize].high);
        if size.x > size.y { low.x + high.x } else { low.y + high.y }
    };
    range.select_nth_unstable_by(half, |&a, &b| centre(a).total_cmp(&centre(b)).then(a.cmp(&b)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn boxes() -> impl Strategy<Value = Vec<Bounds>> {
        let point = (0_u8..40, 0_u8..40, 0_u8..9, 0_u8..9);
        let bounds = point.prop_map(|(x, y, w, h)| {
            let low = Coord { x: f64::from(x), y: f64::from(y) };
            Bounds::of(low, low + Coord { x: f64::from(w), y: f64::from(h) })
        });
        proptest::collection::vec(bounds, 0..120)
    }

    proptest! {
        #[test]
        fn finds_what_a_scan_finds(boxes in boxes(), probe in boxes()) {
            let tree = BoxTree::new(boxes.clone());
            for probe in probe {
                let mut found = Vec::new();
                tree.visit(&probe, |index| {
                    found.push(index);
                    true
                });
                found.sort_unstable();
                let expected: Vec<usize> =
                    (0..boxes.len()).filter(|&index| boxes[index].meets(&probe)).collect();
                prop_assert_eq!(found, expected);
            }
        }

        #[test]
        fn finds_the_nearest_box(boxes in boxes(), probe in boxes(), reach in -1.0..9.0_f64) {
            let tree = BoxTree::new(boxes.clone());
            for p in probe.iter().map(|probe| probe.low) {
                let mut nearest = reach;
                tree.visit_near(p, reach, |index| {
                    nearest = nearest.min(boxes[index].gap(p));
                    nearest
                });
                let gaps = boxes.iter().map(|bounds| bounds.gap(p));
                prop_assert!((nearest - gaps.fold(reach, f64::min)).abs() < 1e-9);
            }
        }
    }
}
