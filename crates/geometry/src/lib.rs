//! Plane algorithms for maps: rasterize, trace, polygonize with shared edges, centrelines,
//! validation.
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
//!   dashes, [`stroke_labels`] hard-edged ones.
//! - [`draw_labels`] draws many polygons and lines over each other at once.
//! - [`dash_line`] cuts a line into dashes.
//! - [`orientation_field`] gives angle, distance and offset of the line nearest to
//!   each pixel.
//!
//! Rasters to rasters:
//! - [`distance_transform`] gives the exact distance to the nearest true pixel.
//! - [`nearest_true`] gives the position of that pixel.
//! - [`centre_vectors`] points from each pixel to the centre of its instance.
//! - [`thin`] reduces a mask to lines one pixel wide with the same topology.
//!
//! Rasters to shapes:
//! - [`polygonize`] traces a label map into a [`Coverage`] of faces that share arcs;
//!   [`polygonize_with`] also groups 8-connected faces to [`Coverage::multi_polygons`].
//! - [`Coverage::simplify`] and [`Coverage::simplify_with`] drop vertices
//!   (Douglas-Peucker, Visvalingam-Whyatt) without gaps, overlaps or invalid rings.
//! - [`Coverage::arcs`] and [`Coverage::faces`] give its topology, and
//!   [`Coverage::from_polygons`] finds it in polygons that meet edge to edge.
//! - [`contours`] follows a level of a scalar field with sub-pixel vertices, and
//!   [`contour_polygons`] gives the areas above it.
//! - [`centrelines`] turns a skeleton into lines that meet at junctions, bridges gaps
//!   and leads lines straight through crossings; [`widths_along`] measures them.
//!
//! Shapes:
//! - [`simplify_line`] drops vertices of one line (Douglas-Peucker).
//! - [`fit_primitives`] replaces a line by few lines, arcs and Bezier curves within a
//!   bound; [`fit_circle`] fits a circle to points.
//! - [`regularize`] gives buildings straight walls and right angles.
//! - [`snap_polygons`] joins near vertices and edges of neighbouring polygons.
//! - [`union`], [`intersection`], [`difference`], [`xor`] and [`union_all`] combine
//!   polygons.
//! - [`offset_polygons`] grows and shrinks polygons, [`buffer_lines`] makes lines
//!   wide.
//! - [`convex_hull`] and [`concave_hull`] surround points, [`oriented_box`] finds the
//!   smallest [`OrientedBox`] around them.
//! - [`SegmentIndex`] and [`BoxIndex`] find what is near a point or in a box.
//! - [`validate_polygon`], [`validate_multi_polygon`], [`validate_ring`] and
//!   [`validate_line`] check the rules of simple features and name what is wrong,
//!   [`validate_coverage`] finds gaps and overlaps between polygons.
//! - [`repair_polygon`] and [`repair_multi_polygon`] make invalid shapes valid;
//!   [`repair_line`] drops repeated points.
//!
//! Measures:
//! - [`signed_area`], [`line_length`], [`perimeter`] and [`polygon_area`] give sizes.
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
//! Visible parts:
//! - [`Occlusion`] hides masks behind each other, front to back; [`visible_regions`]
//!   measures the ids of a label map.
//! - [`visible_polygons`] cuts what is hidden off polygons.
//! - [`visible_runs`] and [`visible_runs_behind`], or [`Hiders`] for many segments behind
//!   the same polygons, find the visible runs of a segment,
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
//! - [`merge_polygons`] joins polygons that cores cut, to what the whole raster gives.
//! - [`match_labels`] finds the labels of overlapping tiles that mean the same.
//! - [`clip_line`] cuts lines at the border of a core, [`merge_lines`] joins the pieces.

mod boolean;
mod box_tree;
mod centreline;
mod chains;
mod contour;
mod contour_polygons;
mod distance;
mod error;
mod fit;
mod grid;
mod hot_cell;
mod hull;
mod measure;
mod merge;
mod offset;
mod oriented_box;
mod point;
mod polygonize;
mod raster;
mod regularize;
mod repair;
mod ring;
mod simplify_line;
mod spatial_index;
mod thin;
mod tiles;
mod transform;
mod union_find;
mod validate;
mod visible;

pub use boolean::{difference, intersection, union, union_all, xor};
pub use centreline::{
    Centreline, CentrelineConfig, CrossingConfig, GapConfig, centrelines, widths_along,
};
pub use contour::{ContourBorder, ContourConfig, contours};
pub use contour_polygons::contour_polygons;
pub use distance::{distance_transform, nearest_true};
pub use error::{Error, Result};
pub use fit::{
    Circle, CircularArc, CubicCurve, FitConfig, FittedPart, Primitive, fit_circle, fit_primitives,
};
pub use hull::{ConcaveHullConfig, concave_hull, convex_hull};
pub use measure::{
    chamfer, directed_chamfer, directed_hausdorff, directed_polis, discrete_frechet, frechet,
    hausdorff, line_distance, line_length, perimeter, point_polygon_distance,
    point_segment_distance, polis, polygon_area, polygon_distance, polygon_iou, segment_distance,
    turning_distance,
};
pub use merge::{
    LinePiece, TileLabels, TilePolygons, clip_line, match_labels, merge_lines, merge_polygons,
};
pub use offset::{OffsetConfig, buffer_lines, offset_polygons};
pub use oriented_box::{OrientedBox, oriented_box};
pub use polygonize::{
    ArcUse, Connectivity, Coverage, CoverageFace, SharedArc, Simplification, polygonize,
    polygonize_with,
};
pub use raster::{
    Cap, Dash, Drawing, Join, OrientationField, Stroke, centre_vectors, dash_line, draw_labels,
    fill_coverage, fill_labels, orientation_field, stroke_coverage, stroke_labels,
};
pub use regularize::{RegularizeConfig, regularize, snap_polygons};
pub use repair::{Fill, repair_line, repair_multi_polygon, repair_polygon};
pub use ring::signed_area;
pub use simplify_line::simplify_line;
pub use spatial_index::{BoxIndex, NearestSegment, SegmentIndex};
pub use thin::thin;
pub use tiles::{Tile, TileConfig, Window, tiles};
pub use transform::{
    Affine, ControlPointFault, GroundControlPoint, PixelAnchor, Shape, Warp, WarpModel,
    fit_ground_control,
};
#[cfg(feature = "crs")]
pub use transform::{Crs, CrsTransform};
pub use validate::{
    CoverageFault, MultiPolygonFault, PolygonFault, Ring, validate_coverage, validate_line,
    validate_multi_polygon, validate_polygon, validate_ring,
};
pub use visible::{
    Hiders, Occlusion, VisiblePart, VisibleVector, visible_polygons, visible_regions, visible_runs,
    visible_runs_behind, visible_vector, visible_vertices,
};
