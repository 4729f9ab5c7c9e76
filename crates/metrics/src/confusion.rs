//! Confusion matrix of two class maps.

use std::iter::Sum;
use std::ops::AddAssign;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::binary::ratio;
use crate::error::{check_setting, same_length, same_shape};
use crate::{BinaryCounts, Error, Result};

/// Pixels per true and predicted class; counts of several rasters can be added.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Confusion {
    classes: usize,
    /// Row by row: true class times `classes` plus predicted class.
    counts: Vec<u64>,
}

/// Counts as they are read, not yet checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    classes: usize,
    counts: Vec<u64>,
}

impl TryFrom<Written> for Confusion {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        let Written { classes, counts } = written;
        // Nothing has been counted yet where there is no class.
        check_classes(classes.max(1))?;
        same_length("counts", counts.len(), classes * classes, "the pairs of classes")?;
        Ok(Self { classes, counts })
    }
}

impl Confusion {
    /// The number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Pixels of class `truth` that were predicted as class `predicted`; 0 for
    /// classes that do not exist.
    #[must_use]
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        if truth.max(predicted) < self.classes {
            self.counts[truth * self.classes + predicted]
        } else {
            0
        }
    }

    /// Pixels of one class against all others: right, surplus and missed; all 0 for a class
    /// that does not exist.
    #[must_use]
    pub fn class_counts(&self, class: usize) -> BinaryCounts {
        let others = || (0..self.classes).filter(|&other| other != class);
        BinaryCounts {
            true_positives: self.count(class, class),
            false_positives: others().map(|other| self.count(other, class)).sum(),
            false_negatives: others().map(|other| self.count(class, other)).sum(),
        }
    }

    /// Intersection over union of a class, `None` if neither map has it.
    #[must_use]
    pub fn iou(&self, class: usize) -> Option<f64> {
        self.class_counts(class).iou()
    }

    /// Mean `IoU` over the classes that occur, `None` if there are none.
    #[must_use]
    pub fn mean_iou(&self) -> Option<f64> {
        self.mean(BinaryCounts::iou)
    }

    /// Mean Dice coefficient over the classes that occur, `None` if there are none.
    #[must_use]
    pub fn mean_dice(&self) -> Option<f64> {
        self.mean(BinaryCounts::dice)
    }

    /// Mean F1 over the classes, each by its share of the true pixels, as scikit-learn's
    /// `f1_score(average="weighted")`; `None` if there are no pixels.
    ///
    /// A class of nearly all pixels decides it: of a thin line on a wide background look at the
    /// F1 of the line, too.
    #[must_use]
    pub fn weighted_f1(&self) -> Option<f64> {
        let (mut sum, mut all) = (0.0, 0);
        for class in 0..self.classes {
            let counts = self.class_counts(class);
            let support = counts.true_positives + counts.false_negatives;
            sum += support as f64 * counts.f_beta(1.0).unwrap_or(0.0);
            all += support;
        }
        (all > 0).then(|| sum / all as f64)
    }

    fn mean(&self, score: fn(&BinaryCounts) -> Option<f64>) -> Option<f64> {
        let all: Vec<f64> =
            (0..self.classes).filter_map(|class| score(&self.class_counts(class))).collect();
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
    }

    /// Share of the pixels whose class is right, `None` if there are none.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        let all: u64 = self.counts.iter().sum();
        let right = (0..self.classes).map(|class| self.count(class, class)).sum();
        ratio(right, all)
    }
}

/// Adds class by class. The sum has the classes of whoever has more.
impl AddAssign for Confusion {
    fn add_assign(&mut self, other: Self) {
        let mut other = other;
        if self.classes < other.classes {
            std::mem::swap(self, &mut other);
        }
        let rows = self.counts.chunks_mut(self.classes.max(1));
        for (sums, counts) in rows.zip(other.counts.chunks(other.classes.max(1))) {
            sums.iter_mut().zip(counts).for_each(|(sum, &count)| *sum += count);
        }
    }
}

impl Sum for Confusion {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// Counts how often each class was taken for each other.
///
/// Classes are 0, 1, ..., `classes` - 1. Pixels whose true class is `ignore` are
/// not counted.
///
/// # Examples
/// ```
/// use mapvec_metrics::confusion;
/// use ndarray::array;
///
/// let truth = array![[0, 0, 1, 2, 255]];
/// let predicted = array![[0, 1, 1, 2, 0]];
/// let counts = confusion(predicted.view(), truth.view(), 3, Some(255))?;
/// assert_eq!(counts.iou(1), Some(0.5));
/// assert_eq!(counts.accuracy(), Some(0.75));
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapeMismatch`] if the maps differ in size;
/// [`Error::InvalidSetting`] if `classes` is 0 or above 256;
/// [`Error::UnknownClass`] if a counted pixel has a class of `classes` or more.
pub fn confusion(
    predicted: ArrayView2<'_, u8>,
    truth: ArrayView2<'_, u8>,
    classes: usize,
    ignore: Option<u8>,
) -> Result<Confusion> {
    same_shape("truth", truth.dim(), predicted.dim())?;
    check_classes(classes)?;
    let mut counts = Array2::<u64>::zeros((classes, classes));
    for (((row, column), &t), &p) in truth.indexed_iter().zip(predicted) {
        if Some(t) == ignore {
            continue;
        }
        for (field, class) in [("truth", t), ("predicted", p)] {
            if usize::from(class) >= classes {
                return Err(Error::UnknownClass { field, class, classes, row, column });
            }
        }
        counts[(usize::from(t), usize::from(p))] += 1;
    }
    Ok(Confusion { classes, counts: counts.into_raw_vec_and_offset().0 })
}

/// Refuses a number of classes that one byte cannot name.
pub(crate) fn check_classes(classes: usize) -> Result<()> {
    check_setting("classes", classes as f64, (1..=256).contains(&classes), "from 1 to 256")
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn counts_add_up() {
        let truth = array![[0, 1], [1, 2]];
        let predicted = array![[0, 1], [0, 2]];
        let mut sum = confusion(predicted.view(), truth.view(), 4, None).unwrap();
        assert_eq!((sum.count(1, 0), sum.count(0, 1), sum.count(9, 0)), (1, 0, 0));
        assert_eq!(
            [0, 1, 2, 3].map(|class| sum.iou(class)),
            [Some(0.5), Some(0.5), Some(1.0), None]
        );
        sum += confusion(truth.view(), truth.view(), 4, None).unwrap();
        assert_eq!(sum.accuracy(), Some(0.875));
        assert!((sum.mean_iou().unwrap() - (2.0 / 3.0 + 0.75 + 1.0) / 3.0).abs() < 1e-12);
        let one = BinaryCounts { true_positives: 3, false_positives: 0, false_negatives: 1 };
        assert_eq!((sum.class_counts(1), sum.class_counts(9)), (one, BinaryCounts::default()));
        assert!((sum.mean_dice().unwrap() - (0.8 + 6.0 / 7.0 + 1.0) / 3.0).abs() < 1e-12);
    }

    #[test]
    fn counts_are_read_only_where_they_fit() {
        let truth = array![[0, 1], [1, 2]];
        let counts = confusion(truth.view(), truth.view(), 3, None).unwrap();
        let text = serde_json::to_string(&counts).unwrap();
        assert_eq!(serde_json::from_str::<Confusion>(&text).unwrap(), counts);
        assert_eq!(
            serde_json::from_str::<Confusion>(
                &serde_json::to_string(&Confusion::default()).unwrap()
            )
            .unwrap(),
            Confusion::default()
        );
        for wrong in [text.replace("\"classes\":3", "\"classes\":2"), text.replace(":3", ":0")] {
            assert!(serde_json::from_str::<Confusion>(&wrong).is_err(), "{wrong}");
        }
    }

    /// Values of scikit-learn 1.9.1, `f1_score(truth, predicted, average="weighted")`.
    #[test]
    fn weighted_f1_is_that_of_scikit_learn() {
        let draw = |seed, high: u8| -> Vec<u8> {
            let drawn = mapvec_testkit::integers(1000, seed, 0, i64::from(high));
            drawn.into_iter().map(|class| u8::try_from(class).unwrap()).collect()
        };
        for (classes, expected) in [(2, 0.851_772_734_196_496_6), (4, 0.791_073_092_825_689_9)] {
            let zipped = draw(4, 10).into_iter().zip(draw(1, classes));
            let truth: Vec<u8> =
                zipped.map(|(keep, class)| if keep > 3 { 0 } else { class }).collect();
            let zipped = draw(3, 10).into_iter().zip(draw(2, classes)).zip(&truth);
            let predicted: Vec<u8> =
                zipped.map(|((keep, other), t)| if keep < 7 { *t } else { other }).collect();
            let line = |values: &[u8]| Array2::from_shape_vec((1, values.len()), values.to_vec());
            let half = |from: usize| {
                let part = from..from + 500;
                let (p, t) = (line(&predicted[part.clone()]).unwrap(), line(&truth[part]).unwrap());
                confusion(p.view(), t.view(), classes.into(), None).unwrap()
            };
            let sum: Confusion = [half(0), half(500)].into_iter().sum();
            let found = sum.weighted_f1().unwrap();
            assert!((found - expected).abs() < 1e-12, "{classes} classes: {found}");
        }
        // A class that is predicted alone has no weight, one that is missed has an F1 of 0.
        let counts = |p: [u8; 5], t: [u8; 5]| {
            confusion(array![p].view(), array![t].view(), 4, None).unwrap().weighted_f1()
        };
        assert!((counts([0, 3, 1, 0, 1], [0, 0, 1, 1, 2]).unwrap() - 0.4).abs() < 1e-12);
        assert!((counts([0, 1, 0, 1, 0], [0; 5]).unwrap() - 0.75).abs() < 1e-12);
        assert_eq!(Confusion::default().weighted_f1(), None);
    }

    #[test]
    fn bad_input_is_refused() {
        let (two, three) = (array![[0, 2]], array![[0, 1, 1]]);
        let count = |p: &Array2<u8>, t: &Array2<u8>, classes| {
            confusion(p.view(), t.view(), classes, Some(255))
        };
        let refused = count(&two, &two, 2).unwrap_err().to_string();
        assert!(refused.contains("class 2 at row 0, column 1"), "{refused}");
        assert!(matches!(count(&two, &three, 2), Err(Error::ShapeMismatch { .. })));
        assert!(matches!(count(&two, &two, 0), Err(Error::InvalidSetting { .. })));
    }

    #[test]
    fn classes_keep_their_counts_in_a_sum_of_more() {
        let (few, many) = (array![[0, 1, 1, 0]], array![[3, 2, 1, 0]]);
        let few = confusion(few.view(), array![[0, 1, 0, 1]].view(), 2, None).unwrap();
        let many = confusion(many.view(), array![[3, 2, 0, 2]].view(), 4, None).unwrap();
        let sums = [[few.clone(), many.clone()], [many.clone(), few.clone()]];
        for sum in sums.map(|pair| pair.into_iter().sum::<Confusion>()) {
            assert_eq!(sum.classes(), 4);
            for (t, p) in (0..16).map(|i| (i / 4, i % 4)) {
                assert_eq!(sum.count(t, p), few.count(t, p) + many.count(t, p), "{t} {p}");
            }
        }
        assert_eq!([Confusion::default(), few.clone()].into_iter().sum::<Confusion>(), few);
    }
}
