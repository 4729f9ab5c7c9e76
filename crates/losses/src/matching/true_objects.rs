//! What is really in the pictures of a batch.

use candle_core::{DType, Tensor};

use crate::error::{Error, Result};
use crate::matching::objects::Objects;
use crate::shape::{expect, mismatch};

/// The `T` true objects of one picture; every picture of a batch may have another number.
///
/// Properties that a task does not have are `None`, and so may all be of a picture without
/// objects. [`match_objects`](crate::match_objects()), [`hungarian_loss`](crate::hungarian_loss())
/// and [`set_prediction_loss`](crate::set_prediction_loss()) take the same. Whatever their type
/// and device, tensors are brought to those of the prediction, and have no gradient.
#[derive(Debug, Clone, Default)]
pub struct TrueObjects {
    /// Class of each object, from 0.
    pub classes: Option<Vec<usize>>,
    /// `[T, 4]`: boxes.
    pub boxes: Option<Tensor>,
    /// `[T, H, W]`: masks, 0 to 1.
    pub masks: Option<Tensor>,
    /// `[T, 2, 2]`: two endpoints each.
    pub vectors: Option<Tensor>,
}

impl TrueObjects {
    /// The number of objects, the same for all properties; 0 without any.
    pub(crate) fn count(&self) -> Result<usize> {
        let mut known = self.classes.as_ref().map(Vec::len);
        for (field, tensor) in [
            ("truth.boxes", &self.boxes),
            ("truth.masks", &self.masks),
            ("truth.vectors", &self.vectors),
        ] {
            let Some(tensor) = tensor else { continue };
            let found = tensor.dims().first().copied();
            if found.is_none() || known.is_some_and(|known| found != Some(known)) {
                let known = known.map_or("T".to_owned(), |known| known.to_string());
                return Err(mismatch(field, tensor, format!("[{known}, ..], a row per object")));
            }
            known = found;
        }
        Ok(known.unwrap_or(0))
    }
}

/// The true objects of a batch in slots, as many for each picture.
pub(crate) struct DenseTruth {
    /// What the prediction has too, with classes as shares; slots behind the objects of a
    /// picture hold zeros.
    pub(crate) objects: Objects,
    /// Objects of each picture, which come first.
    pub(crate) counts: Vec<usize>,
    /// Slots of each picture.
    pub(crate) slots: usize,
}

impl DenseTruth {
    /// Those properties that the prediction has.
    pub(crate) fn of(prediction: &Objects, truth: &[TrueObjects]) -> Result<Self> {
        let Some((b, _)) = prediction.slots()? else {
            let expected = "a property that both sides have".to_owned();
            return Err(Error::Shape { field: "prediction", expected, found: "none".to_owned() });
        };
        if truth.len() != b {
            return Err(Error::Length { task: "truth", expected: b, found: truth.len() });
        }
        let counts = truth.iter().map(TrueObjects::count).collect::<Result<Vec<_>>>()?;
        let slots = counts.iter().copied().max().unwrap_or(0);
        let in_slots = |field, like: &Option<Tensor>, own: Vec<Option<&Tensor>>| match like {
            Some(like) => padded(field, like, &own, &counts, slots),
            None => Ok(None),
        };
        let own = |of: fn(&TrueObjects) -> &Option<Tensor>| {
            truth.iter().map(|objects| of(objects).as_ref()).collect()
        };
        let classes = match &prediction.classes {
            Some(logits) => one_hot(logits, truth, &counts, slots)?,
            None => None,
        };
        let objects = Objects {
            classes,
            boxes: in_slots("truth.boxes", &prediction.boxes, own(|of| &of.boxes))?,
            masks: in_slots("truth.masks", &prediction.masks, own(|of| &of.masks))?,
            vectors: in_slots("truth.vectors", &prediction.vectors, own(|of| &of.vectors))?,
        };
        Ok(Self { objects, counts, slots })
    }
}

/// Checks that all classes are below `classes`.
pub(crate) fn check_classes(truth: &[TrueObjects], classes: usize) -> Result<()> {
    for labels in truth.iter().filter_map(|objects| objects.classes.as_ref()) {
        if let Some(index) = labels.iter().position(|&label| label >= classes) {
            let allowed = match classes {
                0 => "none, as the logits have no class for objects".to_owned(),
                _ => format!("0 to {}", classes - 1),
            };
            let value = labels[index] as f32;
            return Err(Error::Target { task: "truth.classes", value, index, allowed });
        }
    }
    Ok(())
}

/// Whether pictures with objects have a property: all, none, or an error that names one of those
/// without.
fn have(field: &'static str, has: impl Iterator<Item = bool>, counts: &[usize]) -> Result<bool> {
    let with: Vec<(usize, bool)> =
        has.enumerate().filter(|&(picture, _)| counts[picture] > 0).collect();
    match with.iter().find(|(_, has)| !has) {
        Some(&(picture, _)) if with.iter().any(|&(_, has)| has) => Err(Error::Shape {
            field,
            expected: "the property for every picture with objects, or for none".to_owned(),
            found: format!("none for picture {picture}"),
        }),
        Some(_) => Ok(false),
        None => Ok(true),
    }
}

/// `[B, slots, ..]` of a `[T, ..]` of each picture.
fn padded(
    field: &'static str,
    like: &Tensor,
    properties: &[Option<&Tensor>],
    counts: &[usize],
    slots: usize,
) -> Result<Option<Tensor>> {
    if !have(field, properties.iter().map(Option::is_some), counts)? {
        return Ok(None);
    }
    let (dtype, device) = (like.dtype(), like.device());
    let mut dims = like.dims().to_vec();
    let mut parts = Vec::new();
    for (property, &count) in properties.iter().zip(counts) {
        dims[1] = count;
        if let Some(tensor) = property {
            expect(field, tensor, &dims[1..])?;
            if count > 0 {
                parts.push(tensor.detach().to_device(device)?.to_dtype(dtype)?);
            }
        }
        if count < slots {
            dims[1] = slots - count;
            parts.push(Tensor::zeros(&dims[1..], dtype, device)?);
        }
    }
    dims[1] = slots;
    if dims.contains(&0) {
        return Ok(Some(Tensor::zeros(dims, dtype, device)?));
    }
    Ok(Some(Tensor::cat(&parts, 0)?.reshape(dims)?))
}

/// `[B, slots, K]`: 1 for the class of each object.
fn one_hot(
    logits: &Tensor,
    truth: &[TrueObjects],
    counts: &[usize],
    slots: usize,
) -> Result<Option<Tensor>> {
    if !have("truth.classes", truth.iter().map(|objects| objects.classes.is_some()), counts)? {
        return Ok(None);
    }
    let (b, _, k) = logits.dims3()?;
    check_classes(truth, k)?;
    let mut shares = vec![0.0_f32; b * slots * k];
    for (picture, objects) in truth.iter().enumerate() {
        for (slot, &label) in objects.classes.iter().flatten().enumerate() {
            shares[(picture * slots + slot) * k + label] = 1.0;
        }
    }
    let shares = Tensor::from_vec(shares, (b, slots, k), logits.device())?;
    Ok(Some(if logits.dtype() == DType::F32 { shares } else { shares.to_dtype(logits.dtype())? }))
}
