//! A trained network with its weights.

use candle_core::{DType, Device};
use mapvec_data::Progress;
use mapvec_geometry::{Tile, Window};
use mapvec_models::{MapUNet, MapUNetConfig};
use mapvec_nn::{ParameterStore, reestimate_statistics};
use ndarray::ArrayView3;
use rand::Rng;

use crate::predict::cut;
use crate::{MapPrediction, PredictConfig, Result, VectorizeConfig, predict};

/// A [`MapUNet`] ready to predict.
#[derive(Debug)]
pub(crate) struct Network {
    model: MapUNet,
    store: ParameterStore,
    device: Device,
    pub(crate) hash: String,
}

impl Network {
    pub(crate) fn new(weights: &[u8], config: &MapUNetConfig, device: &Device) -> Result<Self> {
        let store = ParameterStore::new(0, DType::F32, device);
        // Names the parameters, so that the weights can be checked against them.
        MapUNet::new(config, store.var_builder())?;
        store.load_bytes(weights)?;
        let model = MapUNet::new(config, store.frozen_var_builder())?;
        let hash = blake3::hash(weights).to_hex().to_string();
        Ok(Self { model, store, device: device.clone(), hash })
    }

    pub(crate) fn parameter_count(&self) -> usize {
        self.store.parameter_count()
    }

    /// Predicts every pixel; with `adapt_tiles` by a copy whose batch-norm statistics are
    /// those of the picture.
    pub(crate) fn predict(
        &self,
        image: ArrayView3<'_, u8>,
        config: &VectorizeConfig,
        progress: &dyn Progress,
    ) -> Result<MapPrediction> {
        if config.predict.adapt_tiles == 0 {
            return predict(image, &self.model, &self.device, config, progress);
        }
        let adapted = MapUNet::new(self.model.config(), self.store.frozen_var_builder())?;
        self.adapt(&adapted, image, &config.predict, progress)?;
        predict(image, &adapted, &self.device, config, progress)
    }

    /// Replaces a model's batch-norm statistics by those of random tiles of the picture.
    #[expect(clippy::cast_possible_wrap, reason = "picture sides fit i64")]
    fn adapt(
        &self,
        model: &MapUNet,
        image: ArrayView3<'_, u8>,
        config: &PredictConfig,
        progress: &dyn Progress,
    ) -> Result<()> {
        let (height, width, _) = image.dim();
        let size = config.tile;
        let count = config.adapt_tiles as usize;
        let mut rng = mapvec_data::sample_rng(config.seed, 0);
        progress.begin("adapt", count as u64);
        reestimate_statistics(count, |_| -> Result<()> {
            let x = rng.random_range(0..=(width as i64 - i64::from(size)).max(0));
            let y = rng.random_range(0..=(height as i64 - i64::from(size)).max(0));
            let core = Window { x: 0, y: 0, width: size, height: size };
            let tile = Tile { core, x, y, size };
            model.forward(&cut(image, &tile).tensor(0, &self.device)?, true)?;
            progress.advance(1);
            Ok(())
        })?;
        progress.end();
        Ok(())
    }
}
