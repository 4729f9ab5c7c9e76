//! Training runs.
//!
//! - [`Trainer`]: the loop over batches with optimiser, schedule, history and exact
//!   resume.
//! - [`Checkpoint`]: the whole state of a run in one file.
//! - [`History`]: what was measured, as JSON lines and as an SVG picture.
//! - [`MapBatch`] and [`map_loss`]: labelled map samples as tensors, and the loss of a
//!   `MapUNet` on them.

mod checkpoint;
mod config;
mod error;
mod history;
mod map_task;
mod trainer;

pub use checkpoint::{Checkpoint, RunState};
pub use config::{ScheduleKind, TrainConfig};
pub use error::{Error, Result};
pub use history::{Entry, History};
pub use map_task::{MapBatch, map_loss};
pub use trainer::{StepLoss, Trainer};
