//! Which faces of equal label belong together.

use super::components::{PaddedComponents, find, unite};
use serde::{Deserialize, Serialize};

/// Which pixels of equal label are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connectivity {
    /// The four pixels that share a side.
    #[default]
    Four,
    /// The eight pixels that share a side or a corner. Both diagonals of a corner
    /// may connect, each for its own label.
    Eight,
}

impl Connectivity {
    /// The group of each face, counted from 0 in the order of the faces.
    pub(super) fn group(self, components: &PaddedComponents) -> Vec<u32> {
        let faces = components.face_labels.len();
        if self == Self::Four {
            return (0..faces as u32).collect();
        }
        // Parents are never larger than their children, so roots are the first faces.
        let mut parent: Vec<u32> = (0..faces as u32).collect();
        let label = |face: u32| components.face_labels[face as usize - 1];
        for y in 1..components.height {
            for x in 1..components.width {
                let around = components.around(x, y);
                for [a, b] in [[around[0], around[2]], [around[1], around[3]]] {
                    if a != b && a > 0 && b > 0 && label(a) == label(b) {
                        unite(&mut parent, a - 1, b - 1);
                    }
                }
            }
        }
        let mut groups = vec![0; faces];
        let mut count = 0;
        for face in 0..faces {
            let root = find(&mut parent, face as u32) as usize;
            groups[face] = if root == face {
                count += 1;
                count - 1
            } else {
                groups[root]
            };
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polygonize_with;
    use ndarray::array;

    #[test]
    fn corners_connect_equal_labels() {
        let labels = array![[1, 2, 0], [2, 1, 0], [0, 3, 1]];
        let features = polygonize_with(labels.view(), Connectivity::Eight).multi_polygons();
        let sizes: Vec<_> = features.iter().map(|(label, parts)| (*label, parts.0.len())).collect();
        assert_eq!(sizes, [(1, 3), (2, 2), (3, 1)]);
        assert_eq!(polygonize_with(labels.view(), Connectivity::Four).multi_polygons().len(), 6);
    }
}
