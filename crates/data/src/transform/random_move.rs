//! Random flips and quarter turns.

use std::collections::BTreeMap;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::field_kind::FieldGeometry;
use super::symmetry::Symmetry;
use crate::error::{Error, Result};
use crate::record::Record;

/// Turns a sample round in x, in y, in both or not at all; every array moves with the picture.
///
/// It belongs before the steps that make labels: arrays that are not a generator's need an entry
/// in `fields`. The move is another one in every epoch if the loader does the step
/// ([`LoaderConfig::steps`](crate::LoaderConfig::steps)), and always the same one in a stored data
/// set or a [`Transformed`](crate::Transformed).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomFlip {
    /// How often x is turned round, in `[0, 1]`. Default 0.5.
    pub horizontal: f64,
    /// How often y is turned round, in `[0, 1]`. Default 0.5.
    pub vertical: f64,
    /// How arrays move that are not a generator's. Default none.
    pub fields: BTreeMap<String, FieldGeometry>,
}

impl Default for RandomFlip {
    fn default() -> Self {
        Self { horizontal: 0.5, vertical: 0.5, fields: BTreeMap::new() }
    }
}

impl RandomFlip {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names a field out of its range.
    pub fn validate(&self) -> Result<()> {
        for (field, value) in [("horizontal", self.horizontal), ("vertical", self.vertical)] {
            if !(0.0..=1.0).contains(&value) {
                let value = value.to_string();
                return Err(Error::Config { field, value, expected: "in [0, 1]" });
            }
        }
        Ok(())
    }
}

impl Transform for RandomFlip {
    fn apply(&self, record: Record, rng: &mut ChaCha8Rng) -> Result<Record> {
        self.validate()?;
        let [x, y] = [self.horizontal, self.vertical].map(|share| rng.random::<f64>() < share);
        // Round in y is round in x and half a turn.
        let symmetry = Symmetry { mirror: x != y, quarter_turns: if y { 2 } else { 0 } };
        symmetry.apply(&record, &self.fields)
    }
}

/// Turns a sample by 0, 1, 2 or 3 quarter turns; every array moves with the picture. Height and
/// width of a picture that is not square may change places.
///
/// It belongs before the steps that make labels: arrays that are not a generator's need an entry
/// in `fields`. The move is another one in every epoch if the loader does the step
/// ([`LoaderConfig::steps`](crate::LoaderConfig::steps)), and always the same one in a stored data
/// set or a [`Transformed`](crate::Transformed).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomTurn {
    /// Weights of 0, 1, 2 and 3 quarter turns from +x towards +y, none negative, one above 0.
    /// Default 1 each.
    pub turns: [f64; 4],
    /// How arrays move that are not a generator's. Default none.
    pub fields: BTreeMap<String, FieldGeometry>,
}

impl Default for RandomTurn {
    fn default() -> Self {
        Self { turns: [1.0; 4], fields: BTreeMap::new() }
    }
}

impl RandomTurn {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names a field out of its range.
    pub fn validate(&self) -> Result<()> {
        let sum: f64 = self.turns.iter().sum();
        if self.turns.iter().all(|weight| *weight >= 0.0) && sum > 0.0 && sum.is_finite() {
            return Ok(());
        }
        Err(Error::Config {
            field: "turns",
            value: format!("{:?}", self.turns),
            expected: "four weights, none negative, one of them above 0, of a finite sum",
        })
    }
}

impl Transform for RandomTurn {
    fn apply(&self, record: Record, rng: &mut ChaCha8Rng) -> Result<Record> {
        self.validate()?;
        let mut left = rng.random::<f64>() * self.turns.iter().sum::<f64>();
        let mut quarter_turns = 0;
        for (turns, weight) in (0..).zip(self.turns) {
            if weight > 0.0 {
                quarter_turns = turns;
                if left < weight {
                    break;
                }
            }
            left -= weight;
        }
        Symmetry { mirror: false, quarter_turns }.apply(&record, &self.fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_ranges() {
        assert!(RandomFlip::default().validate().is_ok());
        assert!(RandomTurn::default().validate().is_ok());
        for share in [-0.1, 1.1, f64::NAN] {
            assert!(RandomFlip { horizontal: share, ..RandomFlip::default() }.validate().is_err());
            assert!(RandomFlip { vertical: share, ..RandomFlip::default() }.validate().is_err());
        }
        for turns in [[0.0; 4], [1.0, -1.0, 1.0, 1.0], [f64::NAN; 4], [f64::MAX; 4]] {
            assert!(RandomTurn { turns, ..RandomTurn::default() }.validate().is_err());
        }
    }
}
