//! Sets of pixels, run by run.

use super::{Pen, Rle, RleFault};
use crate::error::Result;

impl Rle {
    /// The pixels of either mask.
    ///
    /// # Errors
    ///
    /// [`Error::Rle`](crate::Error::Rle) for masks of different sizes.
    pub fn union(&self, other: &Self) -> Result<Self> {
        self.combined(other, |a, b| a || b)
    }

    /// The pixels of both masks.
    ///
    /// # Errors
    ///
    /// [`Error::Rle`](crate::Error::Rle) for masks of different sizes.
    pub fn intersection(&self, other: &Self) -> Result<Self> {
        self.combined(other, |a, b| a && b)
    }

    /// Intersection over union; 0 for two empty masks.
    ///
    /// Where `other` is a `crowd`, the area of this mask stands for the union: any part of a
    /// crowd may be matched.
    ///
    /// # Errors
    ///
    /// [`Error::Rle`](crate::Error::Rle) for masks of different sizes.
    pub fn iou(&self, other: &Self, crowd: bool) -> Result<f64> {
        let both = self.intersection(other)?.area();
        let whole = if crowd { self.area() } else { self.area() + other.area() - both };
        Ok(if both == 0 { 0.0 } else { both as f64 / whole as f64 })
    }

    fn combined(&self, other: &Self, keep: impl Fn(bool, bool) -> bool) -> Result<Self> {
        if (self.height, self.width) != (other.height, other.width) {
            let (height, width) = (other.height, other.width);
            return Err(self.fault(RleFault::Sizes { height, width }));
        }
        let mut pen = Pen::default();
        let (mut a, mut b) = (Walk::new(&self.counts), Walk::new(&other.counts));
        loop {
            let step = match (a.left(), b.left()) {
                (0, _) | (_, 0) => break,
                (left, right) => left.min(right),
            };
            pen.draw(keep(a.inside, b.inside), step);
            a.rest -= step;
            b.rest -= step;
        }
        Ok(Self { counts: pen.finish(), ..*self })
    }
}

/// Reads runs one after the other.
struct Walk<'a> {
    counts: std::slice::Iter<'a, u32>,
    inside: bool,
    rest: u32,
}

impl<'a> Walk<'a> {
    fn new(counts: &'a [u32]) -> Self {
        Self { counts: counts.iter(), inside: true, rest: 0 }
    }

    /// Pixels left in the run; 0 behind the last.
    fn left(&mut self) -> u32 {
        while self.rest == 0 {
            let Some(&run) = self.counts.next() else { break };
            (self.inside, self.rest) = (!self.inside, run);
        }
        self.rest
    }
}
