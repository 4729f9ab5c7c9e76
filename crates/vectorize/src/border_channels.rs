//! Maps beside the border probability that a learned merging of regions looks at.

use ndarray::{Array3, ArrayView3, s};

use crate::{Error, MapPrediction, Result};

/// Names of the maps of [`border_channels`], in their order.
pub const BORDER_CHANNELS: [&str; 8] =
    ["red", "green", "blue", "shape", "text", "hatch", "dash", "thickness"];

/// The maps, `[8, H, W]`, that [`merge_learned`](mapvec_postprocess::merge_learned) sees beside
/// the border probability: the picture's colours, where the network sees shapes, lettering,
/// hatching and dashes (0 or 255), and the width of strokes.
///
/// # Errors
/// [`Error::Channels`] if `image` is not `[H, W, 3]`; [`Error::OtherPicture`] if the maps are not of its
/// size.
pub fn border_channels(image: ArrayView3<'_, u8>, maps: &MapPrediction) -> Result<Array3<u8>> {
    let (height, width, channels) = image.dim();
    if channels != 3 {
        return Err(Error::Channels { channels });
    }
    if maps.boundary.dim() != (height, width) {
        let (rows, columns) = maps.boundary.dim();
        let (value, expected) = (format!("{width} x {height}"), format!("{columns} x {rows}"));
        return Err(Error::OtherPicture { value, expected });
    }
    let mut found = Array3::zeros((BORDER_CHANNELS.len(), height, width));
    found.slice_mut(s![..3, .., ..]).assign(&image.permuted_axes([2, 0, 1]));
    let is = |value: u8, wanted: u8| if value == wanted { 255 } else { 0 };
    found.slice_mut(s![3, .., ..]).assign(&maps.class.mapv(|class| is(class, 2)));
    for (place, kind) in [(4, 1), (5, 2), (6, 3)] {
        found.slice_mut(s![place, .., ..]).assign(&maps.distractor.mapv(|d| is(d, kind)));
    }
    found.slice_mut(s![7, .., ..]).assign(&maps.thickness);
    Ok(found)
}
