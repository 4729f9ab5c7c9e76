//! `cargo xtask demos`: every example runs with `--smoke --out DIR` and must
//! produce what `examples/expected/NAME.json` records.

mod compare;
mod expectation;
mod files;
mod process;

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::workspace::{Workspace, cargo, write_atomic};
use expectation::Expectation;

/// Seconds that one example may take.
const LIMIT: u64 = 120;

/// Flags of `demos`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemosArguments {
    /// Record what the examples produce now instead of comparing.
    #[arg(long)]
    bless: bool,
    /// Run only this example.
    #[arg(long)]
    only: Option<String>,
    /// Seconds that one example may take.
    #[arg(long, default_value_t = LIMIT)]
    limit: u64,
}

impl Default for DemosArguments {
    fn default() -> Self {
        Self { bless: false, only: None, limit: LIMIT }
    }
}

/// What an example left behind.
#[derive(Debug)]
struct Output {
    folder: PathBuf,
    stdout: String,
}

/// Builds and runs the examples; true when all outputs are as recorded.
pub(crate) fn demos(workspace: &Workspace, arguments: &DemosArguments) -> Result<bool> {
    let mut names = workspace.examples()?;
    if let Some(only) = &arguments.only {
        names.retain(|name| name == only);
        ensure!(!names.is_empty(), "there is no example `{only}`");
    }
    // The whole workspace, so that dependencies have the features they have in the tests, and
    // Candle is built once for both.
    let status = Command::new(cargo())
        .current_dir(&workspace.root)
        .args(["build", "--workspace", "--examples"])
        .status()
        .context("cannot start cargo")?;
    ensure!(status.success(), "the examples do not build");
    let mut failed = 0;
    for name in &names {
        let start = Instant::now();
        let problems =
            demo(workspace, name, arguments).unwrap_or_else(|error| vec![format!("{error:#}")]);
        let verdict = if problems.is_empty() { "ok" } else { "FAILED" };
        println!("demo {name}: {verdict} ({:.1} s)", start.elapsed().as_secs_f64());
        problems.iter().for_each(|problem| println!("demo {name}: {problem}"));
        failed += usize::from(!problems.is_empty());
    }
    println!("demos: {} run, {failed} failed", names.len());
    Ok(failed == 0)
}

/// Runs one example and says what differs from its record.
fn demo(workspace: &Workspace, name: &str, arguments: &DemosArguments) -> Result<Vec<String>> {
    let output = run(workspace, name, Duration::from_secs(arguments.limit))?;
    let record = workspace.root.join("examples/expected").join(format!("{name}.json"));
    if arguments.bless {
        let old =
            if record.exists() { Expectation::read(&record)? } else { Expectation::default() };
        let new = old.renewed(&output.folder, &output.stdout)?;
        let folder = record.parent().context("the record has no folder")?;
        std::fs::create_dir_all(folder).context("cannot create examples/expected")?;
        write_atomic(&record, &new.to_text()?)?;
        return Ok(Vec::new());
    }
    ensure!(
        record.exists(),
        "no examples/expected/{name}.json; look at {} and record it with \
         `cargo xtask demos --only {name} --bless`",
        output.folder.display()
    );
    Expectation::read(&record)?.problems(&output.folder, &output.stdout)
}

fn run(workspace: &Workspace, name: &str, limit: Duration) -> Result<Output> {
    let folder = workspace.target.join("demos").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("cannot empty the output folder")?;
    }
    std::fs::create_dir_all(&folder).context("cannot create the output folder")?;
    let binary = workspace.target.join("debug/examples").join(format!("{name}{EXE_SUFFIX}"));
    let mut command = Command::new(&binary);
    command.current_dir(&workspace.root).arg("--smoke").arg("--out").arg(&folder);
    let logs = workspace.target.join("demos");
    let finished = process::run(&mut command, limit, &logs.join(format!("{name}.log")))
        .with_context(|| format!("cannot run {}", binary.display()))?;
    ensure!(finished.success, "it failed: {}", tail(&finished.stderr));
    Ok(Output { folder, stdout: finished.stdout })
}

/// The last lines of what a failed example printed.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join(" | ")
}

/// Path below `folder`, with `/`.
fn relative(path: &Path, folder: &Path) -> String {
    let relative = path.strip_prefix(folder).unwrap_or(path);
    relative
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}
