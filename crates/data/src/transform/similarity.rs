//! Which pixels belong together.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::arrays::{ANY, add, add_picture, bytes, canvas, zeros};
use crate::error::{Error, Result};
use crate::record::Record;

/// To which pattern every pixel belongs.
///
/// # Shapes
///
/// From `img` `[H, W, _]` and `pattern_masks` `[p, H, W, 1]` it makes `inputs.img` and
/// `labels.dot_similarity` `[patterns + 1, H, W, 1]`, `f32`: the background first, then the
/// patterns, then zeros. A pixel's numbers sum to 1. Patterns are disjoint, so that one of them is
/// 1; pixels of several masks are shared between these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PixelSimilarity {
    /// The most patterns that a sample can have. Default 4.
    pub patterns: usize,
}

impl Default for PixelSimilarity {
    fn default() -> Self {
        Self { patterns: 4 }
    }
}

impl Transform for PixelSimilarity {
    fn apply(&self, record: Record, _: &mut ChaCha8Rng) -> Result<Record> {
        add_similarity(record, "pattern_masks", ("patterns", self.patterns))
    }
}

/// To which component every pixel belongs. Where components overlap, as lines do in a corner, each
/// has its share.
///
/// # Shapes
///
/// From `img` `[H, W, _]` and `shape_masks` `[n, H, W, 1]` it makes `inputs.img` and
/// `labels.dot_similarity` `[components + 1, H, W, 1]`, `f32`: the background first, then the
/// components, then zeros. A pixel's numbers sum to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PixelSimilarityShapes {
    /// The most components that a sample can have. Default 20.
    pub components: usize,
}

impl Default for PixelSimilarityShapes {
    fn default() -> Self {
        Self { components: 20 }
    }
}

impl Transform for PixelSimilarityShapes {
    fn apply(&self, record: Record, _: &mut ChaCha8Rng) -> Result<Record> {
        add_similarity(record, "shape_masks", ("components", self.components))
    }
}

fn add_similarity(
    mut record: Record,
    masks: &str,
    (field, most): (&'static str, usize),
) -> Result<Record> {
    const LABEL: &str = "labels.dot_similarity";
    let [h, w] = canvas(&record)?;
    let ([found, ..], masks) = bytes(&record, masks, [ANY, h, w, 1])?;
    if found > most {
        return Err(Error::Config {
            field,
            value: most.to_string(),
            expected: "at least the number of masks of a sample",
        });
    }
    let shape = [most.saturating_add(1), h, w, 1];
    let mut label = zeros(LABEL, &shape)?;
    let pixels = h * w;
    let mut counts = vec![0_u32; pixels];
    let (background, members) = label.split_at_mut(pixels);
    for (member, mask) in
        members.chunks_exact_mut(pixels.max(1)).zip(masks.chunks_exact(pixels.max(1)))
    {
        for ((value, count), inside) in member.iter_mut().zip(&mut counts).zip(mask) {
            let inside = u8::from(*inside != 0);
            *value = f32::from(inside);
            *count += u32::from(inside);
        }
    }
    for (pixel, count) in counts.iter().enumerate() {
        match count {
            0 => background[pixel] = 1.0,
            1 => {}
            #[expect(clippy::cast_precision_loss, reason = "masks within the limit of sizes")]
            count => {
                for value in members.iter_mut().skip(pixel).step_by(pixels) {
                    *value /= *count as f32;
                }
            }
        }
    }
    add_picture(&mut record)?;
    add(&mut record, LABEL, &shape, label)?;
    Ok(record)
}
