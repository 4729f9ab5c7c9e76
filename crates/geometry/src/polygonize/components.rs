//! 4-connected components of equal label, with a border of outside around them.

use ndarray::ArrayView2;

/// Face of every pixel; 0 is the outside, faces count from 1 in raster order.
pub(super) struct PaddedComponents {
    /// Width and height of the raster.
    pub(super) width: usize,
    pub(super) height: usize,
    /// (`height` + 2) x (`width` + 2): one pixel of outside on each side.
    faces: Vec<u32>,
    /// Label of face `k + 1`.
    pub(super) face_labels: Vec<u32>,
}

impl PaddedComponents {
    /// Union-find over runs of the raster.
    pub(super) fn new(labels: ArrayView2<'_, u32>) -> Self {
        let (height, width) = labels.dim();
        let stride = width + 2;
        let mut faces = vec![0; stride * (height + 2)];
        // Provisional ids: parent[k] <= k, so roots are the first pixels.
        let mut parent: Vec<u32> = vec![0];
        let mut label_of: Vec<u32> = vec![0];
        for ((i, j), &label) in labels.indexed_iter() {
            if label == 0 {
                continue;
            }
            let at = (i + 1) * stride + j + 1;
            let (left, up) = (faces[at - 1], faces[at - stride]);
            let same = |id: u32| label_of[id as usize] == label;
            faces[at] = match (same(left), same(up)) {
                (true, true) => unite(&mut parent, left, up),
                (true, false) => left,
                (false, true) => up,
                (false, false) => {
                    let id = parent.len() as u32;
                    parent.push(id);
                    label_of.push(label);
                    id
                }
            };
        }
        let mut face_labels = Vec::new();
        let mut number = vec![0; parent.len()];
        for id in 1..parent.len() {
            let root = find(&mut parent, id as u32) as usize;
            if root == id {
                face_labels.push(label_of[id]);
                number[id] = face_labels.len() as u32;
            } else {
                number[id] = number[root];
            }
        }
        for face in &mut faces {
            *face = number[*face as usize];
        }
        Self { width, height, faces, face_labels }
    }

    /// The faces around a corner: north-west, north-east, south-east, south-west.
    pub(super) fn around(&self, x: usize, y: usize) -> [u32; 4] {
        let stride = self.width + 2;
        let at = y * stride + x;
        [self.faces[at], self.faces[at + 1], self.faces[at + stride + 1], self.faces[at + stride]]
    }
}

pub(super) fn find(parent: &mut [u32], mut id: u32) -> u32 {
    while parent[id as usize] != id {
        let next = parent[parent[id as usize] as usize];
        parent[id as usize] = next;
        id = next;
    }
    id
}

pub(super) fn unite(parent: &mut [u32], a: u32, b: u32) -> u32 {
    if a == b {
        return a;
    }
    let (a, b) = (find(parent, a), find(parent, b));
    let (low, high) = (a.min(b), a.max(b));
    parent[high as usize] = low;
    low
}
