//! What is known of the pixels beside their places.

use ndarray::{ArrayView2, ArrayView3};

use super::fragment::{Fragment, pixel_at, whole};
use crate::{Error, Result};

/// Row and column.
type Pixel = (usize, usize);

/// How alike two pixels, (row, column) each, are: 0 not at all, 1 fully.
pub type PixelSimilarity<'a> = &'a (dyn Fn(Pixel, Pixel) -> f32 + Sync);

/// What is known of the candidate pixels beside their places.
#[derive(Clone, Copy)]
pub enum LineEvidence<'a> {
    /// Nothing: lines go on in their direction.
    Continuity,
    /// A group per pixel (shape (H, W)), 0 for none, as a clustering of embeddings gives
    /// them. Candidates of no group may fill a line, but make none.
    Groups(ArrayView2<'a, u32>),
    /// How alike two pixels are; NaN counts as 0. Pieces that are not alike are not joined.
    Similarity(PixelSimilarity<'a>),
}

impl std::fmt::Debug for LineEvidence<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Continuity => write!(f, "Continuity"),
            Self::Groups(groups) => f.debug_tuple("Groups").field(groups).finish(),
            Self::Similarity(_) => write!(f, "Similarity(..)"),
        }
    }
}

/// The similarity of pixels by their embeddings (shape (D, H, W)):
/// `exp(-|a - b|^2 / (2 scale^2))`.
///
/// # Errors
/// [`Error::InvalidSetting`] unless `scale` is finite and above 0.
pub fn embedding_similarity(
    embeddings: ArrayView3<'_, f32>,
    scale: f32,
) -> Result<impl Fn(Pixel, Pixel) -> f32 + Sync> {
    if !(scale.is_finite() && scale > 0.0) {
        let (field, value) = ("scale", f64::from(scale));
        return Err(Error::InvalidSetting { field, value, expected: "finite and above 0" });
    }
    Ok(move |p: Pixel, q: Pixel| {
        let channels = embeddings.outer_iter();
        let square: f32 = channels.map(|channel| (channel[p] - channel[q]).powi(2)).sum();
        (-square / (2.0 * scale * scale)).exp()
    })
}

/// Samples of a fragment near an end.
const SAMPLES: usize = 5;

/// Mean similarity of the pixels of two fragments near two of their ends.
pub(super) fn similarity(
    of: PixelSimilarity<'_>,
    [(p, p_side), (q, q_side)]: [(&Fragment, usize); 2],
    (inner, reach): (f64, f64),
) -> f64 {
    let samples = |fragment: &Fragment, side: usize| -> Vec<Pixel> {
        // Points are centres of pixels, about a pixel apart.
        let first = whole(fragment.skipped(inner));
        let step = (whole(reach) / SAMPLES).max(1);
        let points: Vec<_> = fragment.points_from(side).skip(first).step_by(step).collect();
        points.iter().take(SAMPLES).copied().map(pixel_at).collect()
    };
    let (p, q) = (samples(p, p_side), samples(q, q_side));
    let count = (p.len() * q.len()) as f64;
    let pairs = p.iter().flat_map(|&a| q.iter().map(move |&b| (a, b)));
    let sum: f64 = pairs
        .map(|(a, b)| {
            let value = f64::from(of(a, b));
            if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
        })
        .sum();
    if count > 0.0 { sum / count } else { 0.0 }
}
