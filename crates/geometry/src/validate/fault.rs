//! The rules that polygons and multipolygons can break.

use std::fmt;

/// A rule of the simple feature model that a polygon breaks.
///
/// `x` and `y` say where; they are exact for touches and rounded for crossings.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolygonFault {
    /// A ring has fewer than three distinct points.
    #[error("the {0} has fewer than 3 distinct points; drop the ring")]
    TooFewPoints(Ring),
    /// The last point of a ring is not the first one.
    #[error("the {0} is not closed; repeat its first point at the end")]
    NotClosed(Ring),
    /// A coordinate is infinite or not a number.
    #[error("coordinate {index} of the {ring} is not finite; repair the transform")]
    NonFinite {
        /// The ring of the coordinate.
        ring: Ring,
        /// Index of the coordinate in the ring.
        index: usize,
    },
    /// A ring turns back on itself at a point.
    #[error("the {ring} has a spike at ({x}, {y}); drop that point or repair the polygon")]
    Spike {
        /// The ring.
        ring: Ring,
        /// Tip of the spike.
        x: f64,
        /// Tip of the spike.
        y: f64,
    },
    /// Two stretches of a ring lie on each other.
    #[error("the {ring} runs twice along a line at ({x}, {y}); repair the polygon")]
    SelfOverlap {
        /// The ring.
        ring: Ring,
        /// A point of the stretch.
        x: f64,
        /// A point of the stretch.
        y: f64,
    },
    /// A ring crosses itself.
    #[error("the {ring} crosses itself at ({x}, {y}); repair the polygon")]
    SelfCrossing {
        /// The ring.
        ring: Ring,
        /// The crossing.
        x: f64,
        /// The crossing.
        y: f64,
    },
    /// A ring visits a point twice.
    #[error("the {ring} touches itself at ({x}, {y}); split it there or repair the polygon")]
    SelfTouch {
        /// The ring.
        ring: Ring,
        /// The point.
        x: f64,
        /// The point.
        y: f64,
    },
    /// Two rings share a stretch of line.
    #[error("the {first} and the {second} share a stretch of line at ({x}, {y}); merge them")]
    SharedLine {
        /// One ring.
        first: Ring,
        /// The other ring.
        second: Ring,
        /// A point of the stretch.
        x: f64,
        /// A point of the stretch.
        y: f64,
    },
    /// Two rings cross.
    #[error("the {first} and the {second} cross at ({x}, {y}); repair the polygon")]
    Crossing {
        /// One ring.
        first: Ring,
        /// The other ring.
        second: Ring,
        /// The crossing.
        x: f64,
        /// The crossing.
        y: f64,
    },
    /// A hole is not inside the exterior ring.
    #[error("the {0} is not inside the exterior ring; drop it or make it a polygon")]
    HoleOutside(Ring),
    /// A hole lies inside another hole.
    #[error("the {inner} lies inside the {outer}; make it a polygon of its own")]
    NestedHoles {
        /// The hole inside.
        inner: Ring,
        /// The hole around it.
        outer: Ring,
    },
    /// Rings touch at several points and cut the interior into pieces.
    #[error("rings that touch at ({x}, {y}) cut the interior apart; split the polygon")]
    Disconnected {
        /// A point where they touch.
        x: f64,
        /// A point where they touch.
        y: f64,
    },
}

/// A rule of the simple feature model that a multipolygon breaks.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MultiPolygonFault {
    /// One of its polygons is invalid.
    #[error("polygon {part}: {fault}")]
    Part {
        /// Index of the polygon.
        part: usize,
        /// What is wrong with it.
        fault: PolygonFault,
    },
    /// Two polygons share a stretch of border.
    #[error("polygons {first} and {second} share a stretch of border at ({x}, {y}); merge them")]
    SharedLine {
        /// Index of one polygon.
        first: usize,
        /// Index of the other polygon.
        second: usize,
        /// A point of the stretch.
        x: f64,
        /// A point of the stretch.
        y: f64,
    },
    /// Two polygons overlap.
    #[error("polygons {first} and {second} overlap at ({x}, {y}); merge them")]
    Overlap {
        /// Index of one polygon.
        first: usize,
        /// Index of the other polygon.
        second: usize,
        /// A point where their borders cross, or a vertex of the inner one.
        x: f64,
        /// A point where their borders cross, or a vertex of the inner one.
        y: f64,
    },
}

/// A rule of coverages that a set of polygons breaks.
///
/// Polygons are counted in the order in which they were given.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CoverageFault {
    /// One of the polygons is invalid.
    #[error("polygon {polygon}: {fault}")]
    Polygon {
        /// Index of the polygon.
        polygon: usize,
        /// What is wrong with it.
        fault: PolygonFault,
    },
    /// Two polygons overlap.
    #[error("polygons {first} and {second} overlap at ({x}, {y}); cut one of them off")]
    Overlap {
        /// Index of one polygon.
        first: usize,
        /// Index of the other polygon.
        second: usize,
        /// A point where their borders cross, or a vertex.
        x: f64,
        /// A point where their borders cross, or a vertex.
        y: f64,
    },
    /// Two polygons meet at a vertex that only one of them has.
    #[error(
        "polygons {first} and {second} meet at ({x}, {y}), where one of them has no vertex; \
         give it one or snap them"
    )]
    Unmatched {
        /// Index of one polygon.
        first: usize,
        /// Index of the other polygon.
        second: usize,
        /// The vertex.
        x: f64,
        /// The vertex.
        y: f64,
    },
    /// Polygons surround an area that none of them covers.
    #[error("a gap of area {area} is left at ({x}, {y}), beside polygons {first} and {second}")]
    Gap {
        /// Index of a polygon beside it.
        first: usize,
        /// Index of another one; the same if the gap is a hole of one polygon.
        second: usize,
        /// The topmost vertex of the gap.
        x: f64,
        /// The topmost vertex of the gap.
        y: f64,
        /// Its area, with that of polygons inside.
        area: f64,
    },
    /// A vertex is no corner of a pixel.
    #[error(
        "polygon {polygon} has a vertex at ({x}, {y}); vertices must be whole numbers inside \
         the page and at most 2^30"
    )]
    OffLattice {
        /// Index of the polygon.
        polygon: usize,
        /// The vertex.
        x: f64,
        /// The vertex.
        y: f64,
    },
}

/// Which ring of a polygon is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ring {
    /// The exterior ring.
    Exterior,
    /// The hole with this index in `Polygon::interiors`.
    Hole(usize),
}

impl fmt::Display for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exterior => f.write_str("exterior ring"),
            Self::Hole(index) => write!(f, "hole {index}"),
        }
    }
}
