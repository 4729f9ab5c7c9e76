//! The layout of a town: streets by recursive splitting, blocks, places, a river.

use geo_types::Coord;

use crate::blocks::{Block, furnish};
use crate::draw::Draw;
use crate::layout::{Axis, Layout, Spot};
use crate::planar::{
    Points, area, blob, cut, ellipse, inset, jogged, longest_edge, middle, norm, normal, point,
    rectangle, round_corners, unit, unit_of,
};
use crate::polyline::{between, course, length, parallel};
use crate::regions::{Over, Region, RegionKind, RegionMap, Warp};

/// A convex ring whose edges know the half width of the street along them.
type Lot = Vec<(Coord<f64>, f64)>;

/// Settings drawn once per town.
#[derive(Debug, Clone, Copy)]
struct Manner {
    block: f64,
    street: f64,
    jitter: f64,
    kerb: f64,
    jog: f64,
    rounding: f64,
}

/// Lays out a town over the whole sheet.
pub(crate) fn town(draw: &mut Draw, side: u32) -> Layout {
    let warp = if draw.chance(0.6) {
        let strength = draw.range(0.02, 0.14);
        Warp::new(draw, strength)
    } else {
        Warp::default()
    };
    let mut layout = Layout::new(RegionMap::new(side, RegionKind::Street, warp));
    let extent = f64::from(side);
    let centre = point(extent / 2.0, extent / 2.0);
    build(draw, &mut layout, centre, extent * 0.85 + 40.0);
    stairs(draw, &mut layout);
    margin(draw, &mut layout, extent);
    layout
}

/// Builds streets, blocks and what stands on them in a square around `centre`.
pub(crate) fn build(draw: &mut Draw, layout: &mut Layout, centre: Coord<f64>, reach: f64) {
    let manner = Manner {
        block: draw.log_range(95.0, 300.0),
        street: draw.range(5.0, 15.0),
        jitter: draw.range(0.03, 0.35),
        kerb: if draw.chance(0.65) { draw.range(0.2, 0.8) } else { 0.0 },
        jog: if draw.chance(0.85) { draw.range(1.5, 6.5) } else { 0.0 },
        rounding: draw.range(0.0, 0.8),
    };
    let axis = unit(draw.turn());
    let start: Lot = rectangle(centre, axis, reach, reach).into_iter().map(|p| (p, 6.0)).collect();
    let mut lots = Vec::new();
    split(draw, start, &manner, 0, (&mut lots, layout));
    let blocks: Vec<Block> =
        lots.iter().filter_map(|lot| block(draw, layout, lot, &manner)).collect();
    boulevards(draw, layout, reach);
    if draw.chance(0.3) {
        river(draw, layout);
    }
    for block in &blocks {
        furnish(draw, layout, block);
    }
    islands(draw, layout, axis);
}

/// Splits a lot across its longest edge until it is about one block large.
fn split(
    draw: &mut Draw,
    lot: Lot,
    manner: &Manner,
    depth: usize,
    out: (&mut Vec<Lot>, &mut Layout),
) {
    let (lots, layout) = out;
    let ring: Points = lot.iter().map(|corner| corner.0).collect();
    let size = area(&ring).abs();
    if ring.len() < 3 || depth > 14 || size < manner.block.powi(2) * draw.range(0.4, 1.9) {
        if size > 40.0 {
            lots.push(lot);
        }
        return;
    }
    let share = draw.range(0.3, 0.7);
    let (through, edge, _) = longest_edge(&ring, share);
    let turn = draw.normal(0.0, manner.jitter);
    let across = edge * turn.cos() + normal(edge) * turn.sin();
    let width = match depth {
        0..=3 if draw.chance(0.4) => draw.range(12.0, 27.0),
        4.. if draw.chance(0.15) => draw.range(1.5, 4.0),
        _ => manner.street * draw.range(0.55, 1.5),
    };
    let chord = normal(across);
    let mut ends: Vec<f64> = Vec::new();
    for (a, b) in crate::planar::edges(&ring) {
        let (da, db) =
            (crate::planar::dot(a - through, across), crate::planar::dot(b - through, across));
        if da * db < 0.0 {
            let p = a + (b - a) * (da / (da - db));
            ends.push(crate::planar::dot(p - through, chord));
        }
    }
    ends.sort_by(f64::total_cmp);
    if let [first, .., last] = ends[..] {
        let line = layout.map.warp.bend(&[through + chord * first, through + chord * last], false);
        layout.axes.push(Axis { line, width: 2.0 * width });
    }
    for direction in [across, across * -1.0] {
        let half = cut_lot(&lot, through, direction, width);
        split(draw, half, manner, depth + 1, (lots, layout));
    }
}

/// The part of a lot on one side of a street's axis.
fn cut_lot(lot: &Lot, through: Coord<f64>, direction: Coord<f64>, width: f64) -> Lot {
    let mut kept = Vec::with_capacity(lot.len() + 1);
    for (k, &(a, along)) in lot.iter().enumerate() {
        let b = lot[(k + 1) % lot.len()].0;
        let (da, db) = (
            crate::planar::dot(a - through, direction),
            crate::planar::dot(b - through, direction),
        );
        if da >= 0.0 {
            kept.push((a, along));
        }
        if da * db < 0.0 {
            let p = a + (b - a) * (da / (da - db));
            // From here the ring follows the new street when it leaves the half plane.
            kept.push((p, if da >= 0.0 { width } else { along }));
        }
    }
    kept
}

/// The ring of a lot moved in by the half widths of its streets less `less`.
fn front(lot: &Lot, less: f64) -> Points {
    let mut ring: Points = lot.iter().map(|corner| corner.0).collect();
    let sign = area(&ring).signum();
    for (k, &(a, width)) in lot.iter().enumerate() {
        let b = lot[(k + 1) % lot.len()].0;
        if norm(b - a) < 1e-9 {
            continue;
        }
        let inwards = normal(unit_of(b - a)) * sign;
        ring = cut(&ring, a + inwards * (width - less).max(0.0), inwards);
    }
    ring
}

/// Paints a block with its kerb; `None` when the streets leave nothing.
fn block(draw: &mut Draw, layout: &mut Layout, lot: &Lot, manner: &Manner) -> Option<Block> {
    let plain = front(lot, 0.0);
    if plain.len() < 3 || area(&plain).abs() < 40.0 {
        return None;
    }
    let (_, edge, _) = longest_edge(&plain, 0.5);
    let widest = lot.iter().map(|corner| corner.1).fold(0.0, f64::max);
    let axis = edge.y.atan2(edge.x);
    layout.owners += 1;
    let owner = layout.owners;
    if draw.chance(manner.kerb) && widest > 7.0 {
        let gap = draw.range(2.5, (widest * 0.55).min(9.0));
        let size = draw.range(3.0, 12.0);
        let kerb = round_corners(&front(lot, gap), size, 3);
        layout.map.put(&kerb, Region { kind: RegionKind::Kerb, owner: 0, axis }, Over::Anything);
    }
    let mut ring = if draw.chance(manner.rounding) {
        let (size, steps) = (draw.range(2.0, 11.0), draw.pick([0, 0, 2, 3]));
        round_corners(&plain, size, steps)
    } else {
        plain.clone()
    };
    if draw.chance(0.65) && manner.jog > 0.0 {
        ring = jogged(draw, &ring, manner.jog);
    }
    layout.map.put(&ring, Region { kind: RegionKind::Block, owner, axis }, Over::Anything);
    layout.spots.push(Spot { centre: middle(&plain), axis, extent: area(&plain).abs().sqrt() });
    Some(Block { ring: plain, owner, axis: edge })
}

/// Wide straight streets cut through the blocks, and round places where they start.
fn boulevards(draw: &mut Draw, layout: &mut Layout, reach: f64) {
    let side = layout.map.side;
    let street = Region { kind: RegionKind::Street, owner: 0, axis: 0.0 };
    for _ in 0..draw.weighted(&[0.5, 0.35, 0.15]) {
        let place = point(draw.range(0.1, 0.9) * side, draw.range(0.1, 0.9) * side);
        let (direction, width) = (unit(draw.turn()), draw.range(7.0, 20.0));
        let ahead = if draw.chance(0.5) { reach * 2.0 } else { 0.0 };
        let (from, to) = (place - direction * ahead, place + direction * (reach * 2.0));
        let line = layout.map.warp.bend(&[from, to], false);
        let band = |half: f64| {
            let across = normal(direction) * half;
            vec![from - across, to - across, to + across, from + across]
        };
        if draw.chance(0.5) {
            let kerb = Region { kind: RegionKind::Kerb, ..street };
            layout.map.put(&band(width + draw.range(2.5, 7.0)), kerb, Over::Shapes);
        }
        layout.map.carve(&[(band(width), true)], Over::Anything);
        layout.axes.push(Axis { line, width: 2.0 * width });
        if draw.chance(0.5) {
            let radius = draw.range(22.0, 70.0);
            layout.map.carve(&[(ellipse(place, direction, radius, radius), true)], Over::Anything);
            let inner = radius * draw.range(0.2, 0.6);
            let kind = draw.pick([RegionKind::Island, RegionKind::Lawn, RegionKind::Garden]);
            let ring = ellipse(place, direction, inner, inner * draw.range(0.6, 1.0));
            layout.map.put(&ring, Region { kind, ..street }, Over::Anything);
        }
    }
}

/// A river with quays and bridges.
fn river(draw: &mut Draw, layout: &mut Layout) {
    let side = layout.map.side;
    let place = point(draw.range(0.15, 0.85) * side, draw.range(0.15, 0.85) * side);
    let direction = unit(draw.turn());
    let reach = 1.3 * side + 100.0;
    let (stray, bends) = (draw.range(0.0, 0.05), draw.count(2, 7));
    let line = course(draw, place - direction * reach, place + direction * reach, stray, bends);
    let width = draw.range(25.0, 95.0);
    let band = |inner: f64| {
        let mut ring = parallel(&line, inner);
        ring.extend(parallel(&line, -inner).into_iter().rev());
        ring
    };
    let axis = direction.y.atan2(direction.x);
    let region = |kind| Region { kind, owner: 0, axis };
    layout.map.carve(&[(band(width + draw.range(8.0, 26.0)), true)], Over::Anything);
    if draw.chance(0.7) {
        let wall = width + draw.range(2.0, 12.0);
        layout.map.put(&band(wall), region(RegionKind::Quay), Over::Anything);
    }
    layout.map.put(&band(width), region(RegionKind::Water), Over::Anything);
    let total = length(&line);
    for _ in 0..draw.count(0, 3) {
        let at = draw.range(0.3, 0.7) * total;
        let piece = between(&line, at, at + 2.0);
        let (Some(&a), Some(&b)) = (piece.first(), piece.last()) else { continue };
        let across = normal(unit_of(b - a));
        let half = draw.range(4.0, 13.0);
        let span = |half: f64| rectangle(a, across, width + 28.0, half);
        if draw.chance(0.5) {
            layout.map.put(
                &span(half + draw.range(1.5, 4.0)),
                region(RegionKind::Kerb),
                Over::Kind(RegionKind::Water),
            );
        }
        layout.map.carve(&[(span(half), true)], Over::Anything);
        let ends = [a - across * (width + 40.0), a + across * (width + 40.0)];
        let line = layout.map.warp.bend(&ends, false);
        layout.axes.push(Axis { line, width: 2.0 * half });
    }
}

/// Refuges, kiosks and fountains in streets and squares.
fn islands(draw: &mut Draw, layout: &mut Layout, axis: Coord<f64>) {
    let side = layout.map.side;
    let area_factor = (side / 640.0).powi(2).max(0.15);
    let region = |kind, axis: Coord<f64>| Region { kind, owner: 0, axis: axis.y.atan2(axis.x) };
    for _ in 0..draw.some(2.0, 16.0, area_factor) {
        let place = point(draw.range(0.0, 1.0) * side, draw.range(0.0, 1.0) * side);
        let size = draw.range(2.0, 7.5);
        let ring = match draw.count(0, 2) {
            0 => blob(draw, place, size, 1.0),
            1 => rectangle(place, axis, size, size * draw.range(0.4, 1.0)),
            _ => ellipse(place, axis, size, size),
        };
        let kind = draw.pick([RegionKind::Island, RegionKind::Island, RegionKind::Building]);
        layout.map.put(&ring, region(kind, axis), Over::Kind(RegionKind::Street));
        if draw.chance(0.2) {
            let inner = ellipse(place, axis, size * 0.45, size * 0.45);
            layout.map.put(&inner, region(RegionKind::Path, axis), Over::Kind(kind));
        }
    }
    // Long rounded refuges lie in the middle of wide streets.
    let wide: Vec<(Points, f64)> =
        layout.axes.iter().filter(|a| a.width > 24.0).map(|a| (a.line.clone(), a.width)).collect();
    for (line, width) in wide {
        for _ in 0..draw.count(0, 3) {
            let total = length(&line);
            let at = draw.range(0.0, total);
            let piece = between(&line, at, at + draw.range(12.0, 70.0));
            let (Some(&a), Some(&b)) = (piece.first(), piece.last()) else { continue };
            if norm(b - a) < 6.0 {
                continue;
            }
            let (along, half) = (unit_of(b - a), draw.range(0.06, 0.16) * width);
            let shift = normal(along) * (draw.pick([-0.25, 0.0, 0.25]) * width);
            let ring = rectangle((a + b) / 2.0 + shift, along, norm(b - a) / 2.0, half);
            let ring = round_corners(&ring, half, 3);
            layout.map.put(
                &ring,
                region(RegionKind::Island, along),
                Over::Kind(RegionKind::Street),
            );
        }
    }
}

/// Ladder-like strips: steps and retaining walls.
fn stairs(draw: &mut Draw, layout: &mut Layout) {
    let side = layout.map.side;
    let factor = (side / 640.0).powi(2).max(0.15);
    for _ in 0..draw.some(0.0, 6.0, factor) {
        let place = point(draw.range(0.0, 1.0) * side, draw.range(0.0, 1.0) * side);
        let axis = layout
            .spots
            .get(draw.count(0, layout.spots.len().max(1) - 1))
            .map_or(0.0, |spot| spot.axis);
        let direction = if draw.chance(0.5) { unit(axis) } else { normal(unit(axis)) };
        let ring = rectangle(place, direction, draw.range(8.0, 45.0), draw.range(2.0, 5.5));
        let region =
            Region { kind: RegionKind::Stairs, owner: 0, axis: direction.y.atan2(direction.x) };
        layout.map.put(&ring, region, Over::Anything);
    }
}

/// The frame of the sheet: beyond one or two lines lies the blank margin.
fn margin(draw: &mut Draw, layout: &mut Layout, side: f64) {
    if !draw.chance(0.06) {
        return;
    }
    let axis = unit(draw.normal(0.0, 0.01));
    let outwards = normal(axis) * draw.pick([1.0, -1.0]);
    let edge = point(side / 2.0, side / 2.0) + outwards * (side * draw.range(0.25, 0.47));
    let beyond = |gap: f64| {
        let foot = edge + outwards * gap;
        let (along, away) = (axis * (2.0 * side), outwards * (2.0 * side));
        vec![foot - along, foot + along, foot + along + away, foot - along + away]
    };
    let warp = std::mem::take(&mut layout.map.warp);
    let region = |kind, owner| Region { kind, owner, axis: 0.0 };
    if draw.chance(0.6) {
        layout.map.put(&beyond(0.0), region(RegionKind::Kerb, 0), Over::Anything);
        let gap = draw.range(3.0, 14.0);
        layout.map.put(&beyond(gap), region(RegionKind::Margin, 0), Over::Anything);
    } else {
        layout.map.put(&beyond(0.0), region(RegionKind::Margin, 0), Over::Anything);
    }
    layout.map.warp = warp;
}

/// Splits a convex ring into parcels of about `size` pixels.
pub(crate) fn parcels(
    draw: &mut Draw,
    ring: &[Coord<f64>],
    (size, jitter): (f64, f64),
    out: &mut Vec<Points>,
) {
    let extent = area(ring).abs();
    if ring.len() < 3 || extent < size * size * draw.range(0.5, 2.0) || out.len() > 4000 {
        if extent > 12.0 {
            out.push(ring.to_vec());
        }
        return;
    }
    let share = draw.range(0.3, 0.7);
    let (through, edge, _) = longest_edge(ring, share);
    let turn = draw.normal(0.0, jitter);
    let across = edge * turn.cos() + normal(edge) * turn.sin();
    for direction in [across, across * -1.0] {
        parcels(draw, &cut(ring, through, direction), (size, jitter), out);
    }
}

/// The number of an owner made for something that is no block.
pub(crate) fn new_owner(layout: &mut Layout) -> u32 {
    layout.owners += 1;
    layout.owners
}

/// A convex ring inset, or the ring itself when nothing would be left.
pub(crate) fn inset_or_same(ring: &[Coord<f64>], width: f64) -> Points {
    let inner = inset(ring, width);
    if inner.len() < 3 { ring.to_vec() } else { inner }
}
