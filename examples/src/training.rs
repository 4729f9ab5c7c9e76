//! Where the crops of a training run come from, and how it is validated.

use std::collections::BTreeMap;

use anyhow::Result;
use candle_core::Device;
use mapvec_losses::DenseLossConfig;
use mapvec_models::MapUNet;
use mapvec_synth::{SheetConfig, SheetSource, SourceConfig};
use mapvec_train::{MapBatch, map_loss};

/// Separates the sheets of the validation from those of the training.
const HELD_BACK: u64 = 0x7A11_DA7E;
/// Crops per sheet of the validation: few, so that it sees many sheets.
const HELD_BACK_CROPS: usize = 4;
/// Sheets in memory at once, about 6 MB each.
const MAX_SHEETS: usize = 300;

/// Crops of generated sheets.
#[derive(Debug, Clone, Copy)]
pub struct Crops {
    /// Crops per step.
    pub batch: usize,
    /// Side of a crop in pixels.
    pub side: u32,
    /// Crops taken from one sheet.
    pub per_sheet: usize,
    /// Side of a sheet in pixels.
    pub sheet: u32,
    /// Weights of town plans, topographic and rural sheets.
    pub styles: [f64; 3],
    /// Seed of the training's sheets.
    pub seed: u64,
}

impl Crops {
    /// Enough sheets for so many batches of training.
    ///
    /// # Errors
    /// A setting is out of range.
    pub fn training(&self, batches: u64) -> Result<SheetSource> {
        self.source(self.seed, batches, self.per_sheet)
    }

    /// Other sheets, for validation.
    ///
    /// # Errors
    /// A setting is out of range.
    pub fn held_back(&self, batches: u64) -> Result<SheetSource> {
        self.source(self.seed ^ HELD_BACK, batches, self.per_sheet.min(HELD_BACK_CROPS))
    }

    fn source(&self, seed: u64, batches: u64, per_sheet: usize) -> Result<SheetSource> {
        let crops = batches as usize * self.batch;
        let sheets = crops.div_ceil(per_sheet.max(1)).max(1);
        let [town, topographic, rural] = self.styles;
        Ok(SheetSource::new(SourceConfig {
            seed,
            sheets,
            crops_per_sheet: per_sheet,
            // Neighbouring crops from few sheets teach those sheets and forget the others.
            interleave: sheets.min(MAX_SHEETS),
            town,
            topographic,
            rural,
            crop: self.side,
            sheet: SheetConfig { size: self.sheet, ..SheetConfig::default() },
            ..SourceConfig::default()
        })?)
    }

    /// Means of the loss's terms over batches that the training has not seen.
    ///
    /// # Errors
    /// A setting is out of range, or the network fails.
    pub fn validate(
        &self,
        network: &MapUNet,
        batches: u64,
        device: &Device,
    ) -> Result<BTreeMap<String, f64>> {
        let source = self.held_back(batches)?;
        let mut means = BTreeMap::new();
        for step in 0..batches {
            let batch = MapBatch::of(&source, step, self.batch)?;
            for (name, value) in
                map_loss(network, &batch, &DenseLossConfig::default(), false, device)?.terms
            {
                *means.entry(name).or_insert(0.0) += value / batches as f64;
            }
        }
        Ok(means)
    }
}
