//! Moves of pixels: crop, quarter turns, mirror.

use mapvec_geometry::Window;
use ndarray::{Array, Axis, Dimension, Slice};

const ROWS: Axis = Axis(0);
const COLUMNS: Axis = Axis(1);

/// A move of the pixels of an array whose first two axes are rows and columns.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rearrange<'a> {
    /// The part inside a window, which must lie inside the array.
    Crop(&'a Window),
    /// Quarter turns from +x towards +y.
    Rotate(u32),
    /// x negated.
    Flip,
}

impl Rearrange<'_> {
    /// The moved array, in standard layout.
    pub(crate) fn apply<T: Clone, D: Dimension>(self, array: &Array<T, D>) -> Array<T, D> {
        let mut view = array.view();
        match self {
            Self::Crop(window) => {
                let (x, y) = (window.x as usize, window.y as usize);
                view.slice_axis_inplace(ROWS, Slice::from(y..y + window.height as usize));
                view.slice_axis_inplace(COLUMNS, Slice::from(x..x + window.width as usize));
            }
            Self::Rotate(quarter_turns) => {
                // One turn is a swap of the axes and a reversal of the new columns, the
                // opposite turn reverses the new rows, a half turn reverses both.
                if quarter_turns % 2 == 1 {
                    view.swap_axes(ROWS.index(), COLUMNS.index());
                }
                if matches!(quarter_turns % 4, 2 | 3) {
                    view.invert_axis(ROWS);
                }
                if matches!(quarter_turns % 4, 1 | 2) {
                    view.invert_axis(COLUMNS);
                }
            }
            Self::Flip => view.invert_axis(COLUMNS),
        }
        view.as_standard_layout().into_owned()
    }
}
