//! Connected regions of a label map, and what happens to slivers.

use ndarray::Array2;

use crate::cast::{from_id, to_id};

/// Gives every 4-connected region of equal labels its own id 1..=n, in order of the
/// first pixel. Returns the ids and, per id, the label it had (index 0 unused).
pub(crate) fn separate(labels: &Array2<u32>) -> (Array2<u32>, Vec<u32>) {
    let (rows, columns) = labels.dim();
    let mut ids = Array2::<u32>::zeros((rows, columns));
    let mut parents: Vec<u32> = vec![0];
    let mut original: Vec<u32> = vec![0];
    for y in 0..rows {
        for x in 0..columns {
            let label = labels[(y, x)];
            let left = if x > 0 && labels[(y, x - 1)] == label { ids[(y, x - 1)] } else { 0 };
            let above = if y > 0 && labels[(y - 1, x)] == label { ids[(y - 1, x)] } else { 0 };
            ids[(y, x)] = match (left, above) {
                (0, 0) => {
                    let id = to_id(parents.len());
                    parents.push(id);
                    original.push(label);
                    id
                }
                (0, id) | (id, 0) => id,
                (a, b) => join(&mut parents, a, b),
            };
        }
    }
    let mut compact = vec![0_u32; parents.len()];
    let mut kept = vec![0_u32];
    for id in 1..parents.len() {
        let root = from_id(find(&mut parents, to_id(id)));
        if root == id {
            compact[id] = to_id(kept.len());
            kept.push(original[id]);
        } else {
            // Roots have the smallest id of their set, so theirs is known already.
            compact[id] = compact[root];
        }
    }
    ids.mapv_inplace(|id| compact[from_id(id)]);
    (ids, kept)
}

/// Gives regions of fewer than `smallest` pixels to a neighbour. Ids stay as they are;
/// some no longer occur.
pub(crate) fn absorb_slivers(ids: &mut Array2<u32>, smallest: u32) {
    let (rows, columns) = ids.dim();
    let highest = ids.iter().copied().max().unwrap_or(0);
    let mut areas = vec![0_u32; from_id(highest) + 1];
    for &id in ids.iter() {
        areas[from_id(id)] += 1;
    }
    let small = |id: u32| areas[from_id(id)] < smallest;
    let mut pending: Vec<(usize, usize)> =
        ids.indexed_iter().filter(|&(_, &id)| small(id)).map(|(place, _)| place).collect();
    // Every pass moves the front by at least a pixel; a sliver is at most `smallest` deep.
    for _ in 0..smallest {
        if pending.is_empty() {
            break;
        }
        let mut moves = Vec::new();
        pending.retain(|&(y, x)| {
            let mut around = [None; 4];
            around[0] = (x > 0).then(|| (y, x - 1));
            around[1] = (y > 0).then(|| (y - 1, x));
            around[2] = (x + 1 < columns).then(|| (y, x + 1));
            around[3] = (y + 1 < rows).then(|| (y + 1, x));
            let settled = around.into_iter().flatten().map(|at| ids[at]).find(|&id| !small(id));
            if let Some(id) = settled {
                moves.push(((y, x), id));
            }
            settled.is_none()
        });
        for (place, id) in moves {
            ids[place] = id;
        }
    }
}

fn find(parents: &mut [u32], id: u32) -> u32 {
    let mut root = id;
    while parents[from_id(root)] != root {
        root = parents[from_id(root)];
    }
    let mut walk = id;
    while parents[from_id(walk)] != root {
        walk = std::mem::replace(&mut parents[from_id(walk)], root);
    }
    root
}

fn join(parents: &mut [u32], a: u32, b: u32) -> u32 {
    let (a, b) = (find(parents, a), find(parents, b));
    let root = a.min(b);
    parents[from_id(a.max(b))] = root;
    root
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::{absorb_slivers, separate};

    #[test]
    fn separate_pieces_of_a_label_get_separate_ids() {
        let labels = array![[1, 1, 2, 1], [2, 1, 2, 1], [2, 1, 1, 1], [2, 2, 3, 3]];
        let (ids, original) = separate(&labels);
        assert_eq!(ids, array![[1, 1, 2, 1], [3, 1, 2, 1], [3, 1, 1, 1], [3, 3, 4, 4]]);
        assert_eq!(original, vec![0, 1, 2, 2, 3]);
    }

    #[test]
    fn slivers_go_to_neighbours() {
        let mut ids = array![[1, 1, 1, 2], [1, 3, 1, 2], [1, 1, 1, 2]];
        absorb_slivers(&mut ids, 3);
        assert_eq!(ids, array![[1, 1, 1, 2], [1, 1, 1, 2], [1, 1, 1, 2]]);
    }
}
