//! Footprints of buildings as pixels, and back as polygons with straight walls.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use geo_types::{Coord, Geometry, LineString, Polygon};
use mapvec_geometry::{
    Fill, RegularizeConfig, fill_labels, polygon_area, polygon_iou, polygonize, regularize,
    repair_polygon, validate_polygon,
};
use ndarray::Array2;

/// Empty pixels around the footprints.
const MARGIN: f64 = 4.0;

/// How near the polygons that come back are to the true ones.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FootprintScores {
    /// Number of footprints.
    pub footprints: usize,
    /// Footprints that are invalid as given; they are compared after repair.
    pub repaired: usize,
    /// Footprints without a pixel of their own.
    pub lost: usize,
    /// Polygons that came back; more than footprints if some fell apart.
    pub polygons: usize,
    /// How many of them are invalid.
    pub invalid: usize,
    /// Mean over the footprints; a lost one counts 0.
    pub mean_iou: f64,
    /// Smallest one.
    pub min_iou: f64,
    /// Vertices of the true footprints.
    pub truth_vertices: usize,
    /// Vertices of the traced outlines.
    pub traced_vertices: usize,
    /// How many of the traced outlines are invalid.
    pub traced_invalid: usize,
    /// Vertices of the regularized polygons.
    pub vertices: usize,
    /// Mean `IoU` of the traced outlines, which nothing made from the pixels can
    /// exceed by much.
    pub traced_iou: f64,
}

/// Footprints (longitude and latitude) as pixels of the web map tiles of a zoom level.
///
/// The whole plane is one picture: no footprint is cut by a tile. Its origin is the pixel
/// at the top left of all footprints.
///
/// # Errors
/// The text is no `FeatureCollection` of polygons.
pub fn footprints_in_pixels(geojson: &str, zoom: u32) -> Result<Vec<Polygon<f64>>> {
    let collection: geojson::FeatureCollection = serde_json::from_str(geojson)?;
    let mut footprints = Vec::new();
    for feature in collection.features {
        let geometry = feature.geometry.context("a footprint without geometry")?;
        match Geometry::<f64>::try_from(geometry)? {
            Geometry::Polygon(polygon) => footprints.push(polygon),
            Geometry::MultiPolygon(parts) => footprints.extend(parts.0),
            _ => anyhow::bail!("a footprint that is no polygon"),
        }
    }
    let side = 256.0 * 2_f64.powi(i32::try_from(zoom)?);
    let pixel = |p: Coord<f64>| Coord {
        x: (p.x + 180.0) / 360.0 * side,
        y: (1.0 - p.y.to_radians().tan().asinh() / std::f64::consts::PI) / 2.0 * side,
    };
    let footprints: Vec<Polygon<f64>> = footprints.iter().map(|p| moved(p, pixel)).collect();
    Ok(shifted(&footprints))
}

/// Puts the footprints near the origin, by whole pixels.
fn shifted(footprints: &[Polygon<f64>]) -> Vec<Polygon<f64>> {
    let points = || footprints.iter().flat_map(|p| p.exterior().coords());
    let low = |of: fn(&Coord<f64>) -> f64| points().map(of).fold(f64::INFINITY, f64::min);
    let origin = Coord { x: low(|p| p.x).floor() - MARGIN, y: low(|p| p.y).floor() - MARGIN };
    footprints.iter().map(|p| moved(p, |point| point - origin)).collect()
}

fn moved(polygon: &Polygon<f64>, place: impl Fn(Coord<f64>) -> Coord<f64>) -> Polygon<f64> {
    let ring = |ring: &LineString<f64>| ring.coords().map(|&p| place(p)).collect();
    Polygon::new(ring(polygon.exterior()), polygon.interiors().iter().map(ring).collect())
}

/// The label map of footprints, 1 for the first; later ones cover earlier ones.
///
/// # Errors
/// The picture would have more than 2^28 pixels.
#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "at most 2^28, and not negative as the margin is not"
)]
pub fn rasterized(footprints: &[Polygon<f64>]) -> Result<Array2<u32>> {
    let points = || footprints.iter().flat_map(|p| p.exterior().coords());
    let high = |of: fn(&Coord<f64>) -> f64| points().map(of).fold(0.0, f64::max) + MARGIN;
    let (width, height) = (high(|p| p.x).ceil(), high(|p| p.y).ceil());
    ensure!(width * height < 2_f64.powi(28), "footprints over {width} x {height} pixels");
    let mut labels = Array2::zeros((height as usize, width as usize));
    for (id, footprint) in (1..).zip(footprints) {
        fill_labels(footprint, id, &mut labels);
    }
    Ok(labels)
}

/// Rasterizes footprints (pixels), traces and regularizes them, and compares.
///
/// # Errors
/// A footprint is invalid, or the picture too large.
pub fn score_footprints(
    truth: &[Polygon<f64>],
    config: &RegularizeConfig,
) -> Result<(FootprintScores, Vec<Polygon<f64>>)> {
    let labels = rasterized(truth)?;
    let mut traced: BTreeMap<u32, Vec<Polygon<f64>>> = BTreeMap::new();
    for (id, polygon) in polygonize(labels.view()).polygons() {
        traced.entry(id).or_default().push(polygon);
    }
    let mut scores =
        FootprintScores { footprints: truth.len(), min_iou: 1.0, ..FootprintScores::default() };
    let mut all = Vec::new();
    for (id, footprint) in (1..).zip(truth) {
        scores.truth_vertices += vertices(std::slice::from_ref(footprint));
        scores.repaired += usize::from(validate_polygon(footprint).is_err());
        let footprint = repair_polygon(footprint, Fill::EvenOdd)?.0;
        let Some(traced) = traced.get(&id) else {
            scores.lost += 1;
            scores.min_iou = 0.0;
            continue;
        };
        let regular: Vec<Polygon<f64>> =
            traced.iter().map(|p| regularize(p, config)).collect::<Result<_, _>>()?;
        let iou = polygon_iou(&regular, &footprint)?;
        scores.mean_iou += iou;
        scores.min_iou = scores.min_iou.min(iou);
        scores.traced_iou += polygon_iou(traced, &footprint)?;
        scores.polygons += regular.len();
        scores.invalid += invalid(&regular);
        scores.traced_invalid += invalid(traced);
        scores.traced_vertices += vertices(traced);
        scores.vertices += vertices(&regular);
        all.extend(regular);
    }
    let count = truth.len().max(1) as f64;
    scores.mean_iou /= count;
    scores.traced_iou /= count;
    Ok((scores, all))
}

/// How many polygons are invalid.
fn invalid(polygons: &[Polygon<f64>]) -> usize {
    polygons.iter().filter(|polygon| validate_polygon(polygon).is_err()).count()
}

/// Vertices of all rings; the closing point of a ring is none.
fn vertices(polygons: &[Polygon<f64>]) -> usize {
    let rings = polygons.iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()));
    rings.map(|ring| ring.0.len().saturating_sub(1)).sum()
}

/// Mean area in square pixels.
#[must_use]
pub fn mean_area(footprints: &[Polygon<f64>]) -> f64 {
    footprints.iter().map(polygon_area).sum::<f64>() / footprints.len().max(1) as f64
}

/// Buildings with four and six corners at many angles and sizes, apart from each other.
#[must_use]
pub fn drawn_footprints() -> Vec<Polygon<f64>> {
    let building = |k: u32| {
        let (row, column) = (f64::from(k / 8), f64::from(k % 8));
        let (long, broad) = (30.0 + 3.0 * row, 14.0 + 2.0 * column);
        let mut corners = vec![(0.0, 0.0), (long, 0.0), (long, broad)];
        if k.is_multiple_of(2) {
            corners.extend([(0.6 * long, broad), (0.6 * long, 1.6 * broad), (0.0, 1.6 * broad)]);
        } else {
            corners.push((0.0, broad));
        }
        let (sine, cosine) = (0.19 * f64::from(k)).sin_cos();
        let ring = corners.iter().map(|&(x, y)| {
            let (x, y) = (x - 0.5 * long, y - 0.5 * broad);
            (100.0 * column + x * cosine - y * sine, 100.0 * row + x * sine + y * cosine)
        });
        Polygon::new(LineString::from(ring.collect::<Vec<_>>()), Vec::new())
    };
    shifted(&(0..48).map(building).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buildings_come_back_with_their_corners() {
        let truth = drawn_footprints();
        let (scores, regular) = score_footprints(&truth, &RegularizeConfig::default()).unwrap();
        let faults = [scores.lost, scores.invalid, scores.traced_invalid];
        assert_eq!((faults, regular.len()), ([0; 3], truth.len()));
        assert!(scores.mean_iou > 0.95 && scores.min_iou > 0.9, "{scores:?}");
        assert!(scores.vertices * 10 <= scores.truth_vertices * 11, "{scores:?}");
    }

    #[test]
    fn longitude_and_latitude_become_pixels() {
        // The tile 0/0/0 has the whole world in 256 pixels, with (0, 0) in the middle.
        let text = r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},
            "geometry":{"type":"Polygon","coordinates":
            [[[0,0],[90,0],[90,66.51326044311186],[0,66.51326044311186],[0,0]]]}}]}"#;
        let found = footprints_in_pixels(text, 0).unwrap();
        // The latitude at which Web Mercator is pi / 2 up: a quarter of the world.
        let corners = [(0.0, 0.0), (64.0, 0.0), (64.0, -64.0), (0.0, -64.0)];
        let start = found[0].exterior().0[0];
        for (found, (x, y)) in found[0].exterior().coords().zip(corners) {
            let way = *found - start;
            assert!((way.x - x).abs() < 1e-6 && (way.y - y).abs() < 1e-6, "{found:?}");
        }
        // Near the origin, moved by whole pixels.
        assert!(start.x >= MARGIN && start.x < MARGIN + 1.0 && start.x.fract() < 1e-6);
        assert!(footprints_in_pixels("{}", 0).is_err());
    }
}
