//! Connected components of a binary mask.

use ndarray::{Array2, ArrayView2};

use crate::Connectivity;

/// Connected components of a mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components {
    /// Component of every pixel: 1, 2, ... in the order in which a row-by-row
    /// scan meets them, 0 where the mask is false.
    pub labels: Array2<u32>,
    /// Pixels per label; `areas[0]` counts the pixels outside the mask. There
    /// are `areas.len() - 1` components.
    pub areas: Vec<u32>,
}

impl Components {
    /// Clears the components of less than `min_area` pixels and renumbers the
    /// others in scan order.
    #[must_use]
    pub fn without_small(mut self, min_area: u32) -> Self {
        let mut areas = vec![self.areas.first().copied().unwrap_or(0)];
        let mut new_ids = vec![0_u32; self.areas.len()];
        for (id, &area) in self.areas.iter().enumerate().skip(1) {
            if area >= min_area {
                new_ids[id] = areas.len() as u32;
                areas.push(area);
            } else {
                areas[0] = areas[0].saturating_add(area);
            }
        }
        self.labels.mapv_inplace(|id| new_ids.get(id as usize).copied().unwrap_or(0));
        Self { labels: self.labels, areas }
    }
}

/// Finds the connected components of the true pixels.
///
/// Two scans with a union-find over provisional labels: linear time, four bytes
/// per pixel. Areas saturate at `u32::MAX`.
///
/// # Examples
/// ```
/// use mapvec_postprocess::{Connectivity, components};
/// use ndarray::array;
///
/// let mask = array![[true, false, true], [false, true, false]];
/// assert_eq!(components(mask.view(), Connectivity::Four).areas, [3, 1, 1, 1]);
/// assert_eq!(components(mask.view(), Connectivity::Eight).areas, [3, 3]);
/// ```
#[must_use]
pub fn components(mask: ArrayView2<'_, bool>, connectivity: Connectivity) -> Components {
    let mut labels = Array2::<u32>::zeros(mask.dim());
    let parents = provisional(mask, connectivity, &mut labels);
    let (new_ids, count) = number(parents);
    let mut areas = vec![0_u32; count + 1];
    labels.mapv_inplace(|label| {
        let id = new_ids[label as usize];
        areas[id as usize] = areas[id as usize].saturating_add(1);
        id
    });
    Components { labels, areas }
}

/// First scan: every true pixel takes the label of a neighbour that the scan
/// has passed, or a new one; labels that touch are united.
fn provisional(
    mask: ArrayView2<'_, bool>,
    connectivity: Connectivity,
    labels: &mut Array2<u32>,
) -> Vec<u32> {
    let (rows, columns) = mask.dim();
    let reach = usize::from(connectivity == Connectivity::Eight);
    let mut parents = vec![0_u32];
    for row in 0..rows {
        for column in 0..columns {
            if !mask[(row, column)] {
                continue;
            }
            let mut label = if column > 0 { labels[(row, column - 1)] } else { 0 };
            if row > 0 {
                for above in column.saturating_sub(reach)..=(column + reach).min(columns - 1) {
                    let other = labels[(row - 1, above)];
                    label = match (label, other) {
                        (0, other) => other,
                        (label, 0) => label,
                        (label, other) if label == other => label,
                        (label, other) => unite(&mut parents, label, other),
                    };
                }
            }
            if label == 0 {
                label = parents.len() as u32;
                parents.push(label);
            }
            labels[(row, column)] = label;
        }
    }
    parents
}

/// Unites two sets under the smaller root, which belongs to the earlier pixel.
fn unite(parents: &mut [u32], a: u32, b: u32) -> u32 {
    let (a, b) = (find(parents, a), find(parents, b));
    let (low, high) = (a.min(b), a.max(b));
    parents[high as usize] = low;
    low
}

fn find(parents: &mut [u32], mut label: u32) -> u32 {
    while parents[label as usize] != label {
        let grandparent = parents[parents[label as usize] as usize];
        parents[label as usize] = grandparent;
        label = grandparent;
    }
    label
}

/// Replaces parents by final ids. Parents are never larger than their
/// children, so one pass forwards is enough.
fn number(mut parents: Vec<u32>) -> (Vec<u32>, usize) {
    let mut count = 0;
    for label in 1..parents.len() {
        let parent = parents[label] as usize;
        parents[label] = if parent == label {
            count += 1;
            count
        } else {
            parents[parent]
        };
    }
    (parents, count as usize)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn branches_that_meet_late_are_one() {
        let u = array![[1, 0, 1, 0, 1], [1, 0, 1, 0, 0], [1, 1, 1, 0, 1_u8]].mapv(|v| v > 0);
        let found = components(u.view(), Connectivity::Four);
        assert_eq!(found.areas, [6, 7, 1, 1]);
        assert_eq!(found.labels.row(2).to_vec(), [1, 1, 1, 0, 3]);
    }

    #[test]
    fn small_components_go() {
        let mask = array![[true, false, true, true], [false, false, true, false]];
        let found = components(mask.view(), Connectivity::Four).without_small(2);
        assert_eq!(found.areas, [5, 3]);
        assert_eq!(found.labels, array![[0, 0, 1, 1], [0, 0, 1, 0]]);
    }

    #[test]
    fn empty_rasters_are_fine() {
        let found = components(Array2::default((0, 4)).view(), Connectivity::Eight);
        assert_eq!(found.areas, [0]);
    }
}
