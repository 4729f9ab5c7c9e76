//! R-trees over segments and boxes.

use crate::{Error, Result, error::check_coordinate};
use geo_types::{Coord, Line, LineString, Rect};
use rstar::{AABB, PointDistance, RTree, RTreeObject};

/// Finds the segments of lines that are near a point or touch a box.
///
/// Built once in n log n; a query takes about log n. A line with a single point
/// counts as one segment without length, empty lines have none.
#[derive(Debug, Clone)]
pub struct SegmentIndex {
    tree: RTree<Segment>,
}

/// The segment of a [`SegmentIndex`] nearest to a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NearestSegment {
    /// Index of the line in the lines that were indexed.
    pub line: usize,
    /// Index of the segment in the line: it runs from vertex `segment` to the next.
    pub segment: usize,
    /// Nearest point of the segment.
    pub point: Coord<f64>,
    /// Distance to that point (in the unit of the coordinates).
    pub distance: f64,
}

impl SegmentIndex {
    /// Indexes the segments of `lines`.
    ///
    /// # Errors
    /// [`Error::Item`] with the index of the line: an [`Error::NonFiniteLine`] for a
    /// coordinate that is infinite or not a number, an [`Error::Parameter`] for one beyond
    /// `1e100`.
    pub fn new<'a>(lines: impl IntoIterator<Item = &'a LineString<f64>>) -> Result<Self> {
        let mut segments = Vec::new();
        for (line, points) in lines.into_iter().enumerate() {
            check_line(points).map_err(|error| error.of_item("lines", line))?;
            if let [point] = points.0[..] {
                segments.push(Segment { line, segment: 0, shape: Line::new(point, point) });
            }
            let pieces = points.lines().enumerate();
            segments.extend(pieces.map(|(segment, shape)| Segment { line, segment, shape }));
        }
        Ok(Self { tree: RTree::bulk_load(segments) })
    }

    /// Number of segments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tree.size()
    }

    /// Whether there are no segments.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The segment nearest to a point; `None` without segments or for a point that
    /// is not finite.
    ///
    /// Of several segments at the same distance any may be returned, but always the
    /// same one.
    #[must_use]
    pub fn nearest(&self, point: Coord<f64>) -> Option<NearestSegment> {
        if !(point.x.is_finite() && point.y.is_finite()) {
            return None;
        }
        let found = self.tree.nearest_neighbor(&[point.x, point.y])?;
        let nearest = nearest_on_segment(point, found.shape);
        let distance = (point.x - nearest.x).hypot(point.y - nearest.y);
        let (line, segment) = (found.line, found.segment);
        Some(NearestSegment { line, segment, point: nearest, distance })
    }

    /// Line and segment indices of the segments whose boxes touch `area`, ascending.
    #[must_use]
    pub fn within(&self, area: &Rect<f64>) -> Vec<(usize, usize)> {
        let mut found: Vec<_> =
            self.candidates(*area).map(|found| (found.line, found.segment)).collect();
        found.sort_unstable();
        found
    }

    /// The segments whose boxes touch `area`, in no particular order.
    pub(crate) fn candidates(&self, area: Rect<f64>) -> impl Iterator<Item = &Segment> {
        self.tree.locate_in_envelope_intersecting(&envelope(&area))
    }
}

/// Finds the boxes that touch a box.
///
/// Built once in n log n; a query takes about log n and the number of boxes found.
#[derive(Debug, Clone)]
pub struct BoxIndex {
    tree: RTree<Item>,
}

impl BoxIndex {
    /// Indexes boxes by their position in the iteration.
    ///
    /// # Errors
    /// [`Error::Item`] with the index of a box that is not finite or reaches beyond `1e100`.
    pub fn new(boxes: impl IntoIterator<Item = Rect<f64>>) -> Result<Self> {
        let mut items = Vec::new();
        for (index, area) in boxes.into_iter().enumerate() {
            let corners = [area.min().x, area.min().y, area.max().x, area.max().y];
            let checked = corners.into_iter().try_for_each(check_coordinate);
            checked.map_err(|error| error.of_item("boxes", index))?;
            items.push(Item { index, area: envelope(&area) });
        }
        Ok(Self { tree: RTree::bulk_load(items) })
    }

    /// Number of boxes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tree.size()
    }

    /// Whether there are no boxes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Indices of the boxes that touch `area` or overlap it, ascending.
    #[must_use]
    pub fn within(&self, area: &Rect<f64>) -> Vec<usize> {
        let found = self.tree.locate_in_envelope_intersecting(&envelope(area));
        let mut found: Vec<_> = found.map(|item| item.index).collect();
        found.sort_unstable();
        found
    }
}

/// A segment and where it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    pub(crate) line: usize,
    pub(crate) segment: usize,
    pub(crate) shape: Line<f64>,
}

impl RTreeObject for Segment {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        let Line { start, end } = self.shape;
        AABB::from_corners([start.x, start.y], [end.x, end.y])
    }
}

impl PointDistance for Segment {
    fn distance_2(&self, &[x, y]: &[f64; 2]) -> f64 {
        let d = Coord { x, y } - nearest_on_segment(Coord { x, y }, self.shape);
        d.x * d.x + d.y * d.y
    }
}

#[derive(Debug, Clone, Copy)]
struct Item {
    index: usize,
    area: AABB<[f64; 2]>,
}

impl RTreeObject for Item {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        self.area
    }
}

/// Point of a segment that is nearest to `p`.
pub(crate) fn nearest_on_segment(p: Coord<f64>, line: Line<f64>) -> Coord<f64> {
    let (d, v) = (line.end - line.start, p - line.start);
    let square = d.x * d.x + d.y * d.y;
    let t = if square > 0.0 { (v.x * d.x + v.y * d.y) / square } else { 0.0 };
    if t >= 1.0 { line.end } else { line.start + d * t.max(0.0) }
}

/// Refuses a line with coordinates that no distance can be computed from.
pub(crate) fn check_line(line: &LineString<f64>) -> Result<()> {
    if let Some(index) = line.coords().position(|p| !(p.x.is_finite() && p.y.is_finite())) {
        return Err(Error::NonFiniteLine { index });
    }
    line.coords().flat_map(|p| [p.x, p.y]).try_for_each(check_coordinate)
}

fn envelope(area: &Rect<f64>) -> AABB<[f64; 2]> {
    AABB::from_corners([area.min().x, area.min().y], [area.max().x, area.max().y])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_names_line_and_segment() {
        let lines: [LineString<f64>; 3] = [
            vec![(0.0, 0.0), (4.0, 0.0), (4.0, 4.0)].into(),
            LineString(Vec::new()),
            vec![(9.0, 9.0)].into(),
        ];
        let index = SegmentIndex::new(&lines).unwrap();
        assert_eq!(index.len(), 3);
        let near = index.nearest(Coord { x: 5.0, y: 3.0 }).unwrap();
        assert_eq!((near.line, near.segment), (0, 1));
        assert_eq!(near.point, Coord { x: 4.0, y: 3.0 });
        assert!((near.distance - 1.0).abs() < 1e-15);
        assert_eq!(index.nearest(Coord { x: 9.0, y: 8.0 }).unwrap().line, 2);
        assert_eq!(index.nearest(Coord { x: f64::NAN, y: 8.0 }), None);
        let area = Rect::new((3.0, 0.0), (5.0, 1.0));
        assert_eq!(index.within(&area), vec![(0, 0), (0, 1)]);
    }

    #[test]
    fn bad_coordinates_are_refused() {
        let far: LineString<f64> = vec![(0.0, 0.0), (1e200, 0.0)].into();
        assert!(matches!(SegmentIndex::new([&far]), Err(Error::Item { index: 0, .. })));
        let nan: LineString<f64> = vec![(0.0, 0.0), (f64::NAN, 0.0)].into();
        let error = Error::NonFiniteLine { index: 1 }.of_item("lines", 1);
        let good = vec![(0.0, 0.0), (1.0, 0.0)].into();
        assert_eq!(SegmentIndex::new([&good, &nan]).err(), Some(error));
        assert!(SegmentIndex::new(&[] as &[LineString<f64>]).unwrap().is_empty());
    }
}
