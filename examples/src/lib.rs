//! Shared by the examples: progress, devices, outputs, pictures, evaluation.

pub mod angle_shift;
pub mod assignment_cases;
pub mod border_training;
pub mod canvas;
pub mod cluster_panels;
pub mod clustering_cases;
pub mod cost_matrices;
pub mod crf_cases;
pub mod crf_checks;
pub mod crf_gain;
pub mod crf_panels;
pub mod crf_scene;
pub mod detector;
pub mod device;
pub mod edge_map;
pub mod evaluation;
pub mod footprints;
pub mod fourier_cases;
pub mod freq_score;
pub mod gallery;
pub mod geometry_cases;
pub mod geometry_checks;
pub mod geometry_fuzz;
pub mod georeference;
pub mod hachured_roads;
pub mod hatched_plan;
pub mod labels;
pub mod lettering;
pub mod line_scenes;
pub mod loss_cases;
pub mod measure;
pub mod metric_checks;
pub mod nn_cases;
pub mod output;
pub mod pattern_counts;
pub mod pattern_overlay;
pub mod pattern_panels;
pub mod plan;
pub mod progress;
pub mod real_maps;
pub mod record_panels;
pub mod road_mask;
pub mod sample;
pub mod shapes;
pub mod sheet_checks;
pub mod sibling_panels;
pub mod smoke;
pub mod spread;
pub mod table;
pub mod timed_case;
pub mod training;
pub mod wave_scenes;
pub mod wave_scores;

use std::path::Path;
use std::process::ExitCode;

/// Keeps the buffers of tensors from step to step. A program chooses its allocator, a
/// library cannot: put the same two lines into yours.
#[global_allocator]
static ALLOCATOR: mapvec_nn::BufferPool = mapvec_nn::BufferPool::new(1 << 30);

/// Parses the command line and runs an example with it: any error becomes one line on
/// standard error and exit code 2.
pub fn run<A: clap::Parser>(example: impl FnOnce(A) -> anyhow::Result<()>) -> ExitCode {
    let refused = |text: &str| {
        progress::warn(&text.replace('\n', " "));
        ExitCode::from(2)
    };
    match A::try_parse() {
        Ok(arguments) => match example(arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => refused(&format!("error: {}", chain(&error))),
        },
        Err(error) if error.use_stderr() => {
            let text = error.to_string();
            // The rest is the usage, which --help shows.
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let said: Vec<&str> = lines.take_while(|line| !line.starts_with("Usage:")).collect();
            refused(&said.join(" "))
        }
        Err(help) => help.exit(),
    }
}

/// An error and its causes; what a text has said already is not said again.
fn chain(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text.as_str() {
        "" => cause,
        said if said.contains(&cause) => text,
        _ => format!("{text}: {cause}"),
    })
}

/// Makes the output folder and checks that it can be written to, before long work starts.
///
/// # Errors
/// The folder cannot be made or written to.
pub fn make_folder(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .map_err(|e| anyhow::anyhow!("cannot make the folder {}: {e}", folder.display()))?;
    tempfile::NamedTempFile::new_in(folder)
        .map_err(|e| anyhow::anyhow!("cannot write to the folder {}: {e}", folder.display()))?;
    Ok(())
}
