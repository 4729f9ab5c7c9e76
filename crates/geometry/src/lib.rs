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
//! - [`centrelines`] turns a skeleton into lines that meet at junctions, bridges gaps
//!   and leads lines straight through crossings; [`widths_along`] measures them.
//!
//! Shapes:
//! - [`simplify_line`] drops vertices of one line (Douglas-Peucker).
//! - [`fit_primitives`] replaces a line by few lines, arcs and Bezier curves within a
//!   bound; [`fit_circle`] fits a circle to points.
//! - [`signed_area`] measures a ring.
//! - [`validate_polygon`] and [`validate_line`] check the rules of simple features.
//!
//! Visible parts:
//! - [`Occlusion`] hides masks behind each other, front to back; [`visible_regions`]
//!   measures the ids of a label map.
//! - [`visible_polygons`] cuts what is hidden off polygons.
//! - [`visible_runs`] and [`visible_runs_behind`] find the visible runs of a segment,
//!   [`visible_vector`] the vector that stands for them, [`visible_vertices`] the
//!   visible vertices of a line.
//!
//! Georeferencing:
//! - [`Affine`] maps pixels to the world and back, from GeoTIFF tags, a GDAL
//!   geotransform or a world file.
//! - [`fit_ground_control`] fits an affine transform, a polynomial or a thin-plate
//!   spline to ground control points.
//! - `CrsTransform` (feature `crs`) changes between coordinate reference systems.
//!
//! Tiling:
//! - [`tiles`] cuts a raster into overlapping squares with disjoint cores.

mod centreline;
mod distance;
mod error;
mod fit;
mod grid;
mod polygonize;
mod raster;
mod ring;
mod simplify_line;
mod thin;
mod tiles;
mod transform;
mod validate;
mod visible;

pub use centreline::{
    Centreline, CentrelineConfig, CrossingConfig, GapConfig, centrelines, widths_along,
};
pub use distance::{distance_transform, nearest_true};
pub use error::{Error, PolygonFault, Result, Ring};
pub use fit::{
    Circle, CircularArc, CubicCurve, FitConfig, FittedPart, Primitive, fit_circle, fit_primitives,
};
pub use polygonize::{Coverage, polygonize};
pub use raster::{Cap, Dash, Join, Stroke, dash_line, fill_coverage, fill_labels, stroke_coverage};
pub use ring::signed_area;
pub use simplify_line::simplify_line;
pub use thin::thin;
pub use tiles::{Tile, TileConfig, Window, tiles};
pub use transform::{
    Affine, ControlPointFault, GroundControlPoint, PixelAnchor, Shape, Warp, WarpModel,
    fit_ground_control,
};
#[cfg(feature = "crs")]
pub use transform::{Crs, CrsTransform};
pub use validate::{validate_line, validate_polygon};
pub use visible::{
    Occlusion, VisiblePart, VisibleVector, visible_polygons, visible_regions, visible_runs,
    visible_runs_behind, visible_vector, visible_vertices,
};
