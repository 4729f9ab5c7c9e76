//! One picture per family of plane algorithms.

mod lines;
mod overlay;
mod polygons;
mod raster;
mod world;

use anyhow::Result;
use geo_types::{Coord, LineString, Polygon};
use std::f64::consts::TAU;

use crate::canvas::Canvas;

/// A picture is drawn by a function.
pub type Picture = fn() -> Result<Canvas>;

/// The pictures by name.
pub const PICTURES: [(&str, Picture); 9] = [
    ("rasterize", raster::rasterize),
    ("visible", raster::visible),
    ("polygonize", polygons::polygonized),
    ("centrelines", lines::centreline_fits),
    ("regularize", polygons::regularized),
    ("booleans", overlay::booleans),
    ("measures", overlay::measures),
    ("transforms", world::transforms),
    ("tiles", world::tiled),
];

fn at(x: f64, y: f64) -> Coord<f64> {
    Coord { x, y }
}

fn line(points: &[(f64, f64)]) -> LineString<f64> {
    LineString::from(points.to_vec())
}

/// A polygon around a centre, its radius by the angle.
fn round(centre: Coord<f64>, corners: u32, radius: impl Fn(f64) -> f64) -> Polygon<f64> {
    let corner = |k: u32| {
        let angle = TAU * (f64::from(k) + 0.3) / f64::from(corners);
        centre + at(angle.cos(), angle.sin()) * radius(angle)
    };
    Polygon::new((0..corners).map(corner).collect(), Vec::new())
}

/// A star with as many points.
fn star(centre: Coord<f64>, points: u32, radius: f64) -> Polygon<f64> {
    let corner = |k: u32| {
        let angle = TAU * f64::from(k) / f64::from(2 * points) + 0.2;
        let radius = if k.is_multiple_of(2) { radius } else { 0.45 * radius };
        centre + at(angle.cos(), angle.sin()) * radius
    };
    Polygon::new((0..2 * points).map(corner).collect(), Vec::new())
}

/// A rectangle with its sides at an angle.
fn block(centre: Coord<f64>, width: f64, height: f64, angle: f64) -> Polygon<f64> {
    let (along, down) = (at(angle.cos(), angle.sin()), at(-angle.sin(), angle.cos()));
    let corner = |x: f64, y: f64| centre + along * (x * width / 2.0) + down * (y * height / 2.0);
    let ring = vec![corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)];
    Polygon::new(LineString(ring), Vec::new())
}
