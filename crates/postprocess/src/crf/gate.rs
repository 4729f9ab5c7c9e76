//! Inference only where the unary is uncertain.

use ndarray::{Array2, ArrayView3};
use serde::{Deserialize, Serialize};

use super::coarse::{CoarseField, Grid};
use super::config::{DenseCrfConfig, FilterMethod, InferenceConfig};
use super::dense::DenseCrf;
use super::features::check_points;
use super::report::PictureInference;
use super::upsampling::upsample;
use crate::{Error, Result};

/// Settings of [`infer_where_uncertain`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GateConfig {
    /// The random field.
    pub crf: DenseCrfConfig,
    /// When the mean field stops.
    pub inference: InferenceConfig,
    /// Pixels whose most likely class has less than this probability are uncertain; 0 to 1. With
    /// 1 all are but those whose probability rounds to it.
    pub confidence: f32,
    /// Certain pixels as near as this (rows and columns) to an uncertain one take part, and
    /// keep their labels; at most 1024.
    pub margin: usize,
    /// The mean field runs on the pixels of every `stride`-th row and column, the others are
    /// updated once from there; 1 to 64. With 1 it runs on all.
    pub stride: usize,
    /// With a stride above 1: what colour deviations are multiplied by, since a sample has fewer
    /// pixels of a colour; 1 to 64.
    pub widening: f64,
    /// With a stride above 1: uncertain pixels as likely as this keep the probabilities of their
    /// unary if the mean field gives their label to all pixels of its rows and columns around
    /// them; 0 to 1.
    pub agreement: f32,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            crf: DenseCrfConfig::default(),
            inference: InferenceConfig::default(),
            confidence: 0.8,
            margin: 2,
            stride: 1,
            widening: 1.0,
            agreement: 0.6,
        }
    }
}

impl GateConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`], also for a stride above 1 with a term that asks for
    /// [`FilterMethod::Exact`].
    pub fn validate(&self) -> Result<()> {
        self.crf.validate()?;
        self.inference.validate()?;
        let check = |field, value: f64, valid: bool, expected| {
            if valid { Ok(()) } else { Err(Error::InvalidSetting { field, value, expected }) }
        };
        for (field, share) in [("confidence", self.confidence), ("agreement", self.agreement)] {
            let share = f64::from(share);
            check(field, share, (0.0..=1.0).contains(&share), "from 0 to 1")?;
        }
        check("margin", self.margin as f64, self.margin <= 1024, "at most 1024")?;
        let (stride, valid) = (self.stride as f64, (1..=64).contains(&self.stride));
        check("stride", stride, valid, "from 1 to 64")?;
        let exact = self.crf.terms.iter().any(|term| term.method == FilterMethod::Exact);
        check("stride", stride, self.stride == 1 || !exact, "1 where a term is summed exactly")?;
        let valid = (1.0..=64.0).contains(&self.widening);
        check("widening", self.widening, valid, "from 1 to 64")
    }
}

/// Updates only pixels that the unary leaves uncertain; the others keep its softmax.
///
/// The field joins the uncertain pixels and a margin of certain ones around them, so that the
/// time falls with the share of such pixels. With a `stride` of s it joins those of every s-th row
/// and column only, and then all uncertain pixels are updated once, from the last probabilities of
/// the field: what reaches a pixel is a sum over many others, of which a sample gives nearly the
/// same (joint bilateral upsampling). On lattices, what a pixel gives itself is added with the
/// probabilities of its unary. Where the update would hardly change anything, it is left out
/// (`agreement`).
///
/// Which stride, widening and confidence are good depends on the pictures and the network: try
/// them on pictures with known labels. The report is that of the field on the sample.
///
/// [`FilterMethod::Auto`] is a convolution for Gaussian kernels with sigmas of at most 12 pixels
/// (of the sample), and the lattice for all others.
///
/// # Shapes
/// `image` [C, H, W], `unary` [K, H, W].
///
/// # Errors
/// [`Error::InvalidSetting`] as [`GateConfig::validate`]; otherwise as [`DenseCrf::new`] and
/// [`DenseCrf::infer`], also for pixels that take no part.
///
/// # References
/// J. Kopf, M. F. Cohen, D. Lischinski and M. Uyttendaele, Joint Bilateral Upsampling, ACM
/// Transactions on Graphics 26(3), 2007: there for one filter, here for the mean field of which
/// filters are the messages.
pub fn infer_where_uncertain(
    image: ArrayView3<'_, f32>,
    unary: ArrayView3<'_, f32>,
    config: &GateConfig,
) -> Result<PictureInference> {
    config.validate()?;
    let (_, rows, columns) = image.dim();
    check_points("rows of the unary", unary.dim().1, rows)?;
    check_points("columns of the unary", unary.dim().2, columns)?;
    let plain = DenseCrfConfig { terms: Vec::new() };
    let none = InferenceConfig { iterations: 0, ..config.inference.clone() };
    let mut result = DenseCrf::new(image, &plain)?.infer(unary, &none)?;
    let likely = largest(result.probabilities.view());
    let uncertain = likely.mapv(|likely| likely < config.confidence);
    let near = if config.margin == 0 { None } else { Some(dilated(&uncertain, config.margin)) };
    let grid = Grid::new((rows, columns), config.stride);
    let taking_part = grid.chosen(near.as_ref().unwrap_or(&uncertain));
    if taking_part.is_empty() {
        return Ok(result);
    }
    let field = CoarseField::new(image, &grid, taking_part, config)?;
    let updated = field.infer(unary, &config.inference)?;
    if config.stride == 1 {
        for (i, &point) in field.points.iter().enumerate() {
            let (y, x) = grid.pixel(point);
            if uncertain[(y, x)] {
                result.labels[(y, x)] = updated.labels[i];
                for (class, &value) in updated.probabilities.column(i).iter().enumerate() {
                    result.probabilities[(class, y, x)] = value;
                }
            }
        }
    } else {
        let labels = field.labels(&result.labels, &updated.labels);
        let (mut pixels, mut agreed) = (Vec::new(), Vec::new());
        for (y, (likely, own)) in likely.rows().into_iter().zip(result.labels.rows()).enumerate() {
            grid.agreed(&labels, y, &mut agreed);
            for (x, ((&likely, own), agreed)) in likely.iter().zip(own).zip(&agreed).enumerate() {
                let settled = (likely >= config.agreement) & (own == agreed);
                if (likely < config.confidence) & !settled {
                    pixels.push([y as u32, x as u32]);
                }
            }
        }
        upsample(&field, image, unary, updated.probabilities.view(), &pixels, &mut result);
    }
    result.report = updated.report;
    Ok(result)
}

/// The largest probability of each pixel.
fn largest(probabilities: ArrayView3<'_, f32>) -> Array2<f32> {
    let (_, rows, columns) = probabilities.dim();
    let mut largest = Array2::zeros((rows, columns));
    for plane in probabilities.outer_iter() {
        largest
            .zip_mut_with(&plane, |largest, &p| *largest = if p > *largest { p } else { *largest });
    }
    largest
}

/// Pixels with one of the mask at most `margin` rows and columns away.
fn dilated(mask: &Array2<bool>, margin: usize) -> Array2<bool> {
    let (rows, columns) = mask.dim();
    let mut wide = Array2::from_elem((rows, columns), false);
    for ((y, x), _) in mask.indexed_iter().filter(|(_, set)| **set) {
        for u in x.saturating_sub(margin)..columns.min(x + margin + 1) {
            wide[(y, u)] = true;
        }
    }
    let mut out = Array2::from_elem((rows, columns), false);
    for x in 0..columns {
        // The last row of the mask seen, from above and from below.
        let mut last = None;
        for y in 0..rows {
            last = if wide[(y, x)] { Some(y) } else { last };
            out[(y, x)] |= last.is_some_and(|last| y - last <= margin);
        }
        last = None;
        for y in (0..rows).rev() {
            last = if wide[(y, x)] { Some(y) } else { last };
            out[(y, x)] |= last.is_some_and(|last| last - y <= margin);
        }
    }
    out
}
