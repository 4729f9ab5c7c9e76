//! What the layouts hand to the drawing: regions, roads, and where names belong.

use geo_types::Coord;

use crate::planar::Points;
use crate::regions::RegionMap;
use crate::roads::Road;

/// The axis of a street.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) line: Points,
    /// Width of the street, px.
    pub(crate) width: f64,
}

/// A place that deserves a name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) centre: Coord<f64>,
    pub(crate) axis: f64,
    /// About the size of what is named, px.
    pub(crate) extent: f64,
}

/// The plan of a sheet before it is drawn.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) map: RegionMap,
    pub(crate) axes: Vec<Axis>,
    pub(crate) spots: Vec<Spot>,
    pub(crate) roads: Vec<Road>,
    /// Courses of streams, drawn in blue.
    pub(crate) streams: Vec<Points>,
    /// Owners numbered so far.
    pub(crate) owners: u32,
}

impl Layout {
    pub(crate) fn new(map: RegionMap) -> Self {
        Self {
            map,
            axes: Vec::new(),
            spots: Vec::new(),
            roads: Vec::new(),
            streams: Vec::new(),
            owners: 0,
        }
    }
}
