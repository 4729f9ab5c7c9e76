//! What can go wrong in a training run.

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of a training run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration field is outside its range.
    #[error("{field} = {value} is not allowed: {allowed}")]
    Config {
        /// Name of the field.
        field: &'static str,
        /// The value it had.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The loss, or the norm of its gradient, is no longer a number.
    #[error(
        "the loss or its gradient is {loss} at step {step}; lower the learning rate (now {learning_rate}) or set clip_norm"
    )]
    Diverged {
        /// The step.
        step: u64,
        /// The loss, or the norm of its gradient.
        loss: f64,
        /// The learning rate at that step.
        learning_rate: f64,
    },
    /// A checkpoint does not belong to this run or is damaged.
    #[error("the checkpoint cannot be used: {reason}")]
    Checkpoint {
        /// Why.
        reason: String,
    },
    /// The thread that makes the batches ended early.
    #[error("the batches ended at step {step} of {steps}")]
    BatchesEnded {
        /// The step that got no batch.
        step: u64,
        /// Steps of the run.
        steps: u64,
    },
    /// The loss curve could not be drawn.
    #[error("the loss curve could not be drawn: {0}")]
    Plot(String),
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// Parameters or optimiser failed.
    #[error(transparent)]
    Nn(#[from] mapvec_nn::Error),
    /// A loss failed.
    #[error(transparent)]
    Loss(#[from] mapvec_losses::Error),
    /// Reading or writing failed.
    #[error(transparent)]
    Data(#[from] mapvec_data::Error),
    /// The checkpoint's tensors could not be read or written.
    #[error("the checkpoint's tensors: {0}")]
    Safetensors(#[from] safetensors::SafeTensorError),
    /// The run's state could not be encoded or decoded.
    #[error("the state of the run: {0}")]
    Json(#[from] serde_json::Error),
}
