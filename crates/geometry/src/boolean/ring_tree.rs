//! Boxes around stretches of a ring.
//!
//! Neighbours along a ring are neighbours in the plane: a binary tree over the
//! segments in their order has compact boxes without any sorting.

use geo::{Kernel, Orientation, coordinate_position::CoordPos, kernels::RobustKernel};
use geo_types::{Coord, Line, LineString, Rect};

/// Segments under a box of the lowest level.
const LEAF: usize = 8;

/// A closed ring and boxes around its stretches.
pub(super) struct RingTree<'a> {
    points: &'a [Coord<f64>],
    /// Boxes around [`LEAF`] segments each, then around pairs of the level before,
    /// up to a single one.
    levels: Vec<Vec<Rect<f64>>>,
}

/// A box of a tree: its level and its place in it.
type Node = (usize, usize);

impl<'a> RingTree<'a> {
    /// Boxes of a closed ring with finite coordinates; `None` without segments.
    pub(super) fn new(ring: &'a LineString<f64>) -> Option<Self> {
        let points = &ring.0[..];
        let leaves = points.len().checked_sub(2)? / LEAF + 1;
        let leaf = |k: usize| around(&points[k * LEAF..points.len().min((k + 1) * LEAF + 1)]);
        let mut levels: Vec<Vec<Rect<f64>>> = vec![(0..leaves).map(leaf).collect()];
        while let Some(last) = levels.last().filter(|last| last.len() > 1) {
            let pairs = last.chunks(2).map(|pair| match pair {
                [a, b] => around(&[a.min(), a.max(), b.min(), b.max()]),
                _ => pair[0],
            });
            let next = pairs.collect();
            levels.push(next);
        }
        Some(Self { points, levels })
    }

    /// The box around the ring.
    pub(super) fn area(&self) -> Rect<f64> {
        self.levels[self.top().0][0]
    }

    /// Calls `visit` with pairs of different segments of the ring whose boxes touch.
    pub(super) fn pairs_within<E>(
        &self,
        visit: &mut impl FnMut(Line<f64>, Line<f64>) -> Result<(), E>,
    ) -> Result<(), E> {
        for leaf in 0..self.levels[0].len() {
            let range = self.segments(leaf);
            for k in range.clone() {
                for other in k + 1..range.end {
                    self.visit_pair(k, self, other, visit)?;
                }
            }
        }
        for level in 1..self.levels.len() {
            for right in (1..self.levels[level - 1].len()).step_by(2) {
                self.descend((level - 1, right - 1), self, (level - 1, right), visit)?;
            }
        }
        Ok(())
    }

    /// Calls `visit` with pairs of a segment of each ring whose boxes touch.
    pub(super) fn pairs_across<E>(
        &self,
        other: &Self,
        visit: &mut impl FnMut(Line<f64>, Line<f64>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.descend(self.top(), other, other.top(), visit)
    }

    /// Where a point lies, decided exactly.
    pub(super) fn position(&self, p: Coord<f64>) -> CoordPos {
        let mut inside = false;
        let mut stack = vec![self.top()];
        while let Some((level, place)) = stack.pop() {
            let area = self.levels[level][place];
            // A ray towards +x misses the others.
            if p.y < area.min().y || p.y > area.max().y || p.x > area.max().x {
                continue;
            }
            if level > 0 {
                stack.extend(self.children((level, place)));
                continue;
            }
            for k in self.segments(place) {
                let (a, b) = (self.points[k], self.points[k + 1]);
                let (side, low, high) =
                    (RobustKernel::orient2d(a, b, p), a.y.min(b.y), a.y.max(b.y));
                if side == Orientation::Collinear {
                    let (left, right) = (a.x.min(b.x), a.x.max(b.x));
                    if (left..=right).contains(&p.x) && (low..=high).contains(&p.y) {
                        return CoordPos::OnBoundary;
                    }
                } else if low <= p.y && p.y < high {
                    // The point is left of a rising segment, right of a falling one.
                    inside ^= (side == Orientation::CounterClockwise) == (a.y < b.y);
                }
            }
        }
        if inside { CoordPos::Inside } else { CoordPos::Outside }
    }

    fn top(&self) -> Node {
        (self.levels.len() - 1, 0)
    }

    fn children(&self, (level, place): Node) -> impl Iterator<Item = Node> + use<> {
        let end = self.levels[level - 1].len().min(2 * place + 2);
        (2 * place..end).map(move |child| (level - 1, child))
    }

    /// Indices of the segments of a leaf.
    fn segments(&self, leaf: usize) -> std::ops::Range<usize> {
        leaf * LEAF..(self.points.len() - 1).min((leaf + 1) * LEAF)
    }

    fn descend<E>(
        &self,
        mine: Node,
        other: &Self,
        theirs: Node,
        visit: &mut impl FnMut(Line<f64>, Line<f64>) -> Result<(), E>,
    ) -> Result<(), E> {
        if !touch(&self.levels[mine.0][mine.1], &other.levels[theirs.0][theirs.1]) {
            return Ok(());
        }
        if mine.0 == 0 && theirs.0 == 0 {
            for k in self.segments(mine.1) {
                for q in other.segments(theirs.1) {
                    self.visit_pair(k, other, q, visit)?;
                }
            }
            return Ok(());
        }
        if mine.0 >= theirs.0 {
            self.children(mine).try_for_each(|child| self.descend(child, other, theirs, visit))
        } else {
            other.children(theirs).try_for_each(|child| self.descend(mine, other, child, visit))
        }
    }

    fn visit_pair<E>(
        &self,
        k: usize,
        other: &Self,
        q: usize,
        visit: &mut impl FnMut(Line<f64>, Line<f64>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (a, b) = (&self.points[k..k + 2], &other.points[q..q + 2]);
        if touch(&around(a), &around(b)) {
            visit(Line::new(a[0], a[1]), Line::new(b[0], b[1]))?;
        }
        Ok(())
    }
}

fn touch(a: &Rect<f64>, b: &Rect<f64>) -> bool {
    a.min().x <= b.max().x
        && b.min().x <= a.max().x
        && a.min().y <= b.max().y
        && b.min().y <= a.max().y
}

fn around(points: &[Coord<f64>]) -> Rect<f64> {
    let (mut low, mut high) = (points[0], points[0]);
    for p in &points[1..] {
        low = Coord { x: low.x.min(p.x), y: low.y.min(p.y) };
        high = Coord { x: high.x.max(p.x), y: high.y.max(p.y) };
    }
    Rect::new(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::coordinate_position::coord_pos_relative_to_ring;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn ring() -> impl Strategy<Value = LineString<f64>> {
        proptest::collection::vec((0_i8..20, 0_i8..20), 2..60).prop_map(|points| {
            let mut ring: LineString<f64> =
                points.iter().map(|&(x, y)| (f64::from(x), f64::from(y))).collect();
            ring.close();
            ring
        })
    }

    fn key(a: Line<f64>, b: Line<f64>) -> BTreeSet<[u64; 4]> {
        let bits = |s: Line<f64>| [s.start.x, s.start.y, s.end.x, s.end.y].map(f64::to_bits);
        BTreeSet::from([bits(a), bits(b)])
    }

    proptest! {
        #[test]
        fn finds_all_pairs(a in ring(), b in ring()) {
            let (Some(tree_a), Some(tree_b)) = (RingTree::new(&a), RingTree::new(&b)) else {
                return Ok(());
            };
            let mut found = Vec::new();
            tree_a.pairs_across::<()>(&tree_b, &mut |p, q| { found.push(key(p, q)); Ok(()) }).unwrap();
            let near = |p: Line<f64>, q: Line<f64>| {
                touch(&Rect::new(p.start, p.end), &Rect::new(q.start, q.end))
            };
            let mut expected: Vec<_> = a.lines()
                .flat_map(|p| b.lines().filter(move |&q| near(p, q)).map(move |q| key(p, q)))
                .collect();
            found.sort();
            expected.sort();
            prop_assert_eq!(&found, &expected);

            found.clear();
            tree_a.pairs_within::<()>(&mut |p, q| { found.push(key(p, q)); Ok(()) }).unwrap();
            let mut expected: Vec<_> = a.lines().enumerate()
                .flat_map(|(k, p)| a.lines().skip(k + 1).filter(move |&q| near(p, q)).map(move |q| key(p, q)))
                .collect();
            found.sort();
            expected.sort();
            prop_assert_eq!(&found, &expected);
        }

        #[test]
        fn positions_by_a_ray(ring in ring(), x in 0_i8..41, y in 0_i8..41) {
            let p = Coord { x: 0.5 * f64::from(x), y: 0.5 * f64::from(y) };
            let Some(tree) = RingTree::new(&ring) else { return Ok(()) };
            let mut inside = false;
            for s in ring.lines() {
                if (s.start.y <= p.y) != (s.end.y <= p.y) {
                    let at = s.start.x + (p.y - s.start.y) / s.dy() * s.dx();
                    inside ^= at > p.x;
                }
            }
            let expected = match coord_pos_relative_to_ring(p, &ring) {
                CoordPos::OnBoundary => CoordPos::OnBoundary,
                _ if inside => CoordPos::Inside,
                _ => CoordPos::Outside,
            };
            prop_assert_eq!(tree.position(p), expected);
        }
    }
}
