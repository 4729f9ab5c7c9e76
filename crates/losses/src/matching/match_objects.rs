//! Which predicted object goes with which true one.

use candle_core::Tensor;
use mapvec_assignment::{Assignment, AssignmentConfig, NonFinite, assign_batch, auction, greedy};
use ndarray::{Array2, Axis};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::matching::cost_terms::{
    binary_of_logits, binary_of_probabilities, box_giou, box_iou, box_l1, class_probability, dice,
    endpoints, pooled,
};
use crate::matching::match_config::{MatchCostConfig, MatchSettings, MatchSolver, MatchTerm};
use crate::matching::objects::{Objects, arrays, presence};

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
/// many as there are predictions or present true objects, whichever is less. The sum is exactly
/// the least with [`MatchSolver::Exact`], the default.
///
/// # Shapes
///
/// As [`match_costs`]; `present` `[B, T]` tells slots with an object (above 0) from empty ones,
/// which are not matched; without it all are objects.
///
/// # Errors
///
/// Those of [`match_costs`]; [`Error::Assignment`] where an auction does not end.
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
    let found = solve(&of_objects, &config.settings)?;
    let in_slots = found.iter().zip(&there).map(|(assignment, slots)| {
        assignment.pairs.iter().map(|&(prediction, truth)| (prediction, slots[truth])).collect()
    });
    Ok(in_slots.collect())
}

fn solve(costs: &[Array2<f64>], settings: &MatchSettings) -> Result<Vec<Assignment>> {
    let config = AssignmentConfig {
        non_finite: NonFinite::Cap(settings.missing_cost),
        ..AssignmentConfig::default()
    };
    let found: std::result::Result<Vec<_>, _> = match settings.solver {
        MatchSolver::Exact => {
            assign_batch(&costs.iter().map(Array2::view).collect::<Vec<_>>(), &config)
        }
        MatchSolver::Greedy => {
            costs.par_iter().map(|costs| greedy(costs.view(), &config)).collect()
        }
        MatchSolver::Auction { epsilon } => {
            costs.par_iter().map(|costs| auction(costs.view(), epsilon, &config)).collect()
        }
    };
    Ok(found?)
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
    let settings = &config.settings;
    let focal = Some((settings.focal_gamma, settings.focal_alpha));
    let sample = |(mut x, mut y): (Array2<f64>, Array2<f64>)| {
        if field == "classes" && settings.unit_class_matrix {
            y.fill(1.0);
        }
        if field == "masks" {
            let size = (dims[2], dims[3]);
            x.mapv_inplace(|x| 1.0 / (1.0 + (-x).exp()));
            x = pooled(&x, size, settings.mask_pooling);
            y = pooled(&y, size, settings.mask_pooling);
        }
        match term {
            T::ClassProbability => class_probability(&x, &y),
            T::ClassBinaryCrossEntropy => binary_of_logits(&x, &y, None),
            T::ClassFocal => binary_of_logits(&x, &y, focal),
            T::BoxL1 => box_l1(&x, &y),
            T::BoxGiou => box_giou(&x, &y, settings.by_centre()),
            T::BoxIou => {
                box_iou(&x, &y, (settings.by_centre(), settings.iou_weight, settings.rank))
            }
            T::MaskBinaryCrossEntropy => binary_of_probabilities(&x, &y, None),
            T::MaskFocal => binary_of_probabilities(&x, &y, focal),
            T::MaskDice => dice(&x, &y),
            T::Endpoints => endpoints(&x, &y, settings.vector_gamma),
        }
    };
    Ok(arrays(predicted)?.into_iter().zip(arrays(truth)?).map(sample).collect())
}
