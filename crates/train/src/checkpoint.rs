//! The whole state of a run in one file.
//!
//! A safetensors file with the model's tensors under `model.`, the optimiser's under
//! `optimizer.` and the state of the run as JSON in the metadata. One file means one
//! rename: a run that is stopped while it writes leaves the last checkpoint as it was.

use std::collections::HashMap;
use std::path::Path;

use mapvec_data::write_atomic;
use safetensors::SafeTensors;
use safetensors::tensor::{TensorView, serialize};
use serde::{Deserialize, Serialize};

use crate::{Error, History, Result, TrainConfig};

const MODEL: &str = "model.";
const OPTIMIZER: &str = "optimizer.";
const STATE: &str = "mapvec_run";

/// State of a run besides its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// Steps done.
    pub step: u64,
    /// The settings of the run.
    pub config: TrainConfig,
    /// What was measured so far.
    pub history: History,
}

/// Everything needed to go on with a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The model's parameters and buffers as a safetensors file.
    pub model: Vec<u8>,
    /// The optimiser's state as a safetensors file.
    pub optimizer: Vec<u8>,
    /// The rest.
    pub state: RunState,
}

impl Checkpoint {
    /// Writes the checkpoint under a temporary name, then renames it.
    ///
    /// # Errors
    /// The parts are not safetensors files, or the file cannot be written; an older
    /// checkpoint stays as it was.
    pub fn save(&self, path: &Path) -> Result<()> {
        let model = SafeTensors::deserialize(&self.model)?;
        let optimizer = SafeTensors::deserialize(&self.optimizer)?;
        let mut tensors: Vec<(String, TensorView<'_>)> = Vec::new();
        for (prefix, part) in [(MODEL, &model), (OPTIMIZER, &optimizer)] {
            tensors.extend(part.iter().map(|(name, view)| (format!("{prefix}{name}"), view)));
        }
        let metadata = HashMap::from([(STATE.to_owned(), serde_json::to_string(&self.state)?)]);
        let bytes = serialize(tensors, Some(metadata))?;
        Ok(write_atomic(path, &bytes)?)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// The file cannot be read or was not written by [`save`](Self::save).
    pub fn load(path: &Path) -> Result<Self> {
        let reason = |e: &dyn std::fmt::Display| Error::Checkpoint {
            reason: format!("{}: {e}", path.display()),
        };
        let bytes = std::fs::read(path).map_err(|e| reason(&e))?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| reason(&e))?;
        let state = metadata
            .metadata()
            .as_ref()
            .and_then(|m| m.get(STATE))
            .ok_or_else(|| reason(&"it has no state of a run"))?;
        let state: RunState = serde_json::from_str(state).map_err(|e| reason(&e))?;
        let all = SafeTensors::deserialize(&bytes).map_err(|e| reason(&e))?;
        Ok(Self { model: part(&all, MODEL)?, optimizer: part(&all, OPTIMIZER)?, state })
    }
}

fn part(all: &SafeTensors<'_>, prefix: &str) -> Result<Vec<u8>> {
    let tensors = all.iter().filter_map(|(name, view)| Some((name.strip_prefix(prefix)?, view)));
    Ok(serialize(tensors.collect::<Vec<_>>(), None)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use mapvec_nn::ParameterStore;

    use super::*;

    #[test]
    fn survives_the_disk_bit_for_bit() {
        let store = |seed| {
            let store = ParameterStore::new(seed, DType::F32, &Device::Cpu);
            store.var_builder().get((3, 4), "weight").unwrap();
            store.to_bytes().unwrap()
        };
        let mut history = History::default();
        history.record((1, 0.5), 0.1 + 0.2, [("a".to_owned(), 1.0 / 3.0)], false);
        let state = RunState { step: 1, config: TrainConfig::default(), history };
        let before = Checkpoint { model: store(1), optimizer: store(2), state };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.safetensors");
        before.save(&path).unwrap();
        let after = Checkpoint::load(&path).unwrap();
        assert_eq!(after.state, before.state);
        let tensor = |bytes: &[u8]| {
            let tensors = SafeTensors::deserialize(bytes).unwrap();
            tensors.tensor("weight").unwrap().data().to_vec()
        };
        assert_eq!(tensor(&after.model), tensor(&before.model));
        assert_eq!(tensor(&after.optimizer), tensor(&before.optimizer));
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.safetensors");
        std::fs::write(&path, b"no tensors").unwrap();
        let message = Checkpoint::load(&path).unwrap_err().to_string();
        assert!(message.contains("run.safetensors"), "{message}");
        assert!(Checkpoint::load(&folder.path().join("none")).is_err(), "missing file");
    }
}
