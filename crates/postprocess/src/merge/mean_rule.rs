//! Merging of over-segmented regions over their weakest borders.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::merge::graph::{RegionGraph, Rule, Side};
use crate::merge::line_pixels::{add_borders, joined};
use crate::{Error, Result, relabel};

/// Settings of [`merge_regions`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MergeConfig {
    /// Borders below this mean strength go. In logits, at most `clip`; 1.25 to
    /// 2 suits maps of edge logits. A value below `-clip` merges small regions
    /// only.
    pub threshold: f32,
    /// Regions of fewer pixels (lines not counted) always go, over their
    /// weakest side. 20 to 100 make little difference.
    pub min_area: u32,
    /// The strength of a pixel counts as at most `clip` and at least `-clip`,
    /// so that a few very sure pixels do not outvote a border. In logits,
    /// above 0.
    pub clip: f32,
}

impl Default for MergeConfig {
    fn default() -> Self {
        Self { threshold: 1.5, min_area: 80, clip: 4.0 }
    }
}

impl MergeConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] if `clip` is not finite and above 0, or
    /// `threshold` is not finite or above `clip`.
    pub fn validate(&self) -> Result<()> {
        let refuse = |field, value: f32, expected| {
            Err(Error::InvalidSetting { field, value: f64::from(value), expected })
        };
        if !(self.clip.is_finite() && self.clip > 0.0) {
            return refuse("clip", self.clip, "finite and above 0");
        }
        if !(self.threshold.is_finite() && self.threshold <= self.clip) {
            let expected = "finite and at most `clip`; above it everything would merge";
            return refuse("threshold", self.threshold, expected);
        }
        Ok(())
    }
}

/// Merges regions whose border is weak.
///
/// `labels` are regions with lines (0) between them, as [`watershed`](crate::watershed)
/// makes them; `strength` is the logit of an edge at every pixel, of which only
/// the line pixels are read. A line pixel that sees two regions in its 3 x 3
/// neighbourhood belongs to their border; the strength of a border is the mean
/// over its pixels. The weakest border goes first; then its regions are one, and
/// borders that now lie between the same two regions are one border. This goes
/// on until the weakest border has `threshold`; regions below `min_area` go
/// before everything else, whatever their borders, unless they have none. Among
/// equals the smaller ids go first.
///
/// A line pixel that sees three regions or more is a corner. It belongs to no
/// border, since the regions on its two sides may touch nowhere else: merged,
/// they would be one region in two pieces. Only regions that would be left
/// without any border, small ones as a rule, have their corners as borders, one
/// to every region there.
///
/// Line pixels that see only one merged region around them get its label. The
/// other lines stay 0; [`close_lines`](crate::close_lines) gives them away.
/// The result has labels 1, 2, ... in scan order. Regions that touch without a
/// line pixel have no border and are not merged. Labels need not be dense.
///
/// Why the mean: it hardly moves when a border has a gap, or when a word runs
/// across it, while one pixel of gap opens a watershed for good.
///
/// # Errors
/// [`Error::InvalidSetting`] as [`MergeConfig::validate`];
/// [`Error::ShapeMismatch`] if the rasters differ in size;
/// [`Error::NotANumber`] if the strength of a line pixel that sees two regions
/// or more is NaN.
pub fn merge_regions(
    labels: ArrayView2<'_, u32>,
    strength: ArrayView2<'_, f32>,
    config: &MergeConfig,
) -> Result<Array2<u32>> {
    config.validate()?;
    let (rows, columns) = labels.dim();
    let mut flat: Vec<u32> = labels.iter().copied().collect();
    let bound = relabel::dense(&mut flat);
    check_size(labels, strength)?;
    let graph = mean_graph((&flat, bound), strength, config)?;
    let roots = graph.merge_below(f64::from(config.threshold));
    joined(&mut flat, columns, bound, &roots)?;
    // The length is that of the raster it was collected from.
    Ok(Array2::from_shape_vec((rows, columns), flat).unwrap_or_default())
}

/// The border between two regions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegionBorder {
    /// The smaller of the two labels.
    pub low: u32,
    /// The larger one.
    pub high: u32,
    /// Number of line pixels.
    pub pixels: u32,
    /// Mean strength over them.
    pub mean: f64,
}

/// The region adjacency graph: which regions have a border, and how strong it is.
///
/// `labels` are regions with lines (0) between them; borders and corners are those of
/// [`merge_regions`], strengths are not clipped. In the order of the labels.
///
/// # Errors
/// [`Error::ShapeMismatch`] if the rasters differ in size; [`Error::NotANumber`] if the strength
/// of a line pixel that sees two regions or more is NaN.
pub fn region_borders(
    labels: ArrayView2<'_, u32>,
    strength: ArrayView2<'_, f32>,
) -> Result<Vec<RegionBorder>> {
    check_size(labels, strength)?;
    let original: Vec<u32> = labels.iter().copied().collect();
    let mut flat = original.clone();
    let bound = relabel::dense(&mut flat);
    let mut names = vec![0; bound];
    flat.iter().zip(original).for_each(|(&label, name)| names[label as usize] = name);
    let config = MergeConfig { clip: f32::MAX, min_area: 0, threshold: 0.0 };
    let graph = mean_graph((&flat, bound), strength, &config)?;
    let named = |(low, high, border): (u32, u32, &Mean)| RegionBorder {
        low: names[low as usize],
        high: names[high as usize],
        pixels: border.count,
        mean: border.sum / f64::from(border.count),
    };
    Ok(graph.borders().map(named).collect())
}

fn check_size(labels: ArrayView2<'_, u32>, strength: ArrayView2<'_, f32>) -> Result<()> {
    let (expected, found) = (labels.dim(), strength.dim());
    if found == expected {
        return Ok(());
    }
    Err(Error::ShapeMismatch { field: "strength", expected, found })
}

/// The borders of the regions, whose labels are below `bound`.
fn mean_graph(
    (flat, bound): (&[u32], usize),
    strength: ArrayView2<'_, f32>,
    config: &MergeConfig,
) -> Result<RegionGraph<MeanRule>> {
    let mut areas = vec![0_u64; bound];
    flat.iter().for_each(|&label| areas[label as usize] += 1);
    let mut graph = RegionGraph::new(MeanRule, config.min_area, areas, vec![(); bound]);
    let pixel = |row, column| {
        let value = strength[(row, column)];
        if value.is_nan() {
            return Err(Error::NotANumber { row, column });
        }
        Ok(f64::from(value.clamp(-config.clip, config.clip)))
    };
    let add = |border: &mut Mean, value: f64| {
        border.sum += value;
        border.count = border.count.saturating_add(1);
    };
    add_borders(&mut graph, (flat, strength.ncols(), bound), pixel, Mean::default, add)?;
    Ok(graph)
}

/// Sum over the pixels of a border, and their number.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: u32,
}

/// The strength of a border is the mean over its pixels.
struct MeanRule;

impl Rule for MeanRule {
    type Border = Mean;
    type Region = ();

    fn pixels(border: &Mean) -> u32 {
        border.count
    }

    fn join_borders(into: &mut Mean, other: &Mean) {
        into.sum += other.sum;
        into.count = into.count.saturating_add(other.count);
    }

    fn join_regions((): &mut (), (): &(), _: &Mean) {}

    fn strength(&self, border: &Mean, _: [Side<'_, ()>; 2]) -> f64 {
        border.sum / f64::from(border.count)
    }
}

/// Logit of an edge probability in steps of 1/255, finite at both ends.
#[must_use]
pub fn edge_logit(code: u8) -> f32 {
    let p = f32::from(code);
    ((p + 0.5) / (255.5 - p)).ln()
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use ndarray::array;

    use super::*;

    fn config(threshold: f32, min_area: u32) -> MergeConfig {
        MergeConfig { threshold, min_area, clip: 4.0 }
    }

    #[test]
    fn weak_borders_go_and_their_pixels_are_filled() {
        let labels = array![[7, 7, 0, 3, 3, 0, 9, 9_u32]];
        let strength = array![[0.0, 0.0, -1.0, 0.0, 0.0, 2.0, 0.0, 0.0_f32]];
        let merged = merge_regions(labels.view(), strength.view(), &config(1.5, 0)).unwrap();
        assert_eq!(merged, array![[1, 1, 1, 1, 1, 0, 2, 2]]);
    }

    #[test]
    fn one_strong_pixel_is_clipped() {
        // The mean of -3, 100 and -3 is above 0, that of -3, 4 and -3 below.
        let labels = Array2::from_shape_fn((3, 3), |(_, column)| [1, 0, 2][column]);
        let mut strength = Array2::from_elem((3, 3), -3.0_f32);
        strength[(1, 1)] = 100.0;
        let merged = merge_regions(labels.view(), strength.view(), &config(0.0, 0)).unwrap();
        assert!(merged.iter().all(|&label| label == 1));
    }

    #[test]
    fn small_regions_go_over_their_weakest_side() {
        let labels = array![[1, 1, 1, 0, 2, 0, 3, 3, 3_u32]];
        let strength = array![[0.0, 0.0, 0.0, 4.0, 0.0, 3.9, 0.0, 0.0, 0.0_f32]];
        let merged = merge_regions(labels.view(), strength.view(), &config(1.0, 2)).unwrap();
        assert_eq!(merged, array![[1, 1, 1, 0, 2, 2, 2, 2, 2]]);
        let all = merge_regions(labels.view(), strength.view(), &config(-9.0, 100)).unwrap();
        assert!(all.iter().all(|&label| label == 1));
    }

    #[test]
    fn a_weak_crossing_does_not_join_rooms_that_face_each_other() {
        let room = |row: usize, column: usize| match (row.cmp(&3), column.cmp(&3)) {
            (Ordering::Equal, _) | (_, Ordering::Equal) => 0,
            (Ordering::Less, Ordering::Less) => 1,
            (Ordering::Less, _) => 2,
            (_, Ordering::Less) => 3,
            _ => 4_u32,
        };
        let labels = Array2::from_shape_fn((7, 7), |(row, column)| room(row, column));
        let mut strength = Array2::from_elem((7, 7), 3.0_f32);
        strength[(3, 3)] = -4.0;
        let merged = merge_regions(labels.view(), strength.view(), &config(2.9, 0)).unwrap();
        assert_eq!(merged, labels);
        // Over the walls everything merges.
        let all = merge_regions(labels.view(), strength.view(), &config(3.5, 0)).unwrap();
        assert!(all.iter().all(|&label| label == 1));
    }

    #[test]
    fn a_region_between_corners_still_goes() {
        // Every line pixel around the 9 sees two other regions.
        let labels = array![
            [0, 1, 0, 2, 0],
            [3, 0, 0, 0, 4],
            [0, 0, 9, 0, 0],
            [5, 0, 0, 0, 6],
            [0, 7, 0, 8, 0_u32]
        ];
        let mut strength = Array2::from_elem((5, 5), 3.0_f32);
        strength[(1, 1)] = -2.0;
        strength[(1, 2)] = -2.0;
        let merged = merge_regions(labels.view(), strength.view(), &config(0.0, 0)).unwrap();
        assert_eq!(merged.iter().max(), Some(&8));
        assert_eq!(merged[(2, 2)], merged[(0, 1)]);
    }

    #[test]
    fn borders_are_measured_between_neighbours() {
        let labels = array![[9, 0, 2, 0, u32::MAX], [9, 0, 2, 0, u32::MAX]];
        let strength = array![[0.0, 1.0, 0.0, -9.0, 0.0], [0.0, 2.0, 0.0, 3.0, 0.0_f32]];
        let found = region_borders(labels.view(), strength.view()).unwrap();
        let border = |low, high, mean| RegionBorder { low, high, pixels: 2, mean };
        assert_eq!(found, vec![border(2, 9, 1.5), border(2, u32::MAX, -3.0)]);
        let nan = strength.mapv(|v| if v > 2.5 { f32::NAN } else { v });
        let refused = region_borders(labels.view(), nan.view());
        assert_eq!(refused, Err(Error::NotANumber { row: 1, column: 3 }));
    }

    #[test]
    fn ids_may_be_large() {
        let labels = array![[u32::MAX, 0, 1]];
        let strength = array![[0.0, -1.0, 0.0_f32]];
        let merged = merge_regions(labels.view(), strength.view(), &config(1.0, 0)).unwrap();
        assert_eq!(merged, array![[1, 1, 1]]);
    }

    #[test]
    fn bad_input_is_named() {
        let labels = array![[1, 0, 2_u32]];
        let nan = array![[f32::NAN, f32::NAN, 0.0]];
        let refused = merge_regions(labels.view(), nan.view(), &config(1.0, 0));
        assert_eq!(refused, Err(Error::NotANumber { row: 0, column: 1 }));
        let narrow = array![[0.0_f32]];
        let refused = merge_regions(labels.view(), narrow.view(), &config(1.0, 0)).unwrap_err();
        assert!(refused.to_string().contains("`strength` has 1 rows and 1 columns"));
        for (threshold, clip) in [(f32::NAN, 4.0), (5.0, 4.0), (1.0, 0.0), (1.0, f32::INFINITY)] {
            let wrong = MergeConfig { threshold, clip, min_area: 0 };
            assert!(wrong.validate().is_err(), "{wrong:?}");
        }
        let empty = Array2::<u32>::default((3, 0));
        let merged = merge_regions(empty.view(), Array2::default((3, 0)).view(), &config(1.0, 0));
        assert_eq!(merged.unwrap().dim(), (3, 0));
    }
}
