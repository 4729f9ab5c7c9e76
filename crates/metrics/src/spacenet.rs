//! Precision, recall and F1 of polygons, as the `SpaceNet` building challenges count them.

use geo_types::MultiPolygon;
use mapvec_geometry::BoxIndex;
use serde::{Deserialize, Serialize};

use crate::coco_ap::Region;
use crate::error::{check_setting, same_length};
use crate::{BinaryCounts, Error, Result};

/// Which polygons count, and when two of them match; the default is the published one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpacenetConfig {
    /// `IoU` from which on a polygon is right, in (0, 1].
    pub min_iou: f64,
    /// Smaller true polygons are left out, and so are predicted ones that are not larger;
    /// px^2, not negative. Polygons without an area never count.
    pub min_area: f64,
}

impl Default for SpacenetConfig {
    fn default() -> Self {
        Self { min_iou: 0.5, min_area: 20.0 }
    }
}

impl SpacenetConfig {
    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for one that is not.
    pub fn validate(&self) -> Result<()> {
        let right = self.min_iou > 0.0 && self.min_iou <= 1.0;
        check_setting("min_iou", self.min_iou, right, "in (0, 1]")?;
        let right = self.min_area.is_finite() && self.min_area >= 0.0;
        check_setting("min_area", self.min_area, right, "finite and not negative (px^2)")
    }
}

/// A predicted polygon and the true one it matches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolygonMatch {
    /// Place in the prediction.
    pub predicted: usize,
    /// Place in the truth.
    pub truth: usize,
    /// Intersection over union of the two.
    pub iou: f64,
}

/// How the polygons of one picture match.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolygonMatches {
    /// Polygons that are right, surplus and missed; add them up over pictures and take
    /// [`BinaryCounts::score`] of the sum.
    pub counts: BinaryCounts,
    /// The matches, the most confident first.
    pub pairs: Vec<PolygonMatch>,
}

/// Matches predicted polygons with true ones: the most confident first, each with the true
/// polygon of largest `IoU` that is left, if that is large enough.
///
/// An entry is one object of any number of parts. Of equally confident polygons the first
/// comes first. Rings that cross themselves are repaired by the even-odd rule.
///
/// # Examples
/// ```
/// use geo_types::{MultiPolygon, polygon};
/// let square = |x: f64| {
///     MultiPolygon::from(polygon![(x: x, y: 0.), (x: x + 6., y: 0.), (x: x + 6., y: 6.), (x: x, y: 6.)])
/// };
/// let found = mapvec_metrics::match_polygons(
///     &[square(1.0), square(40.0)],
///     &[0.9, 0.8],
///     &[square(0.0), square(20.0)],
///     &mapvec_metrics::SpacenetConfig::default(),
/// )?;
/// assert_eq!(found.counts.score().f1, Some(0.5));
/// assert!((found.pairs[0].iou - 5.0 / 7.0).abs() < 1e-6);
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidSetting`] for the configuration; [`Error::LengthMismatch`] if there is not
/// one confidence for each predicted polygon; [`Error::InvalidEntry`] for one that is not a
/// number; [`Error::Shape`] for a polygon with coordinates that are not finite or out of
/// range.
///
/// # References
/// A. Van Etten, D. Lindenbaum and T. Bacastow, `SpaceNet`: a remote sensing dataset and
/// challenge series, 2018.
pub fn match_polygons(
    predicted: &[MultiPolygon<f64>],
    confidences: &[f64],
    truth: &[MultiPolygon<f64>],
    config: &SpacenetConfig,
) -> Result<PolygonMatches> {
    config.validate()?;
    same_length("confidences", confidences.len(), predicted.len(), "`predicted`")?;
    if let Some(index) = confidences.iter().position(|value| value.is_nan()) {
        let (field, value) = ("confidences", f64::NAN);
        return Err(Error::InvalidEntry { field, index, value, expected: "a number" });
    }
    let shapes = Region::all("predicted polygon", predicted)?;
    let targets = Region::all("true polygon", truth)?;
    let mut order: Vec<usize> =
        (0..shapes.len()).filter(|&index| shapes[index].area > config.min_area.max(0.0)).collect();
    // Adding 0 makes one of the two zeros.
    order.sort_by(|&a, &b| (confidences[b] + 0.0).total_cmp(&(confidences[a] + 0.0)));
    let counts = |target: &Region| target.area > 0.0 && target.area >= config.min_area;
    let counted: Vec<usize> = (0..targets.len()).filter(|&index| counts(&targets[index])).collect();
    let index = BoxIndex::new(counted.iter().map(|&target| targets[target].bounds()))
        .map_err(|source| Error::Shape { what: "true polygon", index: 0, source })?;
    let mut free = vec![true; counted.len()];
    let mut matches = PolygonMatches::default();
    for predicted in order {
        let shape = &shapes[predicted];
        let mut best: Option<(usize, f64)> = None;
        // Ascending, so that of equal ones the first is taken.
        for place in index.within(&shape.bounds()).into_iter().filter(|&place| free[place]) {
            let iou = shape.iou(&targets[counted[place]]).map_err(|source| Error::Shape {
                what: "predicted polygon",
                index: predicted,
                source,
            })?;
            if iou >= config.min_iou && best.is_none_or(|(_, most)| iou > most) {
                best = Some((place, iou));
            }
        }
        match best {
            Some((place, iou)) => {
                free[place] = false;
                matches.pairs.push(PolygonMatch { predicted, truth: counted[place], iou });
                matches.counts.true_positives += 1;
            }
            None => matches.counts.false_positives += 1,
        }
    }
    matches.counts.false_negatives = free.iter().filter(|free| **free).count() as u64;
    Ok(matches)
}
