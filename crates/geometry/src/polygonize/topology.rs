//! The arcs of a coverage and how faces use them.

use super::{Coverage, HalfArc};
use geo_types::{Coord, LineString};

/// A border between two faces, or between a face and the outside.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedArc {
    /// From node to node; a loop repeats its first vertex.
    pub line: LineString<f64>,
    /// The nodes at both ends, numbered in raster order as long as vertices are those of
    /// pixels; none for a loop that meets no other arc.
    pub nodes: Option<[usize; 2]>,
    /// Index of the face on the right and of that on the left, seen along the line on the
    /// screen; none where there is no face.
    pub faces: [Option<usize>; 2],
}

/// One connected area of a coverage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageFace {
    /// The label of its pixels.
    pub label: u32,
    /// Index of its feature in [`Coverage::multi_polygons`].
    pub feature: usize,
    /// The arcs of each ring in their order, the exterior first; the face is on the right
    /// of them on the screen.
    pub rings: Vec<Vec<ArcUse>>,
}

/// An arc as a part of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArcUse {
    /// Index in [`Coverage::arcs`].
    pub arc: usize,
    /// Whether the ring runs along the arc from its end to its start.
    pub reversed: bool,
}

impl From<HalfArc> for ArcUse {
    fn from(half: HalfArc) -> Self {
        Self { arc: half.arc as usize, reversed: half.reversed }
    }
}

impl Coverage {
    /// All arcs, each of which is stored once for the two faces beside it.
    ///
    /// What is done to the line of an arc (smoothing it, fitting curves to it) and put
    /// together by [`Self::faces`] leaves neither gaps nor overlaps along it.
    ///
    /// # Examples
    /// ```
    /// let coverage = mapvec_geometry::polygonize(ndarray::array![[1, 2]].view());
    /// let shared = coverage.arcs().find(|arc| arc.faces.iter().all(Option::is_some));
    /// assert_eq!(shared.map(|arc| arc.line), Some(vec![(1.0, 0.0), (1.0, 1.0)].into()));
    /// ```
    #[must_use]
    pub fn arcs(&self) -> impl ExactSizeIterator<Item = SharedArc> {
        self.arcs.iter().map(|arc| SharedArc {
            line: arc.corners.iter().map(|&corner| Coord::from(corner)).collect(),
            nodes: arc.nodes.map(|nodes| nodes.map(|node| node as usize)),
            faces: arc.faces.map(|face| (face as usize).checked_sub(1)),
        })
    }

    /// All faces, in the order of [`Self::polygons`].
    #[must_use]
    pub fn faces(&self) -> impl ExactSizeIterator<Item = CoverageFace> {
        self.faces.iter().map(|face| {
            let ring = |ring: &Vec<HalfArc>| ring.iter().map(|&half| half.into()).collect();
            CoverageFace {
                label: face.label,
                feature: face.group as usize,
                rings: face.rings.iter().map(ring).collect(),
            }
        })
    }

    /// Indices of the faces that share an arc with each face, ascending.
    #[must_use]
    pub fn neighbours(&self) -> Vec<Vec<usize>> {
        let mut neighbours = vec![Vec::new(); self.faces.len()];
        for arc in &self.arcs {
            if let [Some(a), Some(b)] = arc.faces.map(|face| (face as usize).checked_sub(1)) {
                neighbours[a].push(b);
                neighbours[b].push(a);
            }
        }
        for list in &mut neighbours {
            list.sort_unstable();
            list.dedup();
        }
        neighbours
    }
}
