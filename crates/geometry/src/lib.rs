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
//! - [`polygonize_with`] also groups 8-connected faces to [`Coverage::multi_polygons`].
//! - [`Coverage::simplify`] and [`Coverage::simplify_with`] drop vertices
//!   (Douglas-Peucker, Visvalingam-Whyatt) without gaps, overlaps or invalid rings.
//! - [`contours`] follows a level of a scalar field with sub-pixel vertices, and
//!   [`contour_polygons`] gives the areas above it.
//! - [`centrelines`] turns a skeleton into lines that meet at junctions.
//!
//! Shapes:
//! - [`simplify_line`] drops vertices of one line (Douglas-Peucker).
//! - [`regularize`] gives buildings straight walls and right angles.
//! - [`snap_polygons`] joins near vertices and edges of neighbouring polygons.
//! - [`signed_area`] measures a ring.
//! - [`validate_polygon`], [`validate_multi_polygon`], [`validate_ring`] and
//!   [`validate_line`] check the rules of simple features and name what is wrong.
//! - [`repair_polygon`] and [`repair_multi_polygon`] make invalid shapes valid.
//!
//! Tiling:
//! - [`tiles`] cuts a raster into overlapping squares with disjoint cores.

mod box_tree;
mod centreline;
mod contour;
mod distance;
mod error;
mod grid;
mod polygonize;
mod raster;
mod regularize;
mod repair;
mod ring;
mod simplify_line;
mod thin;
mod tiles;
mod validate;

pub use centreline::{Centreline, CentrelineConfig, centrelines};
pub use contour::{ContourBorder, ContourConfig, contour_polygons, contours};
pub use distance::{distance_transform, nearest_true};
pub use error::{Error, Result};
pub use polygonize::{Connectivity, Coverage, Simplification, polygonize, polygonize_with};
pub use raster::{Cap, Dash, Join, Stroke, dash_line, fill_coverage, fill_labels, stroke_coverage};
pub use regularize::{RegularizeConfig, regularize, snap_polygons};
pub use repair::{Fill, repair_multi_polygon, repair_polygon};
pub use ring::signed_area;
pub use simplify_line::simplify_line;
pub use thin::thin;
pub use tiles::{Tile, TileConfig, Window, tiles};
pub use validate::{
    MultiPolygonFault, PolygonFault, Ring, validate_line, validate_multi_polygon, validate_polygon,
    validate_ring,
};
