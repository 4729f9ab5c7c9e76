//! A small plan with known shapes: lakes, buildings and roads.

use geo_types::{Coord, LineString, Polygon};
use std::f64::consts::TAU;

/// Shapes in pixels of a square raster.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Smooth areas, one with an island.
    pub lakes: Vec<Polygon<f64>>,
    /// Right-angled areas at several angles, one with a courtyard.
    pub buildings: Vec<Polygon<f64>>,
    /// Straight, circular and winding lines without branches.
    pub roads: Vec<LineString<f64>>,
}

/// Width of the roads, px.
pub const ROAD: f64 = 5.0;

/// The plan for a raster of `side` pixels (at least 160).
#[must_use]
pub fn plan(side: f64) -> Plan {
    let at = |x: f64, y: f64| Coord { x: x * side, y: y * side };
    let island = blob(at(0.22, 0.25), 0.05 * side, 0.2).exterior().clone();
    let lake = blob(at(0.22, 0.25), 0.14 * side, 1.0).exterior().clone();
    let lakes = vec![Polygon::new(lake, vec![island]), blob(at(0.76, 0.72), 0.12 * side, 2.3)];
    let mut buildings = Vec::new();
    for k in 0..8_u32 {
        let (column, row) = (f64::from(k % 4), f64::from(k / 4));
        let centre = at(0.47 + 0.14 * column, 0.1 + 0.17 * row);
        let angle = 0.17 * f64::from(k) + 0.05;
        let size = side * (0.04 + 0.005 * f64::from(k % 3));
        buildings.push(building(centre, size, angle, k));
    }
    let arc = |k: u32| {
        let angle = 0.5 * TAU + 0.3 * TAU * f64::from(k) / 60.0;
        at(0.36, 0.95) + Coord { x: angle.cos(), y: angle.sin() } * (0.3 * side)
    };
    let wave = |k: u32| {
        let t = f64::from(k) / 80.0;
        at(0.05 + 0.9 * t, 0.5 + 0.04 * (1.5 * TAU * t).sin())
    };
    let roads = vec![
        LineString(vec![at(0.1, 0.6), at(0.3, 0.82), at(0.52, 0.9)]),
        LineString((0..=60).map(arc).map(|p| p + at(0.12, 0.0)).collect()),
        LineString((0..=80).map(wave).collect()),
    ];
    Plan { lakes, buildings, roads }
}

/// A smooth closed curve that is no circle.
#[must_use]
pub fn blob(centre: Coord<f64>, radius: f64, phase: f64) -> Polygon<f64> {
    let corner = |k: u32| {
        let angle = f64::from(k) * TAU / 180.0;
        let r = radius * (1.0 + 0.18 * (2.0 * angle + phase).sin() + 0.1 * (3.0 * angle).cos());
        centre + Coord { x: angle.cos(), y: angle.sin() } * r
    };
    Polygon::new(LineString((0..180).map(corner).collect()), Vec::new())
}

/// A rectangle, an L, or a block with a courtyard.
#[must_use]
pub fn building(centre: Coord<f64>, size: f64, angle: f64, kind: u32) -> Polygon<f64> {
    let place = |corners: &[(f64, f64)]| -> LineString<f64> {
        let (sin, cos) = angle.sin_cos();
        let turn = |&(x, y): &(f64, f64)| Coord { x: x * cos - y * sin, y: x * sin + y * cos };
        corners.iter().map(|p| centre + turn(p) * size).collect()
    };
    let block = [(-1.0, -0.7), (1.0, -0.7), (1.0, 0.7), (-1.0, 0.7)];
    match kind % 3 {
        0 => Polygon::new(place(&block), Vec::new()),
        1 => {
            let l = [(-1.0, -0.8), (1.0, -0.8), (1.0, 0.0), (-0.1, 0.0), (-0.1, 0.9), (-1.0, 0.9)];
            Polygon::new(place(&l), Vec::new())
        }
        _ => {
            let court = [(-0.5, -0.25), (-0.5, 0.25), (0.5, 0.25), (0.5, -0.25)];
            Polygon::new(place(&block), vec![place(&court)])
        }
    }
}
