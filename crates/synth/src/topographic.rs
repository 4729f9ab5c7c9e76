//! The layout of a topographic sheet: villages of a few houses, roads, streams.

use geo_types::Coord;

use crate::draw::Draw;
use crate::layout::{Layout, Spot};
use crate::planar::{point, rectangle, unit};
use crate::polyline::course;
use crate::regions::{Over, Region, RegionKind, RegionMap, Warp};
use crate::roads::{Density, network};

/// Lays out open land.
pub(crate) fn topographic(draw: &mut Draw, side: u32) -> Layout {
    let mut layout = Layout::new(RegionMap::new(side, RegionKind::Open, Warp::default()));
    let extent = f64::from(side);
    let factor = (extent / 640.0).powi(2).max(0.12);
    let places: Vec<Coord<f64>> = (0..draw.some(1.0, 7.0, factor))
        .map(|_| point(draw.range(0.0, 1.0) * extent, draw.range(0.0, 1.0) * extent))
        .collect();
    let density =
        Density { main: draw.range(0.4, 1.4), minor: draw.range(0.5, 1.4) * factor.sqrt() };
    layout.roads = network(draw, extent, &places, density);
    for &place in &places {
        houses(draw, &mut layout, place);
    }
    for _ in 0..draw.some(0.0, 2.5, factor) {
        let place = point(draw.range(0.0, 1.0) * extent, draw.range(0.0, 1.0) * extent);
        houses(draw, &mut layout, place);
    }
    layout.streams = streams(draw, extent);
    layout
}

/// A few black houses around a place.
fn houses(draw: &mut Draw, layout: &mut Layout, place: Coord<f64>) {
    let axis = draw.turn();
    let common = draw.range(2.4, 6.8);
    for _ in 0..draw.count(1, 6) {
        let centre = place + point(draw.normal(0.0, 2.5 * common), draw.normal(0.0, 2.5 * common));
        let turn = axis + draw.normal(0.0, 0.15);
        let half = (common * draw.range(0.8, 1.25), common * draw.range(0.7, 1.1));
        let ring = rectangle(centre, unit(turn), half.0, half.1);
        let region = Region { kind: RegionKind::House, owner: 0, axis: turn };
        layout.map.put(&ring, region, Over::Kind(RegionKind::Open));
    }
    layout.spots.push(Spot { centre: place, axis: 0.0, extent: 40.0 });
}

/// Courses of streams.
pub(crate) fn streams(draw: &mut Draw, side: f64) -> Vec<Vec<Coord<f64>>> {
    let factor = (side / 640.0).max(0.4);
    (0..draw.some(0.0, 7.0, factor))
        .map(|_| {
            let start = point(draw.range(-0.1, 1.1) * side, draw.range(-0.1, 1.1) * side);
            let end = start + unit(draw.turn()) * (side * draw.range(0.2, 1.2));
            let bends = draw.count(4, 20);
            // Many bends must be small ones, or a stream would zigzag.
            let stray = draw.range(0.02, 0.08) * (5.0 / bends as f64).min(1.0);
            course(draw, start, end, stray, bends)
        })
        .collect()
}
