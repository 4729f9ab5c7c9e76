//! From a spanning tree to clusters: single linkage, condensed, the stable parts chosen.

use super::spanning_tree::Edge;
use super::union_find::Forest;

/// A step of single linkage; nodes below the number of points are points, the others steps.
#[derive(Debug, Clone, Copy)]
struct Merge {
    left: usize,
    right: usize,
    distance: f64,
    size: usize,
}

/// A point or a cluster that leaves its parent cluster at a density.
#[derive(Debug, Clone, Copy)]
struct Entry {
    parent: usize,
    /// A cluster, or a point.
    child: Child,
    /// Inverse of the distance.
    lambda: f64,
    size: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Child {
    Point(usize),
    Cluster(usize),
}

/// Which clusters of the tree count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    /// The ones without clusters inside instead of the most stable ones.
    pub(super) leaves: bool,
    /// Whether the whole may be one cluster.
    pub(super) single: bool,
}

/// The condensed tree. Cluster 0 is the whole; parents come before their children.
#[derive(Debug)]
pub(super) struct CondensedTree {
    points: usize,
    clusters: usize,
    entries: Vec<Entry>,
}

impl CondensedTree {
    /// Condenses the single linkage of the edges of a spanning tree; `edges` has at least one.
    pub(super) fn new(mut edges: Vec<Edge>, min_cluster_size: usize) -> Self {
        edges.sort_unstable_by(|x, y| {
            x.square.total_cmp(&y.square).then((x.a, x.b).cmp(&(y.a, y.b)))
        });
        let points = edges.len() + 1;
        let merges = single_linkage(&edges);
        let mut tree = Self { points, clusters: 1, entries: Vec::with_capacity(2 * points) };
        tree.condense(&merges, min_cluster_size.max(2));
        tree
    }

    fn condense(&mut self, merges: &[Merge], min_cluster_size: usize) {
        let points = self.points;
        let size = |node: usize| if node < points { 1 } else { merges[node - points].size };
        // Nodes and the clusters that they belong to; a queue, so that numbers grow downwards.
        let mut queue = vec![(points + merges.len() - 1, 0)];
        let mut next = 0;
        while let Some(&(node, cluster)) = queue.get(next) {
            next += 1;
            let merge = merges[node - points];
            let lambda = merge.distance.recip();
            let sides = [merge.left, merge.right];
            let large = sides.map(|side| size(side) >= min_cluster_size);
            for (side, is_large) in sides.into_iter().zip(large) {
                if large == [true, true] {
                    let child = self.clusters;
                    self.clusters += 1;
                    let (entry, size) = (Child::Cluster(child), size(side));
                    self.entries.push(Entry { parent: cluster, child: entry, lambda, size });
                    queue.push((side, child));
                } else if is_large {
                    queue.push((side, cluster));
                } else {
                    self.drop_points(merges, side, cluster, lambda);
                }
            }
        }
    }

    /// All points below a node leave a cluster.
    fn drop_points(&mut self, merges: &[Merge], node: usize, parent: usize, lambda: f64) {
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            if let Some(below) = node.checked_sub(self.points) {
                stack.extend([merges[below].right, merges[below].left]);
            } else {
                self.entries.push(Entry { parent, child: Child::Point(node), lambda, size: 1 });
            }
        }
    }

    /// Excess of mass of every cluster, and its parent.
    fn stabilities(&self) -> (Vec<f64>, Vec<usize>) {
        let mut births = vec![0.0; self.clusters];
        let mut parents = vec![0; self.clusters];
        for entry in &self.entries {
            if let Child::Cluster(cluster) = entry.child {
                births[cluster] = entry.lambda;
                parents[cluster] = entry.parent;
            }
        }
        let mut stabilities = vec![0.0; self.clusters];
        for entry in &self.entries {
            let excess = (entry.lambda - births[entry.parent]) * entry.size as f64;
            // Equal points stay together at any density: infinity less infinity is nothing.
            stabilities[entry.parent] += if excess.is_nan() { 0.0 } else { excess };
        }
        (stabilities, parents)
    }

    /// Which clusters count.
    fn chosen(&self, choice: Choice) -> Vec<bool> {
        let (mut stabilities, parents) = self.stabilities();
        let mut below = vec![0.0; self.clusters];
        let mut inner = vec![false; self.clusters];
        let mut chosen = vec![false; self.clusters];
        for cluster in (0..self.clusters).rev() {
            let allowed = cluster > 0 || choice.single;
            chosen[cluster] = allowed
                && if choice.leaves {
                    !inner[cluster]
                } else {
                    !inner[cluster] || below[cluster] <= stabilities[cluster]
                };
            if !chosen[cluster] && inner[cluster] {
                stabilities[cluster] = below[cluster];
            }
            if cluster > 0 {
                below[parents[cluster]] += stabilities[cluster];
                inner[parents[cluster]] = true;
            }
        }
        // Clusters inside of a chosen one do not count.
        let mut covered = chosen.clone();
        for cluster in 1..self.clusters {
            let above = covered[parents[cluster]];
            covered[cluster] |= above;
            chosen[cluster] &= !above;
        }
        chosen
    }

    /// Cluster and strength of membership of every point.
    pub(super) fn labels(&self, choice: Choice) -> (Vec<Option<u32>>, Vec<f64>, usize) {
        let chosen = self.chosen(choice);
        let (_, parents) = self.stabilities();
        // The chosen cluster that each cluster lies in.
        let mut homes: Vec<Option<usize>> = vec![None; self.clusters];
        let mut numbers = vec![0_u32; self.clusters];
        let mut count = 0;
        for cluster in 0..self.clusters {
            if chosen[cluster] {
                homes[cluster] = Some(cluster);
                numbers[cluster] = count;
                count += 1;
            } else if cluster > 0 {
                homes[cluster] = homes[parents[cluster]];
            }
        }
        let mut deaths = vec![0.0_f64; self.clusters];
        for entry in &self.entries {
            deaths[entry.parent] = deaths[entry.parent].max(entry.lambda);
        }
        let mut labels = vec![None; self.points];
        let mut strengths = vec![0.0; self.points];
        for entry in &self.entries {
            let Child::Point(point) = entry.child else { continue };
            let Some(home) = homes[entry.parent] else { continue };
            // Of the whole only the points that stay to the end are no noise.
            if home == 0 && entry.lambda < deaths[0] {
                continue;
            }
            labels[point] = Some(numbers[home]);
            let all = deaths[home] <= 0.0 || entry.lambda.is_infinite();
            strengths[point] =
                if all { 1.0 } else { entry.lambda.min(deaths[home]) / deaths[home] };
        }
        (labels, strengths, count as usize)
    }
}

/// Merges in the order of the edges; the last one holds all points.
fn single_linkage(edges: &[Edge]) -> Vec<Merge> {
    let points = edges.len() + 1;
    let mut parents: Vec<u32> = (0..points as u32).collect();
    let mut forest = Forest { parents: &mut parents, base: 0 };
    // Node and size of the set of every root.
    let mut sets: Vec<(usize, usize)> = (0..points).map(|point| (point, 1)).collect();
    let mut merges = Vec::with_capacity(edges.len());
    for (step, edge) in edges.iter().enumerate() {
        let (left, right) = (forest.find(edge.a) as usize, forest.find(edge.b) as usize);
        let (a, b) = (sets[left], sets[right]);
        let size = a.1 + b.1;
        merges.push(Merge { left: a.0, right: b.0, distance: edge.square.sqrt(), size });
        forest.unite(edge.a, edge.b);
        sets[left.min(right)] = (points + step, size);
    }
    merges
}
