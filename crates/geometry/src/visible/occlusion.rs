//! Occlusion of masks on a canvas, front to back.

use crate::{Error, Result};
use geo_types::{Coord, Rect};
use ndarray::{Array2, ArrayView2};
use std::collections::BTreeMap;

/// The pixels of a shape that can be seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VisiblePart {
    /// Number of visible pixels.
    pub area: usize,
    /// Number of pixels of the shape on the canvas, hidden ones included.
    pub full_area: usize,
    /// Smallest box around the visible pixel squares; `None` if nothing is visible.
    pub extent: Option<Rect<f64>>,
}

impl VisiblePart {
    /// Visible share of the shape, in `[0, 1]`; 0 for a shape off the canvas.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.full_area == 0 { 0.0 } else { self.area as f64 / self.full_area as f64 }
    }
}

/// A canvas that is covered front to back: what comes first is never hidden.
///
/// Whether a shape is kept is often decided by what can be seen of it, so looking
/// ([`visible`](Self::visible)) and covering ([`cover`](Self::cover)) are two
/// calls. Shapes that shall not hide each other are all looked at before the first
/// of them covers.
///
/// # Examples
/// ```
/// use mapvec_geometry::Occlusion;
/// use ndarray::Array2;
/// let square = Array2::from_elem((4, 4), true);
/// let mut canvas = Occlusion::new(10, 10);
/// canvas.cover(1, square.view(), (0, 0))?;
/// let behind = canvas.visible(square.view(), (2, 2));
/// assert_eq!((behind.area, behind.full_area), (12, 16));
/// # Ok::<(), mapvec_geometry::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occlusion {
    owners: Array2<u32>,
}

impl Occlusion {
    /// An empty canvas.
    #[must_use]
    pub fn new(height: usize, width: usize) -> Self {
        Self { owners: Array2::zeros((height, width)) }
    }

    /// What can be seen of a mask whose first pixel lies at row and column `at`.
    ///
    /// Pixels outside the canvas do not count.
    #[must_use]
    pub fn visible(&self, mask: ArrayView2<'_, bool>, at: (i64, i64)) -> VisiblePart {
        let mut part = Tally::default();
        let mut full_area = 0;
        for (_, pixel) in self.on_canvas(mask, at) {
            full_area += 1;
            if self.owners[pixel] == 0 {
                part.add(pixel);
            }
        }
        VisiblePart { area: part.area, full_area, extent: part.extent() }
    }

    /// The visible pixels of a mask, in an array of its shape.
    #[must_use]
    pub fn visible_mask(&self, mask: ArrayView2<'_, bool>, at: (i64, i64)) -> Array2<bool> {
        let mut visible = Array2::from_elem(mask.dim(), false);
        for (index, pixel) in self.on_canvas(mask, at) {
            visible[index] = self.owners[pixel] == 0;
        }
        visible
    }

    /// Gives the visible pixels of a mask to `id`, which hides what comes later.
    ///
    /// # Errors
    /// [`Error::Parameter`] for the id 0, which stands for pixels that are free.
    pub fn cover(&mut self, id: u32, mask: ArrayView2<'_, bool>, at: (i64, i64)) -> Result<()> {
        if id == 0 {
            return Err(Error::Parameter { field: "id", value: 0.0, allowed: "above 0" });
        }
        let (height, width) = self.owners.dim();
        for (_, pixel) in on_canvas(mask, at, height, width) {
            let owner = &mut self.owners[pixel];
            if *owner == 0 {
                *owner = id;
            }
        }
        Ok(())
    }

    /// The id that each pixel was given to, 0 for free pixels.
    #[must_use]
    pub fn owners(&self) -> ArrayView2<'_, u32> {
        self.owners.view()
    }

    fn on_canvas<'a>(
        &self,
        mask: ArrayView2<'a, bool>,
        at: (i64, i64),
    ) -> impl Iterator<Item = ((usize, usize), (usize, usize))> + 'a {
        let (height, width) = self.owners.dim();
        on_canvas(mask, at, height, width)
    }
}

/// The true pixels of a mask that lie on a canvas: index in the mask, and pixel.
fn on_canvas(
    mask: ArrayView2<'_, bool>,
    (row, column): (i64, i64),
    height: usize,
    width: usize,
) -> impl Iterator<Item = ((usize, usize), (usize, usize))> + '_ {
    let rows = overlap(row, mask.nrows(), height);
    let columns = overlap(column, mask.ncols(), width);
    rows.flat_map(move |(i, y)| columns.clone().map(move |(j, x)| ((i, j), (y, x))))
        .filter(move |&(index, _)| mask[index])
}

/// Pairs (index of the mask, index of the canvas) along one axis.
fn overlap(
    offset: i64,
    length: usize,
    limit: usize,
) -> impl Iterator<Item = (usize, usize)> + Clone {
    let skip = usize::try_from(offset.min(0).unsigned_abs()).unwrap_or(usize::MAX);
    let start = usize::try_from(offset.max(0)).unwrap_or(usize::MAX);
    let count = length.saturating_sub(skip).min(limit.saturating_sub(start));
    (0..count).map(move |k| (k + skip, k + start))
}

/// Area and box of the pixels added so far.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    area: usize,
    low: (usize, usize),
    high: (usize, usize),
}

impl Tally {
    fn add(&mut self, (row, column): (usize, usize)) {
        if self.area == 0 {
            (self.low, self.high) = ((row, column), (row, column));
        }
        self.area += 1;
        self.low = (self.low.0.min(row), self.low.1.min(column));
        self.high = (self.high.0.max(row), self.high.1.max(column));
    }

    fn extent(&self) -> Option<Rect<f64>> {
        let corner = |(row, column): (usize, usize)| Coord { x: column as f64, y: row as f64 };
        let one = Coord { x: 1.0, y: 1.0 };
        (self.area > 0).then(|| Rect::new(corner(self.low), corner(self.high) + one))
    }
}

/// Visible area and box of every id of a label map (shape (H, W)), in the order of
/// the ids; 0 is nobody.
///
/// For maps painted back to front, for example by
/// [`fill_labels`](crate::fill_labels), and for [`Occlusion::owners`].
#[must_use]
pub fn visible_regions(labels: ArrayView2<'_, u32>) -> Vec<(u32, usize, Rect<f64>)> {
    let mut tallies: BTreeMap<u32, Tally> = BTreeMap::new();
    for (row, line) in labels.outer_iter().enumerate() {
        // Neighbours mostly share their id: one search per run.
        let mut column = 0;
        for run in line.to_vec().chunk_by(|a, b| a == b) {
            if run[0] > 0 {
                let tally = tallies.entry(run[0]).or_default();
                tally.add((row, column));
                tally.add((row, column + run.len() - 1));
                tally.area = tally.area + run.len() - 2;
            }
            column += run.len();
        }
    }
    let regions =
        tallies.into_iter().filter_map(|(id, tally)| Some((id, tally.area, tally.extent()?)));
    regions.collect()
}
