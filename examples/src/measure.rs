//! Times a piece of work for `cargo xtask bench`.

use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Runs `work` and returns the line of a case: median milliseconds and peak memory.
///
/// `check` tells what was computed on; the peer must state the same number.
///
/// # Errors
/// `work` fails, or the system does not tell the peak memory (only Linux does).
pub fn measure(
    case: &str,
    check: u64,
    (warm_up, repetitions): (usize, usize),
    mut work: impl FnMut() -> Result<()>,
) -> Result<Value> {
    // What an earlier case left in the pool is not this one's.
    crate::ALLOCATOR.clear();
    // Starts the kernel's peak anew where it may be; elsewhere the peak is of the whole process.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let mut times = Vec::new();
    for repetition in 0..warm_up + repetitions {
        let start = Instant::now();
        work()?;
        if repetition >= warm_up {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    let ms = times.get(times.len() / 2).copied().context("no repetition")?;
    let threads = rayon::current_num_threads();
    Ok(
        json!({ "case": case, "threads": threads, "ms": ms, "mb": peak_megabytes()?, "check": check }),
    )
}

/// Peak resident memory of this process in 10^6 bytes.
///
/// # Errors
/// The system does not tell.
pub fn peak_megabytes() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")
        .context("the peak memory is read from /proc")?;
    let line =
        status.lines().find(|l| l.starts_with("VmHWM")).context("no VmHWM in /proc/self/status")?;
    let kibibytes: f64 =
        line.split_whitespace().nth(1).context("VmHWM without a number")?.parse()?;
    Ok(kibibytes * 1024.0 / 1e6)
}
