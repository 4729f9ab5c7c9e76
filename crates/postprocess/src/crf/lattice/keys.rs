//! Names of lattice points and the table that numbers them.

use crate::crf::features::Features;
use crate::{Error, Result};

/// Largest coordinate that f32 positions still tell apart.
const MAX_COORDINATE: f64 = 4_194_304.0;

/// How coordinates become 64-bit keys: side by side where they fit, as a mixed number
/// (and a comparison of the coordinates) otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Codec {
    pub(crate) dimension: usize,
    /// Factor of each feature.
    pub(crate) scale: Vec<f32>,
    /// Whether keys hold the coordinates.
    pub(crate) packed: bool,
    /// Smallest value of each coordinate, neighbours included.
    pub(crate) lowest: Vec<f32>,
    /// One step of each coordinate.
    pub(crate) units: Vec<u64>,
    /// One step of all coordinates.
    pub(crate) ones: u64,
    bits: u32,
}

impl Codec {
    /// For these features and all others within their bounds.
    pub(crate) fn new(features: &Features) -> Result<Self> {
        let bounds = |i: usize| {
            let row = features.row(i);
            let low = row.iter().copied().fold(f32::INFINITY, f32::min);
            let high = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            if low <= high { (low, high) } else { (0.0, 0.0) }
        };
        Self::within(&(0..features.dimension()).map(bounds).collect::<Vec<_>>())
    }

    /// For features of which each lies between two bounds.
    pub(crate) fn within(bounds: &[(f32, f32)]) -> Result<Self> {
        let d = bounds.len();
        let deviation = (2.0_f64 / 3.0).sqrt() * (d + 1) as f64;
        let factor = |i: usize| deviation / (((i + 1) * (i + 2)) as f64).sqrt();
        let scale: Vec<f32> = (0..d).map(|i| factor(i) as f32).collect();
        let ranges = coordinate_ranges(bounds, &scale);
        let margin = 2.0 * (d + 2) as f64;
        let mut widest = 0.0_f64;
        for (dimension, &(low, high)) in ranges.iter().enumerate() {
            let reach = low.abs().max(high.abs()) + margin;
            if reach.is_nan() || reach >= MAX_COORDINATE {
                return Err(Error::FeatureRange { dimension: dimension.min(d - 1), reach });
            }
            widest = widest.max((high + margin).ceil() - (low - margin).floor());
        }
        let bits = 64 - ((widest as i64).cast_unsigned() + 1).leading_zeros();
        let packed = bits as usize * d <= 64;
        let units: Vec<u64> =
            if packed { (0..d as u32).map(|i| 1_u64 << (bits * i)).collect() } else { vec![0; d] };
        Ok(Self {
            dimension: d,
            scale,
            packed,
            lowest: ranges.iter().map(|(low, _)| (low - margin).floor() as f32).collect(),
            ones: units.iter().sum(),
            units,
            bits,
        })
    }

    /// Where a coordinate stands in a packed key.
    #[inline(always)]
    pub(crate) fn shift(&self, coordinate: usize) -> u32 {
        self.bits * coordinate as u32
    }

    /// Key of a neighbour along an axis of the blur, of the packed sort.
    pub(crate) fn neighbour(&self, key: u64, axis: usize) -> u64 {
        let step = self.units.get(axis).map_or(0, |u| u.wrapping_mul((self.dimension + 1) as u64));
        key.wrapping_sub(self.ones).wrapping_add(step)
    }
}

/// Bounds of each elevated coordinate but the last by interval arithmetic.
fn coordinate_ranges(bounds: &[(f32, f32)], scale: &[f32]) -> Vec<(f64, f64)> {
    let d = bounds.len();
    let bounds: Vec<(f64, f64)> = (bounds.iter().zip(scale))
        .map(|(&(low, high), &scale)| (low, high, f64::from(scale)))
        .map(|(low, high, scale)| (f64::from(low) * scale, f64::from(high) * scale))
        .collect();
    let mut sum = (0.0, 0.0);
    let mut ranges = vec![(0.0, 0.0); d + 1];
    for j in (1..=d).rev() {
        let (low, high) = bounds[j - 1];
        let j_times = j as f64;
        ranges[j] = (sum.0 - j_times * high, sum.1 - j_times * low);
        sum = (sum.0 + low, sum.1 + high);
    }
    ranges[0] = sum;
    ranges
}

/// Mixes coordinates into a key where they do not fit side by side.
pub(crate) fn mixed(coordinates: &[i32]) -> u64 {
    coordinates.iter().fold(0x9E37_79B9_7F4A_7C15, |mix: u64, &c| {
        let mix = (mix ^ u64::from(c.cast_unsigned())).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mix ^ (mix >> 29)
    })
}

/// No number.
const FREE: u32 = u32::MAX;

/// Numbers keys in the order in which they come; open addressing.
#[derive(Debug, Clone)]
pub(crate) struct KeyTable {
    slots: Vec<(u64, u32)>,
    shift: u32,
    keys: Vec<u64>,
    /// Coordinates of all keys where the keys do not hold them.
    coordinates: Vec<i32>,
    width: usize,
}

impl KeyTable {
    /// `width` coordinates are compared besides the key; 0 where keys are packed.
    pub(crate) fn new(expected: usize, width: usize) -> Self {
        let bits = (expected.max(32) * 2).next_power_of_two().trailing_zeros();
        Self {
            slots: vec![(0, FREE); 1 << bits],
            shift: 64 - bits,
            keys: Vec::with_capacity(expected),
            coordinates: Vec::new(),
            width,
        }
    }

    pub(crate) fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// Coordinates of a key; empty where the key holds them.
    pub(crate) fn coordinates(&self, id: usize) -> &[i32] {
        &self.coordinates[id * self.width..(id + 1) * self.width]
    }

    /// The number of a key, a new one if it is not there yet.
    #[inline(always)]
    pub(crate) fn insert(&mut self, key: u64, coordinates: &[i32]) -> u32 {
        let slot = match self.probe(key, coordinates) {
            (_, found) if found != FREE => return found,
            (slot, _) => slot,
        };
        self.append(slot, key, coordinates)
    }

    #[inline(never)]
    fn append(&mut self, slot: usize, key: u64, coordinates: &[i32]) -> u32 {
        let id = self.keys.len() as u32;
        self.slots[slot] = (key, id);
        self.keys.push(key);
        self.coordinates.extend_from_slice(coordinates);
        if self.keys.len() * 2 > self.slots.len() {
            self.grow();
        }
        id
    }

    #[inline(always)]
    pub(crate) fn find(&self, key: u64, coordinates: &[i32]) -> Option<u32> {
        let (_, found) = self.probe(key, coordinates);
        (found != FREE).then_some(found)
    }

    /// The slot of a key, and its number or `FREE`.
    #[inline(always)]
    fn probe(&self, key: u64, coordinates: &[i32]) -> (usize, u32) {
        let mask = self.slots.len() - 1;
        let mut slot = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize;
        loop {
            let (held, id) = self.slots[slot & mask];
            if id == FREE || (held == key && self.same(id, coordinates)) {
                return (slot & mask, id);
            }
            slot += 1;
        }
    }

    #[inline(always)]
    fn same(&self, id: u32, coordinates: &[i32]) -> bool {
        self.width == 0 || self.coordinates(id as usize) == coordinates
    }

    fn grow(&mut self) {
        self.shift -= 1;
        let mask = self.slots.len() * 2 - 1;
        self.slots.clear();
        self.slots.resize(mask + 1, (0, FREE));
        for (&key, id) in self.keys.iter().zip(0_u32..) {
            let mut slot = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize & mask;
            while self.slots[slot].1 != FREE {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = (key, id);
        }
    }
}
