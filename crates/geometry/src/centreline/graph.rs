//! Junctions of a skeleton and the pixel chains between them.

use ndarray::ArrayView2;

/// Row and column.
pub(super) type Pixel = (u32, u32);

/// A chain of pixels. A ring repeats its first pixel.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    /// From end to end; begins and finishes with the pixel of the junction, if any.
    pub(super) pixels: Vec<Pixel>,
    /// The junctions at the two ends.
    pub(super) ends: [Option<usize>; 2],
}

impl Edge {
    /// Length of the polyline through the pixel centres.
    pub(super) fn length(&self) -> f64 {
        let step = |pair: &[Pixel]| {
            let (a, b) = (pair[0], pair[1]);
            f64::from(a.0.abs_diff(b.0)).hypot(f64::from(a.1.abs_diff(b.1)))
        };
        self.pixels.windows(2).map(step).sum()
    }
}

/// Junctions, given by their pixel, and edges.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Pixel>,
    pub(super) edges: Vec<Edge>,
}

impl Graph {
    /// Reads the graph of a thin mask.
    pub(super) fn new(skeleton: ArrayView2<'_, bool>) -> Self {
        let mut reader = Reader::new(skeleton);
        let pixels: Vec<usize> = (0..reader.cells.len()).filter(|&at| reader.cells[at]).collect();
        for &at in &pixels {
            if reader.state[at] == State::Free && reader.degree(at) > 2 {
                reader.collect_cluster(at);
            }
        }
        for node in 0..reader.clusters.len() {
            reader.follow_from_cluster(node);
        }
        for &at in &pixels {
            if reader.state[at] == State::Free && reader.degree(at) == 1 {
                reader.follow_from_end(at);
            }
        }
        for &at in &pixels {
            if reader.state[at] == State::Free && reader.degree(at) == 2 {
                reader.follow_ring(at);
            }
        }
        reader.graph
    }
}

/// What is known of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    Used,
    Cluster(u32),
}

struct Reader {
    stride: usize,
    /// The mask with one false pixel on each side.
    cells: Vec<bool>,
    state: Vec<State>,
    /// Pixels of each junction.
    clusters: Vec<Vec<usize>>,
    /// Per junction pixel: the next pixel on the way to the pixel that stands for
    /// the junction.
    inwards: Vec<usize>,
    graph: Graph,
}

impl Reader {
    fn new(skeleton: ArrayView2<'_, bool>) -> Self {
        let (height, width) = skeleton.dim();
        let stride = width + 2;
        let mut cells = vec![false; stride * (height + 2)];
        for ((i, j), &set) in skeleton.indexed_iter() {
            cells[(i + 1) * stride + j + 1] = set;
        }
        let state = vec![State::Free; cells.len()];
        let graph = Graph { nodes: Vec::new(), edges: Vec::new() };
        let inwards = vec![0; cells.len()];
        Self { stride, cells, state, clusters: Vec::new(), inwards, graph }
    }

    fn pixel(&self, at: usize) -> Pixel {
        ((at / self.stride - 1) as u32, (at % self.stride - 1) as u32)
    }

    /// The true neighbours of a pixel, 4-neighbours first.
    fn neighbours(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let s = self.stride;
        [at - s, at + 1, at + s, at - 1, at - s + 1, at + s + 1, at + s - 1, at - s - 1]
            .into_iter()
            .filter(|&neighbour| self.cells[neighbour])
    }

    fn degree(&self, at: usize) -> usize {
        self.neighbours(at).count()
    }

    /// Collects the connected pixels with three or more neighbours.
    fn collect_cluster(&mut self, start: usize) {
        let id = State::Cluster(self.clusters.len() as u32);
        self.state[start] = id;
        let mut members = vec![start];
        let mut next = 0;
        while let Some(&at) = members.get(next) {
            next += 1;
            let around: Vec<usize> = self.neighbours(at).collect();
            for neighbour in around {
                if self.state[neighbour] == State::Free && self.degree(neighbour) > 2 {
                    self.state[neighbour] = id;
                    members.push(neighbour);
                }
            }
        }
        let centre = self.representative(&members);
        self.graph.nodes.push(self.pixel(centre));
        self.root_cluster(centre, id);
        self.clusters.push(members);
    }

    /// The member nearest to the mean of all.
    fn representative(&self, members: &[usize]) -> usize {
        let count = members.len() as u64;
        let pixels = members.iter().map(|&at| self.pixel(at));
        let (row, column) = pixels
            .map(|(row, column)| (u64::from(row), u64::from(column)))
            .fold((0, 0), |sum, pixel| (sum.0 + pixel.0, sum.1 + pixel.1));
        // Distances are scaled by the count to stay in integers.
        let offset = |&at: &usize| {
            let pixel = self.pixel(at);
            let dy = (u64::from(pixel.0) * count).abs_diff(row);
            let dx = (u64::from(pixel.1) * count).abs_diff(column);
            (dy.saturating_mul(dy).saturating_add(dx.saturating_mul(dx)), at)
        };
        members.iter().copied().min_by_key(offset).unwrap_or(members[0])
    }

    /// Points all members of a cluster towards `centre`, along shortest paths.
    fn root_cluster(&mut self, centre: usize, id: State) {
        self.inwards[centre] = centre;
        let mut queue = vec![centre];
        let mut next = 0;
        while let Some(&at) = queue.get(next) {
            next += 1;
            let around: Vec<usize> = self.neighbours(at).collect();
            for neighbour in around {
                // 0 is a pixel of the frame, hence no member.
                if self.state[neighbour] == id && self.inwards[neighbour] == 0 {
                    self.inwards[neighbour] = at;
                    queue.push(neighbour);
                }
            }
        }
    }

    /// The pixels from a member of a cluster to the one that stands for it.
    fn path_inwards(&self, member: usize) -> Vec<Pixel> {
        let mut at = member;
        let mut path = vec![self.pixel(at)];
        while self.inwards[at] != at {
            at = self.inwards[at];
            path.push(self.pixel(at));
        }
        path
    }

    fn follow_from_cluster(&mut self, node: usize) {
        for member in self.clusters[node].clone() {
            let starts: Vec<usize> = self.neighbours(member).collect();
            for start in starts {
                if self.state[start] != State::Free {
                    continue;
                }
                let (chain, arrival) = self.follow(member, start);
                let end = arrival.map(|(_, node)| node);
                // One pixel beside a junction is part of its blob, not a ring.
                if end == Some(node) && chain.len() < 2 {
                    continue;
                }
                let mut pixels = self.path_inwards(member);
                pixels.reverse();
                pixels.extend(chain);
                pixels.extend(arrival.into_iter().flat_map(|(at, _)| self.path_inwards(at)));
                self.graph.edges.push(Edge { pixels, ends: [Some(node), end] });
            }
        }
    }

    fn follow_from_end(&mut self, start: usize) {
        let (pixels, _) = self.follow(start, start);
        self.graph.edges.push(Edge { pixels, ends: [None, None] });
    }

    fn follow_ring(&mut self, start: usize) {
        let (mut pixels, _) = self.follow(start, start);
        pixels.push(self.pixel(start));
        self.graph.edges.push(Edge { pixels, ends: [None, None] });
    }

    /// Follows unused pixels with at most two neighbours; returns them, and the
    /// pixel and number of the junction they lead to.
    fn follow(&mut self, from: usize, start: usize) -> (Vec<Pixel>, Option<(usize, usize)>) {
        let (mut previous, mut at) = (from, start);
        let mut chain = Vec::new();
        loop {
            self.state[at] = State::Used;
            chain.push(self.pixel(at));
            let next = self
                .neighbours(at)
                .find(|&next| next != previous && self.state[next] != State::Used);
            match next.map(|next| (next, self.state[next])) {
                None => return (chain, None),
                Some((at, State::Cluster(id))) => return (chain, Some((at, id as usize))),
                Some((next, _)) => (previous, at) = (at, next),
            }
        }
    }
}
