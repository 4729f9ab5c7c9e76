//! Stored tensors against the expected ones.

use std::collections::HashSet;

use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ParameterMismatch, Result};

/// What a file may hold besides the variables of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoadConfig {
    /// Last parts of names (what follows the last dot) that are skipped where the store has no
    /// variable of the name. None by default: every name counts.
    pub skip: Vec<String>,
}

impl LoadConfig {
    /// For files that `PyTorch` wrote: skips `num_batches_tracked`, the counters that its batch
    /// norms store and that no computation here needs.
    #[must_use]
    pub fn pytorch() -> Self {
        Self { skip: vec!["num_batches_tracked".to_owned()] }
    }

    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a last part that is empty or has a dot, since no name ends in it.
    pub fn validate(&self) -> Result<()> {
        match self.skip.iter().find(|part| part.is_empty() || part.contains('.')) {
            None => Ok(()),
            Some(part) => Err(Error::Config {
                field: "skip",
                value: format!("{part:?}"),
                expected: "the last parts of names, without a dot",
            }),
        }
    }

    /// Whether a name that nobody expects is no error.
    fn skips(&self, name: &str) -> bool {
        self.skip.iter().any(|part| part == last_part(name))
    }
}

/// What follows the last dot of a name.
pub(crate) fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The tensors of a safetensors file in the order of `expected`, if names and
/// shapes are exactly those.
pub(crate) fn read_strict(
    bytes: &[u8],
    expected: &[(String, Vec<usize>)],
    device: &Device,
) -> Result<Vec<Tensor>> {
    read_expected(bytes, expected, device, &LoadConfig::default()).map(|(tensors, _)| tensors)
}

/// The tensors in the order of `expected`, and the other names, which must all be skipped.
pub(crate) fn read_expected(
    bytes: &[u8],
    expected: &[(String, Vec<usize>)],
    device: &Device,
    config: &LoadConfig,
) -> Result<(Vec<Tensor>, Vec<String>)> {
    let stored = SafeTensors::deserialize(bytes)?;
    let mut mismatch = ParameterMismatch::default();
    for (name, shape) in expected {
        match stored.tensor(name) {
            Err(_) => mismatch.missing.push(name.clone()),
            Ok(view) if view.shape() != shape => {
                mismatch.misshaped.push((name.clone(), shape.clone(), view.shape().to_vec()));
            }
            Ok(_) => {}
        }
    }
    let known: HashSet<&str> = expected.iter().map(|(name, _)| name.as_str()).collect();
    let others = stored.names().into_iter().filter(|name| !known.contains(name));
    let (mut skipped, mut unexpected): (Vec<_>, Vec<_>) =
        others.map(str::to_owned).partition(|name| config.skips(name));
    skipped.sort();
    unexpected.sort();
    mismatch.unexpected = unexpected;
    if !mismatch.is_empty() {
        return Err(mismatch.into());
    }
    let tensors = expected
        .iter()
        .map(|(name, _)| Ok(candle_core::safetensors::Load::load(&stored.tensor(name)?, device)?))
        .collect::<Result<_>>()?;
    Ok((tensors, skipped))
}
