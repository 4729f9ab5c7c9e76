//! Samples as the network reads them.

use candle_core::{Device, Tensor};
use mapvec_data::{Error as DataError, Record, Shapes, Values, collate};
use mapvec_train::Result;

/// Pictures, waves and masks.
#[derive(Debug, Clone)]
pub struct Batch {
    /// `[B, 3, H, W]`
    pub pictures: Tensor,
    /// `[B, 1, H, W]`
    pub waves: Tensor,
    /// `[B, 1, H, W]`
    pub masks: Tensor,
}

impl Batch {
    /// A batch of records; with `frequency` off the waves are zero.
    ///
    /// # Errors
    /// A record lacks a field or has another size than the first.
    pub fn of(records: &[Record], frequency: bool, device: &Device) -> Result<Self> {
        let joined = collate(records, &Shapes::new())?;
        let tensor = |name: &str| -> Result<Tensor> {
            let field = joined.get(name)?;
            let Values::F32(values) = field.values() else {
                let (name, present) = (name.to_owned(), "bytes or whole numbers".to_owned());
                return Err(DataError::Field { name, present }.into());
            };
            let tensor = Tensor::from_slice(values, field.shape(), device)?;
            Ok(tensor.permute((0, 3, 1, 2))?.contiguous()?)
        };
        let waves = tensor("frequency")?;
        let waves = if frequency { waves } else { waves.zeros_like()? };
        Ok(Self { pictures: tensor("img")?, waves, masks: tensor("mask")? })
    }
}
