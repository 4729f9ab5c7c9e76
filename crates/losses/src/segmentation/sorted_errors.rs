//! What the Lovasz losses share: errors of pixels, sorted, and the slopes that follow.

use candle_core::{D, DType, Device, Tensor};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::segmentation::class_mean::SumOver;
use crate::segmentation::class_target::{ClassTarget, Fit, WIDE_IGNORE};

/// Ids with [`WIDE_IGNORE`] for pixels that count nowhere.
pub(crate) fn ids(target: &ClassTarget<'_>, fit: &Fit<'_>) -> Result<Vec<u32>> {
    let mut ids = target.resolve(fit)?.into_ids()?;
    for (index, (id, &weight)) in ids.iter_mut().zip(target.weights.unwrap_or(&[])).enumerate() {
        if weight == 0.0 {
            *id = WIDE_IGNORE;
        } else if (weight - 1.0).abs() > 0.0 {
            let allowed = "0 or 1: this loss sorts pixels, which has no place for a weight";
            let allowed = allowed.to_owned();
            return Err(Error::Target { task: fit.name, value: weight, index, allowed });
        }
    }
    Ok(ids)
}

/// A place in `[B, K, N]`, whether it is of the class, and its error, then its slope.
type Wrong = (usize, bool, f64);

/// The slope of a class's loss in the error of each pixel, split by what the pixel is.
pub(crate) struct Slopes {
    /// At the pixels of the class, `[B, K, N]`.
    own: Tensor,
    /// At the others.
    other: Tensor,
    /// Whether a class has a pixel, `[G, K]`.
    pub(crate) present: Tensor,
    sum_over: SumOver,
}

impl Slopes {
    /// `[G, K]`: the sum of slopes times errors, `1 - x` for the class's own pixels and
    /// `x + offset` for the others.
    pub(crate) fn values(&self, x: &Tensor, offset: f64) -> Result<Tensor> {
        let mine = (x.affine(-1.0, 1.0)? * &self.own)?;
        let theirs = ((x + offset)? * &self.other)?;
        let sums = (mine + theirs)?.sum(D::Minus1)?;
        Ok(match self.sum_over {
            SumOver::Batch => sums.sum_keepdim(0)?,
            SumOver::Sample => sums,
        })
    }
}

/// Sorts the errors of every class, `1 - x` for its own pixels and `x + offset` for the others.
pub(crate) fn slopes(x: &Tensor, ids: &[u32], sum_over: SumOver, offset: f64) -> Result<Slopes> {
    let (b, k, n) = x.dims3()?;
    let values = x.detach().to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    let samples: Vec<Vec<usize>> = match sum_over {
        SumOver::Batch => vec![(0..b).collect()],
        SumOver::Sample => (0..b).map(|sample| vec![sample]).collect(),
    };
    let jobs: Vec<(&[usize], usize)> = samples
        .iter()
        .flat_map(|group| (0..k).map(move |class| (group.as_slice(), class)))
        .collect();
    let sorted: Vec<(Vec<Wrong>, bool)> = jobs
        .into_par_iter()
        .map(|(group, class)| {
            // One channel is the class of id 1.
            let id = if k == 1 { 1 } else { class as u32 };
            let mut errors = Vec::new();
            for &sample in group {
                for pixel in (0..n).filter(|pixel| ids[sample * n + pixel] != WIDE_IGNORE) {
                    let place = (sample * k + class) * n + pixel;
                    let own = ids[sample * n + pixel] == id;
                    let wrong = if own { 1.0 - values[place] } else { values[place] + offset };
                    errors.push((place, own, wrong));
                }
            }
            errors.sort_unstable_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)));
            let present = errors.iter().any(|&(_, own, _)| own);
            (steps(errors), present)
        })
        .collect();
    let (mut own, mut other) = (vec![0.0; values.len()], vec![0.0; values.len()]);
    let mut present = Vec::with_capacity(sorted.len());
    for (steps, some) in sorted {
        present.push(f64::from(u8::from(some)));
        for (place, is_own, slope) in steps {
            if is_own { own[place] = slope } else { other[place] = slope }
        }
    }
    let tensor = |values: Vec<f64>| {
        Tensor::from_vec(values, (b, k, n), &Device::Cpu)?
            .to_dtype(x.dtype())?
            .to_device(x.device())
    };
    let groups = present.len() / k;
    let present = Tensor::from_vec(present, (groups, k), &Device::Cpu)?.to_device(x.device())?;
    Ok(Slopes { own: tensor(own)?, other: tensor(other)?, present, sum_over })
}

/// From errors, sorted from the largest, to the growth of the Jaccard loss at each of them; 0 for
/// errors that are not above 0. NaN stays, as it would in a product.
fn steps(mut errors: Vec<Wrong>) -> Vec<Wrong> {
    let total = errors.iter().filter(|error| error.1).count() as f64;
    let (mut hits, mut alarms, mut before) = (total, 0.0, 0.0);
    for (_, own, error) in &mut errors {
        if *own {
            hits -= 1.0;
        } else {
            alarms += 1.0;
        }
        let loss = 1.0 - hits / (total + alarms);
        *error = if *error <= 0.0 { 0.0 } else { loss - before };
        before = loss;
    }
    errors
}
