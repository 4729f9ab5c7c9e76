//! Map samples as batches, and the loss of a map model on them.

use candle_core::{Device, Tensor};
use mapvec_data::{MapSample, Source};
use mapvec_losses::{Composite, DenseLossConfig, Targets, dense_map_loss};
use mapvec_models::MapUNet;

use crate::{Error, Result, StepLoss};

/// Samples of one size, side by side.
///
/// # Shapes
/// Pixels are `B * 3 * H * W` values in -0.5 ..= 0.5; labels have `B * H * W` values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MapBatch {
    /// Number of samples.
    pub count: usize,
    /// Rows and columns of every sample.
    pub size: (usize, usize),
    /// RGB planes of all samples.
    pub pixels: Vec<f32>,
    /// 1 on borders between regions.
    pub boundary: Vec<u8>,
    /// 1 on the axes of line features.
    pub centreline: Vec<u8>,
    /// 0 background, 1 line, 2 shape.
    pub class: Vec<u8>,
    /// Radians in [0, pi), NaN where undefined.
    pub angle: Vec<f32>,
    /// Pixels, NaN where undefined.
    pub thickness: Vec<f32>,
    /// 0 none, 1 text, 2 hatch, 3 dash.
    pub distractor: Vec<u8>,
}

impl MapBatch {
    /// Batch number `step` of a source: samples `step * count ..`, starting over at the
    /// source's end.
    ///
    /// # Errors
    /// The source is empty or fails, or its samples differ in size.
    pub fn of<S: Source<Sample = MapSample> + ?Sized>(
        source: &S,
        step: u64,
        count: usize,
    ) -> Result<Self> {
        if source.is_empty() || count == 0 {
            let value = format!("{} samples, batches of {count}", source.len());
            return Err(Error::Config {
                field: "source",
                value,
                allowed: "at least one sample per batch",
            });
        }
        let mut batch = Self::default();
        for offset in 0..count as u64 {
            let index = (step * count as u64 + offset) % source.len() as u64;
            batch.push(&source.get(index as usize)?)?;
        }
        Ok(batch)
    }

    /// Adds one sample.
    ///
    /// # Errors
    /// Its size differs from that of the samples before.
    pub fn push(&mut self, sample: &MapSample) -> Result<()> {
        let size = sample.size();
        if self.count > 0 && size != self.size {
            let value = format!("{} x {}", size.0, size.1);
            return Err(Error::Config {
                field: "sample size",
                value,
                allowed: "the size of the batch's first sample",
            });
        }
        self.size = size;
        self.count += 1;
        for channel in 0..3 {
            let plane = sample.image.index_axis(ndarray::Axis(2), channel);
            self.pixels.extend(plane.iter().map(|v| f32::from(*v) / 255.0 - 0.5));
        }
        let labels = &sample.labels;
        self.boundary.extend(labels.boundary.iter());
        self.centreline.extend(labels.centreline.iter());
        self.class.extend(labels.class.iter());
        self.angle.extend(labels.angle.iter());
        self.thickness.extend(labels.thickness.iter());
        self.distractor.extend(labels.distractor.iter());
        Ok(())
    }

    /// `[B, 3, H, W]`.
    ///
    /// # Errors
    /// The device cannot hold it.
    pub fn images(&self, device: &Device) -> Result<Tensor> {
        let (h, w) = self.size;
        Ok(Tensor::from_slice(&self.pixels, (self.count, 3, h, w), device)?)
    }

    /// The labels as a loss reads them.
    #[must_use]
    pub fn targets(&self) -> Targets<'_> {
        Targets {
            boundary: &self.boundary,
            centreline: &self.centreline,
            class: &self.class,
            angle: &self.angle,
            thickness: &self.thickness,
            distractor: &self.distractor,
        }
    }
}

/// The loss of a network on a batch; with `train` batch norms use batch statistics.
///
/// # Errors
/// The network or the loss fails.
pub fn map_loss(
    network: &MapUNet,
    batch: &MapBatch,
    config: &DenseLossConfig,
    train: bool,
    device: &Device,
) -> Result<StepLoss> {
    let logits = network.forward(&batch.images(device)?, train)?;
    let Composite { loss, terms, .. } = dense_map_loss(&logits, &batch.targets(), config)?;
    let terms = terms.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(StepLoss { loss, terms })
}

#[cfg(test)]
mod tests {
    use candle_core::DType;
    use mapvec_data::{PixelLabels, Silent};
    use mapvec_models::{MapUNetConfig, map_channels};
    use mapvec_nn::ParameterStore;
    use ndarray::Array3;

    use super::*;
    use crate::{TrainConfig, Trainer};

    /// A vertical border whose place depends on the index.
    struct Stripes;

    impl Source for Stripes {
        type Sample = MapSample;

        fn len(&self) -> usize {
            6
        }

        fn get(&self, index: usize) -> mapvec_data::Result<MapSample> {
            let mut image = Array3::from_elem((32, 32, 3), 220);
            let mut labels = PixelLabels::empty(32, 32);
            for y in 0..32 {
                for x in 6 + 3 * index..8 + 3 * index {
                    image.slice_mut(ndarray::s![y, x, ..]).fill(30);
                    labels.boundary[[y, x]] = 1;
                    labels.angle[[y, x]] = std::f32::consts::FRAC_PI_2;
                    labels.thickness[[y, x]] = 2.0;
                }
            }
            MapSample::new(image, labels)
        }
    }

    #[test]
    fn the_loss_reads_the_channels_that_the_model_writes() {
        let heads = mapvec_losses::MapHeads::default();
        assert_eq!(heads.boundary, map_channels::BOUNDARY);
        assert_eq!(heads.centreline, map_channels::CENTRELINE);
        assert_eq!(heads.class, map_channels::CLASS.start);
        assert_eq!(heads.angle, map_channels::ANGLE.start);
        assert_eq!(heads.thickness, map_channels::THICKNESS);
        assert_eq!(heads.distractor, map_channels::DISTRACTOR.start);
    }

    #[test]
    fn batches_go_round_the_source() {
        let batch = MapBatch::of(&Stripes, 1, 4).unwrap();
        assert_eq!((batch.count, batch.size, batch.boundary.len()), (4, (32, 32), 4 * 32 * 32));
        let mut expected = MapBatch::default();
        for index in [4, 5, 0, 1] {
            expected.push(&Stripes.get(index).unwrap()).unwrap();
        }
        assert_eq!((&batch.pixels, &batch.boundary), (&expected.pixels, &expected.boundary));
        let other = MapSample::new(Array3::zeros((16, 16, 3)), PixelLabels::empty(16, 16)).unwrap();
        assert!(expected.push(&other).is_err(), "another size");
    }

    #[test]
    fn a_small_network_learns_where_the_stripe_is() {
        let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
        let shape = MapUNetConfig { in_channels: 3, widths: vec![8, 8] };
        let network = MapUNet::new(&shape, store.var_builder()).unwrap();
        let config = TrainConfig {
            steps: 160,
            batch: 3,
            learning_rate: 1e-2,
            log_every: 40,
            ..Default::default()
        };
        let loss = DenseLossConfig::default();
        let mut trainer = Trainer::new(&store, &config).unwrap();
        let forward = |batch: MapBatch| map_loss(&network, &batch, &loss, true, &Device::Cpu);
        trainer.fit(|step| MapBatch::of(&Stripes, step, 3), forward, |_| Ok(()), &Silent).unwrap();
        let dice: Vec<f64> =
            trainer.history().entries.iter().map(|e| e.terms["boundary_dice"]).collect();
        assert!(dice[3] < 0.5 * dice[0], "{dice:?}");
    }
}
