//! The layout of a rural sheet: a village amid fields and woods, roads between them.

use geo_types::Coord;

use crate::draw::Draw;
use crate::layout::{Layout, Spot};
use crate::planar::{Points, blob, edges, inset, middle, normal, point, rectangle, unit, unit_of};
use crate::polyline::{length, resampled};
use crate::regions::{Over, Region, RegionKind, RegionMap, Warp};
use crate::roads::{Density, LineClass, Road, network};
use crate::signature::Signatures;
use crate::town::{build, parcels};

/// Lays out a village and the land around it; `signatures` give the widths of roads.
pub(crate) fn rural(draw: &mut Draw, side: u32, signatures: &Signatures) -> Layout {
    let extent = f64::from(side);
    let strength = draw.range(0.0, 0.12);
    let warp = Warp::new(draw, strength);
    let mut layout = Layout::new(RegionMap::new(side, RegionKind::Open, warp));
    fields(draw, &mut layout, extent);
    woods(draw, &mut layout, extent);
    let centre = point(draw.range(0.25, 0.75) * extent, draw.range(0.25, 0.75) * extent);
    let reach = extent * draw.range(0.18, 0.36) + 20.0;
    let land: Points = blob(draw, centre, reach * 1.1, 1.0);
    layout.map.carve(&[(land, true)], Over::Anything);
    build(draw, &mut layout, centre, reach);
    let factor = (extent / 640.0).powi(2).max(0.15);
    let mut places = vec![layout.map.warp.apply(centre)];
    for _ in 0..draw.some(0.5, 3.0, factor) {
        places.push(point(draw.range(0.05, 0.95) * extent, draw.range(0.05, 0.95) * extent));
    }
    let density = Density { main: draw.range(0.5, 1.2), minor: draw.range(0.2, 0.7) };
    layout.roads = network(draw, extent, &places, density);
    streets_as_roads(draw, &mut layout);
    for place in places.into_iter().skip(1) {
        hamlet(draw, &mut layout, place);
    }
    // Roads run on open ground of their own, so that no outline lies under them.
    layout.map.warp = Warp::default();
    for road in &layout.roads {
        let half = signatures.width(road.class) / 2.0 + 4.0;
        layout.map.carve(&band(&road.line, half), Over::Anything);
    }
    layout.streams = crate::topographic::streams(draw, extent);
    layout.streams.truncate(2);
    layout
}

/// Some wider streets of the village carry the signature of a road.
fn streets_as_roads(draw: &mut Draw, layout: &mut Layout) {
    let wide: Vec<Points> =
        layout.axes.iter().filter(|a| a.width > 13.0).map(|a| a.line.clone()).collect();
    for line in wide {
        if draw.chance(0.3) && length(&line) > 40.0 {
            let class =
                draw.pick([LineClass::SecondaryRoad, LineClass::MinorRoad, LineClass::Path]);
            layout.roads.push(Road { line: resampled(&line, 6.0), class });
        }
    }
}

/// Quadrilaterals that cover a ribbon of half width `half` along a line.
fn band(line: &[Coord<f64>], half: f64) -> Vec<(Points, bool)> {
    line.windows(2)
        .map(|pair| {
            let along = unit_of(pair[1] - pair[0]) * (half * 0.3);
            let across = normal(unit_of(pair[1] - pair[0])) * half;
            let (a, b) = (pair[0] - along, pair[1] + along);
            (vec![a - across, b - across, b + across, a + across], true)
        })
        .collect()
}

fn fields(draw: &mut Draw, layout: &mut Layout, extent: f64) {
    let factor = (extent / 640.0).powi(2).max(0.15);
    for _ in 0..draw.some(0.5, 4.0, factor) {
        let centre = point(draw.range(0.0, 1.0) * extent, draw.range(0.0, 1.0) * extent);
        let axis = unit(draw.turn());
        let (a, b) = (draw.range(60.0, 180.0), draw.range(40.0, 130.0));
        let mut lots = Vec::new();
        let size = draw.range(35.0, 110.0);
        parcels(draw, &rectangle(centre, axis, a, b), (size, 0.06), &mut lots);
        for lot in lots {
            let kinds =
                [RegionKind::Field, RegionKind::Parcel, RegionKind::Garden, RegionKind::Wood];
            let kind = kinds[draw.weighted(&[0.5, 0.35, 0.08, 0.07])];
            let region = Region { kind, owner: 0, axis: axis.y.atan2(axis.x) };
            if draw.chance(0.9) {
                layout.map.put(&lot, region, Over::Anything);
            }
        }
    }
}

fn woods(draw: &mut Draw, layout: &mut Layout, extent: f64) {
    let factor = (extent / 640.0).powi(2).max(0.15);
    let region = |kind| Region { kind, owner: 0, axis: 0.0 };
    for _ in 0..draw.some(0.0, 5.0, factor) {
        let centre = point(draw.range(0.0, 1.0) * extent, draw.range(0.0, 1.0) * extent);
        let (size, aspect) = (draw.log_range(18.0, 120.0), draw.range(0.6, 1.6));
        let ring = blob(draw, centre, size, aspect);
        layout.map.put(&ring, region(RegionKind::Wood), Over::Anything);
        if draw.chance(0.3) {
            let clearing = blob(draw, centre, size * 0.3, 1.0);
            layout.map.put(&clearing, region(RegionKind::Field), Over::Kind(RegionKind::Wood));
        }
    }
    for _ in 0..draw.some(0.0, 1.2, factor) {
        let centre = point(draw.range(0.0, 1.0) * extent, draw.range(0.0, 1.0) * extent);
        let size = draw.log_range(6.0, 40.0);
        let ring = blob(draw, centre, size, 1.0);
        layout.map.put(&ring, region(RegionKind::Water), Over::Anything);
    }
}

/// Some lots with houses around a road junction.
fn hamlet(draw: &mut Draw, layout: &mut Layout, place: Coord<f64>) {
    let first = draw.turn();
    for k in 0..draw.count(1, 6) {
        let angle = first + 1.1 * k as f64;
        let axis = unit(angle);
        let centre = place + axis * draw.range(16.0, 42.0);
        let lot = rectangle(centre, axis, draw.range(8.0, 20.0), draw.range(7.0, 18.0));
        let region = |kind| Region { kind, owner: 0, axis: angle };
        if draw.chance(0.7) {
            let kind = draw.pick([RegionKind::Parcel, RegionKind::Garden, RegionKind::Parcel]);
            layout.map.put(&lot, region(kind), Over::Anything);
        }
        let house = inset(&lot, draw.range(2.5, 6.0));
        if house.len() > 2 && edges(&house).count() > 2 {
            layout.map.put(&house, region(RegionKind::Building), Over::Anything);
        }
    }
    layout.spots.push(Spot { centre: middle(&[place]), axis: 0.0, extent: 50.0 });
}
