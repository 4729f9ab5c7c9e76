//! What the losses of centrelines share.

use candle_core::{DType, Tensor};

use crate::composite::Composite;
use crate::error::Result;
use crate::segmentation::binary_cross_entropy::BinaryTarget;
use crate::segmentation::cl_dice::ClDiceConfig;
use crate::segmentation::class_mean::SumOver;
use crate::segmentation::soft_skeleton::soft_skeleton;
use crate::shape::rank;

/// Dice and centreline Dice; where the target is unknown nothing is predicted.
pub(crate) fn terms(
    prediction: &Tensor,
    target: &Tensor,
    config: &ClDiceConfig,
) -> Result<[Composite; 2]> {
    let [_, channels, ..] = rank::<4>("prediction", prediction, "[B, C, H, W]")?;
    let (x, y, known) = BinaryTarget::from(target).like(prediction)?;
    if x.elem_count() == 0 {
        let nothing = Tensor::zeros((1, channels), x.dtype(), x.device())?;
        let none = nothing.to_dtype(DType::U8)?;
        return Ok([
            Composite::over_classes("dice", &nothing, &none)?,
            Composite::over_classes("cl_dice", &nothing, &none)?,
        ]);
    }
    let mut p = config.activation.apply(&x)?;
    if let Some(known) = &known {
        p = (p * known)?;
    }
    let sum = |values: Tensor| -> Result<Tensor> {
        let sums = values.flatten_from(2)?.sum(2)?;
        Ok(match config.sum_over {
            SumOver::Batch => sums.sum_keepdim(0)?,
            SumOver::Sample => sums,
        })
    };
    let ratio = |above: &Tensor, below: &Tensor| -> Result<Tensor> {
        Ok(((above + config.smooth)? / (below + config.smooth)?)?)
    };
    let line = soft_skeleton(&p, config.iterations)?;
    let truth = soft_skeleton(&y, config.iterations)?;
    let precision = ratio(&sum((&line * &y)?)?, &sum(line)?)?;
    let sensitivity = ratio(&sum((&truth * &p)?)?, &sum(truth)?)?;
    let product = ((&precision * &sensitivity)? * 2.0)?;
    let lines = (product / (precision + sensitivity)?)?.affine(-1.0, 1.0)?;
    let shared = (sum((&p * &y)?)? * 2.0)?;
    let positive = sum(y)?;
    let dice = ratio(&shared, &(sum(p)? + &positive)?)?.affine(-1.0, 1.0)?;
    let counted = positive.gt(0.0)?;
    Ok([
        Composite::over_classes("dice", &dice, &counted)?,
        Composite::over_classes("cl_dice", &lines, &counted)?,
    ])
}
