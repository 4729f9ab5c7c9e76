//! Pictures of labels beside each other.

use anyhow::Result;
use mapvec_data::encode_png;
use ndarray::{Array2, Array3, s};

use super::scenes::{Scene, UNKNOWN};
use crate::canvas::{BLUE, Colour, ORANGE};
use crate::crf_panels::painted;

/// Pixels between panels.
const GAP: usize = 4;
/// Class 0 is light, so that what stands on it is seen.
const COLOURS: [Colour; 3] = [[235, 235, 225], BLUE, ORANGE];

/// A PNG with a row for each scene: the picture, its truth, and the labels that were found, each
/// pixel `scale` x `scale` pixels large.
///
/// # Errors
/// Scenes or labels differ in size.
pub fn sheet(rows: &[(&Scene, Vec<Array2<usize>>)], scale: usize) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for (scene, found) in rows {
        let known = scene.truth.mapv(|class| (class != UNKNOWN).then_some(usize::from(class)));
        let mut panels = vec![scene.picture.clone(), painted(&known, &COLOURS)];
        panels.extend(found.iter().map(|labels| painted(&labels.mapv(Some), &COLOURS)));
        lines.push(panels);
    }
    let (height, width) = rows.first().map_or((1, 1), |(scene, _)| scene.truth.dim());
    let (height, width) = (height * scale + GAP, width * scale + GAP);
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let size = (lines.len() * height, columns * width, 3);
    let mut out = Array3::from_elem(size, 120);
    for (row, panels) in lines.iter().enumerate() {
        for (column, panel) in panels.iter().enumerate() {
            let (y, x) = (row * height, column * width);
            let mut place = out.slice_mut(s![y..y + height - GAP, x..x + width - GAP, ..]);
            for ((i, j, c), value) in place.indexed_iter_mut() {
                *value = panel[(i / scale, j / scale, c)];
            }
        }
    }
    Ok(encode_png(out.view())?)
}
