//! The compressed form of run lengths.

use super::{NAME, Rle, RleFault};
use crate::error::{Error, Result};
use crate::limits::ImageLimits;

/// Groups of 5 bits that hold the difference of two 32-bit numbers.
const MAX_GROUPS: u32 = 7;

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
fn parse_runs(text: &[u8]) -> std::result::Result<Vec<u32>, RleFault> {
    let mut counts: Vec<u32> = Vec::with_capacity(text.len());
    let (mut value, mut groups) = (0_i64, 0);
    // The run before the last, and the last.
    let mut before = [0_i64; 2];
    for (at, &byte) in text.iter().enumerate() {
        if !(48..48 + 64).contains(&byte) {
            return Err(RleFault::Character { byte, at });
        }
        if groups == MAX_GROUPS {
            return Err(RleFault::Run { run: counts.len(), value: i64::MAX });
        }
        let code = i64::from(byte - 48);
        value |= (code & 0x1f) << (5 * groups);
        groups += 1;
        if code & 0x20 != 0 {
            continue;
        }
        // The highest bit of the last group is the sign.
        let unused = 64 - 5 * groups;
        value = value << unused >> unused;
        let run = counts.len();
        if run > 2 {
            value += before[0];
        }
        counts.push(u32::try_from(value).map_err(|_| RleFault::Run { run, value })?);
        before = [before[1], value];
        (value, groups) = (0, 0);
    }
    if groups > 0 { Err(RleFault::Truncated) } else { Ok(counts) }
}
