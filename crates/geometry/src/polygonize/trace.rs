//! Following the borders between faces along pixel edges.

use super::{Arc, Corner, components::PaddedComponents};

/// Directions on the screen: right, down, left, up. Adding 1 turns right.
const STEPS: [(isize, isize); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];
/// Marks a direction of a node without an arc.
pub(super) const NO_ARC: u32 = u32::MAX;

/// A corner where arcs end.
pub(super) struct Node {
    /// Outgoing half-arc (2 * arc + reversed) per direction, [`NO_ARC`] if none.
    pub(super) out: [u32; 4],
}

/// Result of the tracing.
pub(super) struct Traced {
    pub(super) arcs: Vec<Arc>,
    pub(super) nodes: Vec<Node>,
    /// Direction in which each arc leaves its start and arrives at its end.
    pub(super) directions: Vec<[usize; 2]>,
}

/// Cuts all borders into arcs.
pub(super) fn trace(components: &PaddedComponents) -> Traced {
    let mut tracer = Tracer::new(components);
    for index in 0..tracer.positions.len() {
        let (x, y) = tracer.positions[index];
        for direction in 0..4 {
            if is_border(tracer.around(x, y), direction)
                && tracer.traced.nodes[index].out[direction] == NO_ARC
            {
                tracer.follow((x, y), direction, Some(index));
            }
        }
    }
    // What is left are loops without nodes: they begin at their first corner in
    // raster order, where the border goes right and down.
    for y in 0..=components.height {
        for x in 0..=components.width {
            if is_border(tracer.around(x, y), 0) && !tracer.is_visited(x, y) {
                tracer.follow((x, y), 0, None);
            }
        }
    }
    tracer.traced
}

/// Whether a border leaves the corner in this direction.
fn is_border(around: [u32; 4], direction: usize) -> bool {
    let [right, left] = sides(around, direction);
    right != left
}

/// Faces right and left of the edge that leaves the corner in this direction.
fn sides(around: [u32; 4], direction: usize) -> [u32; 2] {
    // Going right, the south-east pixel (2) is on the right, the north-east (1) on the left.
    [around[(direction + 2) % 4], around[(direction + 1) % 4]]
}

fn degree(around: [u32; 4]) -> usize {
    (0..4).filter(|&direction| is_border(around, direction)).count()
}

struct Tracer<'a> {
    components: &'a PaddedComponents,
    /// Corner of each node, in raster order.
    positions: Vec<(usize, usize)>,
    /// Per corner: whether the edge to its right was followed.
    visited: Vec<bool>,
    traced: Traced,
}

impl<'a> Tracer<'a> {
    fn new(components: &'a PaddedComponents) -> Self {
        let (width, height) = (components.width, components.height);
        let mut positions = Vec::new();
        for y in 0..=height {
            for x in 0..=width {
                let around = components.around(x, y);
                if around[0] == around[1] && around[1] == around[2] && around[2] == around[3] {
                    continue;
                }
                let raster_corner = (x == 0 || x == width) && (y == 0 || y == height);
                if raster_corner || degree(around) > 2 {
                    positions.push((x, y));
                }
            }
        }
        let nodes = positions.iter().map(|_| Node { out: [NO_ARC; 4] }).collect();
        let visited = vec![false; (width + 1) * (height + 1)];
        let traced = Traced { arcs: Vec::new(), nodes, directions: Vec::new() };
        Self { components, positions, visited, traced }
    }

    fn around(&self, x: usize, y: usize) -> [u32; 4] {
        self.components.around(x, y)
    }

    fn is_visited(&self, x: usize, y: usize) -> bool {
        self.visited[y * (self.components.width + 1) + x]
    }

    fn node_at(&self, position: (usize, usize)) -> Option<usize> {
        self.positions.binary_search_by_key(&(position.1, position.0), |p| (p.1, p.0)).ok()
    }

    /// Whether the corner ends an arc; the degree is checked before the search.
    fn ends_at(&self, position: (usize, usize), around: [u32; 4]) -> Option<usize> {
        let (x, y) = position;
        let side = |v: usize, end: usize| v == 0 || v == end;
        let corner = side(x, self.components.width) && side(y, self.components.height);
        if corner || degree(around) > 2 { self.node_at(position) } else { None }
    }

    /// Follows a border to the next node, or around a loop back to the start.
    fn follow(&mut self, start: (usize, usize), direction: usize, node: Option<usize>) {
        let faces = sides(self.around(start.0, start.1), direction);
        let mut corners = vec![corner(start)];
        let (mut at, mut heading) = (start, direction);
        let end = loop {
            self.mark(at, heading);
            let (dx, dy) = STEPS[heading];
            at = (at.0.wrapping_add_signed(dx), at.1.wrapping_add_signed(dy));
            let around = self.around(at.0, at.1);
            let end = self.ends_at(at, around);
            if end.is_some() || at == start {
                break end;
            }
            // Exactly one border leaves besides the one we came by.
            let turn = [0, 1, 3].into_iter().find(|t| is_border(around, (heading + t) % 4));
            let turn = turn.unwrap_or(0);
            if turn != 0 {
                corners.push(corner(at));
                heading = (heading + turn) % 4;
            }
        };
        corners.push(corner(at));
        let id = self.traced.arcs.len() as u32;
        let mut nodes = None;
        if let (Some(first), Some(last)) = (node, end) {
            self.traced.nodes[first].out[direction] = 2 * id;
            self.traced.nodes[last].out[(heading + 2) % 4] = 2 * id + 1;
            nodes = Some([first as u32, last as u32]);
        }
        self.traced.arcs.push(Arc { corners, nodes, faces });
        self.traced.directions.push([direction, heading]);
    }

    /// Marks the edge that leaves a corner, if it is horizontal.
    fn mark(&mut self, (x, y): (usize, usize), heading: usize) {
        let row = y * (self.components.width + 1);
        match heading {
            0 => self.visited[row + x] = true,
            2 => self.visited[row + x - 1] = true,
            _ => {}
        }
    }
}

fn corner((x, y): (usize, usize)) -> Corner {
    Corner { x: x as u32, y: y as u32 }
}
