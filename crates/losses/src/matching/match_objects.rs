//! Which predicted object goes with which true one.

use candle_core::Tensor;
use mapvec_assignment::{AssignmentConfig, NonFinite, assign_batch};
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::matching::cost_terms::{
    binary_of_logits, binary_of_probabilities, box_giou, box_iou, box_l1, class_probability, dice,
    endpoints, pooled,
};
use crate::matching::objects::{Objects, arrays, presence};

/// One part of the cost of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchTerm {
    /// Minus the softmax probability of the true class.
    ClassProbability,
    /// Binary cross-entropy of the class logits, a mean over classes.
    ClassBinaryCrossEntropy,
    /// Balanced focal binary cross-entropy of the class logits, a mean over classes.
    ClassFocal,
    /// Sum of the four distances of box numbers.
    BoxL1,
    /// `-GIoU`.
    BoxGiou,
    /// `iou_weight (1 - IoU) + (1 - iou_weight) mean |d|^rank`.
    BoxIou,
    /// Binary cross-entropy of the pooled masks, a mean over blocks.
    MaskBinaryCrossEntropy,
    /// Balanced focal binary cross-entropy of the pooled masks, a mean over blocks; for a
    /// block of which a share `y` is true, `y` times the loss of a true one and `1 - y` times
    /// that of another.
    MaskFocal,
    /// One minus the soft Dice coefficient of the pooled masks, smoothed by 1.
    MaskDice,
    /// Mean over the endpoints of `sum |d|^gamma`, in the better of two orders.
    Endpoints,
}

/// What the four numbers of a box are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoxForm {
    /// The lower and the upper corner: `(x0, y0, x1, y1)`, or both with y first.
    #[default]
    Corners,
    /// The centre and the size: `(x, y, w, h)`, or both with y first.
    Centre,
}

/// Settings of [`match_costs`] and [`match_objects`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatchCostConfig {
    /// Terms and their weights, 0 or more.
    pub terms: Vec<(MatchTerm, f64)>,
    /// Whether the weights are divided by their sum. Default: yes.
    pub normalize_weights: bool,
    /// What the four numbers of a box are.
    pub box_form: BoxForm,
    /// Weight of `1 - IoU` in [`MatchTerm::BoxIou`], 0 to 1. Default 0.5.
    pub iou_weight: f64,
    /// Exponent of distances in [`MatchTerm::BoxIou`], 1 or more. Default 1.
    pub rank: f64,
    /// Exponent of the focal terms, 0, or 1 or more. Default 5.
    pub focal_gamma: f64,
    /// Weight of what is there in the focal terms, 0 to 1; what is not there has the rest.
    /// Default 0.75.
    pub focal_alpha: f64,
    /// Exponent of distances in [`MatchTerm::Endpoints`], 1 or more. Default 1.
    pub vector_gamma: f64,
    /// Side of the blocks in pixels over which masks are averaged, 1 or more. Default 8.
    pub mask_pooling: usize,
    /// Whether class costs are against a truth of ones, which rewards any class. Default: no.
    pub unit_class_matrix: bool,
    /// Cost of a pair whose cost is no number or infinite. Default 2.
    pub missing_cost: f64,
}

impl Default for MatchCostConfig {
    fn default() -> Self {
        Self {
            terms: vec![
                (MatchTerm::ClassBinaryCrossEntropy, 1.0),
                (MatchTerm::BoxIou, 1.0),
                (MatchTerm::MaskFocal, 1.0),
            ],
            normalize_weights: true,
            box_form: BoxForm::Corners,
            iou_weight: 0.5,
            rank: 1.0,
            focal_gamma: 5.0,
            focal_alpha: 0.75,
            vector_gamma: 1.0,
            mask_pooling: 8,
            unit_class_matrix: false,
            missing_cost: 2.0,
        }
    }
}

impl MatchCostConfig {
    /// Masks alone, by cross-entropy over blocks of 4 x 4 pixels.
    #[must_use]
    pub fn masks() -> Self {
        let terms = vec![(MatchTerm::MaskBinaryCrossEntropy, 1.0)];
        Self { terms, mask_pooling: 4, ..Self::default() }
    }

    /// The matching cost of DETR: class probability, distance and `GIoU` of boxes by centre and
    /// size, with weights 1, 5 and 2 as they are.
    #[must_use]
    pub fn detr() -> Self {
        let terms = vec![
            (MatchTerm::ClassProbability, 1.0),
            (MatchTerm::BoxL1, 5.0),
            (MatchTerm::BoxGiou, 2.0),
        ];
        Self { terms, normalize_weights: false, box_form: BoxForm::Centre, ..Self::default() }
    }

    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let check = |ok: bool, field: &'static str, value: f64, expected: &'static str| {
            if ok {
                Ok(())
            } else {
                Err(Error::Config { field, value: value.to_string(), expected })
            }
        };
        let mut mass = 0.0;
        for &(_, weight) in &self.terms {
            check(weight.is_finite() && weight >= 0.0, "terms", weight, "weights of 0 or more")?;
            mass += weight;
        }
        check(mass > 0.0, "terms", mass, "terms of which one has a weight above 0")?;
        let share = |value: f64| (0.0..=1.0).contains(&value);
        check(share(self.iou_weight), "iou_weight", self.iou_weight, "0 to 1")?;
        check(share(self.focal_alpha), "focal_alpha", self.focal_alpha, "0 to 1")?;
        let exponent = |value: f64| value.is_finite() && value >= 1.0;
        check(exponent(self.rank), "rank", self.rank, "1 or more")?;
        check(exponent(self.vector_gamma), "vector_gamma", self.vector_gamma, "1 or more")?;
        let gamma = self.focal_gamma;
        // Between 0 and 1 the gradient is infinite where the prediction is right.
        check(gamma == 0.0 || exponent(gamma), "focal_gamma", gamma, "0, or 1 or more")?;
        check(self.mask_pooling > 0, "mask_pooling", 0.0, "1 or more")?;
        check(self.missing_cost.is_finite(), "missing_cost", self.missing_cost, "finite")
    }

    /// The weights, divided by their sum where that is asked for.
    pub(crate) fn weights(&self) -> impl Iterator<Item = (MatchTerm, f64)> {
        let mass: f64 = self.terms.iter().map(|(_, weight)| weight).sum();
        let mass = if self.normalize_weights { mass } else { 1.0 };
        self.terms.iter().map(move |&(term, weight)| (term, weight / mass))
    }

    pub(crate) fn by_centre(&self) -> bool {
        self.box_form == BoxForm::Centre
    }

    fn focal(&self) -> Option<(f64, f64)> {
        Some((self.focal_gamma, self.focal_alpha))
    }
}

/// The costs of all pairs of a predicted and a true object, for each sample: the sum of
/// `weight * term`. Terms of a property that one side does not have must not be asked for.
///
/// Masks are averaged over blocks first (predictions after the sigmoid), and the costs of all
/// pairs of masks are products of matrices. No gradient flows.
///
/// # Shapes
///
/// `prediction` with `P` and `truth` with `T` slots, see [`Objects`]; one `[P, T]` each.
///
/// # Errors
///
/// [`Error::Shape`] for properties that are missing or do not fit, [`Error::Config`] for a
/// setting out of range.
///
/// # References
///
/// Carion et al., *End-to-End Object Detection with Transformers* (2020).
pub fn match_costs(
    prediction: &Objects,
    truth: &Objects,
    config: &MatchCostConfig,
) -> Result<Vec<Array2<f64>>> {
    config.validate()?;
    let ((b, p), (_, t)) = sides(prediction, truth)?;
    let mut costs = vec![Array2::zeros((p, t)); b];
    for (term, weight) in config.weights().filter(|&(_, weight)| weight > 0.0) {
        for (cost, part) in costs.iter_mut().zip(term_costs(term, prediction, truth, config)?) {
            cost.scaled_add(weight, &part);
        }
    }
    Ok(costs)
}

/// The pairs (prediction, truth) of least cost for each sample, by ascending prediction: as
/// many as there are predictions or present true objects, whichever is less.
///
/// # Shapes
///
/// As [`match_costs`]; `present` `[B, T]` tells slots with an object (above 0) from empty ones,
/// which are not matched; without it all are objects.
///
/// # Errors
///
/// Those of [`match_costs`].
pub fn match_objects(
    prediction: &Objects,
    truth: &Objects,
    present: Option<&Tensor>,
    config: &MatchCostConfig,
) -> Result<Vec<Vec<(usize, usize)>>> {
    let costs = match_costs(prediction, truth, config)?;
    let present = presence(present, sides(prediction, truth)?.1)?;
    let there: Vec<Vec<usize>> = present
        .iter()
        .map(|flags| (0..flags.len()).filter(|&slot| flags[slot]).collect())
        .collect();
    let of_objects: Vec<Array2<f64>> =
        costs.iter().zip(&there).map(|(costs, slots)| costs.select(Axis(1), slots)).collect();
    // Minus infinity would be refused, and is no cost either.
    let of_objects: Vec<Array2<f64>> = of_objects
        .into_iter()
        .map(|costs| costs.mapv(|cost| if cost.is_finite() { cost } else { f64::NAN }))
        .collect();
    let views: Vec<_> = of_objects.iter().map(Array2::view).collect();
    let config = AssignmentConfig {
        non_finite: NonFinite::Cap(config.missing_cost),
        ..AssignmentConfig::default()
    };
    let found = assign_batch(&views, &config)?;
    let in_slots = found.iter().zip(&there).map(|(assignment, slots)| {
        assignment.pairs.iter().map(|&(prediction, truth)| (prediction, slots[truth])).collect()
    });
    Ok(in_slots.collect())
}

type Slots = (usize, usize);

/// Samples and slots of both sides.
pub(crate) fn sides(prediction: &Objects, truth: &Objects) -> Result<(Slots, Slots)> {
    let none = |field| Error::Shape {
        field,
        expected: "a property that both sides have".to_owned(),
        found: "none".to_owned(),
    };
    let predicted = prediction.slots()?.ok_or_else(|| none("prediction"))?;
    let truth = truth.slots()?.ok_or_else(|| none("truth"))?;
    if predicted.0 != truth.0 {
        return Err(Error::Shape {
            field: "truth",
            expected: format!("{} samples", predicted.0),
            found: format!("{} samples", truth.0),
        });
    }
    Ok((predicted, truth))
}

/// A property of both sides, of one size.
pub(crate) fn both<'a>(
    field: &'static str,
    prediction: &'a Objects,
    truth: &'a Objects,
) -> Result<(&'a Tensor, &'a Tensor)> {
    let of = |objects: &'a Objects| {
        objects.properties().into_iter().find(|(name, _)| *name == field).and_then(|(_, t)| t)
    };
    match (of(prediction), of(truth)) {
        (Some(a), Some(b)) if a.dims()[2..] == b.dims()[2..] => Ok((a, b)),
        (a, b) => {
            let dims =
                |t: Option<&Tensor>| t.map_or("none".to_owned(), |t| format!("{:?}", t.dims()));
            let expected = match a {
                Some(a) => format!("[B, T, ..] of the size of the prediction, {:?}", a.dims()),
                None => "a prediction, as a term of the cost needs it".to_owned(),
            };
            Err(Error::Shape { field, expected, found: dims(b) })
        }
    }
}

fn term_costs(
    term: MatchTerm,
    prediction: &Objects,
    truth: &Objects,
    config: &MatchCostConfig,
) -> Result<Vec<Array2<f64>>> {
    use MatchTerm as T;
    let field = match term {
        T::ClassProbability | T::ClassBinaryCrossEntropy | T::ClassFocal => "classes",
        T::BoxL1 | T::BoxGiou | T::BoxIou => "boxes",
        T::MaskBinaryCrossEntropy | T::MaskFocal | T::MaskDice => "masks",
        T::Endpoints => "vectors",
    };
    let (predicted, truth) = both(field, prediction, truth)?;
    let dims = predicted.dims();
    let sample = |(mut x, mut y): (Array2<f64>, Array2<f64>)| {
        if field == "classes" && config.unit_class_matrix {
            y.fill(1.0);
        }
        if field == "masks" {
            let size = (dims[2], dims[3]);
            x.mapv_inplace(|x| 1.0 / (1.0 + (-x).exp()));
            x = pooled(&x, size, config.mask_pooling);
            y = pooled(&y, size, config.mask_pooling);
        }
        match term {
            T::ClassProbability => class_probability(&x, &y),
            T::ClassBinaryCrossEntropy => binary_of_logits(&x, &y, None),
            T::ClassFocal => binary_of_logits(&x, &y, config.focal()),
            T::BoxL1 => box_l1(&x, &y),
            T::BoxGiou => box_giou(&x, &y, config.by_centre()),
            T::BoxIou => box_iou(&x, &y, (config.by_centre(), config.iou_weight, config.rank)),
            T::MaskBinaryCrossEntropy => binary_of_probabilities(&x, &y, None),
            T::MaskFocal => binary_of_probabilities(&x, &y, config.focal()),
            T::MaskDice => dice(&x, &y),
            T::Endpoints => endpoints(&x, &y, config.vector_gamma),
        }
    };
    Ok(arrays(predicted)?.into_iter().zip(arrays(truth)?).map(sample).collect())
}
