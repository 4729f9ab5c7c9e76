//! Polygons that the cores of tiles cut.

use super::{
    seam::{Frame, Key, Seams, key},
    walk::{Edge, directions, is_ahead, rings},
};
use crate::{
    Error, Result, Window,
    boolean::check_polygon,
    ring, signed_area,
    union_find::{root, unite},
    validate::predicates::side,
    validate_polygon,
};
use geo_types::{Coord, LineString, Polygon};
use std::collections::{BTreeMap, HashMap};

/// The polygons found in one tile.
#[derive(Debug, Clone, PartialEq)]
pub struct TilePolygons {
    /// The part of the page that the tile answers for.
    pub core: Window,
    /// Labels and polygons inside the core, in pixels of the page.
    pub polygons: Vec<(u32, Polygon<f64>)>,
}

/// Joins the polygons of tiles where the cores cut them.
///
/// Polygons of equal label that share a stretch of a core's border become one: the
/// stretch vanishes, the rest of the rings joins up to an exterior ring and holes. The
/// coordinates of what is left stay as they are, bit by bit. Polygons that touch at a
/// point only, and neighbours inside one core, stay apart.
///
/// For polygons of [`polygonize`](crate::polygonize) the result is that of the whole
/// raster, for any cores that partition it: the same vertices, with the same vertices
/// on straight sides (where three borders meet). The core of each tile is polygonized
/// and moved to its place on the page; the halo is for whatever makes the labels. Labels
/// must agree between tiles: classes do; numbers of instances are matched by
/// [`match_labels`](crate::match_labels).
///
/// Faces that only touch are polygons of their own: those of
/// [`Connectivity::Eight`](crate::Connectivity::Eight) are merged one by one, and
/// [`Coverage::from_polygons`](crate::Coverage::from_polygons) groups them to features
/// again. It also finds the arcs that the merged polygons share, so that they can be
/// simplified as the whole page.
///
/// Other polygons are joined as well, as long as what lies on both sides of a core's
/// border is cut exactly there. On the borders of cores, a point where three or more
/// borders meet becomes a vertex of every ring through it, so that neighbours keep
/// sharing their edges, and other vertices on exactly straight sides go.
///
/// The result does not depend on the order of tiles and polygons: rings begin at their
/// topmost vertex (the leftmost of these), polygons and holes come in the order of
/// these. Exterior rings have positive area, holes negative. About n log n in the number
/// of vertices. Positions are pixels: sides shorter than 1e-150 px have no direction.
///
/// # Errors
/// [`Error::Item`] with an [`Error::Parameter`] for a vertex outside its core, or with an
/// [`Error::Polygon`] for a polygon that is not valid, or the first of some whose union is
/// not because they overlap; [`Error::MultiPolygon`] where polygons overlap along a border.
/// Polygons are counted over all tiles there.
///
/// # Examples
/// ```
/// use geo_types::polygon;
/// use mapvec_geometry::{TilePolygons, Window, merge_polygons};
/// let half = |x: u32, polygon| TilePolygons {
///     core: Window { x, y: 0, width: 4, height: 4 },
///     polygons: vec![(7, polygon)],
/// };
/// let left = polygon![(x: 1., y: 1.), (x: 4., y: 1.), (x: 4., y: 3.), (x: 1., y: 3.)];
/// let right = polygon![(x: 4., y: 1.), (x: 6., y: 1.), (x: 6., y: 3.), (x: 4., y: 3.)];
/// let whole = merge_polygons(&[half(0, left), half(4, right)])?;
/// assert_eq!(whole.len(), 1);
/// assert_eq!(whole[0].1.exterior().0.len(), 5);
/// # Ok::<(), mapvec_geometry::Error>(())
/// ```
pub fn merge_polygons(tiles: &[TilePolygons]) -> Result<Vec<(u32, Polygon<f64>)>> {
    let mut pieces = Vec::new();
    let mut seams = Seams::default();
    for tile in tiles {
        let frame = Frame::new(tile.core);
        for (label, polygon) in &tile.polygons {
            let piece = Piece::new(*label, polygon, &frame)
                .map_err(|error| error.of_item("polygons", pieces.len()))?;
            if piece.is_cut {
                piece.rings.iter().for_each(|ring| seams.add_vertices(&frame, ring));
            }
            pieces.push((frame, piece));
        }
    }
    seams.sort();
    for (index, (frame, piece)) in pieces.iter_mut().enumerate() {
        if piece.is_cut {
            let cut = piece.rings.iter().map(|ring| seams.cut(index, frame, ring));
            piece.rings = cut.collect::<Result<_>>()?;
        }
    }
    let pieces: Vec<Piece> = pieces.into_iter().map(|(_, piece)| piece).collect();
    let groups = group(&pieces, &seams);
    let straight = Straight::new(&groups, &seams);
    let whole = pieces.iter().filter(|piece| !piece.is_cut);
    let mut merged: Vec<(u32, Polygon<f64>)> =
        whole.map(|piece| (piece.label, assemble(&piece.rings))).collect();
    for Group { first, count, edges } in groups {
        let piece = &pieces[first];
        let polygon = if count == 1 {
            assemble(&straight.without(&piece.rings))
        } else {
            let mut rings = rings(&edges);
            let exterior = rings.iter().position(|ring| is_exterior(ring));
            rings.swap(0, exterior.unwrap_or(0));
            let polygon = assemble(&straight.without(&rings));
            validate_polygon(&polygon).map_err(|error| error.of_item("polygons", first))?;
            polygon
        };
        merged.push((piece.label, polygon));
    }
    let start = |polygon: &Polygon<f64>| polygon.exterior().0.first().copied();
    merged.sort_by(|(la, a), (lb, b)| {
        let points = start(a).zip(start(b));
        points.map_or(la.cmp(lb), |(p, q)| raster_order(p, q).then(la.cmp(lb)))
    });
    Ok(merged)
}

/// A polygon with the area on the positive side of its open rings.
struct Piece {
    label: u32,
    rings: Vec<Vec<Coord<f64>>>,
    /// Whether it has a vertex on the border of its core.
    is_cut: bool,
}

impl Piece {
    fn new(label: u32, polygon: &Polygon<f64>, frame: &Frame) -> Result<Self> {
        check_polygon(polygon)?;
        let outside = ring::rings(polygon).flat_map(LineString::coords);
        if let Some(p) = outside.copied().find(|&p| !frame.holds(p)) {
            let x = p.x < frame.low.x || p.x > frame.high.x;
            let (field, value) = if x { ("polygon.x", p.x) } else { ("polygon.y", p.y) };
            let allowed = "inside the core of its tile (pixels of the page)";
            return Err(Error::Parameter { field, value, allowed });
        }
        let rings = ring::rings(polygon).enumerate().map(|(index, ring)| {
            let mut points = ring.0.clone();
            points.pop();
            if (signed_area(ring) > 0.0) != (index == 0) {
                points.reverse();
            }
            points
        });
        let rings: Vec<_> = rings.collect();
        let is_cut = rings.iter().flatten().any(|&p| frame.has_on_side(p));
        Ok(Self { label, rings, is_cut })
    }
}

/// Pieces that share stretches of borders.
#[derive(Debug)]
struct Group {
    /// Index of the first piece.
    first: usize,
    /// Number of pieces.
    count: usize,
    /// The edges that are left.
    edges: Vec<Edge>,
}

/// Joins the pieces that are cut.
fn group(pieces: &[Piece], seams: &Seams) -> Vec<Group> {
    let mut parent: Vec<usize> = (0..pieces.len()).collect();
    let mut edges: Vec<Vec<Edge>> = vec![Vec::new(); pieces.len()];
    for (index, piece) in pieces.iter().enumerate().filter(|(_, piece)| piece.is_cut) {
        for ring in &piece.rings {
            for (&a, &b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                match seams.opposite(a, b).filter(|&other| pieces[other].label == piece.label) {
                    Some(other) => unite(&mut parent, index, other),
                    None => edges[index].push([a, b]),
                }
            }
        }
    }
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    for (index, edges) in edges.into_iter().enumerate().filter(|(index, _)| pieces[*index].is_cut) {
        let first = root(&mut parent, index);
        let new = Group { first, count: 0, edges: Vec::new() };
        let group = groups.entry(first).or_insert(new);
        group.count += 1;
        group.edges.extend(edges);
    }
    groups.into_values().collect()
}

/// Tells which vertices on the borders of cores are not needed.
struct Straight<'a> {
    seams: &'a Seams,
    /// Ends of the edges at each point on a border.
    around: HashMap<Key, Vec<Coord<f64>>>,
}

impl<'a> Straight<'a> {
    fn new(groups: &[Group], seams: &'a Seams) -> Self {
        let mut around: HashMap<Key, Vec<Coord<f64>>> = HashMap::new();
        for &[a, b] in groups.iter().flat_map(|group| &group.edges) {
            for (p, q) in [(a, b), (b, a)] {
                if seams.contains(p) {
                    around.entry(key(p)).or_default().push(q);
                }
            }
        }
        Self { seams, around }
    }

    /// The rings without vertices on straight sides where only two borders meet.
    fn without(&self, rings: &[Vec<Coord<f64>>]) -> Vec<Vec<Coord<f64>>> {
        let ring = |ring: &Vec<Coord<f64>>| {
            let count = ring.len();
            let is_needed = |k: &usize| {
                let (before, after) = (ring[(k + count - 1) % count], ring[(k + 1) % count]);
                !self.is_straight(before, ring[*k], after)
            };
            (0..count).filter(is_needed).map(|k| ring[k]).collect()
        };
        rings.iter().map(ring).collect()
    }

    fn is_straight(&self, before: Coord<f64>, p: Coord<f64>, after: Coord<f64>) -> bool {
        if !self.seams.contains(p) || side(before, p, after) != 0 || !is_ahead([before, p], after) {
            return false;
        }
        let around = self.around.get(&key(p)).map_or(&[][..], Vec::as_slice);
        directions(p, around) <= 2
    }
}

/// The polygon of open rings, the exterior first.
fn assemble(rings: &[Vec<Coord<f64>>]) -> Polygon<f64> {
    let closed = |ring: &Vec<Coord<f64>>| {
        let mut ring = from_topmost(ring);
        ring.extend_from_within(..1);
        LineString(ring)
    };
    let mut rings = rings.iter().map(closed);
    let exterior = rings.next().unwrap_or_else(|| LineString(Vec::new()));
    let mut holes: Vec<_> = rings.collect();
    holes.sort_by(|a, b| raster_order(a.0[0], b.0[0]));
    Polygon::new(exterior, holes)
}

/// The ring, rotated to begin at its topmost vertex, the leftmost of these.
fn from_topmost(ring: &[Coord<f64>]) -> Vec<Coord<f64>> {
    let mut ring = ring.to_vec();
    let start = (0..ring.len()).min_by(|&k, &l| raster_order(ring[k], ring[l]));
    ring.rotate_left(start.unwrap_or(0));
    ring
}

/// Whether a ring has positive area, judged at its topmost vertex.
fn is_exterior(ring: &[Coord<f64>]) -> bool {
    let ring = from_topmost(ring);
    ring.len() > 2 && side(ring[ring.len() - 1], ring[0], ring[1]) > 0
}

/// The order of points by rows.
fn raster_order(p: Coord<f64>, q: Coord<f64>) -> std::cmp::Ordering {
    p.y.total_cmp(&q.y).then(p.x.total_cmp(&q.x))
}
