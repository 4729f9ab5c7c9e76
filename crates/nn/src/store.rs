//! The parameters of a model: seeded, named, saved and loaded strictly.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Shape, Tensor, Var, bail};
use candle_nn::var_builder::{SimpleBackend, VarBuilder};

use crate::error::{Error, Result};
use crate::init;
use crate::load::{LoadConfig, last_part, read_expected};

/// Last parts of names that are statistics, not trained.
const BUFFERS: [&str; 2] = ["running_mean", "running_var"];

/// Named variables in the order of their creation. A clone is the same store.
///
/// A model asks [`ParameterStore::var_builder`] for its parameters; each is made
/// on first asking, from the seed and its name alone. Names whose last part is
/// `running_mean` or `running_var` are buffers: saved, not trained. `get` of a builder
/// starts a parameter at zero, as everywhere in Candle: who asks for a kernel names its
/// distribution with `get_with_hints` and [`init`](crate::init); the layers of this crate do.
///
/// So a model is made first and loaded then, and for inference made once more:
///
/// ```
/// use candle_core::{DType, Device};
/// use mapvec_nn::{Conv2d, Conv2dConfig, ParameterStore};
///
/// let make = |vb| Conv2d::new(3, 8, 3, &Conv2dConfig::same(3), vb);
/// let store = ParameterStore::new(7, DType::F32, &Device::Cpu);
/// make(store.var_builder())?;
/// # let file = store.to_bytes()?;
/// store.load_bytes(&file)?; // or `load` with a path
/// let conv = make(store.frozen_var_builder())?;
/// # drop(conv);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device};
/// use mapvec_nn::{BatchNormConfig, BatchNorm2d, ParameterStore};
///
/// let store = ParameterStore::new(7, DType::F32, &Device::Cpu);
/// let norm = BatchNorm2d::new(4, &BatchNormConfig::default(), store.var_builder().pp("norm"))?;
/// assert_eq!(store.names(), ["norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"]);
/// assert_eq!((store.trainable().len(), store.parameter_count()), (2, 8));
///
/// let other = ParameterStore::new(8, DType::F32, &Device::Cpu);
/// let _ = BatchNorm2d::new(4, &BatchNormConfig::default(), other.var_builder().pp("norm"))?;
/// other.load_bytes(&store.to_bytes()?)?;
/// # drop(norm);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ParameterStore {
    seed: u64,
    dtype: DType,
    device: Device,
    entries: Arc<Mutex<Entries>>,
}

#[derive(Debug, Default)]
struct Entries {
    order: Vec<(String, Var)>,
    index: HashMap<String, usize>,
}

impl ParameterStore {
    /// An empty store whose variables will be of this type on this device.
    #[must_use]
    pub fn new(seed: u64, dtype: DType, device: &Device) -> Self {
        Self { seed, dtype, device: device.clone(), entries: Arc::default() }
    }

    /// The builder a model takes its parameters from.
    #[must_use]
    pub fn var_builder(&self) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), self.dtype, self.device.clone())
    }

    /// A builder for inference: its tensors are no variables, so that no graph is
    /// recorded and every layer's memory is freed at once. Make the model with
    /// [`ParameterStore::var_builder`] and load it first: a name that the store does not
    /// have is an error here. The weights stay those of the store, but batch norms copy
    /// their running statistics, so after more training make the frozen model anew.
    #[must_use]
    pub fn frozen_var_builder(&self) -> VarBuilder<'static> {
        let backend = Box::new(Frozen(self.clone()));
        VarBuilder::from_backend(backend, self.dtype, self.device.clone())
    }

    /// The seed of the initial values.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The device of the variables.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// How many variables there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().order.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All names in the order of creation.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.entries().order.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The variable of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Var> {
        let entries = self.entries();
        entries.index.get(name).map(|i| entries.order[*i].1.clone())
    }

    /// All variables in the order of creation.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, Var)> {
        self.entries().order.clone()
    }

    /// The trained variables, in order.
    #[must_use]
    pub fn trainable(&self) -> Vec<(String, Var)> {
        self.variables().into_iter().filter(|(name, _)| !is_buffer(name)).collect()
    }

    /// The variables that are not trained, in order.
    #[must_use]
    pub fn buffers(&self) -> Vec<(String, Var)> {
        self.variables().into_iter().filter(|(name, _)| is_buffer(name)).collect()
    }

    /// How many numbers are trained.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.trainable().iter().map(|(_, var)| var.elem_count()).sum()
    }

    /// All variables as a safetensors file. Equal variables give equal bytes.
    ///
    /// # Errors
    ///
    /// Variables that cannot be read from the device.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let tensors: Vec<(String, Tensor)> = self
            .variables()
            .into_iter()
            .map(|(name, var)| (name, var.as_detached_tensor()))
            .collect();
        Ok(safetensors::serialize(tensors, None)?)
    }

    /// Writes [`ParameterStore::to_bytes`] to a file: under a temporary name
    /// first, so that a crash leaves either the old file or the new one.
    ///
    /// # Errors
    ///
    /// Those of [`ParameterStore::to_bytes`] and of the file system.
    pub fn save(&self, path: &Path) -> Result<()> {
        write_atomic(path, &self.to_bytes()?)
            .map_err(|source| Error::Io { path: path.to_owned(), source })
    }

    /// Loads a file written by [`ParameterStore::save`].
    ///
    /// # Errors
    ///
    /// Those of [`ParameterStore::load_bytes`] and of the file system.
    pub fn load(&self, path: &Path) -> Result<()> {
        self.load_bytes(
            &fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?,
        )
    }

    /// Loads a file that may hold more than the variables, as
    /// [`ParameterStore::load_bytes_with`] does.
    ///
    /// # Errors
    ///
    /// Those of [`ParameterStore::load_bytes_with`] and of the file system.
    pub fn load_with(&self, path: &Path, config: &LoadConfig) -> Result<Vec<String>> {
        self.load_bytes_with(
            &fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?,
            config,
        )
    }

    /// Sets every variable from the bytes of a safetensors file, all or none.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterMismatch`] with all names that are missing, unexpected
    /// or of another shape; [`Error::Safetensors`] for other bytes. Nothing is
    /// changed then.
    pub fn load_bytes(&self, bytes: &[u8]) -> Result<()> {
        self.load_bytes_with(bytes, &LoadConfig::default()).map(drop)
    }

    /// The same, but for names that `config` skips; returns those, sorted.
    ///
    /// # Examples
    ///
    /// A checkpoint of `PyTorch`, saved by its package `safetensors`:
    ///
    /// ```no_run
    /// # use candle_core::{DType, Device};
    /// # use mapvec_nn::{LoadConfig, ParameterStore};
    /// # let store = ParameterStore::new(7, DType::F32, &Device::Cpu);
    /// # let bytes = Vec::new();
    /// let counters = store.load_bytes_with(&bytes, &LoadConfig::pytorch())?;
    /// assert!(counters.iter().all(|name| name.ends_with("num_batches_tracked")));
    /// # Ok::<(), mapvec_nn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`ParameterStore::load_bytes`] and [`LoadConfig::validate`]. Nothing is changed
    /// then.
    pub fn load_bytes_with(&self, bytes: &[u8], config: &LoadConfig) -> Result<Vec<String>> {
        config.validate()?;
        let variables = self.variables();
        let expected = variables
            .iter()
            .map(|(name, var)| (name.clone(), var.dims().to_vec()))
            .collect::<Vec<_>>();
        let (tensors, skipped) = read_expected(bytes, &expected, &self.device, config)?;
        let converted = tensors
            .iter()
            .zip(&variables)
            .map(|(tensor, (_, var))| tensor.to_dtype(var.dtype()))
            .collect::<candle_core::Result<Vec<_>>>()?;
        for ((_, var), tensor) in variables.iter().zip(&converted) {
            var.set(tensor)?;
        }
        Ok(skipped)
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // Entries are only ever pushed whole: a panic elsewhere leaves them sound.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_buffer(name: &str) -> bool {
    BUFFERS.contains(&last_part(name))
}

/// Writes under a temporary name in the same folder, then renames.
fn write_atomic(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

impl SimpleBackend for ParameterStore {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        hint: candle_nn::Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let mut entries = self.entries();
        if let Some(index) = entries.index.get(name) {
            let var = &entries.order[*index].1;
            if var.shape() != &shape {
                bail!(
                    "parameter {name} exists with shape {:?} and was asked for with {shape:?}",
                    var.shape()
                );
            }
            return Ok(var.as_tensor().clone());
        }
        let values = init::values(self.seed, name, &shape, hint);
        let var = Var::from_tensor(
            &Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?.to_device(device)?,
        )?;
        let index = entries.order.len();
        entries.index.insert(name.to_owned(), index);
        entries.order.push((name.to_owned(), var.clone()));
        Ok(var.as_tensor().clone())
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        match self.get(name) {
            Some(var) => Ok(var.as_tensor().clone()),
            None => bail!("parameter {name} does not exist, and without a shape it cannot be made"),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.entries().index.contains_key(name)
    }
}

/// The tensors of a store, not its variables.
struct Frozen(ParameterStore);

impl SimpleBackend for Frozen {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        hint: candle_nn::Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        if !self.0.contains_tensor(name) {
            bail!(
                "there is no parameter {name} to freeze; make the model with `var_builder` and load it \
                 first"
            );
        }
        Ok(SimpleBackend::get(&self.0, shape, name, hint, dtype, device)?.detach())
    }

    fn get_unchecked(
        &self,
        name: &str,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        Ok(self.0.get_unchecked(name, dtype, device)?.detach())
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.0.contains_tensor(name)
    }
}
