//! Where rings meet, found by their monotone chains.
//!
//! Along a chain neither x nor y turns back. So a chain does not meet itself, and the
//! box of any stretch of it is known from its two ends: two chains are compared by
//! halving them where their boxes meet, without looking at the vertices in between.

use crate::box_tree::{Bounds, BoxTree};
use geo_types::Coord;

/// Consecutive vertices of a closed ring; no two neighbours are equal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain {
    first: usize,
    /// May be the end of the ring, which stands for its first vertex.
    last: usize,
    /// First vertex of the ring and the one after its last.
    ring: [usize; 2],
    /// Whether x and y grow or stay, not fall.
    grows: [bool; 2],
}

/// All chains of some rings. Vertex k is the start of segment k.
#[derive(Debug)]
pub(crate) struct Chains {
    chains: Vec<Chain>,
    tree: BoxTree,
}

/// A stretch of a chain.
#[derive(Clone, Copy)]
struct Stretch {
    chain: Chain,
    first: usize,
    last: usize,
}

impl Stretch {
    fn middle(&self) -> usize {
        usize::midpoint(self.first, self.last)
    }

    fn halves(self) -> [Self; 2] {
        let middle = self.middle();
        [Self { last: middle, ..self }, Self { first: middle, ..self }]
    }
}

/// What a comparison calls: with a vertex where a chain was halved, and with two
/// segments whose boxes meet, until that returns false.
pub(crate) struct Visitor<C, M> {
    pub(crate) cut: C,
    pub(crate) meet: M,
}

impl Chains {
    /// Cuts rings, given by their first vertex and the one after their last, into chains.
    pub(crate) fn new(
        rings: impl Iterator<Item = [usize; 2]>,
        point: impl Fn(usize) -> Coord<f64>,
    ) -> Self {
        Self::over(cut(rings, &point), point)
    }

    /// The chains that [`cut`] has found, ready to be compared.
    pub(crate) fn over(chains: Vec<Chain>, point: impl Fn(usize) -> Coord<f64>) -> Self {
        let bounds = chains.iter().map(|chain: &Chain| {
            Bounds::of(vertex(chain, &point, chain.first), vertex(chain, &point, chain.last))
        });
        let tree = BoxTree::of_path(bounds.collect());
        Self { chains, tree }
    }

    pub(crate) fn len(&self) -> usize {
        self.chains.len()
    }

    /// The first vertex of every chain.
    pub(crate) fn starts(&self) -> impl Iterator<Item = usize> {
        self.chains.iter().map(|chain| chain.first)
    }

    /// Compares all chains. Segments of one chain are never visited together, nor are
    /// chains that follow each other where they clearly share an end only. Boxes meet
    /// where they are at most `margin` apart.
    pub(crate) fn compare(
        &self,
        margin: f64,
        point: impl Fn(usize) -> Coord<f64>,
        visitor: &mut Visitor<impl FnMut(usize), impl FnMut(usize, usize) -> bool>,
    ) {
        self.compare_every(1, margin, point, visitor);
    }

    /// As [`Self::compare`], for every `stride`th chain only; if that is not 1, with all
    /// others before and after it.
    pub(crate) fn compare_every(
        &self,
        stride: usize,
        margin: f64,
        point: impl Fn(usize) -> Coord<f64>,
        visitor: &mut Visitor<impl FnMut(usize), impl FnMut(usize, usize) -> bool>,
    ) {
        let whole = |chain: Chain| Stretch { chain, first: chain.first, last: chain.last };
        let mut goes_on = true;
        for (id, &chain) in self.chains.iter().enumerate().step_by(stride) {
            let bounds = box_of(&whole(chain), &point).grown(margin);
            self.tree.visit(&bounds, |other| {
                if other > id || stride > 1 && other < id {
                    let pair = [whole(chain), whole(self.chains[other])];
                    goes_on = follows(&chain, &self.chains[other], &point)
                        || follows(&self.chains[other], &chain, &point)
                        || descend(pair, margin, &point, visitor);
                }
                goes_on
            });
            if !goes_on {
                return;
            }
        }
    }

    /// Segments that a ray from `p` towards +x may cross: those with `p.y` in the
    /// half-open range of their y.
    pub(crate) fn visit_ray(
        &self,
        p: Coord<f64>,
        point: impl Fn(usize) -> Coord<f64>,
        mut visit: impl FnMut(usize),
    ) {
        let ray = Bounds::of(p, Coord { x: f64::MAX, y: p.y });
        self.tree.visit(&ray, |id| {
            let chain = &self.chains[id];
            let [_, grows] = chain.grows;
            // The first vertex beyond the ray.
            let (mut low, mut high) = (chain.first, chain.last + 1);
            while low < high {
                let middle = usize::midpoint(low, high);
                if (vertex(chain, &point, middle).y <= p.y) == grows {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            if low > chain.first && low <= chain.last {
                visit(low - 1);
            }
            true
        });
    }
}

/// Cuts rings, given by their first vertex and the one after their last, into chains.
pub(crate) fn cut(
    rings: impl Iterator<Item = [usize; 2]>,
    point: &impl Fn(usize) -> Coord<f64>,
) -> Vec<Chain> {
    let mut chains = Vec::new();
    rings.for_each(|ring| push_chains(ring, point, &mut chains));
    chains
}

fn push_chains(ring: [usize; 2], point: &impl Fn(usize) -> Coord<f64>, chains: &mut Vec<Chain>) {
    let [start, end] = ring;
    if start >= end {
        return;
    }
    let ahead = |at: Coord<f64>, next: Coord<f64>| [next.x >= at.x, next.y >= at.y];
    let mut at = point(start);
    let mut first = start;
    let mut grows = ahead(at, point(if start + 1 == end { start } else { start + 1 }));
    for k in start + 1..end {
        let last = at;
        at = point(k);
        if ahead(last, at) != grows {
            chains.push(Chain { first, last: k - 1, ring, grows });
            (first, grows) = (k - 1, ahead(last, at));
        }
    }
    let closing = ahead(at, point(start));
    if closing != grows && end - 1 > first {
        chains.push(Chain { first, last: end - 1, ring, grows });
        (first, grows) = (end - 1, closing);
    }
    chains.push(Chain { first, last: end, ring, grows });
}

fn vertex(chain: &Chain, point: &impl Fn(usize) -> Coord<f64>, k: usize) -> Coord<f64> {
    point(if k == chain.ring[1] { chain.ring[0] } else { k })
}

fn box_of(stretch: &Stretch, point: &impl Fn(usize) -> Coord<f64>) -> Bounds {
    let end = |k: usize| vertex(&stretch.chain, point, k);
    Bounds::of(end(stretch.first), end(stretch.last))
}

/// Whether `b` continues `a` and meets it in the shared end only.
///
/// One axis turns back there; the other separates the chains unless both run along
/// the line between them.
fn follows(a: &Chain, b: &Chain, point: &impl Fn(usize) -> Coord<f64>) -> bool {
    let joined =
        a.ring == b.ring && (a.last == b.first || a.last == a.ring[1] && b.first == a.ring[0]);
    if !joined || (a.grows[0] == b.grows[0]) == (a.grows[1] == b.grows[1]) {
        return false;
    }
    let leaves = |k: usize, from: &Chain| {
        let (p, q) = (vertex(from, point, k), vertex(from, point, k + 1));
        let away = if a.grows[0] == b.grows[0] { p.x - q.x } else { p.y - q.y };
        away.abs() > 0.0
    };
    leaves(a.last - 1, a) || leaves(b.first, b)
}

/// Halves the longer stretch while the boxes meet; false to stop.
///
/// The depth is twice the logarithm of the number of vertices at most.
fn descend(
    pair: [Stretch; 2],
    margin: f64,
    point: &impl Fn(usize) -> Coord<f64>,
    visitor: &mut Visitor<impl FnMut(usize), impl FnMut(usize, usize) -> bool>,
) -> bool {
    let [a, b] = pair;
    if !box_of(&a, point).grown(margin).meets(&box_of(&b, point)) {
        return true;
    }
    let (long_a, long_b) = (a.last - a.first, b.last - b.first);
    if long_a == 1 && long_b == 1 {
        return (visitor.meet)(a.first, b.first);
    }
    let (longer, other, swap) = if long_a >= long_b { (a, b, false) } else { (b, a, true) };
    (visitor.cut)(longer.middle());
    longer.halves().into_iter().all(|half| {
        let pair = if swap { [other, half] } else { [half, other] };
        descend(pair, margin, point, visitor)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::predicates::{Meeting, meeting};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn rings() -> impl Strategy<Value = Vec<Vec<(i8, i8)>>> {
        let walk = proptest::collection::vec((-2_i8..3, -2_i8..3), 2..40);
        proptest::collection::vec(walk, 1..4)
    }

    proptest! {
        #[test]
        fn finds_all_segments_that_meet(walks in rings()) {
            let (mut points, mut ranges) = (Vec::new(), Vec::new());
            for walk in walks {
                let start = points.len();
                let mut p = Coord { x: 0.0, y: 0.0 };
                for (x, y) in walk {
                    p = p + Coord { x: f64::from(x), y: f64::from(y) };
                    if points.len() == start || points[points.len() - 1] != p {
                        points.push(p);
                    }
                }
                while points.len() > start + 1 && points[points.len() - 1] == points[start] {
                    points.pop();
                }
                ranges.push([start, points.len()]);
            }
            let chains = Chains::new(ranges.iter().copied(), |k| points[k]);
            let mut found = BTreeSet::new();
            let meet = |k: usize, l: usize| {
                found.insert([k.min(l), k.max(l)]);
                true
            };
            chains.compare(0.0, |k| points[k], &mut Visitor { cut: |_| {}, meet });
            for (at, ring) in ranges.iter().enumerate() {
                for other in &ranges[at..] {
                    for k in ring[0]..ring[1] {
                        for l in other[0].max(k + 1)..other[1] {
                            let segment = |k: usize, [start, end]: [usize; 2]| {
                                [points[k], points[if k + 1 == end { start } else { k + 1 }]]
                            };
                            let (s, t) = (segment(k, *ring), segment(l, *other));
                            let touch = s.into_iter().any(|p| t.contains(&p));
                            let expected = match meeting(s, t) {
                                Meeting::None => false,
                                // A shared end may be passed over.
                                Meeting::Touch(_) => !touch,
                                Meeting::Cross(_) | Meeting::Overlap(_) => true,
                            };
                            prop_assert!(!expected || found.contains(&[k, l]), "{s:?} {t:?}");
                        }
                    }
                }
            }
        }
    }
}
