//! Coverages from polygons that meet edge to edge.

use super::{Arc, Connectivity, Corner, Coverage, faces::assemble, trace::NO_ARC};
use crate::{
    CoverageFault, MultiPolygonFault, Result, Window,
    grid::floor_index,
    ring::rings,
    union_find::{root, unite},
    validate::{Borders, Spoke},
};
use geo_types::{Coord, Polygon};

/// Largest coordinate: doubled areas of triangles fit into an `i64`.
const LARGEST_CORNER: usize = 1 << 30;

impl Coverage {
    /// Finds the arcs that polygons share, with their labels; vertices are pixel corners.
    ///
    /// The inverse of [`Self::polygons`]: for the faces of [`polygonize`](super::polygonize)
    /// on a raster of the size of `page`, in their order, the result is equal to the
    /// coverage itself. That also holds for tiles that
    /// [`merge_polygons`](crate::merge_polygons) has joined, so a page that is traced in
    /// tiles and then simplified is the page simplified as a whole.
    ///
    /// Points where three or more borders meet are nodes, and so are the corners of the
    /// page. Faces come in the order of the polygons. With [`Connectivity::Eight`] those of
    /// equal label that touch at points become one feature of [`Self::multi_polygons`].
    /// Label 0 is a label as any other here.
    /// About n log n in the number of vertices.
    ///
    /// # Errors
    /// [`Error::Coverage`](crate::Error::Coverage) for polygons that are not valid, overlap
    /// or meet where one of them has no vertex, and for vertices that are no pixel corners
    /// of the page or beyond 2^30; [`Error::MultiPolygon`](crate::Error::MultiPolygon) with
    /// [`Connectivity::Eight`] for polygons of equal label that share an edge.
    ///
    /// # Examples
    /// ```
    /// use mapvec_geometry::{Connectivity, Coverage, Window, polygonize};
    /// let coverage = polygonize(ndarray::array![[1, 1, 2], [1, 0, 2]].view());
    /// let page = Window { x: 0, y: 0, width: 3, height: 2 };
    /// let again = Coverage::from_polygons(&coverage.polygons(), page, Connectivity::Four)?;
    /// assert_eq!(again, coverage);
    /// # Ok::<(), mapvec_geometry::Error>(())
    /// ```
    pub fn from_polygons(
        polygons: &[(u32, Polygon<f64>)],
        page: Window,
        connectivity: Connectivity,
    ) -> Result<Self> {
        polygons
            .iter()
            .enumerate()
            .try_for_each(|(id, (_, shape))| check_lattice(id, shape, page))?;
        let borders = Borders::new(polygons.iter().map(|(_, polygon)| polygon))?;
        let labels: Vec<u32> = polygons.iter().map(|(label, _)| *label).collect();
        let groups = match connectivity {
            Connectivity::Four => (0..labels.len() as u32).collect(),
            Connectivity::Eight => groups(&borders, &labels)?,
        };
        let mut cutter = Cutter::new(&borders, page);
        cutter.cut();
        let successor = |half: usize, face: u32| cutter.successor(half, face);
        let faces = assemble(&cutter.arcs, &labels, &groups, successor);
        Ok(Self { nodes: cutter.nodes as usize, arcs: cutter.arcs, faces })
    }
}

/// Refuses vertices that are no pixel corners of the page.
fn check_lattice(id: usize, shape: &Polygon<f64>, page: Window) -> Result<(), CoverageFault> {
    let [low, high] = corners(page);
    let fits = |v: f64, low: f64, high: f64| {
        low <= v && v <= high.min(LARGEST_CORNER as f64) && v.floor() >= v
    };
    let off = |p: &&Coord<f64>| !(fits(p.x, low.x, high.x) && fits(p.y, low.y, high.y));
    match rings(shape).flat_map(|ring| ring.coords()).find(off) {
        // What is no number at all is a fault of the polygon.
        Some(p) if p.x.is_finite() && p.y.is_finite() => {
            Err(CoverageFault::OffLattice { polygon: id, x: p.x, y: p.y })
        }
        _ => Ok(()),
    }
}

/// The first and the last corner of a page.
fn corners(page: Window) -> [Coord<f64>; 2] {
    let low = Coord { x: f64::from(page.x), y: f64::from(page.y) };
    [low, low + Coord { x: f64::from(page.width), y: f64::from(page.height) }]
}

/// Numbers of features, each of faces of equal label that meet at points.
fn groups(borders: &Borders, labels: &[u32]) -> Result<Vec<u32>> {
    let mut parent: Vec<usize> = (0..labels.len()).collect();
    for point in 0..borders.points.len() {
        let around = borders.around(point);
        let mut faces: Vec<usize> =
            borders.spokes[around.clone()].iter().filter_map(|s| s.ahead).collect();
        for spoke in &borders.spokes[around] {
            if let (Some(a), Some(b)) = (spoke.ahead, spoke.behind)
                && labels[a] == labels[b]
            {
                let Coord { x, y } = borders.points[point];
                let (first, second) = (a.min(b), a.max(b));
                return Err(MultiPolygonFault::SharedLine { first, second, x, y }.into());
            }
        }
        faces.sort_unstable_by_key(|&face| (labels[face], face));
        for pair in faces.windows(2).filter(|pair| labels[pair[0]] == labels[pair[1]]) {
            unite(&mut parent, pair[0], pair[1]);
        }
    }
    let (mut numbers, mut count) = (vec![0; labels.len()], 0);
    for face in 0..labels.len() {
        // The root is the first face of its feature.
        let first = root(&mut parent, face);
        numbers[face] = if first == face { count } else { numbers[first] };
        count += u32::from(first == face);
    }
    Ok(numbers)
}

/// Cuts the borders into arcs, in the order in which the tracing of a raster does.
struct Cutter<'a> {
    borders: &'a Borders,
    /// Number of each point that is a node.
    node_of: Vec<Option<u32>>,
    nodes: u32,
    arcs: Vec<Arc>,
    /// First point and spoke of each arc, last point and the spoke that leads back.
    ends: Vec<[(usize, usize); 2]>,
    /// Half-arc (2 * arc + reversed) that leaves a node along each spoke.
    leaving: Vec<u32>,
    /// The spokes of each point by the face ahead, those of one face in order.
    by_face: Vec<usize>,
}

impl<'a> Cutter<'a> {
    fn new(borders: &'a Borders, page: Window) -> Self {
        let [low, high] = corners(page);
        let is = |a: f64, b: f64| a.total_cmp(&b).is_eq();
        let mut nodes = 0;
        let node_of = borders.points.iter().enumerate().map(|(point, p)| {
            let is_corner =
                (is(p.x, low.x) || is(p.x, high.x)) && (is(p.y, low.y) || is(p.y, high.y));
            let is_node = is_corner || borders.around(point).len() > 2;
            is_node.then(|| {
                nodes += 1;
                nodes - 1
            })
        });
        let node_of = node_of.collect();
        let leaving = vec![NO_ARC; borders.spokes.len()];
        let mut by_face: Vec<usize> = (0..borders.spokes.len()).collect();
        for point in 0..borders.points.len() {
            by_face[borders.around(point)].sort_by_key(|&spoke| borders.spokes[spoke].ahead);
        }
        Self { borders, node_of, nodes, arcs: Vec::new(), ends: Vec::new(), leaving, by_face }
    }

    fn cut(&mut self) {
        let mut passed = vec![false; self.borders.points.len()];
        for point in 0..passed.len() {
            for spoke in self.borders.around(point) {
                if self.node_of[point].is_some() && self.leaving[spoke] == NO_ARC {
                    self.follow(point, spoke, &mut passed);
                }
            }
        }
        // Loops without nodes begin at their first vertex and go right.
        for point in 0..passed.len() {
            if !passed[point] && self.node_of[point].is_none() {
                self.follow(point, self.borders.around(point).start, &mut passed);
            }
        }
    }

    /// Follows a border to the next node, or around a loop back to the start.
    fn follow(&mut self, start: usize, first: usize, passed: &mut [bool]) {
        let id = self.arcs.len() as u32;
        let mut corners = vec![self.corner(start)];
        passed[start] = true;
        let mut spoke = first;
        let (end, back) = loop {
            let (at, back) = (self.borders.spokes[spoke].to, self.borders.back(spoke));
            corners.push(self.corner(at));
            passed[at] = true;
            if at == start || self.node_of[at].is_some() {
                break (at, back);
            }
            // Two spokes leave a point that is no node.
            let around = self.borders.around(at);
            spoke = if back == around.start { around.end - 1 } else { around.start };
        };
        let Spoke { ahead, behind, .. } = self.borders.spokes[first];
        let faces = [ahead, behind].map(|face| face.map_or(0, |face| face as u32 + 1));
        let nodes = self.node_of[start].zip(self.node_of[end]).map(|(start, end)| [start, end]);
        if nodes.is_some() {
            self.leaving[first] = 2 * id;
            self.leaving[back] = 2 * id + 1;
        }
        self.arcs.push(Arc { corners, nodes, faces });
        self.ends.push([(start, first), (end, back)]);
    }

    fn corner(&self, point: usize) -> Corner {
        let p = self.borders.points[point];
        let [x, y] = [p.x, p.y].map(|v| floor_index(v, LARGEST_CORNER) as u32);
        Corner { x, y }
    }

    /// The half-arc after this one on the border of a face: the first one beyond the
    /// neighbour on the left.
    fn successor(&self, half: usize, face: u32) -> usize {
        let arc = half / 2;
        if self.arcs[arc].nodes.is_none() {
            return half;
        }
        let (node, back) = self.ends[arc][1 - half % 2];
        let around = &self.by_face[self.borders.around(node)];
        let ahead = |&spoke: &usize| {
            self.borders.spokes[spoke].ahead.map_or(0, |own| own as u32 + 1).cmp(&face)
        };
        let first = around.partition_point(|spoke| ahead(spoke).is_lt());
        let end = around.partition_point(|spoke| ahead(spoke).is_le());
        let own = &around[first..end];
        let next = own.get(own.partition_point(|&spoke| spoke <= back)).or(own.first());
        next.map_or(half, |&spoke| self.leaving[spoke] as usize)
    }
}
