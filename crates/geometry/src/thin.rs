//! Thinning of masks to one-pixel skeletons.

use ndarray::{Array2, ArrayView2, s};

/// The eight neighbours clockwise from the north, as (row, column) steps.
const NEIGHBOURS: [(isize, isize); 8] =
    [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)];
/// Order of the borders that are peeled: north, south, west, east.
const SIDES: [usize; 4] = [0, 4, 6, 2];

/// Thins a mask (shape (H, W)) to a skeleton of 8-connected lines one pixel wide.
///
/// Layers are peeled from the four sides in turn. A pixel goes only while it is
/// *simple* (its removal changes neither the 8-connected components nor the
/// 4-connected holes), not the end of a line and not the middle of a T, tested at
/// the moment of removal, so the topology is kept exactly. No removable pixel is
/// left: thinning twice changes nothing. Only pixels whose surroundings changed are
/// looked at again; the cost is linear in the number of true pixels.
///
/// # References
/// T. Kong, A. Rosenfeld, *Digital topology: introduction and survey*, 1989 (simple
/// points); K. Palagyi et al., *A sequential 3D thinning algorithm and its medical
/// applications*, 2001 (the scheme).
#[must_use]
pub fn thin(mask: ArrayView2<'_, bool>) -> Array2<bool> {
    let (height, width) = mask.dim();
    let mut peeler = Peeler::new(mask);
    let mut active: Vec<usize> = (0..peeler.cells.len()).filter(|&at| peeler.cells[at]).collect();
    // Each round removes a pixel or is the last.
    while !active.is_empty() {
        active = peeler.round(&active);
    }
    let cells = Array2::from_shape_vec((height + 2, width + 2), peeler.cells);
    cells.map_or_else(
        |_| Array2::from_elem((height, width), false),
        |cells| cells.slice(s![1..=height, 1..=width]).to_owned(),
    )
}

struct Peeler {
    /// The mask with one false pixel on each side.
    cells: Vec<bool>,
    /// Marks pixels that are already listed for the next round.
    listed: Vec<bool>,
    steps: [isize; 8],
    /// Per neighbourhood: whether the centre may go.
    removable: [bool; 256],
}

impl Peeler {
    fn new(mask: ArrayView2<'_, bool>) -> Self {
        let (height, width) = mask.dim();
        let mut padded = Array2::from_elem((height + 2, width + 2), false);
        padded.slice_mut(s![1..=height, 1..=width]).assign(&mask);
        let cells = padded.into_raw_vec_and_offset().0;
        let stride = isize::try_from(width + 2).unwrap_or(isize::MAX);
        let listed = vec![false; cells.len()];
        let steps = NEIGHBOURS.map(|(row, column)| row * stride + column);
        Self { cells, listed, steps, removable: std::array::from_fn(is_removable) }
    }

    /// Peels the four sides once; returns the pixels to look at again, in raster order.
    fn round(&mut self, active: &[usize]) -> Vec<usize> {
        let mut next = Vec::new();
        let mut layer = Vec::new();
        for side in SIDES {
            // The layer is fixed before the first removal, else one sweep eats through.
            let step = self.steps[side];
            let on_side = |&&at: &&usize| {
                self.cells[at]
                    && !self.cells[at.wrapping_add_signed(step)]
                    && self.is_removable(self.around(at))
            };
            layer.clear();
            layer.extend(active.iter().filter(on_side).copied());
            for &at in &layer {
                if self.is_removable(self.around(at)) {
                    self.cells[at] = false;
                    self.list_neighbours(at, &mut next);
                }
            }
        }
        next.retain(|&at| {
            self.listed[at] = false;
            self.cells[at]
        });
        next.sort_unstable();
        next
    }

    fn list_neighbours(&mut self, at: usize, next: &mut Vec<usize>) {
        for step in self.steps {
            let neighbour = at.wrapping_add_signed(step);
            if self.cells[neighbour] && !self.listed[neighbour] {
                self.listed[neighbour] = true;
                next.push(neighbour);
            }
        }
    }

    /// Bit k is set where neighbour k is true.
    fn around(&self, at: usize) -> u8 {
        let bit =
            |(k, &step): (usize, &isize)| u8::from(self.cells[at.wrapping_add_signed(step)]) << k;
        self.steps.iter().enumerate().map(bit).sum()
    }

    fn is_removable(&self, around: u8) -> bool {
        self.removable[usize::from(around)]
    }
}

/// Whether the centre of a neighbourhood is simple, no end and no middle of a T.
///
/// Simple: it has a false 4-neighbour, and its true neighbours form one 8-connected
/// component (Yokoi number 1). The middle of a T is simple too, but without it the
/// bar of the T would dent.
fn is_removable(around: usize) -> bool {
    let clear = |k: usize| around >> (k % 8) & 1 == 0;
    let sides = [0, 2, 4, 6];
    // A run of background starts at a 4-neighbour and is left again after it.
    let openings = sides.into_iter().filter(|&k| clear(k) && !(clear(k + 1) && clear(k + 2)));
    let tee = sides.into_iter().any(|k| {
        clear(k) && [2, 4, 6].iter().all(|d| !clear(k + d)) && clear(k + 3) && clear(k + 5)
    });
    around.count_ones() > 1 && openings.count() == 1 && !tee
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_becomes_its_axis() {
        let mut mask = Array2::from_elem((9, 30), false);
        mask.slice_mut(s![2..7, 2..28]).fill(true);
        let skeleton = thin(mask.view());
        let axis: Vec<usize> = (6..24).filter(|&j| skeleton[[4, j]]).collect();
        assert_eq!(axis.len(), 18, "{skeleton:?}");
        assert!(skeleton.iter().filter(|&&set| set).count() < 40);
    }

    #[test]
    fn ring_stays_a_ring() {
        let mask = Array2::from_shape_fn((31, 31), |(i, j)| {
            let r = (i as f64 - 15.0).hypot(j as f64 - 15.0);
            (8.0..13.0).contains(&r)
        });
        let skeleton = thin(mask.view());
        let inner = skeleton.slice(s![1..30, 1..30]);
        let around = |i: usize, j: usize| skeleton.slice(s![i..i + 3, j..j + 3]);
        let set = inner.indexed_iter().filter(|&(_, &set)| set);
        let count = |((i, j), _)| around(i, j).iter().filter(|&&set| set).count() - 1;
        let degrees: Vec<usize> = set.map(count).collect();
        assert!(degrees.iter().all(|&degree| degree == 2), "{degrees:?}");
    }

    #[test]
    fn single_pixels_and_squares_survive() {
        let mut mask = Array2::from_elem((6, 6), false);
        mask[[0, 0]] = true;
        mask.slice_mut(s![3..5, 3..5]).fill(true);
        let skeleton = thin(mask.view());
        assert!(skeleton[[0, 0]]);
        assert!(skeleton.slice(s![3..5, 3..5]).iter().any(|&set| set));
        assert_eq!(thin(Array2::from_elem((0, 3), true).view()).dim(), (0, 3));
    }
}
