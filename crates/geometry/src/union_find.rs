//! Sets of indices that grow together.

/// The smallest member of a set.
pub(crate) fn root(parent: &mut [usize], mut id: usize) -> usize {
    while parent[id] != id {
        parent[id] = parent[parent[id]];
        id = parent[id];
    }
    id
}

/// Makes the sets of two members one.
pub(crate) fn unite(parent: &mut [usize], a: usize, b: usize) {
    let (p, q) = (root(parent, a), root(parent, b));
    parent[p.max(q)] = p.min(q);
}
