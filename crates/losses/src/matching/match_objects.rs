//! Which predicted object goes with which true one.

use candle_core::Tensor;
use mapvec_assignment::{
    Assignment, AssignmentConfig, Error as Failure, assign_batch, auction, greedy,
};
use ndarray::{Array2, s};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::matching::cost_terms::{
    binary_of_logits, binary_of_probabilities, box_giou, box_iou, box_l1, class_probability, dice,
    endpoints, pooled,
};
use crate::matching::match_config::{MatchCostConfig, MatchSettings, MatchSolver, MatchTerm};
use crate::matching::objects::{Objects, arrays};
use crate::matching::true_objects::{DenseTruth, TrueObjects};

/// What a solver says of a picture.
type Outcome = std::result::Result<Assignment, Failure>;

/// The costs of all pairs of a predicted and a true object, for each picture: the sum of
/// `weight * term`. Terms of a property that one side does not have must not be asked for.
///
/// Masks are averaged over blocks first (predictions after the sigmoid), and the costs of all
/// pairs of masks are products of matrices. No gradient flows.
///
/// # Shapes
///
/// `prediction`: `B` pictures with `P` slots, see [`Objects`]; `truth`: `B` entries. One `[P, T]`
/// for each picture with `T` objects.
///
/// # Errors
///
/// [`Error::Shape`] or [`Error::Length`] for properties that are missing or do not fit,
/// [`Error::Target`] for a class that the logits do not have, [`Error::Config`] for a setting out
/// of range.
///
/// # References
///
/// Carion et al., *End-to-End Object Detection with Transformers* (2020).
pub fn match_costs(
    prediction: &Objects,
    truth: &[TrueObjects],
    config: &MatchCostConfig,
) -> Result<Vec<Array2<f64>>> {
    config.validate()?;
    let prediction = &prediction.widened()?;
    let truth = DenseTruth::of(prediction, truth)?;
    let (_, p) = prediction.slots()?.unwrap_or_default();
    let mut costs: Vec<_> = truth.counts.iter().map(|&t| Array2::zeros((p, t))).collect();
    for (term, weight) in config.weights().filter(|&(_, weight)| weight > 0.0) {
        for (cost, part) in costs.iter_mut().zip(term_costs(term, prediction, &truth, config)?) {
            cost.scaled_add(weight, &part);
        }
    }
    Ok(costs)
}

/// The pairs (prediction, true object) of least cost for each picture, by ascending prediction:
/// as many as there are predictions or true objects, whichever is less. The sum is exactly the
/// least with [`MatchSolver::Exact`], the default.
///
/// [`matched_loss`](crate::matched_loss()), [`set_prediction_loss`](crate::set_prediction_loss())
/// and [`matched_objects`](crate::matched_objects()) take these pairs.
///
/// # Shapes
///
/// As [`match_costs`].
///
/// # Errors
///
/// Those of [`match_costs`]; [`Error::Assignment`] where an auction does not end, with
/// the picture.
pub fn match_objects(
    prediction: &Objects,
    truth: &[TrueObjects],
    config: &MatchCostConfig,
) -> Result<Vec<Vec<(usize, usize)>>> {
    let mut costs = match_costs(prediction, truth, config)?;
    for costs in &mut costs {
        let missing = missing_cost(costs, &config.settings);
        // Minus infinity is no cost either.
        costs.mapv_inplace(|cost| if cost.is_finite() { cost } else { missing });
    }
    let found = solve(&costs, &config.settings)?;
    Ok(found.into_iter().map(|assignment| assignment.pairs).collect())
}

/// The cost of the pairs of a picture whose cost is not finite.
fn missing_cost(costs: &Array2<f64>, settings: &MatchSettings) -> f64 {
    if settings.normalize_weights {
        return settings.missing_cost;
    }
    let finite = costs.iter().copied().filter(|cost| cost.is_finite());
    let most = finite.fold(f64::NEG_INFINITY, f64::max);
    // Without a finite cost the sum is no number, which `max` passes over.
    settings.missing_cost.max(most + most.abs().max(1.0))
}

fn solve(costs: &[Array2<f64>], settings: &MatchSettings) -> Result<Vec<Assignment>> {
    let config = AssignmentConfig::default();
    // The first picture that fails, whatever the threads do.
    let each = |solve: &(dyn Fn(&Array2<f64>) -> Outcome + Sync)| {
        let found: Vec<_> = costs.par_iter().map(solve).collect();
        let named = |(index, found): (usize, Outcome)| {
            found.map_err(|source| Failure::Batch { index, source: Box::new(source) })
        };
        found.into_iter().enumerate().map(named).collect()
    };
    let found: std::result::Result<Vec<_>, Failure> = match settings.solver {
        MatchSolver::Exact => {
            assign_batch(&costs.iter().map(Array2::view).collect::<Vec<_>>(), &config)
        }
        MatchSolver::Greedy => each(&|costs| greedy(costs.view(), &config)),
        MatchSolver::Auction { epsilon } => each(&|costs| auction(costs.view(), epsilon, &config)),
    };
    Ok(found?)
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
    let side = match (of(prediction), of(truth)) {
        (Some(prediction), Some(truth)) => return Ok((prediction, truth)),
        (None, _) => "the prediction",
        _ => "the truth",
    };
    Err(Error::Shape {
        field,
        expected: "a tensor on both sides, as a term with a weight needs it; without it set the \
                   weight of its term to 0, or leave the term out"
            .to_owned(),
        found: format!("none in {side}"),
    })
}

fn term_costs(
    term: MatchTerm,
    prediction: &Objects,
    truth: &DenseTruth,
    config: &MatchCostConfig,
) -> Result<Vec<Array2<f64>>> {
    use MatchTerm as T;
    let field = match term {
        T::ClassProbability | T::ClassBinaryCrossEntropy | T::ClassFocal => "classes",
        T::BoxL1 | T::BoxGiou | T::BoxIou => "boxes",
        T::MaskBinaryCrossEntropy | T::MaskFocal | T::MaskDice => "masks",
        T::Endpoints => "vectors",
    };
    let (predicted, in_slots) = both(field, prediction, &truth.objects)?;
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
            T::BoxGiou => box_giou(&x, &y, settings.by_center()),
            T::BoxIou => {
                box_iou(&x, &y, (settings.by_center(), settings.iou_weight, settings.rank))
            }
            T::MaskBinaryCrossEntropy => binary_of_probabilities(&x, &y, None),
            T::MaskFocal => binary_of_probabilities(&x, &y, focal),
            T::MaskDice => dice(&x, &y),
            T::Endpoints => endpoints(&x, &y, settings.vector_gamma),
        }
    };
    let own = arrays(in_slots)?.into_iter().zip(&truth.counts);
    let own = own.map(|(rows, &count)| rows.slice(s![..count, ..]).to_owned());
    Ok(arrays(predicted)?.into_iter().zip(own).map(sample).collect())
}
