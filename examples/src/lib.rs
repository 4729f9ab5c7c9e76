//! Shared by the examples: progress, devices, outputs, pictures, evaluation.

pub mod device;
pub mod evaluation;
pub mod labels;
pub mod measure;
pub mod output;
pub mod progress;
pub mod sample;
pub mod smoke;
pub mod table;
pub mod training;

use std::path::Path;
use std::process::ExitCode;

/// Runs an example: any error becomes one line on standard error and exit code 2.
pub fn run(example: impl FnOnce() -> anyhow::Result<()>) -> ExitCode {
    match example() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::warn(&format!("error: {error:#}").replace('\n', " "));
            ExitCode::from(2)
        }
    }
}

/// Makes the output folder.
///
/// # Errors
/// The folder cannot be made.
pub fn make_folder(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .map_err(|e| anyhow::anyhow!("cannot make the folder {}: {e}", folder.display()))
}
