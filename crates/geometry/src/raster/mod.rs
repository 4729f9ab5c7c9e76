//! Rasterizing: polygons to labels or coverage, lines to anti-aliased strokes.

mod coverage;
mod crossings;
mod dash;
mod labels;
mod stroke;

pub use coverage::fill_coverage;
pub use dash::{Dash, dash_line};
pub use labels::fill_labels;
pub use stroke::{Cap, Join, Stroke, stroke_coverage};

use geo_types::{LineString, Polygon};

/// All rings of a polygon, the exterior first.
pub(crate) fn rings(polygon: &Polygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    std::iter::once(polygon.exterior()).chain(polygon.interiors())
}

fn is_finite(polygon: &Polygon<f64>) -> bool {
    rings(polygon).all(|ring| ring.coords().all(|p| p.x.is_finite() && p.y.is_finite()))
}
