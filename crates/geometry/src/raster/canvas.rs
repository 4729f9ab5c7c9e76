//! The rows of a label map that one task draws on.

use super::crossings::Crossings;
use crate::grid::centres;
use ndarray::Array2;
use std::ops::Range;

/// A band of rows in row-major order; what lies outside is clipped.
pub(super) struct Canvas<'a> {
    rows: Range<usize>,
    width: usize,
    cells: &'a mut [u32],
    /// Working memory of polygons, kept from one to the next.
    crossings: Crossings,
}

impl<'a> Canvas<'a> {
    /// The whole rows that begin with row `first` of the map and fill `cells`.
    pub(super) fn new(first: usize, width: usize, cells: &'a mut [u32]) -> Self {
        let rows = first..first + cells.len() / width.max(1);
        Self { rows, width, cells, crossings: Crossings::default() }
    }

    /// Pixels of a row.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Rows of the band with their centres in `[top, bottom)`, counted in the map.
    pub(super) fn rows(&self, top: f64, bottom: f64) -> Range<usize> {
        let rows = centres(top, bottom, self.rows.end);
        rows.start.max(self.rows.start)..rows.end
    }

    /// Writes `id` into the pixels of a row with their centres in `[left, right)`.
    #[inline]
    pub(super) fn fill(&mut self, row: usize, left: f64, right: f64, id: u32) {
        self.fill_columns(row, centres(left, right, self.width), id);
    }

    /// Writes `id` into some pixels of a row.
    #[inline]
    pub(super) fn fill_columns(&mut self, row: usize, columns: Range<usize>, id: u32) {
        let start = (row - self.rows.start) * self.width;
        if let Some(cells) = self.cells.get_mut(start + columns.start..start + columns.end) {
            cells.fill(id);
        }
    }

    pub(super) fn take_crossings(&mut self) -> Crossings {
        std::mem::take(&mut self.crossings)
    }

    pub(super) fn reuse_crossings(&mut self, crossings: Crossings) {
        self.crossings = crossings;
    }
}

/// Draws on all rows of a label map.
pub(super) fn on_canvas(labels: &mut Array2<u32>, draw: impl FnOnce(&mut Canvas<'_>)) {
    let width = labels.ncols();
    on_cells(labels, |cells| draw(&mut Canvas::new(0, width, cells)));
}

/// Works on the pixels of a label map in row-major order, whatever its own order is.
pub(super) fn on_cells(labels: &mut Array2<u32>, work: impl FnOnce(&mut [u32])) {
    if labels.is_standard_layout() {
        if let Some(cells) = labels.as_slice_mut() {
            work(cells);
        }
        return;
    }
    let mut copy = labels.as_standard_layout().into_owned();
    if let Some(cells) = copy.as_slice_mut() {
        work(cells);
    }
    labels.assign(&copy);
}
