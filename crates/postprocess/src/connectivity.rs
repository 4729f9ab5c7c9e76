//! Which pixels are neighbours.

use serde::{Deserialize, Serialize};

/// Which pixels of the 3 x 3 neighbourhood count as neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connectivity {
    /// The four pixels that share a side.
    Four,
    /// The eight pixels that share a side or a corner.
    Eight,
}

impl Connectivity {
    /// Steps from a pixel to its neighbours in a flat raster whose rows are
    /// `stride` apart. Steps backwards are wrapped: add them with
    /// `wrapping_add`. Neighbours that share a side come first.
    pub(crate) fn steps(self, stride: usize) -> Vec<usize> {
        let back = |step: usize| 0_usize.wrapping_sub(step);
        let mut steps = vec![back(stride), back(1), 1, stride];
        if self == Self::Eight {
            steps.extend([back(stride + 1), back(stride - 1), stride - 1, stride + 1]);
        }
        steps
    }
}
