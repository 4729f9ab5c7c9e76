//! What the pixels are: class ids or probabilities, with a weight per pixel.

use std::borrow::Cow;

use candle_core::{DType, Tensor};

use crate::allowed::check_probabilities;
use crate::error::{Error, Result};
use crate::shape::{mismatch, same_axes};
use crate::task::IGNORE;

/// The most classes whose ids fit a byte beside the mark of unknown pixels.
pub(crate) const BYTE_CLASSES: usize = 254;

/// The classes of the pixels.
#[derive(Debug, Clone, Copy)]
pub enum Classes<'a> {
    /// An id per pixel, sample by sample, row by row.
    Bytes(&'a [u8]),
    /// The same for more than 254 classes.
    Ids(&'a [u32]),
    /// `U8`, `U32` or `I64`: an id per pixel, `[B, H, W]`; axes of size 1 may be there or not.
    /// Floats: a probability per class (one-hot or soft), in the shape of the logits.
    Tensor(&'a Tensor),
}

/// What a model of classes is taught: the classes of the pixels, and what each pixel counts.
///
/// Slices and tensors convert into it. Partial labels need no more than this: unlabelled
/// pixels have the id that the loss ignores (255 unless told), or the weight 0.
#[derive(Debug, Clone, Copy)]
pub struct ClassTarget<'a> {
    /// The classes.
    pub classes: Classes<'a>,
    /// Weight of each pixel, 0 or more; none: 1 each. In the order of the ids.
    pub weights: Option<&'a [f32]>,
}

impl<'a> ClassTarget<'a> {
    /// The same classes with a weight per pixel.
    #[must_use]
    pub fn weighted(self, weights: &'a [f32]) -> Self {
        Self { weights: Some(weights), ..self }
    }
}

impl<'a> From<Classes<'a>> for ClassTarget<'a> {
    fn from(classes: Classes<'a>) -> Self {
        Self { classes, weights: None }
    }
}

impl<'a> From<&'a [u8]> for ClassTarget<'a> {
    fn from(ids: &'a [u8]) -> Self {
        Classes::Bytes(ids).into()
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for ClassTarget<'a> {
    fn from(ids: &'a [u8; N]) -> Self {
        Classes::Bytes(ids).into()
    }
}

impl<'a> From<&'a Vec<u8>> for ClassTarget<'a> {
    fn from(ids: &'a Vec<u8>) -> Self {
        Classes::Bytes(ids).into()
    }
}

impl<'a> From<&'a [u32]> for ClassTarget<'a> {
    fn from(ids: &'a [u32]) -> Self {
        Classes::Ids(ids).into()
    }
}

impl<'a> From<&'a Tensor> for ClassTarget<'a> {
    fn from(classes: &'a Tensor) -> Self {
        Classes::Tensor(classes).into()
    }
}

/// Classes in the form that losses compute with.
#[derive(Debug)]
pub(crate) enum Resolved<'a> {
    /// Ids below the number of classes, or [`IGNORE`].
    Bytes(Cow<'a, [u8]>),
    /// Ids below the number of classes, or [`WIDE_IGNORE`].
    Wide(Vec<u32>),
    /// Probabilities in the shape of the logits.
    Soft(Tensor),
}

impl Resolved<'_> {
    /// Ids with [`WIDE_IGNORE`] for pixels that count nowhere.
    pub(crate) fn into_ids(self) -> Result<Vec<u32>> {
        let wide = |&id: &u8| if id == IGNORE { WIDE_IGNORE } else { u32::from(id) };
        match self {
            Resolved::Bytes(ids) => Ok(ids.iter().map(wide).collect()),
            Resolved::Wide(ids) => Ok(ids),
            Resolved::Soft(shares) => Err(not_ids(&shares)),
        }
    }
}

/// The error of a target that must be ids.
pub(crate) fn not_ids(target: &Tensor) -> Error {
    Error::Shape {
        field: "target",
        expected: "ids of classes, in a type of whole numbers".to_owned(),
        found: format!("{:?} of type {:?}", target.dims(), target.dtype()),
    }
}

/// Id of a pixel that counts nowhere, among ids that do not fit a byte.
pub(crate) const WIDE_IGNORE: u32 = u32::MAX;

/// The sizes that a target must fit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fit<'a> {
    /// The loss, for messages.
    pub(crate) name: &'static str,
    /// Shape of the logits, `[B, K, ...]`.
    pub(crate) shape: &'a [usize],
    /// Classes, `K`; 2 where one channel tells a class from the background.
    pub(crate) classes: usize,
    /// The id of pixels that count nowhere.
    pub(crate) ignore: Option<u32>,
}

impl Fit<'_> {
    /// Pixels of the batch.
    pub(crate) fn pixels(&self) -> usize {
        let [batch, _, space @ ..] = self.shape else { return 0 };
        batch * space.iter().product::<usize>()
    }

    fn check_length(&self, found: usize) -> Result<()> {
        let expected = self.pixels();
        if found == expected {
            return Ok(());
        }
        Err(Error::Length { task: "target", expected, found })
    }

    fn wrong(&self, value: f32, index: usize) -> Error {
        let unknown = self.ignore.map_or(String::new(), |id| format!(", or {id} for unknown"));
        let allowed = format!("0 to {}{unknown}", self.classes.saturating_sub(1));
        Error::Target { task: self.name, value, index, allowed }
    }

    /// Ids from any whole numbers: bytes where they fit.
    fn ids(&self, ids: impl Iterator<Item = i64>) -> Result<Resolved<'static>> {
        let ignore = self.ignore.map(i64::from);
        let wide = ids
            .enumerate()
            .map(|(index, id)| match u32::try_from(id) {
                _ if Some(id) == ignore => Ok(WIDE_IGNORE),
                Ok(class) if (class as usize) < self.classes => Ok(class),
                _ => Err(self.wrong(id as f32, index)),
            })
            .collect::<Result<Vec<_>>>()?;
        if self.classes > BYTE_CLASSES {
            return Ok(Resolved::Wide(wide));
        }
        let bytes = wide.into_iter().map(|id| u8::try_from(id).unwrap_or(IGNORE)).collect();
        Ok(Resolved::Bytes(Cow::Owned(bytes)))
    }
}

impl<'a> ClassTarget<'a> {
    /// The classes as losses compute with them, all of them valid; the weights are checked too.
    pub(crate) fn resolve(&self, fit: &Fit<'_>) -> Result<Resolved<'a>> {
        self.check_weights(fit)?;
        if let Some(ignore) = fit.ignore
            && (ignore as usize) < fit.classes
        {
            return Err(Error::Config {
                field: "ignore",
                value: ignore.to_string(),
                expected: "no class of the model; give a class the weight 0 to leave it out",
            });
        }
        match self.classes {
            Classes::Bytes(ids) => {
                fit.check_length(ids.len())?;
                // The common case costs no copy.
                if fit.classes <= BYTE_CLASSES && fit.ignore == Some(u32::from(IGNORE)) {
                    check_bytes(ids, fit)?;
                    return Ok(Resolved::Bytes(Cow::Borrowed(ids)));
                }
                fit.ids(ids.iter().map(|&id| i64::from(id)))
            }
            Classes::Ids(ids) => {
                fit.check_length(ids.len())?;
                fit.ids(ids.iter().map(|&id| i64::from(id)))
            }
            Classes::Tensor(tensor) if tensor.dtype().is_float() => {
                if tensor.dims() == fit.shape {
                    check_probabilities(fit.name, tensor)?;
                    return Ok(Resolved::Soft(tensor.detach()));
                }
                Err(Error::Shape {
                    field: "target",
                    expected: format!("{:?}, probabilities in the shape of the logits", fit.shape),
                    found: format!("{:?}", tensor.dims()),
                })
            }
            Classes::Tensor(tensor) => {
                let [batch, _, space @ ..] = fit.shape else {
                    return Err(mismatch("target", tensor, "[B, ...]".to_owned()));
                };
                same_axes("target", tensor, &[&[*batch][..], space].concat())?;
                let ids = tensor.flatten_all()?.to_dtype(DType::I64)?.to_vec1::<i64>()?;
                fit.ids(ids.into_iter())
            }
        }
    }

    fn check_weights(&self, fit: &Fit<'_>) -> Result<()> {
        let Some(weights) = self.weights else { return Ok(()) };
        if weights.len() != fit.pixels() {
            return Err(Error::Length {
                task: "weights",
                expected: fit.pixels(),
                found: weights.len(),
            });
        }
        let wrong = |weight: &f32| !(weight.is_finite() && *weight >= 0.0);
        match weights.iter().position(wrong) {
            None => Ok(()),
            Some(index) => Err(Error::Target {
                task: "weights",
                value: weights[index],
                index,
                allowed: "finite, 0 or more".to_owned(),
            }),
        }
    }
}

/// Refuses bytes that are neither a class nor [`IGNORE`].
fn check_bytes(ids: &[u8], fit: &Fit<'_>) -> Result<()> {
    let highest = u8::try_from(fit.classes.saturating_sub(1)).unwrap_or(IGNORE - 1);
    let wrong = |id: u8| id > highest && id != IGNORE;
    // Without an early way out the search is vector code; a target is nearly always right.
    if !ids.chunks(4096).any(|part| part.iter().fold(false, |any, &id| any | wrong(id))) {
        return Ok(());
    }
    let index = ids.iter().position(|&id| wrong(id)).unwrap_or_default();
    Err(fit.wrong(f32::from(ids[index]), index))
}
