//! What maps show along a border and inside the regions beside it, as sums that add up.

use ndarray::{ArrayView2, ArrayView3};

use crate::merge::graph::RegionGraph;
use crate::merge::learned_rule::LearnedRule;
use crate::{Error, Result};

/// Most maps beside the edge map.
pub const MAX_BORDER_CHANNELS: usize = 12;

/// Bins of the histogram of edge codes.
pub(crate) const BINS: usize = 16;

/// Maps in which borders are judged, of the size of the labels.
#[derive(Debug, Clone, Copy)]
pub struct BorderMaps<'a> {
    /// Probability of an edge in steps of 1/255, `[H, W]`.
    pub edge: ArrayView2<'a, u8>,
    /// Anything else that may tell a real border from a false one, `[C, H, W]`, at most
    /// [`MAX_BORDER_CHANNELS`]: the picture, classes, text, hatching. The order must be that
    /// of the training.
    pub channels: ArrayView3<'a, u8>,
}

impl BorderMaps<'_> {
    /// Compares the maps with labels of so many rows and columns.
    pub(crate) fn check(&self, expected: (usize, usize)) -> Result<()> {
        let (count, rows, columns) = self.channels.dim();
        if self.edge.dim() != expected {
            return Err(Error::ShapeMismatch { field: "edge", expected, found: self.edge.dim() });
        }
        // Nobody should have to make an empty map of the right size.
        if count > 0 && (rows, columns) != expected {
            return Err(Error::ShapeMismatch {
                field: "channels",
                expected,
                found: (rows, columns),
            });
        }
        if count > MAX_BORDER_CHANNELS {
            let expected = "at most 12 maps; leave some out";
            return Err(Error::InvalidSetting { field: "channels", value: count as f64, expected });
        }
        Ok(())
    }
}

/// Sums over the pixels of a border.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BorderSums {
    pub(crate) count: u32,
    /// Edge codes in 16 equal bins.
    pub(crate) bins: [u32; BINS],
    /// Sum of the logits, each clipped to [-4, 4].
    pub(crate) logits: f64,
    /// Sums of x, y, x², xy, y².
    pub(crate) moments: [f64; 5],
    pub(crate) channels: [u64; MAX_BORDER_CHANNELS],
}

impl BorderSums {
    pub(crate) fn join(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.logits += other.logits;
        self.bins.iter_mut().zip(other.bins).for_each(|(a, b)| *a = a.saturating_add(b));
        self.moments.iter_mut().zip(other.moments).for_each(|(a, b)| *a += b);
        self.channels.iter_mut().zip(other.channels).for_each(|(a, b)| *a += b);
    }

    /// Takes in the pixel at (x, y).
    pub(crate) fn add(&mut self, (x, y): (f64, f64), code: u8, logit: f32, values: &[u8]) {
        self.count = self.count.saturating_add(1);
        self.bins[usize::from(code) * BINS / 256] += 1;
        self.logits += f64::from(logit.clamp(-4.0, 4.0));
        let terms = [x, y, x * x, x * y, y * y];
        self.moments.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        self.channels.iter_mut().zip(values).for_each(|(sum, &v)| *sum += u64::from(v));
    }
}

/// Sums over the pixels of a region.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RegionSums {
    /// Border pixels around it.
    pub(crate) perimeter: u64,
    pub(crate) sums: [u64; MAX_BORDER_CHANNELS],
    pub(crate) squares: [u64; MAX_BORDER_CHANNELS],
}

impl RegionSums {
    pub(crate) fn join(&mut self, other: &Self, between: &BorderSums) {
        let gone = 2 * u64::from(between.count);
        self.perimeter = (self.perimeter + other.perimeter).saturating_sub(gone);
        self.sums.iter_mut().zip(other.sums).for_each(|(a, b)| *a += b);
        self.squares.iter_mut().zip(other.squares).for_each(|(a, b)| *a += b);
    }
}

/// The sums of every region, whose labels are below `bound`, and their areas.
pub(crate) fn region_sums(
    labels: &[u32],
    bound: usize,
    channels: ArrayView3<'_, u8>,
) -> (Vec<u64>, Vec<RegionSums>) {
    let mut areas = vec![0_u64; bound];
    labels.iter().for_each(|&label| areas[label as usize] += 1);
    let mut regions = vec![RegionSums::default(); bound];
    for (channel, map) in channels.outer_iter().enumerate() {
        for (&value, &label) in map.iter().zip(labels) {
            let region = &mut regions[label as usize];
            region.sums[channel] += u64::from(value);
            region.squares[channel] += u64::from(value) * u64::from(value);
        }
    }
    (areas, regions)
}

/// Counts the border pixels around every region; the graph must have all its borders.
pub(crate) fn add_perimeters<'m>(graph: &mut RegionGraph<LearnedRule<'m>>) {
    let found: Vec<(u32, u32, u32)> =
        graph.borders().map(|(low, high, border)| (low, high, border.count)).collect();
    for (low, high, count) in found {
        graph.region_mut(low).perimeter += u64::from(count);
        graph.region_mut(high).perimeter += u64::from(count);
    }
}
