//! A picture of the labels of a sample.

use mapvec_data::MapSample;
use ndarray::Array3;

/// The picture, pale, under its labels: borders red, axes blue, lines light blue, shapes
/// yellowish, text green, hatching violet, dashes orange.
#[must_use]
pub fn picture(sample: &MapSample) -> Array3<u8> {
    let labels = &sample.labels;
    let mut picture = sample.image.mapv(|v| 128 + v / 2);
    let (height, width) = sample.size();
    for y in 0..height {
        for x in 0..width {
            let at = [y, x];
            let tint = match (
                labels.boundary[at],
                labels.centreline[at],
                labels.distractor[at],
                labels.class[at],
            ) {
                (1, _, _, _) => [214, 39, 40],
                (_, 1, _, _) => [20, 60, 190],
                (_, _, 1, _) => [40, 150, 60],
                (_, _, 2, _) => [170, 110, 200],
                (_, _, 3, _) => [240, 140, 40],
                (_, _, _, 1) => [150, 190, 240],
                (_, _, _, 2) => [250, 240, 190],
                _ => continue,
            };
            for (c, tone) in tint.into_iter().enumerate() {
                picture[[y, x, c]] = ((u16::from(picture[[y, x, c]]) + 2 * tone) / 3) as u8;
            }
        }
    }
    picture
}
