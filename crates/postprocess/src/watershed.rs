//! Morphological watershed with one-pixel lines.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::minima::{FramedMap, MAX_AREA, surviving_minima};
use crate::{Connectivity, Error, Result, relabel};

/// Settings of [`watershed`].
///
/// The default floods with low demands, for [`merge_regions`](crate::merge_regions)
/// to judge the borders afterwards. Without merging, raise `area` (about 50) or
/// `dynamics` (30 to 60).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatershedConfig {
    /// Smallest area of a minimum in pixels, at most 2^30 - 1; 0 and 1 keep all.
    pub area: u32,
    /// Smallest depth of a minimum in grey levels; 0 and 1 keep all.
    pub dynamics: u8,
    /// Neighbourhood of the closing and of the flood. With [`Connectivity::Four`]
    /// the lines are thinner and regions may touch at corners.
    pub connectivity: Connectivity,
}

impl Default for WatershedConfig {
    fn default() -> Self {
        Self { area: 20, dynamics: 4, connectivity: Connectivity::Eight }
    }
}

impl WatershedConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] if `area` is above 2^30 - 1.
    pub fn validate(&self) -> Result<()> {
        if self.area > MAX_AREA {
            return Err(Error::InvalidSetting {
                field: "area",
                value: f64::from(self.area),
                expected: "at most 1073741823 (2^30 - 1) pixels",
            });
        }
        Ok(())
    }
}

/// Splits a height map into catchment basins separated by one-pixel lines.
///
/// High values are walls: give an edge probability as 8 bits. Two steps:
///
/// 1. Attribute closing. Of the nested components of `{height <= level}`, the
///    smallest ones with at least `area` pixels and a depth (first level they
///    do not reach, minus their lowest height) of at least `dynamics` are
///    the minima that survive. All others are filled.
/// 2. Meyer's flood from these minima, 256 first-in-first-out queues. A pixel
///    with two different regions among its neighbours becomes a line.
///
/// The result has labels 1, 2, ... in scan order, one per surviving minimum,
/// and 0 on lines. No two regions touch (in the chosen neighbourhood); every 0
/// lies between two regions, or, where several lines meet, between lines only.
/// A constant map is one region.
///
/// Near-linear time, about 10 bytes of work space per pixel.
///
/// # Examples
/// ```
/// use mapvec_postprocess::{Connectivity, WatershedConfig, watershed};
/// use ndarray::array;
///
/// let config = WatershedConfig { area: 1, dynamics: 2, connectivity: Connectivity::Four };
/// let labels = watershed(array![[0, 5, 1, 2, 1_u8]].view(), &config)?;
/// assert_eq!(labels, array![[1, 0, 2, 2, 2]]);
/// # Ok::<(), mapvec_postprocess::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidSetting`] as [`WatershedConfig::validate`];
/// [`Error::TooManyPixels`] for 2^30 pixels or more.
///
/// # References
/// - E. Breen and R. Jones, Attribute openings, thinnings, and granulometries,
///   Computer Vision and Image Understanding 64(3), 1996.
/// - F. Meyer, Topographic distance and watershed lines, Signal Processing
///   38(1), 1994.
pub fn watershed(height: ArrayView2<'_, u8>, config: &WatershedConfig) -> Result<Array2<u32>> {
    config.validate()?;
    let (rows, columns) = height.dim();
    let map = framed(height)?;
    if rows == 0 || columns == 0 {
        return Ok(Array2::zeros((rows, columns)));
    }
    let seeds = surviving_minima(&map, config);
    let flooded = Flood::new(&map, config.connectivity).run(&seeds);
    let mut labels = Array2::zeros((rows, columns));
    for (row, mut out) in labels.rows_mut().into_iter().enumerate() {
        for (label, &state) in out.iter_mut().zip(&flooded[map.row(row)]) {
            *label = if state < FIRST_MARK { state } else { 0 };
        }
    }
    if let Some(flat) = labels.as_slice_mut() {
        relabel::scan_order(flat, seeds.len() + 1);
    }
    Ok(labels)
}

/// Copies the map into a frame of one pixel.
fn framed(height: ArrayView2<'_, u8>) -> Result<FramedMap> {
    let (rows, columns) = height.dim();
    let limit = MAX_AREA as usize;
    let pixels = rows.saturating_add(2).saturating_mul(columns.saturating_add(2));
    if pixels > limit {
        return Err(Error::TooManyPixels { rows, columns, limit });
    }
    let mut map = FramedMap { heights: vec![0; pixels], rows, columns };
    for (row, values) in height.rows().into_iter().enumerate() {
        let range = map.row(row);
        for (framed, &value) in map.heights[range].iter_mut().zip(values) {
            *framed = value;
        }
    }
    Ok(map)
}

/// State of a pixel that no region has reached; labels follow.
const UNSEEN: u32 = 0;
/// States from here on are no labels.
const FIRST_MARK: u32 = u32::MAX - 2;
const QUEUED: u32 = u32::MAX - 2;
const LINE: u32 = u32::MAX - 1;
const FRAME: u32 = u32::MAX;
/// End of a queue.
const NONE: u32 = u32::MAX;

/// Meyer's flood. The queues are linked lists through one array, so that they
/// take the same memory whatever the map.
struct Flood<'a> {
    heights: &'a [u8],
    states: Vec<u32>,
    steps: Vec<usize>,
    next: Vec<u32>,
    heads: [u32; 256],
    tails: [u32; 256],
}

impl<'a> Flood<'a> {
    fn new(map: &'a FramedMap, connectivity: Connectivity) -> Self {
        let mut states = vec![FRAME; map.heights.len()];
        for row in 0..map.rows {
            states[map.row(row)].fill(UNSEEN);
        }
        Self {
            heights: &map.heights,
            states,
            steps: connectivity.steps(map.stride()),
            next: vec![NONE; map.heights.len()],
            heads: [NONE; 256],
            tails: [NONE; 256],
        }
    }

    /// Floods from the seeds; a minimum is filled before any other water can
    /// reach it, so one pixel of it, at its highest level, is enough.
    fn run(mut self, seeds: &[u32]) -> Vec<u32> {
        for (&seed, label) in seeds.iter().zip(1_u32..) {
            self.states[seed as usize] = label;
        }
        let mut dry = Vec::with_capacity(self.steps.len());
        for &seed in seeds {
            self.label_at(seed as usize, &mut dry);
            for &neighbour in &dry {
                self.push(neighbour, self.heights[seed as usize]);
            }
        }
        for level in 0..=u8::MAX {
            while let Some(pixel) = self.pop(level) {
                let label = self.label_at(pixel, &mut dry);
                self.states[pixel] = label;
                if label != LINE {
                    for &neighbour in &dry {
                        self.push(neighbour, level);
                    }
                }
            }
        }
        self.states
    }

    /// The only label around a pixel, or `LINE` if there are two; `dry` takes
    /// the neighbours that no water has reached.
    fn label_at(&self, pixel: usize, dry: &mut Vec<usize>) -> u32 {
        dry.clear();
        let mut found = UNSEEN;
        for &step in &self.steps {
            let neighbour = pixel.wrapping_add(step);
            let state = self.states[neighbour];
            if state == UNSEEN {
                dry.push(neighbour);
            } else if state < FIRST_MARK && state != found {
                if found != UNSEEN {
                    return LINE;
                }
                found = state;
            }
        }
        found
    }

    /// Queues a dry pixel at its height, or at the level of the water if that
    /// is higher.
    fn push(&mut self, pixel: usize, level: u8) {
        self.states[pixel] = QUEUED;
        let level = usize::from(level.max(self.heights[pixel]));
        match self.tails[level] {
            NONE => self.heads[level] = pixel as u32,
            tail => self.next[tail as usize] = pixel as u32,
        }
        self.tails[level] = pixel as u32;
    }

    fn pop(&mut self, level: u8) -> Option<usize> {
        let level = usize::from(level);
        let head = self.heads[level];
        if head == NONE {
            return None;
        }
        let next = self.next[head as usize];
        self.heads[level] = next;
        if next == NONE {
            self.tails[level] = NONE;
        }
        Some(head as usize)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn config(area: u32, dynamics: u8) -> WatershedConfig {
        WatershedConfig { area, dynamics, connectivity: Connectivity::Eight }
    }

    #[test]
    fn a_constant_map_is_one_region() {
        for value in [0, 9, 255] {
            let map = Array2::from_elem((5, 7), value);
            let labels = watershed(map.view(), &WatershedConfig::default()).unwrap();
            assert!(labels.iter().all(|&label| label == 1), "value {value}");
        }
    }

    #[test]
    fn shallow_and_small_minima_are_filled() {
        let map = array![[0, 0, 9, 7, 7, 9, 1, 9, 2, 2, 2_u8]];
        let regions = |area, dynamics| {
            watershed(map.view(), &config(area, dynamics)).unwrap().iter().copied().max()
        };
        assert_eq!(regions(1, 1), Some(4));
        assert_eq!(regions(2, 1), Some(3));
        assert_eq!(regions(1, 3), Some(3));
        assert_eq!(regions(3, 3), Some(1));
        assert_eq!(regions(3, 0), Some(1));
        assert_eq!(regions(100, 0), Some(1));
    }

    #[test]
    fn filled_minima_join_the_basin_that_reaches_them() {
        // The pit at 8 is shallow: water from the left enters over 9 first.
        let map = array![[0, 0, 0, 9, 8, 12, 0, 0, 0_u8]];
        let labels = watershed(map.view(), &config(1, 4)).unwrap();
        assert_eq!(labels, array![[1, 1, 1, 1, 1, 0, 2, 2, 2]]);
    }

    #[test]
    fn plateaus_are_halved() {
        let mut map = Array2::from_elem((1, 13), 50_u8);
        map[(0, 0)] = 0;
        map[(0, 12)] = 0;
        let labels = watershed(map.view(), &config(1, 1)).unwrap();
        assert_eq!(labels, array![[1, 1, 1, 1, 1, 1, 0, 2, 2, 2, 2, 2, 2]]);
    }

    #[test]
    fn empty_maps_and_wrong_settings() {
        let empty = Array2::<u8>::default((0, 3));
        assert_eq!(watershed(empty.view(), &config(1, 1)).unwrap().dim(), (0, 3));
        let refused = watershed(empty.view(), &config(1 << 30, 1));
        assert!(matches!(refused, Err(Error::InvalidSetting { field: "area", .. })));
        // A view without memory behind it: the size alone must be refused.
        let huge = array![[0_u8]];
        let huge = huge.broadcast((1 << 16, 1 << 15)).unwrap();
        assert!(matches!(watershed(huge, &config(1, 1)), Err(Error::TooManyPixels { .. })));
    }
}
