//! Weights of a batch.

use super::arrays::take_reals;
use crate::error::{Error, Result};
use crate::record::{Field, Record};

/// Scales weights so that their mean over a batch is 1: `w * numel / sum(w)`. Weights whose sum is
/// 0 stay as they are.
///
/// A step sees one sample and cannot know how many labels the others of the batch have; so that
/// every label counts the same whichever batch it comes in, this belongs behind batching.
/// [`Step::balanced`](crate::Step::balanced) says which weights a step wants it for.
///
/// # Errors
///
/// [`Error::Field`] and [`Error::FieldType`] for a name without an array of `f32`,
/// [`Error::FieldValue`] where the sum is not finite or below 0. The batch then keeps the weights
/// it had.
pub fn balance_weights(batch: &mut Record, names: &[&str]) -> Result<()> {
    for name in names {
        let (shape, mut weights) = take_reals(batch, name)?;
        // The sum of `f32` in their own type loses small weights of large batches.
        let sum: f64 = weights.iter().copied().map(f64::from).sum();
        let valid = sum.is_finite() && sum >= 0.0;
        if valid && sum > 0.0 {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                reason = "a ratio of the size of the weights"
            )]
            let scale = (weights.len() as f64 / sum) as f32;
            for weight in &mut weights {
                *weight *= scale;
            }
        }
        batch.insert(*name, Field::new(shape, weights)?);
        if !valid {
            return Err(Error::FieldValue {
                name: (*name).into(),
                value: format!("weights of the sum {sum}"),
                expected: "finite, and not negative in sum",
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Values;

    #[test]
    fn the_mean_of_a_batch_becomes_one() {
        let mut batch = Record::new();
        batch.insert("weights.a", Field::new(vec![2, 2], vec![0.0_f32, 1.0, 0.0, 0.0]).unwrap());
        batch.insert("weights.b", Field::new(vec![2], vec![0.0_f32, 0.0]).unwrap());
        balance_weights(&mut batch, &["weights.a", "weights.b"]).unwrap();
        let a = batch.get("weights.a").unwrap();
        assert_eq!((a.shape(), a.values()), (&[2, 2][..], &Values::F32(vec![0.0, 4.0, 0.0, 0.0])));
        assert_eq!(batch.get("weights.b").unwrap().values(), &Values::F32(vec![0.0, 0.0]));
        assert!(matches!(balance_weights(&mut batch, &["c"]), Err(Error::Field { .. })));
        for weight in [f32::NAN, f32::INFINITY, -1.0] {
            batch.insert("weights.b", Field::new(vec![1], vec![weight]).unwrap());
            let error = balance_weights(&mut batch, &["weights.b"]);
            assert!(matches!(error, Err(Error::FieldValue { .. })), "{weight}");
            assert!(batch.contains("weights.b"));
        }
    }
}
