//! Label maps to polygons that share their borders.
//!
//! The borders between faces are cut at nodes into arcs; each arc is stored once
//! and used by the faces on both sides. Whatever is done to an arc is done to
//! both of them, so simplified neighbours have neither gaps nor overlaps.

mod components;
mod connectivity;
mod faces;
mod from_polygons;
mod hull;
mod simplify;
mod topology;
mod trace;
mod vertex_grid;

use components::PaddedComponents;
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use ndarray::ArrayView2;

pub use connectivity::Connectivity;
pub use simplify::Simplification;
pub use topology::{ArcUse, CoverageFace, SharedArc};

/// A lattice point: column and row of a pixel corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Corner {
    x: u32,
    y: u32,
}

/// A border between two faces: from node to node, or a loop without nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Arc {
    /// Ends included; a loop repeats its first corner.
    corners: Vec<Corner>,
    /// The end nodes; `None` for a loop without nodes.
    nodes: Option<[u32; 2]>,
    /// Face on the right and on the left, seen along the arc on the screen.
    faces: [u32; 2],
}

impl Arc {
    fn is_loop(&self) -> bool {
        self.nodes.is_none_or(|[start, end]| start == end)
    }
}

/// An arc in one of its two directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct HalfArc {
    arc: u32,
    reversed: bool,
}

/// One connected area of equal label.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Face {
    label: u32,
    /// Faces with equal group touch at corners; groups count from 0 in raster order.
    group: u32,
    /// The exterior ring first.
    rings: Vec<Vec<HalfArc>>,
}

/// A partition of the raster into faces that share their border arcs.
///
/// Made by [`polygonize`] and [`Coverage::from_polygons`]. All vertices are pixel corners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    arcs: Vec<Arc>,
    faces: Vec<Face>,
    /// Number of nodes; arcs refer to them by index.
    nodes: usize,
}

/// Traces the faces of a label map (shape (H, W)).
///
/// A face is a 4-connected component of equal, non-zero label; pixels that touch
/// at a corner only belong to different faces. Label 0 is no face: it leaves holes.
/// Vertices lie on pixel corners; collinear ones are not stored. Linear time and
/// memory; at most 2^30 pixels on a side.
///
/// Corners where three or more borders meet, and the four corners of the raster,
/// are nodes.
///
/// # Examples
/// ```
/// let labels = ndarray::array![[1, 1, 2], [1, 0, 2], [1, 1, 2]];
/// let polygons = mapvec_geometry::polygonize(labels.view()).polygons();
/// assert_eq!(polygons.len(), 2);
/// assert_eq!(polygons[0].1.interiors().len(), 0); // the 0 touches face 2
/// ```
#[must_use]
pub fn polygonize(labels: ArrayView2<'_, u32>) -> Coverage {
    polygonize_with(labels, Connectivity::Four)
}

/// Traces the faces of a label map (shape (H, W)) and groups them to features.
///
/// As [`polygonize`]; `connectivity` decides which faces of equal label are one
/// feature of [`Coverage::multi_polygons`]. Pixels that touch at a corner only cannot
/// be one valid polygon, because the interior would be cut apart there: with
/// [`Connectivity::Eight`] they are faces of one multipolygon that touch at a point.
///
/// # Examples
/// ```
/// use mapvec_geometry::{Connectivity, polygonize_with};
/// let labels = ndarray::array![[1, 0], [0, 1]];
/// let features = polygonize_with(labels.view(), Connectivity::Eight).multi_polygons();
/// assert_eq!(features.len(), 1);
/// assert_eq!(features[0].1.0.len(), 2);
/// ```
#[must_use]
pub fn polygonize_with(labels: ArrayView2<'_, u32>, connectivity: Connectivity) -> Coverage {
    let components = PaddedComponents::new(labels);
    let groups = connectivity.group(&components);
    let traced = trace::trace(&components);
    let successor = |half: usize, face: u32| faces::successor(&traced, half, face);
    let faces = faces::assemble(&traced.arcs, &components.face_labels, &groups, successor);
    Coverage { nodes: traced.nodes.len(), arcs: traced.arcs, faces }
}

impl Coverage {
    /// One polygon per face with its label, in raster order of the first pixels.
    ///
    /// Polygons are valid simple features with pixel-corner coordinates; exterior
    /// rings have positive area (see [`signed_area`](crate::signed_area)), holes
    /// negative. A hole may touch another ring at a point. The area of an
    /// unsimplified polygon is its number of pixels.
    #[must_use]
    pub fn polygons(&self) -> Vec<(u32, Polygon<f64>)> {
        self.faces.iter().map(|face| (face.label, self.polygon(face))).collect()
    }

    /// One multipolygon per connected feature with its label, in raster order of the
    /// first pixels.
    ///
    /// With [`Connectivity::Four`] each has one polygon. Multipolygons are valid simple
    /// features: their polygons touch at points only.
    #[must_use]
    pub fn multi_polygons(&self) -> Vec<(u32, MultiPolygon<f64>)> {
        let mut features: Vec<(u32, MultiPolygon<f64>)> = Vec::new();
        for face in &self.faces {
            let polygon = self.polygon(face);
            match features.get_mut(face.group as usize) {
                Some((_, parts)) => parts.0.push(polygon),
                None => features.push((face.label, MultiPolygon(vec![polygon]))),
            }
        }
        features
    }

    /// Number of faces.
    #[must_use]
    pub fn len(&self) -> usize {
        self.faces.len()
    }

    /// Whether there is no face.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.faces.is_empty()
    }

    /// Number of vertices, each shared vertex counted once.
    #[must_use]
    pub fn vertices(&self) -> usize {
        let inner = |arc: &Arc| arc.corners.len() - if arc.nodes.is_some() { 2 } else { 1 };
        self.nodes + self.arcs.iter().map(inner).sum::<usize>()
    }

    fn polygon(&self, face: &Face) -> Polygon<f64> {
        let mut rings = face.rings.iter().map(|ring| self.ring(ring));
        let exterior = rings.next().unwrap_or_else(|| LineString(Vec::new()));
        Polygon::new(exterior, rings.collect())
    }

    fn ring(&self, ring: &[HalfArc]) -> LineString<f64> {
        let mut points: Vec<Coord<f64>> = Vec::new();
        for half in ring {
            let corners = &self.arcs[half.arc as usize].corners;
            points.pop();
            if half.reversed {
                points.extend(corners.iter().rev().map(|&c| Coord::from(c)));
            } else {
                points.extend(corners.iter().map(|&c| Coord::from(c)));
            }
        }
        LineString(points)
    }
}

impl From<Corner> for Coord<f64> {
    fn from(corner: Corner) -> Self {
        Self { x: f64::from(corner.x), y: f64::from(corner.y) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{signed_area, validate_polygon};
    use ndarray::{Array2, array};

    fn check(labels: &Array2<u32>) -> Vec<(u32, Polygon<f64>)> {
        let polygons = polygonize(labels.view()).polygons();
        for (_, polygon) in &polygons {
            assert_eq!(validate_polygon(polygon), Ok(()), "{labels}\n{polygon:?}");
        }
        polygons
    }

    #[test]
    fn one_face_fills_the_raster() {
        let polygons = check(&Array2::from_elem((3, 5), 9));
        assert_eq!(polygons.len(), 1);
        assert_eq!(polygons[0].1.exterior().0.len(), 5);
        assert!((signed_area(polygons[0].1.exterior()) - 15.0).abs() < 1e-12);
        assert!(check(&Array2::zeros((3, 3))).is_empty());
        assert!(check(&Array2::zeros((0, 3))).is_empty());
    }

    #[test]
    fn diagonal_pixels_are_separate_faces() {
        let polygons = check(&array![[1, 0], [0, 1]]);
        assert_eq!(polygons.len(), 2);
    }

    #[test]
    fn ring_that_touches_itself_becomes_exterior_and_hole() {
        // The hole and the outside meet at a corner between two pixels of the face.
        let polygons = check(&array![[0, 1, 1], [1, 0, 1], [1, 1, 1]]);
        assert_eq!(polygons.len(), 1);
        assert_eq!(polygons[0].1.interiors().len(), 1);
        assert!(signed_area(&polygons[0].1.interiors()[0]) < 0.0);
    }

    #[test]
    fn two_diagonal_holes_are_two_rings() {
        let mut labels = Array2::from_elem((5, 5), 1);
        labels[[1, 1]] = 0;
        labels[[2, 2]] = 0;
        labels[[3, 3]] = 4;
        let polygons = check(&labels);
        assert_eq!(polygons.len(), 2);
        assert_eq!(polygons[0].1.interiors().len(), 3);
    }
}
