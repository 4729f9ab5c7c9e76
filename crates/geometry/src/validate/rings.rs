//! The rings of one or several polygons, and where their segments meet.

use super::{
    MultiPolygonFault, PolygonFault, Ring,
    predicates::{Meeting, meeting, side},
};
use crate::ring::dedup_from;
use crate::{
    box_tree::{Bounds, BoxTree},
    chains::{Chains, Visitor},
};
use geo_types::{Coord, LineString, Polygon};

/// Coordinates up to this size (and down to its inverse) need no scaling: their
/// products neither overflow nor underflow.
const UNSCALED: f64 = 1e100;

/// Touches per vertex up to which they are kept while it is open whether all is well: of
/// many rings around one point, every two touch.
const FEW_TOUCHES: usize = 16;

/// One ring among the points of [`Rings`].
pub(super) struct Member {
    /// Index of its polygon.
    pub(super) part: usize,
    pub(super) role: Ring,
    /// Its points, without the closing one.
    pub(super) range: [usize; 2],
    /// Whether its area is positive.
    pub(super) positive: bool,
}

/// Rings without repeated points. Segment k starts at point k.
pub(super) struct Rings {
    pub(super) points: Vec<Coord<f64>>,
    pub(super) members: Vec<Member>,
    /// The ring of each point.
    owner: Vec<u32>,
    chains: Chains,
    /// What the coordinates were multiplied by.
    scale: f64,
}

/// A point where two rings touch.
pub(super) struct Touch {
    pub(super) rings: [usize; 2],
    pub(super) segments: [usize; 2],
    pub(super) point: Coord<f64>,
}

impl Rings {
    /// Checks the points of every ring for itself.
    pub(super) fn new<'a>(
        polygons: impl Iterator<Item = &'a Polygon<f64>> + Clone,
    ) -> Result<Self, MultiPolygonFault> {
        let (mut points, mut members) = (Vec::new(), Vec::new());
        let mut largest = 0.0_f64;
        for (part, role, line) in rings_of(polygons.clone()) {
            let reach = check_points(role, line).map_err(|fault| part_fault(part, fault))?;
            largest = largest.max(reach);
        }
        let scale = scale_of(largest);
        for (part, role, line) in rings_of(polygons) {
            let start = points.len();
            // Adding 0 makes negative zeros positive, so that equal points are equal bits.
            points.extend(
                line.coords().map(|p| Coord { x: p.x * scale + 0.0, y: p.y * scale + 0.0 }),
            );
            dedup_from(&mut points, start);
            // The closing point.
            points.pop();
            // Beside the largest numbers, points of a small ring become one.
            if points.len() < start + 3 {
                return Err(part_fault(part, PolygonFault::TooFewPoints(role)));
            }
            members.push(Member { part, role, range: [start, points.len()], positive: true });
        }
        let ranges = members.iter().map(|member| member.range);
        let chains = Chains::new(ranges, |k| points[k]);
        let mut rings = Self { points, members, owner: Vec::new(), chains, scale };
        for id in 0..rings.members.len() {
            let [start, end] = rings.members[id].range;
            rings.owner.resize(end, id as u32);
            rings.members[id].positive = rings.is_positive(start, end);
        }
        Ok(rings)
    }

    /// Start of the next segment of the same ring.
    pub(super) fn next(&self, k: usize) -> usize {
        let [start, end] = self.members[self.owner[k] as usize].range;
        if k + 1 == end { start } else { k + 1 }
    }

    fn previous(&self, k: usize) -> usize {
        let [start, end] = self.members[self.owner[k] as usize].range;
        if k == start { end - 1 } else { k - 1 }
    }

    pub(super) fn segment(&self, k: usize) -> [Coord<f64>; 2] {
        [self.points[k], self.points[self.next(k)]]
    }

    /// Where a point lay before the scaling.
    pub(super) fn original(&self, p: Coord<f64>) -> Coord<f64> {
        p / self.scale
    }

    /// The corner of a ring at a point of its segment `k`: before, at and after it.
    pub(super) fn path_at(&self, k: usize, p: Coord<f64>) -> [Coord<f64>; 3] {
        let next = self.next(k);
        if p == self.points[k] {
            [self.points[self.previous(k)], p, self.points[next]]
        } else if p == self.points[next] {
            [self.points[k], p, self.points[self.next(next)]]
        } else {
            [self.points[k], p, self.points[next]]
        }
    }

    /// The orientation at the lowest leftmost point, which is a corner of the hull.
    fn is_positive(&self, start: usize, end: usize) -> bool {
        let mut extreme = start;
        for k in start..end {
            let (p, q) = (self.points[k], self.points[extreme]);
            if p.x < q.x || (p.x <= q.x && p.y < q.y) {
                extreme = k;
            }
        }
        let [before, p, after] = self.path_at(extreme, self.points[extreme]);
        side(before, p, after) > 0
    }

    /// Refuses rings that meet themselves or cross; returns where rings touch.
    pub(super) fn touches(&self) -> Result<Vec<Touch>, MultiPolygonFault> {
        let few = FEW_TOUCHES * self.points.len();
        let (mut touches, count) = self.touches_up_to(few)?;
        if count > few {
            // Only now it is known that they are needed.
            touches = self.touches_up_to(count)?.0;
        }
        Ok(sorted(touches))
    }

    /// The first touches that are found, and the number of all.
    fn touches_up_to(&self, most: usize) -> Result<(Vec<Touch>, usize), MultiPolygonFault> {
        let (mut touches, mut count, mut fault) = (Vec::new(), 0, None);
        let meet = |k: usize, l: usize| {
            match self.compare(k.min(l), k.max(l)) {
                Ok(None) => {}
                Ok(Some(touch)) => {
                    count += 1;
                    if count <= most {
                        touches.push(touch);
                    }
                }
                Err(found) => fault = Some(found),
            }
            fault.is_none()
        };
        self.visit_pairs(meet);
        // Which fault is named does not depend on the chains.
        fault.map_or(Ok((touches, count)), |fault| Err(self.first_fault().unwrap_or(fault)))
    }

    /// Compares segments in their order until there is a fault.
    fn first_fault(&self) -> Option<MultiPolygonFault> {
        let boxes = (0..self.points.len()).map(|k| {
            let [a, b] = self.segment(k);
            Bounds::of(a, b)
        });
        let tree = BoxTree::new(boxes.collect());
        // Spikes first: they also touch themselves at their foot.
        for k in 0..self.points.len() {
            if let Err(spike) = self.compare(k, self.next(k)) {
                return Some(spike);
            }
        }
        let mut fault = None;
        for k in 0..self.points.len() {
            let [a, b] = self.segment(k);
            tree.visit(&Bounds::of(a, b), |l| {
                if l > k {
                    match self.compare(k, l) {
                        Ok(_) => {}
                        Err(found) if fault.is_some() && is_self_touch(found) => {}
                        Err(found) => fault = Some(found),
                    }
                }
                // Where lines overlap they also touch; the overlap says more.
                fault.is_none_or(is_self_touch)
            });
            if fault.is_some() {
                return fault;
            }
        }
        None
    }

    /// The ring of a point.
    pub(super) fn member_of(&self, k: usize) -> &Member {
        &self.members[self.owner[k] as usize]
    }

    /// Index of the ring of a point.
    pub(super) fn owner(&self, k: usize) -> usize {
        self.owner[k] as usize
    }

    /// Calls `meet` with the starts of segments whose boxes meet, until it returns false.
    pub(super) fn visit_pairs(&self, meet: impl FnMut(usize, usize) -> bool) {
        self.chains.compare(0.0, |k| self.points[k], &mut Visitor { cut: |_| {}, meet });
    }

    fn compare(&self, k: usize, l: usize) -> Result<Option<Touch>, MultiPolygonFault> {
        let met = meeting(self.segment(k), self.segment(l));
        let ids = [self.owner[k] as usize, self.owner[l] as usize];
        let [first, second] = ids.map(|id| &self.members[id]);
        let point = match met {
            Meeting::None => return Ok(None),
            Meeting::Cross(p) | Meeting::Touch(p) | Meeting::Overlap(p) => p,
        };
        let Coord { x, y } = self.original(point);
        if ids[0] != ids[1] {
            return match met {
                Meeting::Touch(point) => Ok(Some(Touch { rings: ids, segments: [k, l], point })),
                Meeting::Overlap(_) => Err(shared_line([first, second], Coord { x, y })),
                _ => Err(crossing([first, second], Coord { x, y })),
            };
        }
        let ring = first.role;
        let adjacent = self.next(k) == l || self.next(l) == k;
        let fault = match met {
            Meeting::Touch(_) if adjacent => return Ok(None),
            Meeting::Touch(_) => PolygonFault::SelfTouch { ring, x, y },
            Meeting::Overlap(_) if adjacent => {
                let tip = if self.next(k) == l { self.points[l] } else { self.points[k] };
                let Coord { x, y } = self.original(tip);
                PolygonFault::Spike { ring, x, y }
            }
            Meeting::Overlap(_) => PolygonFault::SelfOverlap { ring, x, y },
            _ => PolygonFault::SelfCrossing { ring, x, y },
        };
        Err(part_fault(first.part, fault))
    }

    /// The other rings around a point that lies on none of them, in order.
    ///
    /// Rings through the point may be among them or not, and a ring that is alone has
    /// none around its own points.
    pub(super) fn around(&self, p: Coord<f64>) -> Vec<usize> {
        if self.members.len() == 1 {
            return Vec::new();
        }
        let mut crossed = Vec::new();
        self.chains.visit_ray(
            p,
            |k| self.points[k],
            |k| {
                let [a, b] = self.segment(k);
                let (low, high) = if a.y <= b.y { (a, b) } else { (b, a) };
                if low.y <= p.y && p.y < high.y && side(low, high, p) > 0 {
                    crossed.push(self.owner[k] as usize);
                }
            },
        );
        crossed.sort_unstable();
        let odd = crossed.chunk_by(|a, b| a == b).filter(|group| group.len() % 2 == 1);
        odd.map(|group| group[0]).collect()
    }
}

/// The touches in order, each point of two rings once.
fn sorted(mut touches: Vec<Touch>) -> Vec<Touch> {
    let key = |touch: &Touch| (touch.rings, touch.point.x.to_bits(), touch.point.y.to_bits());
    touches.sort_unstable_by_key(|touch| (key(touch), touch.segments));
    touches.dedup_by_key(|touch| key(touch));
    touches
}

fn is_self_touch(fault: MultiPolygonFault) -> bool {
    matches!(fault, MultiPolygonFault::Part { fault: PolygonFault::SelfTouch { .. }, .. })
}

/// Two rings that cross, of one polygon or of two.
pub(super) fn crossing([a, b]: [&Member; 2], Coord { x, y }: Coord<f64>) -> MultiPolygonFault {
    if a.part != b.part {
        return MultiPolygonFault::Overlap { first: a.part, second: b.part, x, y };
    }
    part_fault(a.part, PolygonFault::Crossing { first: a.role, second: b.role, x, y })
}

fn shared_line([a, b]: [&Member; 2], Coord { x, y }: Coord<f64>) -> MultiPolygonFault {
    if a.part != b.part {
        return MultiPolygonFault::SharedLine { first: a.part, second: b.part, x, y };
    }
    part_fault(a.part, PolygonFault::SharedLine { first: a.role, second: b.role, x, y })
}

pub(super) fn part_fault(part: usize, fault: PolygonFault) -> MultiPolygonFault {
    MultiPolygonFault::Part { part, fault }
}

/// All rings with their polygon and role.
fn rings_of<'a>(
    polygons: impl Iterator<Item = &'a Polygon<f64>>,
) -> impl Iterator<Item = (usize, Ring, &'a LineString<f64>)> {
    polygons.enumerate().flat_map(|(part, polygon)| {
        let holes = polygon.interiors().iter().enumerate();
        std::iter::once((part, Ring::Exterior, polygon.exterior()))
            .chain(holes.map(move |(index, ring)| (part, Ring::Hole(index), ring)))
    })
}

/// Checks that a ring is finite, closed and has three distinct points; returns its
/// largest coordinate.
pub(super) fn check_points(ring: Ring, line: &LineString<f64>) -> Result<f64, PolygonFault> {
    // As whole numbers the bits of positive numbers are in order, infinity and what is not
    // a number behind all others.
    let (mut x, mut y) = (0, 0);
    for p in &line.0 {
        x = x.max(p.x.abs().to_bits());
        y = y.max(p.y.abs().to_bits());
    }
    let largest = f64::from_bits(x.max(y));
    if !largest.is_finite() {
        let finite = |p: &Coord<f64>| p.x.is_finite() && p.y.is_finite();
        let index = line.coords().position(|p| !finite(p)).unwrap_or(0);
        return Err(PolygonFault::NonFinite { ring, index });
    }
    let Some(&first) = line.0.first() else { return Err(PolygonFault::TooFewPoints(ring)) };
    if line.0.last() != Some(&first) {
        return Err(PolygonFault::NotClosed(ring));
    }
    let second = line.coords().find(|&&p| p != first);
    let third = line.coords().find(|&&p| p != first && Some(&p) != second);
    if third.is_none() {
        return Err(PolygonFault::TooFewPoints(ring));
    }
    Ok(largest)
}

/// A power of two that brings coordinates of extreme size near 1.
pub(super) fn scale_of(largest: f64) -> f64 {
    if (1.0 / UNSCALED..=UNSCALED).contains(&largest) || largest <= 0.0 {
        return 1.0;
    }
    (-largest.log2().round()).clamp(-1000.0, 1000.0).exp2()
}
