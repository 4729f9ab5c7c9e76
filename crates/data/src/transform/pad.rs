//! Padding to common shapes.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::arrays::{count, wrong_shape};
use crate::error::Result;
use crate::record::Record;

/// Adds zeros behind the values of arrays, so that samples with different numbers of components fit
/// into a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pad {
    /// Names of arrays and their shapes afterwards: as many sizes as before, none smaller, 2^26
    /// values at most. Default none.
    pub shapes: BTreeMap<String, Vec<usize>>,
}

impl Pad {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::FieldTooLarge`](crate::Error::FieldTooLarge) names an array that would be too large.
    pub fn validate(&self) -> Result<()> {
        self.shapes.iter().try_for_each(|(name, shape)| count(name, shape).map(|_| ()))
    }
}

impl Transform for Pad {
    fn apply(&self, mut record: Record, _: &mut ChaCha8Rng) -> Result<Record> {
        self.validate()?;
        for (name, shape) in &self.shapes {
            let field = record.get(name)?;
            let Ok(padded) = field.padded(shape) else {
                return Err(wrong_shape(name, field.shape(), shape));
            };
            record.insert(name.as_str(), padded);
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::record::{Field, Values};
    use crate::source::sample_rng;

    #[test]
    fn named_arrays_are_padded() {
        let mut record = Record::new();
        record.insert("a", Field::new(vec![1, 2], vec![1_i32, 2]).unwrap());
        let pad = |name: &str, shape: &[usize]| {
            let pad = Pad { shapes: BTreeMap::from([(name.to_owned(), shape.to_vec())]) };
            pad.apply(record.clone(), &mut sample_rng(0, 0))
        };
        let padded = pad("a", &[2, 3]).unwrap();
        assert_eq!(padded.get("a").unwrap().values(), &Values::I32(vec![1, 2, 0, 0, 0, 0]));
        assert!(matches!(pad("b", &[1]), Err(Error::Field { .. })));
        assert!(matches!(pad("a", &[1, 1]), Err(Error::FieldShape { name, .. }) if name == "a"));
        assert!(matches!(pad("a", &[1 << 40, 1 << 40]), Err(Error::FieldTooLarge { .. })));
    }
}
