//! How long work tells its caller how far it is.

/// Receives the progress of long work.
///
/// Libraries report and never print; a program decides whether that becomes a bar,
/// a line or nothing ([`Silent`]).
pub trait Progress: Sync {
    /// A stage of `total` steps begins.
    fn begin(&self, stage: &str, total: u64);

    /// `steps` more steps of the current stage are done.
    fn advance(&self, steps: u64);

    /// Says how the work goes, for example the current loss.
    fn message(&self, text: &str);

    /// The current stage is over.
    fn end(&self);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _stage: &str, _total: u64) {}
    fn advance(&self, _steps: u64) {}
    fn message(&self, _text: &str) {}
    fn end(&self) {}
}
