//! Settings of the matching.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

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
    Center,
}

/// How the pairs are found.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MatchSolver {
    /// The pairs of least cost.
    #[default]
    Exact,
    /// The cheapest pair first, then the cheapest of those left.
    Greedy,
    /// Bids: within `min(P, T) epsilon` of the least cost.
    Auction {
        /// How fine the bids are, in the unit of the costs, more than 0 and at least 2^-40 of the
        /// largest cost.
        epsilon: f64,
    },
}

/// What costs and pairs are made with, whichever terms count: the part of the settings that
/// [`match_objects`](crate::match_objects()) and [`hungarian_loss`](crate::hungarian_loss())
/// share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatchSettings {
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
    /// Cost of a pair whose cost is no number or infinite; where weights are not normalised, more
    /// than every finite cost of the picture at least. Default 2.
    pub missing_cost: f64,
    /// How the pairs are found. Default: exactly.
    pub solver: MatchSolver,
}

impl Default for MatchSettings {
    fn default() -> Self {
        Self {
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
            solver: MatchSolver::Exact,
        }
    }
}

impl MatchSettings {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let share = |value: f64| (0.0..=1.0).contains(&value);
        check(share(self.iou_weight), "iou_weight", self.iou_weight, "0 to 1")?;
        check(share(self.focal_alpha), "focal_alpha", self.focal_alpha, "0 to 1")?;
        let exponent = |value: f64| value.is_finite() && value >= 1.0;
        check(exponent(self.rank), "rank", self.rank, "1 or more")?;
        check(exponent(self.vector_gamma), "vector_gamma", self.vector_gamma, "1 or more")?;
        let gamma = self.focal_gamma;
        // Between 0 and 1 costs are steep where the prediction is right.
        check(gamma == 0.0 || exponent(gamma), "focal_gamma", gamma, "0, or 1 or more")?;
        check(self.mask_pooling > 0, "mask_pooling", 0.0, "1 or more")?;
        check(self.missing_cost.is_finite(), "missing_cost", self.missing_cost, "finite")?;
        match self.solver {
            MatchSolver::Auction { epsilon } => {
                let fine = epsilon.is_finite() && epsilon > 0.0;
                check(fine, "solver.auction.epsilon", epsilon, "finite, more than 0")
            }
            MatchSolver::Exact | MatchSolver::Greedy => Ok(()),
        }
    }

    pub(crate) fn by_center(&self) -> bool {
        self.box_form == BoxForm::Center
    }
}

/// Settings of [`match_costs`](crate::match_costs()) and
/// [`match_objects`](crate::match_objects()).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatchCostConfig {
    /// Terms and their weights, 0 or more. Default: class cross-entropy, box overlap and focal
    /// masks, 1 each.
    pub terms: Vec<(MatchTerm, f64)>,
    /// What costs and pairs are made with.
    pub settings: MatchSettings,
}

impl Default for MatchCostConfig {
    fn default() -> Self {
        Self {
            terms: vec![
                (MatchTerm::ClassBinaryCrossEntropy, 1.0),
                (MatchTerm::BoxIou, 1.0),
                (MatchTerm::MaskFocal, 1.0),
            ],
            settings: MatchSettings::default(),
        }
    }
}

impl MatchCostConfig {
    /// Masks alone, by cross-entropy over blocks of 4 x 4 pixels.
    #[must_use]
    pub fn masks() -> Self {
        let terms = vec![(MatchTerm::MaskBinaryCrossEntropy, 1.0)];
        Self { terms, settings: MatchSettings { mask_pooling: 4, ..MatchSettings::default() } }
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
        let settings = MatchSettings {
            normalize_weights: false,
            box_form: BoxForm::Center,
            ..MatchSettings::default()
        };
        Self { terms, settings }
    }

    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let mut mass = 0.0;
        for &(_, weight) in &self.terms {
            check(weight.is_finite() && weight >= 0.0, "terms", weight, "weights of 0 or more")?;
            mass += weight;
        }
        check(mass > 0.0, "terms", mass, "terms of which one has a weight above 0")?;
        self.settings.validate()
    }

    /// The weights, divided by their sum where that is asked for.
    pub(crate) fn weights(&self) -> impl Iterator<Item = (MatchTerm, f64)> {
        let mass: f64 = self.terms.iter().map(|(_, weight)| weight).sum();
        let mass = if self.settings.normalize_weights { mass } else { 1.0 };
        self.terms.iter().map(move |&(term, weight)| (term, weight / mass))
    }
}

fn check(ok: bool, field: &'static str, value: f64, expected: &'static str) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::Config { field, value: value.to_string(), expected }) }
}
