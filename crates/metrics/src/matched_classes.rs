//! Classes of objects that are paired first.

use std::iter::Sum;
use std::ops::AddAssign;

use mapvec_assignment::{AssignmentConfig, NonFinite, assign_with};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::binary::ratio;
use crate::error::{check_setting, same_length, same_shape};
use crate::{BinaryCounts, Error, Result};

/// The most classes.
const MOST: usize = 4096;

/// How often objects of each class were taken for each other, found for nothing and missed.
///
/// Counts of several pictures and workers can be added.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct MatchedClasses {
    /// Of the pairs of classes, row by row: the true class times `classes` plus the predicted one.
    pairs: Vec<u64>,
    /// Predictions of each class without an object.
    surplus: Vec<u64>,
    /// Objects of each class without a prediction.
    missed: Vec<u64>,
}

/// Counts as they are read, not yet checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    pairs: Vec<u64>,
    surplus: Vec<u64>,
    missed: Vec<u64>,
}

impl TryFrom<Written> for MatchedClasses {
    type Error = Error;

    fn try_from(Written { pairs, surplus, missed }: Written) -> Result<Self> {
        let classes = surplus.len();
        // Nothing has been counted yet where there is no class.
        check_classes(classes.max(1))?;
        same_length("missed", missed.len(), classes, "`surplus`")?;
        same_length("pairs", pairs.len(), classes * classes, "the pairs of classes")?;
        Ok(Self { pairs, surplus, missed })
    }
}

impl MatchedClasses {
    /// The number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.surplus.len()
    }

    /// Objects of class `truth` predicted as `predicted`. No true class: predictions without an
    /// object; no predicted class: objects without a prediction. 0 for classes that do not exist.
    #[must_use]
    pub fn count(&self, truth: Option<usize>, predicted: Option<usize>) -> u64 {
        let classes = self.classes();
        let found = match (truth, predicted) {
            (Some(truth), Some(predicted)) if truth.max(predicted) < classes => {
                self.pairs.get(truth * classes + predicted)
            }
            (Some(truth), None) => self.missed.get(truth),
            (None, Some(predicted)) => self.surplus.get(predicted),
            _ => None,
        };
        found.copied().unwrap_or(0)
    }

    /// Objects of one class: right, surplus (without an object, or with one of another class) and
    /// missed (without a prediction, or with one of another class).
    #[must_use]
    pub fn class_counts(&self, class: usize) -> BinaryCounts {
        let others = || (0..self.classes()).filter(|&other| other != class).map(Some);
        let class = Some(class);
        BinaryCounts {
            true_positives: self.count(class, class),
            false_positives: others().chain([None]).map(|other| self.count(other, class)).sum(),
            false_negatives: others().chain([None]).map(|other| self.count(class, other)).sum(),
        }
    }

    /// The sum of [`class_counts`](Self::class_counts) over all classes: its score is the micro
    /// average.
    #[must_use]
    pub fn counts(&self) -> BinaryCounts {
        (0..self.classes()).map(|class| self.class_counts(class)).sum()
    }

    /// The mean of F1 over the classes that occur (macro average); none without any.
    #[must_use]
    pub fn mean_f1(&self) -> Option<f64> {
        let scores = (0..self.classes()).filter_map(|class| self.class_counts(class).score().f1);
        let scores: Vec<f64> = scores.collect();
        (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
    }

    /// The share of pairs whose class is right; none without pairs.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        let all: u64 = self.pairs.iter().sum();
        let right = (0..self.classes()).map(|class| self.count(Some(class), Some(class))).sum();
        ratio(right, all)
    }

    /// The same with room for so many classes.
    fn widened(self, classes: usize) -> Self {
        let old = self.classes();
        if old >= classes {
            return self;
        }
        let mut wide =
            Self { pairs: vec![0; classes * classes], surplus: self.surplus, missed: self.missed };
        wide.surplus.resize(classes, 0);
        wide.missed.resize(classes, 0);
        for (row, counts) in wide.pairs.chunks_mut(classes).zip(self.pairs.chunks(old.max(1))) {
            row[..counts.len()].copy_from_slice(counts);
        }
        wide
    }
}

/// Adds class by class. The sum has the classes of whoever has more.
impl AddAssign for MatchedClasses {
    fn add_assign(&mut self, other: Self) {
        let classes = self.classes().max(other.classes());
        let other = other.widened(classes);
        *self = std::mem::take(self).widened(classes);
        for (sums, counts) in [
            (&mut self.pairs, other.pairs),
            (&mut self.surplus, other.surplus),
            (&mut self.missed, other.missed),
        ] {
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
    }
}

impl Sum for MatchedClasses {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// Counts the classes of a picture whose pairs (prediction, object) are known, such as those of a
/// loss.
///
/// A prediction of no class says that there is nothing: it is never surplus, and an object
/// that is paired with it is missed.
///
/// # Errors
/// [`Error::InvalidSetting`] if `classes` is 0 or above 4096; [`Error::InvalidEntry`] for a class that does not exist, and for a pair with a place that
/// does not exist or occurs twice.
pub fn paired_classes(
    predicted: &[Option<usize>],
    truth: &[usize],
    pairs: &[(usize, usize)],
    classes: usize,
) -> Result<MatchedClasses> {
    check_classes(classes)?;
    let zeros = vec![0; classes];
    let mut counts =
        MatchedClasses { pairs: vec![0; classes * classes], surplus: zeros.clone(), missed: zeros };
    let known = |field, index: usize, class: usize| {
        let expected = "a class below the number of classes";
        if class < classes {
            return Ok(());
        }
        Err(Error::InvalidEntry { field, index, value: class as f64, expected })
    };
    for (index, class) in predicted.iter().enumerate() {
        class.map_or(Ok(()), |class| known("predicted", index, class))?;
    }
    for (index, &class) in truth.iter().enumerate() {
        known("truth", index, class)?;
    }
    let (mut partner, mut taken) = (vec![None; predicted.len()], vec![false; truth.len()]);
    for (index, &(prediction, object)) in pairs.iter().enumerate() {
        let wrong = |value: usize| Error::InvalidEntry {
            field: "pairs",
            index,
            value: value as f64,
            expected: "a place that exists and occurs once",
        };
        match partner.get_mut(prediction) {
            Some(partner @ None) => *partner = Some(object),
            _ => return Err(wrong(prediction)),
        }
        match taken.get_mut(object) {
            Some(taken) if !*taken => *taken = true,
            _ => return Err(wrong(object)),
        }
    }
    for (class, partner) in predicted.iter().zip(partner) {
        match (*class, partner) {
            (Some(class), Some(object)) => counts.pairs[truth[object] * classes + class] += 1,
            (Some(class), None) => counts.surplus[class] += 1,
            (None, Some(object)) => counts.missed[truth[object]] += 1,
            (None, None) => {}
        }
    }
    for (&class, taken) in truth.iter().zip(taken) {
        counts.missed[class] += u64::from(!taken);
    }
    Ok(counts)
}

/// Pairs predictions with true objects at the least sum of costs, and counts their classes.
///
/// `predicted` holds a class or none (nothing is there) for each prediction, `truth` the class
/// of each object. Pairs that cost more than `most`, or whose cost is not finite, are none: both
/// sides count as alone. They take part in the assignment at the cost of `most`, so that they are
/// made only where nothing better is left.
///
/// # Shapes
/// `costs` is `[predictions, objects]`.
///
/// # Examples
/// ```
/// use mapvec_metrics::matched_classes;
/// use ndarray::array;
/// let costs = array![[0.1, 0.9], [0.2, 0.8]];
/// let counts = matched_classes(costs.view(), &[Some(0), Some(1)], &[0, 1], (2, 1.0))?;
/// assert_eq!(counts.accuracy(), Some(1.0));
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapeMismatch`] for costs of another shape; [`Error::InvalidSetting`] for a `most`
/// that is not finite, or for no classes; [`Error::Assignment`] where costs cannot be summed;
/// those of [`paired_classes`].
pub fn matched_classes(
    costs: ArrayView2<'_, f64>,
    predicted: &[Option<usize>],
    truth: &[usize],
    (classes, most): (usize, f64),
) -> Result<MatchedClasses> {
    same_shape("costs", costs.dim(), (predicted.len(), truth.len()))?;
    check_setting("most", most, most.is_finite(), "finite")?;
    let capped = costs.mapv(|cost| if cost <= most { cost } else { most });
    let config =
        AssignmentConfig { non_finite: NonFinite::Cap(most), ..AssignmentConfig::default() };
    let mut pairs = assign_with(capped.view(), &config)?.pairs;
    pairs.retain(|&pair| costs[pair].is_finite() && costs[pair] <= most);
    paired_classes(predicted, truth, &pairs, classes)
}

fn check_classes(classes: usize) -> Result<()> {
    check_setting("classes", classes as f64, (1..=MOST).contains(&classes), "1 to 4096")
}
