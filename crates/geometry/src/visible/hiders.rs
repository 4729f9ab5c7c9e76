//! The runs of segments that polygons do not hide.

use super::segment::check_segment;
use crate::{
    Result,
    boolean::check_polygon,
    box_tree::{Bounds, BoxTree},
    error::{check_coordinate, check_each},
    ring::rings,
};
use geo_types::{Coord, Line, LineString, Polygon};

/// Polygons that hide segments, prepared for many of them.
///
/// Polygons count by the even-odd rule over all their rings.
#[derive(Debug)]
pub struct Hiders<'a> {
    polygons: &'a [Polygon<f64>],
    tree: BoxTree,
}

impl<'a> Hiders<'a> {
    /// Checks the polygons and sorts their boxes.
    ///
    /// # Errors
    /// [`Error::Item`](crate::Error::Item) with the index of the first polygon that is not
    /// valid or has coordinates beyond `1e100`.
    pub fn new(polygons: &'a [Polygon<f64>]) -> Result<Self> {
        check_each("polygons", polygons, check_polygon)?;
        let tree = BoxTree::new(polygons.iter().map(bounds).collect());
        Ok(Self { polygons, tree })
    }

    /// The runs of a segment that no polygon hides, as
    /// [`visible_runs`](crate::visible_runs()) gives them.
    ///
    /// A segment along an edge may count as visible or hidden there. Linear in the
    /// number of edges of the polygons whose boxes the box of the segment meets.
    ///
    /// # Errors
    /// [`Error::NonFiniteLine`](crate::Error::NonFiniteLine) for a coordinate that is
    /// infinite or not a number, [`Error::Parameter`](crate::Error::Parameter) for one
    /// beyond `1e100`.
    pub fn visible_runs(&self, segment: Line<f64>) -> Result<Vec<[f64; 2]>> {
        check_segment(segment)?;
        let Line { start, end } = segment;
        [start.x, start.y, end.x, end.y].into_iter().try_for_each(check_coordinate)?;
        let way = segment.delta();
        let square = way.x * way.x + way.y * way.y;
        let mut hidden = Vec::new();
        self.tree.visit(&Bounds::of(start, end), |index| {
            let polygon = &self.polygons[index];
            if square >= f64::MIN_POSITIVE {
                let cuts = crossings(polygon, start, way, square);
                hidden.extend(cuts.chunks_exact(2).map(|pair| [pair[0], pair[1]]));
            } else {
                // As good as a point: hidden if a ray from it leaves the polygon.
                let cuts = crossings(polygon, start, Coord { x: 1.0, y: 0.0 }, 1.0);
                if cuts.iter().filter(|&&cut| cut > 0.0).count() % 2 == 1 {
                    hidden.push([0.0, 1.0]);
                }
            }
            true
        });
        Ok(gaps(hidden))
    }
}

/// The runs of a segment that no polygon hides, as
/// [`visible_runs`](crate::visible_runs()) gives them.
///
/// [`Hiders::visible_runs`] for one segment; for many segments behind the same polygons,
/// prepare [`Hiders`] once.
///
/// # Errors
/// Those of [`Hiders::new`] and [`Hiders::visible_runs`].
pub fn visible_runs_behind(segment: Line<f64>, polygons: &[Polygon<f64>]) -> Result<Vec<[f64; 2]>> {
    check_segment(segment)?;
    Hiders::new(polygons)?.visible_runs(segment)
}

/// Sorted parameters where the line through `start` crosses the rings of a polygon, an
/// even number of them: between the first and the second it is inside, and so on.
///
/// A vertex on the line counts as one beside it, always on the same side.
fn crossings(polygon: &Polygon<f64>, start: Coord<f64>, way: Coord<f64>, square: f64) -> Vec<f64> {
    let height = |p: Coord<f64>| way.x * (p.y - start.y) - way.y * (p.x - start.x);
    let mut cuts = Vec::new();
    for edge in rings(polygon).flat_map(LineString::lines) {
        let ends = [height(edge.start), height(edge.end)];
        if (ends[0] >= 0.0) == (ends[1] >= 0.0) {
            continue;
        }
        // From below to above, so that edges shared by two polygons are cut alike.
        let ([from, to], [a, b]) = if ends[0] < 0.0 {
            (ends, [edge.start, edge.end])
        } else {
            ([ends[1], ends[0]], [edge.end, edge.start])
        };
        let place = a + (b - a) * (from / (from - to)) - start;
        cuts.push((place.x * way.x + place.y * way.y) / square);
    }
    cuts.sort_unstable_by(f64::total_cmp);
    cuts
}

/// What some intervals leave of the interval from 0 to 1.
fn gaps(mut hidden: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    hidden.sort_unstable_by(|p, q| p[0].total_cmp(&q[0]).then(p[1].total_cmp(&q[1])));
    let (mut runs, mut reached) = (Vec::new(), 0.0);
    for [from, to] in hidden {
        if from > reached && reached < 1.0 {
            runs.push([reached, from.min(1.0)]);
        }
        reached = to.max(reached);
    }
    if reached < 1.0 {
        runs.push([reached, 1.0]);
    }
    runs
}

fn bounds(polygon: &Polygon<f64>) -> Bounds {
    let mut points = polygon.exterior().coords();
    let first = points.next().copied().unwrap_or_default();
    points.fold(Bounds::of(first, first), |all, &p| all.join(Bounds::of(p, p)))
}
