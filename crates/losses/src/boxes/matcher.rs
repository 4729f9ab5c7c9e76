//! Which anchors look for which object.

use candle_core::{DType, Tensor};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::allowed::{check_range, check_share, check_values};
use crate::error::Result;
use crate::shape::rows;
use crate::singular::TINY;

/// What an anchor is to learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnchorMatch {
    /// The object with this index.
    Truth(usize),
    /// That there is none.
    Background,
    /// Nothing: it overlaps too much for background and too little for an object.
    Ignored,
}

/// Settings of [`match_anchors`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnchorMatchConfig {
    /// Overlap from which an anchor is an object's, 0 to 1. Default 0.7.
    pub foreground: f64,
    /// Overlap below which an anchor is background, at most `foreground`. Default 0.3.
    pub background: f64,
    /// Whether the best anchors of an object are its own however little they overlap. Default
    /// true.
    pub allow_low_quality: bool,
}

impl Default for AnchorMatchConfig {
    fn default() -> Self {
        Self { foreground: 0.7, background: 0.3, allow_low_quality: true }
    }
}

impl AnchorMatchConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_share("foreground", self.foreground)?;
        let inside = (0.0..=self.foreground).contains(&self.background);
        check_range("background", self.background, inside, "0 to `foreground`")
    }
}

/// Gives every anchor the object that it overlaps most, if that is enough.
///
/// ```text
/// IoU >= foreground                 the object; of equal ones the first
/// background <= IoU < foreground    ignored
/// IoU < background                  background
/// ```
///
/// With `allow_low_quality` the anchors that overlap an object most of all (all of them, if
/// several are equal) are matched whatever the overlap, each with its own best object. An anchor
/// that overlaps nothing never gets an object, and an object that no anchor overlaps, such as
/// one without area, gets no anchor.
///
/// # Shapes
///
/// `truth`: `[T, 4]`, `anchors`: `[A, 4]`, corners (x1, y1, x2, y2), px; the result has `A`
/// entries.
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) for shapes that do not fit, [`Error::Target`](crate::Error::Target) for a box that is not finite,
/// [`Error::Config`](crate::Error::Config) for a setting out of range.
///
/// # References
///
/// Ren, He, Girshick and Sun, *Faster R-CNN* (NIPS 2015).
pub fn match_anchors(
    truth: &Tensor,
    anchors: &Tensor,
    config: &AnchorMatchConfig,
) -> Result<Vec<AnchorMatch>> {
    config.validate()?;
    let (truth, anchors) = (corners("truth", truth)?, corners("anchors", anchors)?);
    if truth.is_empty() {
        return Ok(vec![AnchorMatch::Background; anchors.len()]);
    }
    // The object that an anchor overlaps most, and how much.
    let mut best = vec![(0, 0.0); anchors.len()];
    let mut favourites = Vec::new();
    for (object, truth) in truth.iter().enumerate() {
        let (mut most, first) = (0.0, favourites.len());
        for (anchor, (own, best)) in anchors.iter().zip(&mut best).enumerate() {
            let overlap = iou(truth, own);
            if overlap > best.1 {
                *best = (object, overlap);
            }
            if overlap > most {
                most = overlap;
                favourites.truncate(first);
            }
            if overlap >= most && overlap > 0.0 {
                favourites.push(anchor);
            }
        }
    }
    let mut matches: Vec<AnchorMatch> = best
        .iter()
        .map(|&(object, overlap)| {
            if overlap >= config.foreground && overlap > 0.0 {
                AnchorMatch::Truth(object)
            } else if overlap >= config.background {
                AnchorMatch::Ignored
            } else {
                AnchorMatch::Background
            }
        })
        .collect();
    if config.allow_low_quality {
        for anchor in favourites {
            matches[anchor] = AnchorMatch::Truth(best[anchor].0);
        }
    }
    Ok(matches)
}

/// Corners of boxes `[N, 4]`, all of them finite.
fn corners(task: &'static str, boxes: &Tensor) -> Result<Vec<[f64; 4]>> {
    rows(task, boxes, 4)?;
    check_values(task, boxes, "finite coordinates", f64::is_finite)?;
    let numbers = boxes.detach().to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    Ok(numbers.as_chunks::<4>().0.to_vec())
}

/// Intersection over union, as that of [`box_overlap`](crate::box_overlap()).
fn iou(a: &[f64; 4], b: &[f64; 4]) -> f64 {
    let area = |[x1, y1, x2, y2]: [f64; 4]| (x2 - x1).max(0.0) * (y2 - y1).max(0.0);
    let common = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    let union = area(*a) + area(*b) - common;
    if union > TINY { common / union } else { 0.0 }
}

/// Anchors drawn for training: those of objects with their objects, and background.
pub(crate) type Sample = (Vec<(usize, usize)>, Vec<usize>);

/// Draws at most `count` anchors, of which at most a `fraction` belong to objects.
pub(crate) fn sample(
    matches: &[AnchorMatch],
    count: usize,
    fraction: f64,
    rng: &mut impl Rng,
) -> Sample {
    let mut objects = Vec::new();
    let mut background = Vec::new();
    for (anchor, found) in matches.iter().enumerate() {
        match found {
            AnchorMatch::Truth(object) => objects.push((anchor, *object)),
            AnchorMatch::Background => background.push(anchor),
            AnchorMatch::Ignored => {}
        }
    }
    // A share between 0 and 1 of a count fits.
    #[expect(clippy::cast_sign_loss, reason = "the fraction was checked")]
    let most = (count as f64 * fraction) as usize;
    let positives = draw(&objects, most, rng);
    let negatives = draw(&background, count - positives.len().min(count), rng);
    (positives, negatives)
}

/// At most `most` of the entries, in their order.
fn draw<T: Copy>(entries: &[T], most: usize, rng: &mut impl Rng) -> Vec<T> {
    if entries.len() <= most {
        return entries.to_vec();
    }
    let mut places = rand::seq::index::sample(rng, entries.len(), most).into_vec();
    places.sort_unstable();
    places.into_iter().map(|place| entries[place]).collect()
}
