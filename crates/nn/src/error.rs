//! What can go wrong besides the shapes Candle reports.

use std::fmt;
use std::path::PathBuf;

use candle_core::DType;

use crate::reach::GradientDefects;

/// The result of loading, saving, training and checking.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor operation failed.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    /// The bytes are no safetensors file.
    #[error("not a readable safetensors file: {0}; it may be truncated or of another format")]
    Safetensors(#[from] safetensors::SafeTensorError),
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Names or shapes of stored tensors differ from the expected ones.
    #[error(transparent)]
    ParameterMismatch(#[from] ParameterMismatch),
    /// A loss does not train every parameter.
    #[error(transparent)]
    GradientDefects(#[from] GradientDefects),
    /// A setting is out of range.
    #[error("{field} is {value}; it must be {expected}")]
    Config {
        /// The setting.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// A gradient holds NaN or infinity.
    #[error(
        "the gradient of {parameter} is not finite; lower the learning rate or look for a loss that overflows"
    )]
    NonFiniteGradient {
        /// The name of the first such parameter.
        parameter: String,
    },
    /// Saved state has another type than it needs to go on bit for bit.
    #[error("{name} is stored as {found:?} and needed as {expected:?}")]
    StateType {
        /// The name in the file.
        name: String,
        /// The type that is needed.
        expected: DType,
        /// The type in the file.
        found: DType,
    },
    /// Averages and weights are not where the call needs them.
    #[error(
        "the averages are {} the model; call `{}` first",
        if *swapped { "in" } else { "not in" },
        if *swapped { "swap_out" } else { "swap_in" }
    )]
    EmaSwapped {
        /// Whether the averages are in the model.
        swapped: bool,
    },
    /// A gradient has another shape than its parameter.
    #[error("the gradient of {parameter} has shape {found:?}, the parameter {expected:?}")]
    GradientShape {
        /// The name of the parameter.
        parameter: String,
        /// Its shape.
        expected: Vec<usize>,
        /// The shape of the gradient.
        found: Vec<usize>,
    },
}

/// Every difference between stored tensors and the expected ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterMismatch {
    /// Expected names that are not stored.
    pub missing: Vec<String>,
    /// Stored names that are not expected.
    pub unexpected: Vec<String>,
    /// Names with the expected and the stored shape where they differ.
    pub misshaped: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl ParameterMismatch {
    /// Whether there is no difference.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.misshaped.is_empty()
    }
}

impl std::error::Error for ParameterMismatch {}

impl fmt::Display for ParameterMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the stored tensors do not fit (was the model, or optimiser, made with the same \
             configuration, and before loading?)"
        )?;
        for (what, names) in [("missing", &self.missing), ("unexpected", &self.unexpected)] {
            if let [first @ .., last] = &names[..names.len().min(SHOWN)] {
                let shown = first.iter().map(|name| format!("{name}, ")).collect::<String>();
                write!(f, "; {what}: {shown}{last}{}", more(names.len()))?;
            }
        }
        for (name, expected, found) in self.misshaped.iter().take(SHOWN) {
            write!(f, "; {name} should be {expected:?} and is {found:?}")?;
        }
        write!(f, "{}", more(self.misshaped.len()))?;
        if self.unexpected.iter().any(|name| name.ends_with("num_batches_tracked")) {
            write!(f, "; `LoadConfig::pytorch` skips the counters of PyTorch")?;
        }
        Ok(())
    }
}

/// Names of a kind that a message shows; the fields have all of them.
const SHOWN: usize = 12;

fn more(count: usize) -> String {
    if count > SHOWN { format!(" and {} more", count - SHOWN) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_mismatch_is_cut() {
        let missing = (0..30).map(|i| format!("layer{i}.weight")).collect();
        let text = ParameterMismatch { missing, ..ParameterMismatch::default() }.to_string();
        assert!(text.contains("layer11.weight and 18 more") && !text.contains("layer12"), "{text}");
    }

    #[test]
    fn a_mismatch_names_everything() {
        let mismatch = ParameterMismatch {
            missing: vec!["a.weight".into()],
            unexpected: vec!["b.bias".into()],
            misshaped: vec![("c".into(), vec![1, 2], vec![3])],
        };
        let text = Error::from(mismatch).to_string();
        for part in ["a.weight", "b.bias", "c should be [1, 2] and is [3]"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
