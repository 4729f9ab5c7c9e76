//! Gardens and squares: beds, lawns, paths and basins.

use crate::blocks::Block;
use crate::draw::Draw;
use crate::layout::Layout;
use crate::planar::{
    Points, area, blob, ellipse, inset, middle, normal, rectangle, round_corners, unit_of,
};
use crate::regions::{Over, Region, RegionKind};
use crate::town::new_owner;

/// Lays a garden out on a block.
pub(crate) fn garden(draw: &mut Draw, layout: &mut Layout, block: &Block) {
    let owner = new_owner(layout);
    let axis = block.axis.y.atan2(block.axis.x);
    let region = |kind| Region { kind, owner, axis };
    let mut ground = block.ring.clone();
    if draw.chance(0.6) {
        let inner = inset(&ground, draw.range(3.0, 11.0));
        if inner.len() > 2 {
            ground = inner;
        }
    }
    if draw.chance(0.5) {
        ground = round_corners(&ground, draw.range(3.0, 16.0), draw.pick([0, 2]));
    }
    let kind =
        draw.pick([RegionKind::Lawn, RegionKind::Garden, RegionKind::Garden, RegionKind::Path]);
    layout.map.put(&ground, region(kind), Over::Owner(block.owner));
    if draw.chance(0.3) {
        // A band of bushes along the edge of the ground.
        let inner = inset(&ground, draw.range(2.5, 7.0));
        if inner.len() > 2 {
            let other =
                if kind == RegionKind::Garden { RegionKind::Path } else { RegionKind::Lawn };
            layout.map.put(&inner, region(other), Over::Owner(owner));
            ground = inner;
        }
    }
    if draw.chance(0.45) {
        formal(draw, layout, (&ground, kind), region(kind));
    } else {
        landscape(draw, layout, &ground, region(kind));
    }
}

/// A symmetric garden: an oval or rectangle inside a ring path, beds at the corners.
fn formal(
    draw: &mut Draw,
    layout: &mut Layout,
    (ground, kind): (&Points, RegionKind),
    base: Region,
) {
    let centre = middle(ground);
    let axis = unit_of(crate::planar::longest_edge(ground, 0.5).1);
    let size = area(ground).abs().sqrt() / 2.0;
    let (a, b) = (size * draw.range(0.55, 0.95), size * draw.range(0.35, 0.7));
    let oval = draw.chance(0.6);
    let form = |grow: f64| {
        if oval {
            ellipse(centre, axis, a + grow, b + grow)
        } else {
            round_corners(&rectangle(centre, axis, a + grow, b + grow), 0.4 * b, 2)
        }
    };
    let over = Over::Owner(base.owner);
    let other = if kind == RegionKind::Garden { RegionKind::Lawn } else { RegionKind::Garden };
    let path = draw.range(2.0, 7.0);
    let mark = |kind| Region { kind, ..base };
    layout.map.put(&form(path), mark(RegionKind::Path), over);
    layout.map.put(&form(0.0), mark(other), over);
    if draw.chance(0.5) {
        // Paths along both axes quarter the ground.
        let half = draw.range(1.0, 2.5);
        for (direction, reach) in [(axis, 3.0 * a), (normal(axis), 3.0 * b)] {
            let ring = rectangle(centre, direction, reach, half);
            layout.map.put(&ring, mark(RegionKind::Path), over);
        }
    }
    if draw.chance(0.5) {
        let radius = draw.range(2.0, 9.0);
        let kind = draw.pick([RegionKind::Water, RegionKind::Path, RegionKind::Island]);
        layout.map.put(
            &ellipse(centre, axis, radius * 1.5, radius * 1.5),
            mark(RegionKind::Path),
            over,
        );
        layout.map.put(&ellipse(centre, axis, radius, radius), mark(kind), over);
    }
    if draw.chance(0.4) {
        for (u, v) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
            let place = centre + axis * (u * 1.05 * a) + normal(axis) * (v * 1.2 * b);
            let radius = draw.range(3.0, 7.0);
            layout.map.put(&ellipse(place, axis, radius, radius), mark(RegionKind::Path), over);
        }
    }
}

/// A landscape garden: soft lawns and shrubberies between winding paths.
fn landscape(draw: &mut Draw, layout: &mut Layout, ground: &Points, base: Region) {
    let centre = middle(ground);
    let (along, across) =
        (unit_of(crate::planar::longest_edge(ground, 0.5).1), area(ground).abs().sqrt());
    let over = Over::Owner(base.owner);
    let most = 4 + draw.about(across / 14.0).min(14);
    for _ in 0..draw.count(2, most) {
        let place = centre
            + along * (across * draw.range(-0.7, 0.7))
            + normal(along) * (across * draw.range(-0.55, 0.55));
        let (size, aspect) = (draw.log_range(4.0, 32.0), draw.range(0.6, 1.6));
        let ring = blob(draw, place, size, aspect);
        if draw.chance(0.55) {
            // A path of even width runs around the bed.
            let grown: Points =
                ring.iter().map(|&p| place + (p - place) * (1.0 + 3.5 / size)).collect();
            layout.map.put(&grown, Region { kind: RegionKind::Path, ..base }, over);
        }
        let kind = [RegionKind::Lawn, RegionKind::Garden, RegionKind::Path, RegionKind::Water]
            [draw.weighted(&[0.45, 0.35, 0.15, 0.05])];
        layout.map.put(&ring, Region { kind, ..base }, over);
    }
}
