//! What the layouts hand to the drawing: regions, roads, and where names belong.

use geo_types::Coord;

use crate::planar::Points;
use crate::polyline::resampled;
use crate::regions::{RegionMap, Regions};
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

/// The plan of a sheet while it is laid out.
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

    /// Closes the map of regions; what else was planned goes on unchanged.
    pub(crate) fn finish(mut self) -> (Regions, Plan) {
        // Streets and blocks outside the page would attract names that nobody sees.
        let side = self.map.side;
        let seen = |p: &Coord<f64>| (0.0..side).contains(&p.x) && (0.0..side).contains(&p.y);
        for axis in &mut self.axes {
            let points = resampled(&axis.line, 8.0);
            let runs = points.split(|p| !seen(p));
            axis.line = runs.max_by_key(|run| run.len()).unwrap_or_default().to_vec();
        }
        self.axes.retain(|axis| axis.line.len() > 2);
        self.spots.retain(|spot| seen(&spot.centre));
        let plan = Plan {
            side,
            axes: self.axes,
            spots: self.spots,
            roads: self.roads,
            streams: self.streams,
        };
        (self.map.finish(), plan)
    }
}

/// The plan of a sheet apart from its regions.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Side of the sheet, px.
    pub(crate) side: f64,
    pub(crate) axes: Vec<Axis>,
    pub(crate) spots: Vec<Spot>,
    pub(crate) roads: Vec<Road>,
    pub(crate) streams: Vec<Points>,
}
