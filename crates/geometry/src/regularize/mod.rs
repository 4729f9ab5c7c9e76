//! Regularization of buildings: straight walls, right angles, bounded displacement.

mod directions;
mod displacement;
mod lines;
mod snap;
mod versions;

use crate::{
    Result, error::check_positive, ring::rings, signed_area, validate_polygon, validate_ring,
};
use displacement::is_within;
use geo_types::{LineString, Polygon};
use lines::{Snapping, simple_corners, simple_edges, simple_ring, snapped_ring};
use serde::{Deserialize, Serialize};
use std::f64::consts::FRAC_PI_4;
use versions::Versions;

pub use snap::snap_polygons;

/// Simplification tolerances that are tried, as shares of the tolerance.
const SIMPLIFICATIONS: [f64; 4] = [0.1, 0.25, 0.5, 0.75];
/// Lengths of edges that may vanish, as shares of the tolerance.
const SLACKS: [f64; 4] = [1.5, 0.75, 0.3, 0.0];
/// Ways of the ends of turning edges, as shares of the tolerance.
const REACHES: [f64; 3] = [1.0, 0.5, 0.0];
/// Tolerances of forms whose vertices are vertices of the ring, as shares of the tolerance.
const PLAIN: [f64; 3] = [0.5, 0.75, 1.0];

/// How polygons are regularized.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegularizeConfig {
    /// Largest displacement in pixels, above 0: no point of an old ring is farther from
    /// the new one, and no point of a new ring farther from the old one.
    pub tolerance: f64,
    /// Whether edges may also turn to the diagonals of the dominant directions.
    pub diagonals: bool,
    /// Largest turn of an edge in radians, above 0 and at most pi / 4. Edges farther
    /// from all dominant directions keep theirs, and so do edges whose ends would go
    /// farther than the tolerance.
    pub max_turn: f64,
}

impl Default for RegularizeConfig {
    fn default() -> Self {
        Self { tolerance: 2.0, diagonals: false, max_turn: 0.5 }
    }
}

impl RegularizeConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) names the first field out of range.
    pub fn validate(&self) -> Result<()> {
        check_positive("regularize.tolerance", self.tolerance)?;
        if self.max_turn > 0.0 && self.max_turn <= FRAC_PI_4 {
            return Ok(());
        }
        Err(crate::Error::Parameter {
            field: "regularize.max_turn",
            value: self.max_turn,
            allowed: "above 0 and at most pi / 4 (radians)",
        })
    }
}

/// Straightens the outline of a building and makes its corners right angles.
///
/// The directions that carry most of the length of the exterior ring (modulo a quarter
/// turn, up to three) are found in a histogram. Edges turn to the nearest of them about
/// the middle of the way that they replace, parallel neighbours are merged, and
/// neighbouring lines meet in the new vertices. Several amounts of simplification and of
/// turning are tried, and simplification alone for shapes that are not rectangular; the
/// form with fewest vertices that keeps the bound is taken. A ring without one, or whose
/// new form would make the polygon invalid, stays as it is; and so may some whose new forms
/// touch other rings, where that is not allowed for all that do. The result is a valid
/// polygon with as many rings and at most as many vertices.
///
/// About n log n in the number of vertices.
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) for a field of `config`, and what
/// [`validate_polygon`] returns.
///
/// # Examples
/// ```
/// use geo_types::polygon;
/// use mapvec_geometry::{RegularizeConfig, regularize};
/// let traced = polygon![
///     (x: 0.0, y: 0.2), (x: 9.0, y: -0.2), (x: 20.0, y: 0.1), (x: 20.3, y: 10.0),
///     (x: 0.1, y: 9.7),
/// ];
/// let config = RegularizeConfig { tolerance: 1.0, ..RegularizeConfig::default() };
/// assert_eq!(regularize(&traced, &config)?.exterior().0.len(), 5);
/// # Ok::<(), mapvec_geometry::Error>(())
/// ```
pub fn regularize(polygon: &Polygon<f64>, config: &RegularizeConfig) -> Result<Polygon<f64>> {
    config.validate()?;
    validate_polygon(polygon)?;
    let edges = simple_edges(polygon.exterior(), config.tolerance);
    let directions = directions::dominant_directions(&edges);
    let snapping = Snapping {
        directions: &directions,
        diagonals: config.diagonals,
        max_turn: config.max_turn,
        reach: config.tolerance,
    };
    let old: Vec<&LineString<f64>> = rings(polygon).collect();
    let new: Vec<Option<LineString<f64>>> =
        old.iter().map(|ring| regular_ring(ring, &snapping, config.tolerance)).collect();
    let chosen = |(old, new): (&&LineString<f64>, &Option<LineString<f64>>)| {
        new.clone().unwrap_or_else(|| (*old).clone())
    };
    let whole = with_rings(old.iter().zip(&new).map(chosen).collect());
    if validate_polygon(&whole).is_ok() {
        return Ok(whole);
    }
    // Rings get into each other's way: take over those that do not.
    Ok(Versions::new(&old, &new).valid_mix().unwrap_or_else(|| polygon.clone()))
}

/// The form of a ring within the tolerance that has fewest vertices, if there is one.
fn regular_ring(
    ring: &LineString<f64>,
    snapping: &Snapping<'_>,
    tolerance: f64,
) -> Option<LineString<f64>> {
    let mut forms: Vec<(usize, LineString<f64>)> = Vec::new();
    let simple = SIMPLIFICATIONS.map(|share| simple_corners(ring, share * tolerance));
    for reach in REACHES {
        let snapping = Snapping { reach: reach * tolerance, ..snapping.clone() };
        for corners in simple.iter().flatten() {
            let form = |slack: &f64| snapped_ring(ring, corners, &snapping, slack * tolerance);
            forms.extend(SLACKS.iter().filter_map(form).map(|form| (form.0.len(), form)));
        }
    }
    // Shapes that are not rectangular would become stairs. Such a form must save two
    // vertices, as its corners are those of pixels.
    let plain = PLAIN.iter().map(|share| simple_ring(ring, share * tolerance));
    forms.extend(plain.map(|form| (form.0.len() + 1, form)));
    // The sort is stable: of equally simple forms the one nearer to the ring comes first.
    forms.sort_by_key(|(rank, _)| *rank);
    forms.dedup();
    forms.into_iter().map(|(_, form)| form).find(|form| {
        form.0.len() <= ring.0.len()
            && (signed_area(form) > 0.0) == (signed_area(ring) > 0.0)
            && validate_ring(form).is_ok()
            && is_within(ring, form, tolerance)
    })
}

/// The exterior ring first.
fn with_rings(rings: Vec<LineString<f64>>) -> Polygon<f64> {
    let mut rings = rings.into_iter();
    let exterior = rings.next().unwrap_or_else(|| LineString(Vec::new()));
    Polygon::new(exterior, rings.collect())
}
