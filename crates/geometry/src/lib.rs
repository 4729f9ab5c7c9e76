//! Plane algorithms for maps: rasterize, trace, polygonize with shared edges, centrelines, validation.
//!
//! Shapes are `geo-types` over `f64`, rasters are `ndarray` arrays. Every function
//! is deterministic: the same input gives the same output at any number of threads.
//!
//! # Conventions
//!
//! - x points right, y points down.
//! - Arrays are indexed (row, column); pixel (i, j) covers `[j, j + 1) x [i, i + 1)`
//!   and has its centre at (j + 0.5, i + 0.5). Lengths are in pixels.
//! - Angles are in radians from +x towards +y; undirected lines have angles in
//!   `[0, pi)`.
//! - Rings are closed. Exterior rings have positive [`signed_area`] (clockwise on
//!   the screen), holes negative. Functions that take polygons accept both.
//! - Label 0 means "nothing here".
//!
//! # Catalogue
//!
//! Shapes to rasters:
//! - [`fill_labels`] writes an id into the pixels whose centres a polygon holds.
//! - [`fill_coverage`] draws the exact share of each pixel that a polygon covers.
//! - [`stroke_coverage`] draws anti-aliased lines of any width with caps, joins and
//!   dashes.
//! - [`dash_line`] cuts a line into dashes.
//!
//! Rasters to rasters:
//! - [`distance_transform`] gives the exact distance to the nearest true pixel.
//! - [`nearest_true`] gives the position of that pixel.
//! - [`thin`] reduces a mask to lines one pixel wide with the same topology.
//!
//! Rasters to shapes:
//! - [`polygonize`] traces a label map into a [`Coverage`] of faces that share arcs.
//! - [`Coverage::simplify`] drops vertices without gaps, overlaps or invalid rings.
//! - [`centrelines`] turns a skeleton into lines that meet at junctions.
//!
//! Shapes:
//! - [`simplify_line`] drops vertices of one line (Douglas-Peucker).
//! - [`signed_area`] measures a ring.
//! - [`union`], [`intersection`], [`difference`], [`xor`] and [`union_all`] combine
//!   polygons.
//! - [`offset_polygons`] grows and shrinks polygons, [`buffer_lines`] makes lines
//!   wide.
//! - [`convex_hull`] and [`concave_hull`] surround points, [`oriented_box`] finds the
//!   smallest [`OrientedBox`] around them.
//! - [`SegmentIndex`] and [`BoxIndex`] find what is near a point or in a box.
//! - [`validate_polygon`] and [`validate_line`] check the rules of simple features.
//!
//! Measures:
//! - [`line_length`], [`perimeter`] and [`polygon_area`] give sizes.
//! - [`point_segment_distance`], [`segment_distance`], [`line_distance`],
//!   [`point_polygon_distance`] and [`polygon_distance`] give shortest distances.
//! - [`polygon_iou`] compares areas.
//! - [`hausdorff`] and [`directed_hausdorff`] give the largest distance between
//!   continuous lines, [`chamfer`] and [`directed_chamfer`] the mean one.
//! - [`frechet`] and [`discrete_frechet`] compare two lines in their order.
//! - [`polis`] compares the vertices of a polygon with the boundary of another.
//! - [`turning_distance`] compares the shapes of two rings at any place, angle and
//!   size.
//!
//! Tiling:
//! - [`tiles`] cuts a raster into overlapping squares with disjoint cores.

mod boolean;
mod centreline;
mod distance;
mod error;
mod grid;
mod hull;
mod measure;
mod offset;
mod oriented_box;
mod polygonize;
mod raster;
mod ring;
mod simplify_line;
mod spatial_index;
mod thin;
mod tiles;
mod validate;

pub use boolean::{difference, intersection, union, union_all, xor};
pub use centreline::{Centreline, CentrelineConfig, centrelines};
pub use distance::{distance_transform, nearest_true};
pub use error::{Error, PolygonFault, Result, Ring};
pub use hull::{ConcaveHullConfig, concave_hull, convex_hull};
pub use measure::{
    chamfer, directed_chamfer, directed_hausdorff, directed_polis, discrete_frechet, frechet,
    hausdorff, line_distance, line_length, perimeter, point_polygon_distance,
    point_segment_distance, polis, polygon_area, polygon_distance, polygon_iou, segment_distance,
    turning_distance,
};
pub use offset::{OffsetConfig, buffer_lines, offset_polygons};
pub use oriented_box::{OrientedBox, oriented_box};
pub use polygonize::{Coverage, polygonize};
pub use raster::{Cap, Dash, Join, Stroke, dash_line, fill_coverage, fill_labels, stroke_coverage};
pub use ring::signed_area;
pub use simplify_line::simplify_line;
pub use spatial_index::{BoxIndex, NearestSegment, SegmentIndex};
pub use thin::thin;
pub use tiles::{Tile, TileConfig, Window, tiles};
pub use validate::{validate_line, validate_polygon};
