//! Sizes of shapes and distances between them.

mod chamfer;
mod frechet;
mod hausdorff;
mod iou;
mod polis;
mod proximity;
mod size;
mod turning;

pub use chamfer::{chamfer, directed_chamfer};
pub use frechet::{discrete_frechet, frechet};
pub use hausdorff::{directed_hausdorff, hausdorff};
pub use iou::polygon_iou;
pub use polis::{directed_polis, polis};
pub use proximity::{
    line_distance, point_polygon_distance, point_segment_distance, polygon_distance,
    segment_distance,
};
pub use size::{line_length, perimeter, polygon_area};
pub use turning::turning_distance;

use crate::point::distance as between;
use crate::{
    Error, Result,
    error::{check_each, check_positive},
    ring::rings,
    spatial_index::check_line,
};
use geo_types::{LineString, Polygon};

/// Refuses lines without points and coordinates that are not usable.
fn check_lines(what: &'static str, lines: &[LineString<f64>]) -> Result<()> {
    check_each(what, lines, check_line)?;
    if lines.iter().all(|line| line.0.is_empty()) { Err(Error::Empty { what }) } else { Ok(()) }
}

/// The rings of a polygon, if it has any.
fn boundary(what: &'static str, polygon: &Polygon<f64>) -> Result<Vec<LineString<f64>>> {
    let lines: Vec<_> = rings(polygon).cloned().collect();
    check_lines(what, &lines)?;
    Ok(lines)
}

/// Refuses a tolerance or step that is not positive.
fn check_step(field: &'static str, value: f64) -> Result<()> {
    check_positive(field, value)
}
