//! A child process under a time limit.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What a process that ended by itself left.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs to the end or kills at `limit`. The streams go through files (`log`
/// and `log` + `.err`), so no full pipe can stop the child.
pub(crate) fn run(command: &mut Command, limit: Duration, log: &Path) -> Result<Finished> {
    let errors = log.with_extension("err");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(File::create(log).context("cannot write the log")?)
        .stderr(File::create(&errors).context("cannot write the log")?)
        .spawn()
        .context("cannot start it")?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("still running after {} s", limit.as_secs_f64());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let read = |path: &Path| -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
    };
    Ok(Finished { success: status.success(), stdout: read(log)?, stderr: read(&errors)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::cargo;

    /// A fresh folder of this test run.
    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder is writable");
        folder
    }

    #[test]
    fn output_and_failure_are_reported() -> Result<()> {
        let folder = folder("process");
        let mut good = Command::new(cargo());
        let done = run(good.arg("--version"), Duration::from_secs(60), &folder.join("a.log"))?;
        assert!(done.success && done.stdout.starts_with("cargo"), "{done:?}");
        let mut bad = Command::new(cargo());
        let done = run(bad.arg("--no-such-flag"), Duration::from_secs(60), &folder.join("b.log"))?;
        assert!(!done.success && !done.stderr.is_empty(), "{done:?}");
        std::fs::remove_dir_all(folder)?;
        Ok(())
    }

    #[test]
    #[cfg(unix)]
    fn a_process_over_its_limit_is_ended() -> Result<()> {
        let folder = folder("limit");
        let mut slow = Command::new("sleep");
        let start = Instant::now();
        let error = run(slow.arg("60"), Duration::from_millis(50), &folder.join("c.log"));
        assert!(error.is_err(), "it sleeps longer than its limit");
        assert!(start.elapsed() < Duration::from_secs(30), "it was not ended");
        std::fs::remove_dir_all(folder)?;
        Ok(())
    }
}
