//! The error type of this crate.

/// What can go wrong when a loss is computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The logits have no channels for a task.
    #[error(
        "{task}: channels {first}..{end} are needed but the logits have {channels}; \
         set its channel offset to where the model puts the task"
    )]
    Channels {
        /// The task.
        task: &'static str,
        /// Its first channel.
        first: usize,
        /// One past its last channel.
        end: usize,
        /// Channels of the logits.
        channels: usize,
    },
    /// Two tasks claim a channel.
    #[error("{first} and {second} share a channel; every task needs channels of its own")]
    Overlap {
        /// The task that starts first.
        first: &'static str,
        /// The other task.
        second: &'static str,
    },
    /// An argument has another number of entries than the others ask for.
    #[error("`{task}` holds {found} entries; expected {expected}")]
    Length {
        /// The task, or the argument.
        task: &'static str,
        /// The entries that fit: for a target of pixels B x H x W of the logits.
        expected: usize,
        /// The entries found.
        found: usize,
    },
    /// A target, or its weights, hold a value that means nothing.
    #[error("`{task}` holds {value} at index {index}; allowed: {allowed}")]
    Target {
        /// The task.
        task: &'static str,
        /// The first wrong value.
        value: f32,
        /// Its index in the target.
        index: usize,
        /// What is allowed.
        allowed: String,
    },
    /// A configuration field is out of its range.
    #[error("{field} = {value}: must be {expected}")]
    Config {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// The values allowed.
        expected: &'static str,
    },
    /// A tensor has another shape than the others ask for.
    #[error("`{field}` has shape {found}; expected {expected}")]
    Shape {
        /// The argument.
        field: &'static str,
        /// The shape that fits.
        expected: String,
        /// The shape that came.
        found: String,
    },
    /// The tensor library failed, for example for tensors on several devices.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// There is more of something than can be handled in reasonable time.
    #[error("{found} {field}: at most {allowed} are allowed; split the input")]
    TooMany {
        /// What there is too much of.
        field: &'static str,
        /// How many came.
        found: usize,
        /// How many are allowed.
        allowed: usize,
    },
    /// Objects cannot be matched.
    #[error(transparent)]
    Assignment(#[from] mapvec_assignment::Error),
}

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
