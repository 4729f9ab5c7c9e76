//! What stands on a block: parcels, buildings with courtyards, churches, gardens.

use geo_types::Coord;

use crate::draw::Draw;
use crate::gardens::garden;
use crate::layout::{Layout, Spot};
use crate::planar::{Points, area, dot, ellipse, inset, middle, normal, rectangle, toothed};
use crate::regions::{Over, Region, RegionKind};
use crate::town::{inset_or_same, new_owner, parcels};

/// A block: its convex ring, the owner of what lies on it, the direction of its front.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) ring: Points,
    pub(crate) owner: u32,
    pub(crate) axis: Coord<f64>,
}

impl Block {
    fn region(&self, kind: RegionKind) -> Region {
        Region { kind, owner: self.owner, axis: self.axis.y.atan2(self.axis.x) }
    }

    /// Half sizes of the block along and across its front.
    fn half_size(&self) -> (f64, f64) {
        let centre = middle(&self.ring);
        let reach = |axis: Coord<f64>| {
            self.ring.iter().map(|&p| dot(p - centre, axis).abs()).fold(0.0, f64::max)
        };
        (reach(self.axis), reach(normal(self.axis)))
    }
}

/// Fills a block with one of the usual things, or leaves it blank.
pub(crate) fn furnish(draw: &mut Draw, layout: &mut Layout, block: &Block) {
    match draw.weighted(&[0.17, 0.34, 0.09, 0.05, 0.15, 0.2]) {
        0 => parcelled(draw, layout, block),
        1 => complexes(draw, layout, block),
        2 => perimeter(draw, layout, block),
        3 => church(draw, layout, block),
        4 => garden(draw, layout, block),
        _ => {}
    }
    if draw.chance(0.12) {
        walls(draw, layout, block);
    }
}

fn parcelled(draw: &mut Draw, layout: &mut Layout, block: &Block) {
    let (size, built) = (draw.log_range(14.0, 75.0), draw.range(0.0, 0.55));
    let mut lots = Vec::new();
    let jitter = draw.pick([0.0, 0.02, 0.06, 0.12]);
    parcels(draw, &block.ring, (size, jitter), &mut lots);
    for lot in lots {
        let kind = if draw.chance(built) { RegionKind::Building } else { RegionKind::Parcel };
        layout.map.put(&lot, block.region(kind), Over::Owner(block.owner));
        if kind == RegionKind::Parcel && draw.chance(0.2) {
            let inner = inset(&lot, draw.range(2.0, 6.0));
            let kind = draw.pick([RegionKind::Building, RegionKind::Garden, RegionKind::Lawn]);
            if inner.len() > 2 && area(&inner).abs() > 30.0 {
                layout.map.put(&inner, block.region(kind), Over::Owner(block.owner));
            }
        }
    }
}

/// Several rectilinear buildings with wings, courtyards and outlined annexes.
fn complexes(draw: &mut Draw, layout: &mut Layout, block: &Block) {
    let centre = middle(&block.ring);
    let (along, across) = block.half_size();
    let dense = area(&block.ring).abs() / 12_000.0;
    let most = 2 + draw.about(dense * 2.0).min(9);
    for _ in 0..draw.count(1, most) {
        let place = centre
            + block.axis * (along * draw.range(-0.95, 0.95))
            + normal(block.axis) * (across * draw.range(-0.95, 0.95));
        let scale = draw.pick([0.35, 0.6, 1.0, 1.0]);
        let half = (draw.range(6.0, 48.0) * scale, draw.range(6.0, 48.0) * scale);
        building(draw, layout, block, (place, half));
    }
}

/// One building around `place` with half sizes `half`.
fn building(
    draw: &mut Draw,
    layout: &mut Layout,
    block: &Block,
    (place, (a, b)): (Coord<f64>, (f64, f64)),
) {
    let axis = block.axis;
    let at = |u: f64, v: f64| place + axis * (u * a) + normal(axis) * (v * b);
    let mut body = rectangle(place, axis, a, b);
    if draw.chance(0.08) && a > 12.0 {
        body = toothed(&body, draw.range(4.0, 8.0), draw.range(1.5, 3.5));
    }
    let mut form: Vec<(Points, bool)> = vec![(body, true)];
    for _ in 0..draw.count(0, 4) {
        let ring = rectangle(
            at(draw.range(-1.0, 1.0), draw.range(-1.0, 1.0)),
            axis,
            a * draw.range(0.12, 0.7),
            b * draw.range(0.12, 0.7),
        );
        form.push((ring, draw.chance(0.5)));
    }
    if draw.chance(0.12) {
        let radius = b * draw.range(0.2, 0.5);
        form.push((ellipse(at(1.0, 0.0), axis, radius, radius), true));
    }
    let over = Over::Owner(block.owner);
    let kind = if draw.chance(0.88) { RegionKind::Building } else { RegionKind::Parcel };
    // The building has an owner of its own, so that its yards stay inside it.
    let owner = new_owner(layout);
    layout.map.put_form(&form, Region { owner, ..block.region(kind) }, over);
    if draw.chance(0.5) {
        layout.spots.push(Spot { centre: place, axis: axis.y.atan2(axis.x), extent: a + b });
    }
    let yards = if a * b > 120.0 && draw.chance(0.65) { draw.count(1, 4) } else { 0 };
    for _ in 0..yards {
        let (u, v) = (draw.range(-0.65, 0.65), draw.range(-0.65, 0.65));
        let ring = yard(draw, at(u, v), axis, (a * 0.4, b * 0.4));
        let region = Region { owner, ..block.region(RegionKind::Courtyard) };
        layout.map.put(&ring, region, Over::Owner(owner));
    }
    if draw.chance(0.15) && a * b > 300.0 {
        // An outlined part under the same roof: hatched on both sides of its wall.
        let ring =
            rectangle(at(draw.range(-0.4, 0.4), draw.range(-0.4, 0.4)), axis, a * 0.3, b * 0.3);
        layout.map.put(
            &ring,
            Region { owner, ..block.region(RegionKind::Building) },
            Over::Owner(owner),
        );
    }
}

/// A courtyard: rectangular, chamfered, round or with recesses.
fn yard(draw: &mut Draw, place: Coord<f64>, axis: Coord<f64>, (a, b): (f64, f64)) -> Points {
    let (a, b) = (a * draw.range(0.35, 1.0), b * draw.range(0.35, 1.0));
    match draw.weighted(&[0.6, 0.15, 0.15, 0.1]) {
        0 => rectangle(place, axis, a, b),
        1 => crate::planar::round_corners(&rectangle(place, axis, a, b), a.min(b) * 0.6, 0),
        2 => {
            let ring = rectangle(place, axis, a, b);
            toothed(&ring, (a.min(b) * 0.8).max(4.0), -draw.range(1.0, 2.5))
        }
        _ => ellipse(place, axis, a, b),
    }
}

/// A block built over up to its fronts, with yards in rows.
fn perimeter(draw: &mut Draw, layout: &mut Layout, block: &Block) {
    let body = if draw.chance(0.6) {
        block.ring.clone()
    } else {
        inset_or_same(&block.ring, draw.range(2.0, 9.0))
    };
    let owner = new_owner(layout);
    let region = |kind| Region { owner, ..block.region(kind) };
    layout.map.put(&body, region(RegionKind::Building), Over::Owner(block.owner));
    let depth = draw.range(5.0, 16.0);
    let core = inset(&body, depth);
    if core.len() < 3 {
        return;
    }
    if draw.chance(0.35) {
        layout.map.put(&core, region(RegionKind::Courtyard), Over::Owner(owner));
        return;
    }
    let mut lots = Vec::new();
    let size = draw.range(18.0, 60.0);
    parcels(draw, &core, (size, 0.02), &mut lots);
    for lot in lots {
        let ring = inset(&lot, draw.range(2.0, 7.0));
        if ring.len() > 2 && area(&ring).abs() > 25.0 && draw.chance(0.75) {
            let kind =
                draw.pick([RegionKind::Courtyard, RegionKind::Courtyard, RegionKind::Building]);
            layout.map.put(&ring, region(kind), Over::Owner(owner));
        }
    }
}

/// Narrow double walls across a block.
fn walls(draw: &mut Draw, layout: &mut Layout, block: &Block) {
    let centre = middle(&block.ring);
    let (along, across) = block.half_size();
    for _ in 0..draw.count(1, 3) {
        let place = centre
            + block.axis * (along * draw.range(-0.8, 0.8))
            + normal(block.axis) * (across * draw.range(-0.8, 0.8));
        let direction = if draw.chance(0.5) { block.axis } else { normal(block.axis) };
        let ring = rectangle(place, direction, draw.range(10.0, 80.0), draw.range(0.9, 2.2));
        let kind = draw.pick([RegionKind::Parcel, RegionKind::Building]);
        layout.map.put(&ring, block.region(kind), Over::Owner(block.owner));
    }
}

/// A church: nave with buttresses, transept, round apse, on a free place.
fn church(draw: &mut Draw, layout: &mut Layout, block: &Block) {
    let centre = middle(&block.ring);
    let (along, across) = block.half_size();
    let a = (along * draw.range(0.4, 0.75)).clamp(10.0, 90.0);
    let b = (a * draw.range(0.28, 0.45)).min(across * 0.8);
    let axis = block.axis;
    let (period, depth) = (draw.range(3.5, 7.0), draw.range(1.2, 3.0));
    let owner = new_owner(layout);
    let region = |kind| Region { owner, ..block.region(kind) };
    if draw.chance(0.6) {
        let gap = draw.range(6.0, 14.0);
        let place = rectangle(centre, axis, a + b * 0.6 + gap, b * 1.5 + gap);
        let place = crate::planar::round_corners(&place, draw.range(3.0, 18.0), 1);
        let region = block.region(RegionKind::Parcel);
        layout.map.put(&place, region, Over::Owner(block.owner));
    }
    let nave = toothed(&rectangle(centre, axis, a, b), period, depth);
    let arm = centre + axis * (a * draw.range(-0.1, 0.5));
    let transept = rectangle(arm, axis, b * 0.6, b * draw.range(1.1, 1.5));
    let apse = toothed(&ellipse(centre + axis * a, axis, b * 0.8, b * 0.8), period * 2.0, 0.0);
    let form = [(nave, true), (transept, true), (apse, true)];
    layout.map.put_form(&form, region(RegionKind::Building), Over::Owner(block.owner));
    if draw.chance(0.3) {
        let tower = rectangle(centre - axis * (a * 0.8), axis, b * 0.3, b * 0.3);
        layout.map.put(&tower, region(RegionKind::Building), Over::Owner(owner));
    }
    let spot = Spot { centre, axis: axis.y.atan2(axis.x), extent: 2.0 * a };
    layout.spots.push(spot);
}
