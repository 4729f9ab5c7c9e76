//! What `bench_geometry` times: drawing, booleans, polygonizing, distances, thinning.
//!
//! The peers' side of every case is in `xtask/peers/geometry.py`; inputs and counts here
//! and there must stay equal.

pub(crate) mod inputs;
mod rasters;
mod shapes;

use std::path::Path;

use anyhow::{Result, bail};

/// Work that can be repeated.
pub struct Case {
    /// Tells what is computed on, for both sides.
    pub check: u64,
    /// Repetitions to warm up, and to time.
    pub runs: (usize, usize),
    /// How far the results of both sides may lie apart, as a share of the larger one.
    pub tolerance: f64,
    /// Does the work; where asked for, gives a number that depends on the result.
    pub work: Box<dyn FnMut(bool) -> Result<f64>>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case")
            .field("check", &self.check)
            .field("runs", &self.runs)
            .field("tolerance", &self.tolerance)
            .finish_non_exhaustive()
    }
}

/// Where a case takes its inputs from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Source<'a> {
    /// Take small inputs, for a quick check.
    pub small: bool,
    /// Folder with the rasters that the peers have drawn; without it, cases on rasters
    /// compute on stand-ins.
    pub folder: Option<&'a Path>,
}

const DRAWN: [&str; 4] = ["polylines-hard", "polylines-smooth", "stars-hard", "stars-smooth"];
const OPERATIONS: [&str; 4] = ["intersection", "union", "difference", "xor"];
const OPERANDS: [(&str, usize); 7] = [
    ("star", 10),
    ("star", 100),
    ("star", 1000),
    ("star", 10_000),
    ("smooth", 100),
    ("smooth", 1000),
    ("smooth", 10_000),
];
const RASTERS: [&str; 5] =
    ["polygonize-clean", "polygonize-noisy", "distance-stars", "distance-points", "thin-lines"];

/// Names of all cases.
#[must_use]
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = DRAWN.map(str::to_owned).into();
    for (family, vertices) in OPERANDS {
        names.extend(OPERATIONS.map(|operation| format!("{operation}-{family}-{vertices}")));
    }
    names.push("union-all".to_owned());
    names.extend(RASTERS.map(str::to_owned));
    names
}

/// Makes the inputs of a case.
///
/// # Errors
/// There is no such case, or a raster cannot be read.
pub fn case(name: &str, source: Source<'_>) -> Result<Case> {
    match name {
        "polylines-hard" => return Ok(shapes::polylines(false, source.small)),
        "polylines-smooth" => return Ok(shapes::polylines(true, source.small)),
        "stars-hard" => return Ok(shapes::stars_hard(source.small)),
        "stars-smooth" => return Ok(shapes::stars_smooth(source.small)),
        "union-all" => return Ok(shapes::union_of_all(source.small)),
        "polygonize-clean" => return rasters::polygons("map-clean", (1, 9), source),
        "polygonize-noisy" => return rasters::polygons("map-noisy", (1, 5), source),
        "distance-stars" => return rasters::distances("stars", source),
        "distance-points" => return rasters::distances("points", source),
        "thin-lines" => return rasters::thinning("lines", source),
        _ => {}
    }
    let parts: Vec<&str> = name.split('-').collect();
    if let [operation, family, vertices] = parts[..]
        && let Ok(vertices) = vertices.parse()
        && OPERANDS.contains(&(family, vertices))
        && OPERATIONS.contains(&operation)
    {
        return Ok(shapes::boolean(operation, family, vertices, source.small));
    }
    bail!("there is no case `{name}`; cases: {}", names().join(", "))
}
