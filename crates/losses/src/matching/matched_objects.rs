//! Predictions next to the true objects that they are matched with.

use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};
use crate::matching::objects::Objects;
use crate::matching::true_objects::{DenseTruth, TrueObjects};

/// Predicted and true objects slot by slot, so that metrics are computed on the same pairs as
/// the loss.
#[derive(Debug, Clone)]
pub struct MatchedObjects {
    /// The true objects of each picture in `T` slots, as many as the picture with most has;
    /// classes as shares (one-hot). Slots behind the objects hold zeros.
    pub truth: Objects,
    /// The predictions, in the slots of the true objects that they are matched with.
    pub prediction: Objects,
    /// `[B, T]`: 1 for slots with a true object that has a prediction, 0 for others, in which
    /// the prediction means nothing: the weights of metrics.
    pub matched: Tensor,
    /// Pairs (prediction, true object) of each picture.
    pub pairs: Vec<Vec<(usize, usize)>>,
}

/// Puts predictions into the slots of their true objects; the gradient flows through them. Half
/// precision becomes single.
///
/// # Shapes
///
/// `prediction`: `B` pictures with `P` slots, see [`Objects`]; `truth` and `pairs`: `B` entries.
///
/// # Errors
///
/// [`Error::Length`] or [`Error::Shape`] for what does not fit, [`Error::Target`] for a class, a
/// prediction or an object that does not exist or is matched twice.
pub fn matched_objects(
    prediction: &Objects,
    truth: &[TrueObjects],
    pairs: &[Vec<(usize, usize)>],
) -> Result<MatchedObjects> {
    let prediction = &prediction.widened()?;
    let DenseTruth { objects, counts, slots } = DenseTruth::of(prediction, truth)?;
    let (b, p) = prediction.slots()?.unwrap_or_default();
    check_pairs(pairs, p, &counts)?;
    let mut places = vec![0_u32; b * slots];
    let mut flags = vec![0_u8; b * slots];
    for (picture, pairs) in pairs.iter().enumerate() {
        let own = picture * slots;
        places[own..own + slots].fill(place(picture * p)?);
        for &(predicted, slot) in pairs {
            places[own + slot] = place(picture * p + predicted)?;
            flags[own + slot] = 1;
        }
    }
    // Without predictions nothing is matched, and there is nothing to take from.
    let aligned =
        if p == 0 { blank(prediction, slots)? } else { prediction.gather(&places, slots)? };
    let some = prediction.properties().into_iter().find_map(|(_, tensor)| tensor);
    let device = some.map_or(Device::Cpu, |tensor| tensor.device().clone());
    let matched = Tensor::from_vec(flags, (b, slots), &device)?;
    Ok(MatchedObjects { truth: objects, prediction: aligned, matched, pairs: pairs.to_vec() })
}

/// Checks that there is a list for each picture, and that predictions and objects exist and
/// occur once.
pub(crate) fn check_pairs(
    pairs: &[Vec<(usize, usize)>],
    predictions: usize,
    counts: &[usize],
) -> Result<()> {
    if pairs.len() != counts.len() {
        return Err(Error::Length { task: "pairs", expected: counts.len(), found: pairs.len() });
    }
    for (pairs, &objects) in pairs.iter().zip(counts) {
        let mut seen = [vec![false; predictions], vec![false; objects]];
        for (index, &(prediction, object)) in pairs.iter().enumerate() {
            let names = ["matched predictions", "matched objects"];
            for ((value, seen), task) in [prediction, object].into_iter().zip(&mut seen).zip(names)
            {
                let allowed = format!("indices below {}, each once", seen.len());
                match seen.get_mut(value) {
                    Some(seen) if !*seen => *seen = true,
                    _ => return Err(Error::Target { task, value: value as f32, index, allowed }),
                }
            }
        }
    }
    Ok(())
}

/// A place in the batch as an index of a tensor.
fn place(index: usize) -> Result<u32> {
    u32::try_from(index).map_err(|_| Error::Shape {
        field: "prediction",
        expected: "fewer than 2^32 objects".to_owned(),
        found: index.to_string(),
    })
}

/// Objects of zeros.
fn blank(like: &Objects, slots: usize) -> Result<Objects> {
    let zeros = |tensor: &Option<Tensor>| -> Result<Option<Tensor>> {
        let Some(tensor) = tensor else { return Ok(None) };
        let mut dims = tensor.dims().to_vec();
        dims[1] = slots;
        Ok(Some(Tensor::zeros(dims, tensor.dtype(), tensor.device())?))
    };
    Ok(Objects {
        classes: zeros(&like.classes)?,
        boxes: zeros(&like.boxes)?,
        masks: zeros(&like.masks)?,
        vectors: zeros(&like.vectors)?,
    })
}

impl MatchedObjects {
    /// The numbers of a property of matched slots, `[M, ..]` flat, in the order of pictures and
    /// slots: `(prediction, truth)` for each.
    ///
    /// `property` is one of those of both sides, for example
    /// `|objects| objects.boxes.as_ref()`; none gives no rows.
    ///
    /// # Errors
    ///
    /// [`Error::Tensor`] where the values cannot be read.
    pub fn rows(
        &self,
        property: impl Fn(&Objects) -> Option<&Tensor>,
    ) -> Result<Vec<(Vec<f64>, Vec<f64>)>> {
        let (Some(prediction), Some(truth)) = (property(&self.prediction), property(&self.truth))
        else {
            return Ok(Vec::new());
        };
        let matched = host(&self.matched)?;
        let size = truth.dims().iter().skip(2).product::<usize>().max(1);
        let (prediction, truth) = (host(prediction)?, host(truth)?);
        let rows = prediction.chunks_exact(size).zip(truth.chunks_exact(size)).zip(matched);
        let rows = rows.filter(|&(_, matched)| matched > 0.0);
        Ok(rows.map(|((prediction, truth), _)| (prediction.to_vec(), truth.to_vec())).collect())
    }
}

fn host(tensor: &Tensor) -> Result<Vec<f64>> {
    let tensor = tensor.detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
    Ok(tensor.flatten_all()?.to_vec1()?)
}
