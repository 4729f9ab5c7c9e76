//! Classes of objects that are paired first.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::AddAssign;

use mapvec_assignment::assign;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::binary::ratio;
use crate::error::{check_setting, check_shape};
use crate::{BinaryCounts, Error, Result};

/// The most classes.
const MOST: usize = 4096;

/// A true and a predicted class; none for predictions without an object, or objects without a
/// prediction.
type Pair = (Option<usize>, Option<usize>);

/// How often objects of each class were taken for each other, found for nothing and missed.
///
/// Counts of several pictures and workers can be added. Only pairs of classes that occur take
/// room.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct MatchedClasses {
    classes: usize,
    /// No entry is 0, and none is for neither class.
    counts: BTreeMap<Pair, u64>,
}

/// Counts as they are written, and read but not yet checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    classes: usize,
    /// True class, predicted class and how often, by ascending classes, none first.
    counts: Vec<(Option<usize>, Option<usize>, u64)>,
}

impl From<MatchedClasses> for Written {
    fn from(counts: MatchedClasses) -> Self {
        let rows = counts.counts.into_iter();
        let counts_of_pairs = rows.map(|((truth, predicted), count)| (truth, predicted, count));
        Self { classes: counts.classes, counts: counts_of_pairs.collect() }
    }
}

impl TryFrom<Written> for MatchedClasses {
    type Error = Error;

    fn try_from(Written { classes, counts }: Written) -> Result<Self> {
        // Nothing has been counted yet where there is no class.
        check_classes(classes.max(1))?;
        let mut read = Self { classes, counts: BTreeMap::new() };
        for (index, (truth, predicted, count)) in counts.into_iter().enumerate() {
            let refuse = |value: f64, expected| {
                Err(Error::InvalidEntry { field: "counts", index, value, expected })
            };
            if count == 0 {
                return refuse(0.0, "1 or more");
            }
            let Some(class) = truth.max(predicted) else {
                return refuse(count as f64, "of a true or a predicted class");
            };
            if class >= classes {
                return refuse(class as f64, "of classes below `classes`");
            }
            if read.counts.last_key_value().is_some_and(|(last, _)| *last >= (truth, predicted)) {
                return refuse(class as f64, "of higher classes than the one before");
            }
            read.counts.insert((truth, predicted), count);
        }
        Ok(read)
    }
}

impl MatchedClasses {
    /// The number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Objects of class `truth` predicted as `predicted`. No true class: predictions without an
    /// object; no predicted class: objects without a prediction. 0 for classes that do not exist.
    #[must_use]
    pub fn count(&self, truth: Option<usize>, predicted: Option<usize>) -> u64 {
        self.counts.get(&(truth, predicted)).copied().unwrap_or(0)
    }

    /// Objects of one class: right, surplus (without an object, or with one of another class) and
    /// missed (without a prediction, or with one of another class).
    #[must_use]
    pub fn class_counts(&self, class: usize) -> BinaryCounts {
        let mut sum = BinaryCounts::default();
        for (&(truth, predicted), &count) in &self.counts {
            match (truth == Some(class), predicted == Some(class)) {
                (true, true) => sum.true_positives += count,
                (false, true) => sum.false_positives += count,
                (true, false) => sum.false_negatives += count,
                (false, false) => {}
            }
        }
        sum
    }

    /// The sum of [`class_counts`](Self::class_counts) over all classes: its score is the micro
    /// average.
    #[must_use]
    pub fn counts(&self) -> BinaryCounts {
        self.by_class().into_values().sum()
    }

    /// The mean of F1 over the classes that occur (macro average); none without any.
    #[must_use]
    pub fn mean_f1(&self) -> Option<f64> {
        let counts = self.by_class();
        let scores = counts.values().filter_map(|counts| counts.score().f1);
        let scores: Vec<f64> = scores.collect();
        (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
    }

    /// The share of pairs whose class is right; none without pairs.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        let (mut right, mut all) = (0, 0);
        for (&(truth, predicted), &count) in &self.counts {
            if truth.is_some() && predicted.is_some() {
                all += count;
                right += if truth == predicted { count } else { 0 };
            }
        }
        ratio(right, all)
    }

    /// The counts of each class that occurs.
    fn by_class(&self) -> BTreeMap<usize, BinaryCounts> {
        let mut all: BTreeMap<usize, BinaryCounts> = BTreeMap::new();
        for (&(truth, predicted), &count) in &self.counts {
            if let Some(class) = truth {
                let own = all.entry(class).or_default();
                let right = truth == predicted;
                *(if right { &mut own.true_positives } else { &mut own.false_negatives }) += count;
            }
            if let Some(class) = predicted.filter(|_| truth != predicted) {
                all.entry(class).or_default().false_positives += count;
            }
        }
        all
    }

    fn add(&mut self, truth: Option<usize>, predicted: Option<usize>) {
        *self.counts.entry((truth, predicted)).or_default() += 1;
    }
}

/// Adds class by class. The sum has the classes of whoever has more.
impl AddAssign for MatchedClasses {
    fn add_assign(&mut self, other: Self) {
        self.classes = self.classes.max(other.classes);
        for (pair, count) in other.counts {
            *self.counts.entry(pair).or_default() += count;
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
/// [`Error::InvalidSetting`] if `classes` is 0 or above 4096; [`Error::InvalidEntry`] for a class
/// that does not exist, and for a pair with a place that does not exist or occurs twice.
pub fn paired_classes(
    predicted: &[Option<usize>],
    truth: &[usize],
    pairs: &[(usize, usize)],
    classes: usize,
) -> Result<MatchedClasses> {
    check_classes(classes)?;
    let mut counts = MatchedClasses { classes, counts: BTreeMap::new() };
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
            (None, None) => {}
            (class, object) => counts.add(object.map(|object| truth[object]), class),
        }
    }
    for (&class, _) in truth.iter().zip(taken).filter(|(_, taken)| !taken) {
        counts.add(Some(class), None);
    }
    Ok(counts)
}

/// Settings of [`matched_classes`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatchedClassesConfig {
    /// Number of classes, 1 to 4096. Default 1.
    pub classes: usize,
    /// The most that a pair may cost, in the unit of the costs, finite. Default 0.5: for costs of
    /// 1 - `IoU` an `IoU` of one half.
    pub max_cost: f64,
}

impl Default for MatchedClassesConfig {
    fn default() -> Self {
        Self { classes: 1, max_cost: 0.5 }
    }
}

impl MatchedClassesConfig {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_classes(self.classes)?;
        check_setting("max_cost", self.max_cost, self.max_cost.is_finite(), "finite")
    }
}

/// Pairs predictions with true objects at the least sum of costs, and counts their classes.
///
/// `predicted` holds a class or none (nothing is there) for each prediction, `truth` the class
/// of each object. Pairs that cost more than [`MatchedClassesConfig::max_cost`], or whose cost is
/// not finite (minus infinity neither), are none: both sides count as alone. They take part in the
/// assignment at that cost, so that they are made only where nothing better is left.
///
/// # Shapes
/// `costs` is `[predictions, objects]`.
///
/// # Examples
/// ```
/// use mapvec_metrics::{MatchedClassesConfig, matched_classes};
/// use ndarray::array;
/// let costs = array![[0.1, 0.9], [0.2, 0.8]];
/// let config = MatchedClassesConfig { classes: 2, max_cost: 1.0 };
/// let counts = matched_classes(costs.view(), &[Some(0), Some(1)], &[0, 1], &config)?;
/// assert_eq!(counts.accuracy(), Some(1.0));
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// Those of [`MatchedClassesConfig::validate`] and of [`paired_classes`];
/// [`Error::ShapeMismatch`] for costs of another shape; [`Error::Assignment`] where costs cannot
/// be summed.
pub fn matched_classes(
    costs: ArrayView2<'_, f64>,
    predicted: &[Option<usize>],
    truth: &[usize],
    config: &MatchedClassesConfig,
) -> Result<MatchedClasses> {
    config.validate()?;
    let of = "a row per prediction and a column per object";
    check_shape("costs", costs.dim(), (predicted.len(), truth.len()), of)?;
    let most = config.max_cost;
    let pair = |cost: f64| cost.is_finite() && cost <= most;
    let capped = costs.mapv(|cost| if pair(cost) { cost } else { most });
    let mut pairs = assign(capped.view())?.pairs;
    pairs.retain(|&at| pair(costs[at]));
    paired_classes(predicted, truth, &pairs, config.classes)
}

fn check_classes(classes: usize) -> Result<()> {
    check_setting("classes", classes as f64, (1..=MOST).contains(&classes), "1 to 4096")
}
