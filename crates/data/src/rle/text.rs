//! The compressed form of run lengths.

use super::{NAME, Rle, RleFault};
use crate::error::{Error, Result};
use crate::limits::ImageLimits;

/// Bits of the groups of 5 that hold the difference of two 32-bit numbers.
const MAX_BITS: u32 = 35;
/// The largest code of a character.
const LARGEST: u8 = 0x3f;
/// The bit of a code that says that the number goes on.
const MORE: u8 = 0x20;

type Parsed<T> = std::result::Result<T, RleFault>;

impl Rle {
    /// A mask from the compressed text that COCO files and `pycocotools` hold.
    ///
    /// # Errors
    ///
    /// As [`Rle::new`], and [`Error::Rle`] for text that is no such form.
    pub fn from_compressed(
        height: u32,
        width: u32,
        text: &str,
        limits: &ImageLimits,
    ) -> Result<Self> {
        limits.check(width, height, NAME)?;
        let counts =
            parse_runs(text.as_bytes()).map_err(|fault| Error::Rle { height, width, fault })?;
        Self::new(height, width, counts, limits)
    }

    /// The compressed text: differences to the run before the last, in groups of 5 bits.
    #[must_use]
    pub fn to_compressed(&self) -> String {
        let mut text = String::with_capacity(2 * self.counts.len());
        for (index, &run) in self.counts.iter().enumerate() {
            // From the fourth run on, as the reference has it.
            let before = if index > 2 { self.counts[index - 2] } else { 0 };
            let mut rest = i64::from(run) - i64::from(before);
            loop {
                let [low, ..] = rest.to_le_bytes();
                let group = low & 0x1f;
                rest >>= 5;
                let done = rest == if group & 0x10 == 0 { 0 } else { -1 };
                text.push(char::from(48 + if done { group } else { group | 0x20 }));
                if done {
                    break;
                }
            }
        }
        text
    }
}

/// The runs of the compressed form.
fn parse_runs(text: &[u8]) -> Parsed<Vec<u32>> {
    // All characters are looked at first, many at once: what follows need not doubt them, and
    // fills a list of the right size, which is faster than one that may have to grow.
    let (mut bits, mut numbers) = (0, 0);
    // A byte counts what ends in 255 characters.
    for part in text.chunks(255) {
        let mut ends = 0_u8;
        for &byte in part {
            bits |= code(byte);
            ends += u8::from(code(byte) & MORE == 0);
        }
        numbers += usize::from(ends);
    }
    if bits > LARGEST {
        let wrong = text.iter().enumerate().find(|(_, byte)| code(**byte) > LARGEST);
        return Err(
            wrong.map_or(RleFault::Truncated, |(at, &byte)| RleFault::Character { byte, at })
        );
    }
    let mut counts = vec![0; numbers];
    each_run(text, |place, run| {
        if let Some(count) = counts.get_mut(place) {
            *count = run;
        }
    })?;
    Ok(counts)
}

/// Calls `found` with the place and the length of each run of a text without wrong characters.
#[inline(always)]
fn each_run(text: &[u8], mut found: impl FnMut(usize, u32)) -> Parsed<()> {
    let mut codes = text.iter().map(|&byte| code(byte));
    // The run before the last, and the last.
    let mut before = [0_i64; 2];
    let mut run = 0;
    while let Some(first) = codes.next() {
        let mut value;
        // Most numbers have one group: a branch of their own takes a sixth off the time.
        if first & MORE == 0 {
            value = signed(first);
        } else {
            value = group(first);
            let mut shift = 5;
            loop {
                let next = codes.next().ok_or(RleFault::Truncated)?;
                if shift == MAX_BITS {
                    return Err(RleFault::Run { run, value: i64::MAX });
                }
                if next & MORE == 0 {
                    value += signed(next) << shift;
                    break;
                }
                value |= group(next) << shift;
                shift += 5;
            }
        }
        if run > 2 {
            value += before[0];
        }
        found(run, u32::try_from(value).map_err(|_| RleFault::Run { run, value })?);
        before = [before[1], value];
        run += 1;
    }
    Ok(())
}

/// What a character stands for: 5 bits of a number, and [`MORE`].
#[inline(always)]
fn code(byte: u8) -> u8 {
    byte.wrapping_sub(b'0')
}

/// A group of a number that goes on.
#[inline(always)]
fn group(code: u8) -> i64 {
    i64::from(code & 0x1f)
}

/// The last group of a number, whose highest bit is the sign.
#[inline(always)]
fn signed(code: u8) -> i64 {
    i64::from(code ^ 0x10) - 0x10
}
