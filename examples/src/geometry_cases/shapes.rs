//! Drawing and combining shapes.

use anyhow::Result;
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use mapvec_geometry::{
    Cap, Join, Stroke, difference, fill_coverage, fill_labels, intersection, polygon_area,
    stroke_coverage, stroke_labels, union, union_all, xor,
};
use ndarray::Array2;

use super::Case;
use super::inputs::{check_points, operands, parcels, polylines as lines, small_stars};

/// Side of the canvas in pixels.
const SIDE: usize = 512;

/// Round ends and bends; the peer draws no others.
const WIDE: Stroke = Stroke { width: 2.0, cap: Cap::Round, join: Join::Round, dash: None };

/// Number of shapes and side of the canvas.
fn scene(small: bool) -> (usize, usize) {
    if small { (40, 96) } else { (1000, SIDE) }
}

/// The peer has pixel centres at whole numbers.
fn shifted(line: &LineString<f64>) -> LineString<f64> {
    line.coords().map(|&p| p + Coord { x: 0.5, y: 0.5 }).collect()
}

/// Lines of width 2.
///
/// `smooth`: with the share of each pixel. Without, pixels with their centres inside.
pub(super) fn polylines(smooth: bool, small: bool) -> Case {
    let (count, side) = scene(small);
    let lines = lines(count, side as f64);
    let check = check_points(lines.iter().flat_map(LineString::coords));
    let lines: Vec<_> = lines.iter().map(shifted).collect();
    // The peer's lines of thickness 2 are 2.5 to 3 pixels wide.
    let tolerance = if smooth { 0.3 } else { 0.25 };
    let work: Box<dyn FnMut(bool) -> Result<f64>> = if smooth {
        Box::new(move |wanted| {
            let mut canvas = Array2::<f32>::zeros((side, side));
            for line in &lines {
                stroke_coverage(line, &WIDE, &mut canvas)?;
            }
            let shares = canvas.iter().map(|&share| f64::from(share));
            Ok(if wanted { shares.sum() } else { 0.0 })
        })
    } else {
        Box::new(move |wanted| {
            let mut canvas = Array2::<u32>::zeros((side, side));
            for line in &lines {
                stroke_labels(line, &WIDE, 1, &mut canvas)?;
            }
            let drawn = canvas.iter().filter(|&&id| id > 0);
            Ok(if wanted { drawn.count() as f64 } else { 0.0 })
        })
    };
    Case { check, runs: (3, 40), tolerance, work }
}

fn stars(small: bool) -> (Vec<Polygon<f64>>, u64, usize) {
    let (count, side) = scene(small);
    let stars = small_stars(count, side as f64);
    // The closing points are ours only.
    let points =
        stars.iter().flat_map(|star| star.exterior().0.split_last().map_or(&[][..], |s| s.1));
    let check = check_points(points);
    let moved = |star: &Polygon<f64>| Polygon::new(shifted(star.exterior()), Vec::new());
    (stars.iter().map(moved).collect(), check, side)
}

/// Pixels whose centres the stars hold; the peer adds those that the border passes.
pub(super) fn stars_hard(small: bool) -> Case {
    let (stars, check, side) = stars(small);
    let work = move |wanted: bool| {
        let mut canvas = Array2::<u32>::zeros((side, side));
        for star in &stars {
            fill_labels(star, 1, &mut canvas);
        }
        let count = || canvas.iter().filter(|&&label| label > 0).count() as f64;
        Ok(if wanted { count() } else { 0.0 })
    };
    Case { check, runs: (3, 40), tolerance: 0.05, work: Box::new(work) }
}

/// The share of each pixel that the stars cover.
pub(super) fn stars_smooth(small: bool) -> Case {
    let (stars, check, side) = stars(small);
    let work = move |wanted: bool| {
        let mut canvas = Array2::<f32>::zeros((side, side));
        for star in &stars {
            fill_coverage(star, &mut canvas);
        }
        let sum = || canvas.iter().map(|&share| f64::from(share)).sum();
        Ok(if wanted { sum() } else { 0.0 })
    };
    Case { check, runs: (3, 40), tolerance: 0.05, work: Box::new(work) }
}

/// One operation on two polygons.
pub(super) fn boolean(operation: &str, family: &str, vertices: usize, small: bool) -> Case {
    let vertices = if small { vertices.min(100) } else { vertices };
    let [a, b] = operands(family, vertices);
    let points = |polygon: &Polygon<f64>| polygon.exterior().0[..vertices].to_vec();
    let check = check_points(points(&a).iter().chain(&points(&b)));
    let combine = match operation {
        "intersection" => intersection,
        "union" => union,
        "difference" => difference,
        _ => xor,
    };
    let work = move |wanted: bool| {
        let result = combine(std::slice::from_ref(&a), std::slice::from_ref(&b))?;
        Ok(if wanted { area(&result) } else { 0.0 })
    };
    let runs = match vertices {
        0..50 => (20, 400),
        50..500 => (10, 200),
        500..5000 => (3, 40),
        _ if family == "star" => (0, 1),
        _ => (10, 100),
    };
    Case { check, runs, tolerance: 1e-6, work: Box::new(work) }
}

/// The union of a thousand overlapping stars in one call.
pub(super) fn union_of_all(small: bool) -> Case {
    let parcels = parcels(if small { 100 } else { 1000 });
    let points = parcels.iter().flat_map(|parcel| &parcel.exterior().0[..16]);
    let check = check_points(points);
    let work = move |wanted: bool| -> Result<f64> {
        let result = union_all(&parcels)?;
        Ok(if wanted { area(&result) } else { 0.0 })
    };
    Case { check, runs: (2, 15), tolerance: 1e-6, work: Box::new(work) }
}

fn area(polygons: &MultiPolygon<f64>) -> f64 {
    polygons.0.iter().map(polygon_area).sum()
}
