//! Times a piece of work for `cargo xtask bench`.

use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Runs `work` and returns the line of a case: median and fastest milliseconds, peak memory,
/// page faults per repetition.
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
    let mut faults = 0;
    for repetition in 0..warm_up + repetitions {
        if repetition == warm_up {
            faults = page_faults()?;
        }
        let start = Instant::now();
        work()?;
        if repetition >= warm_up {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    let middle = times.len().checked_sub(1).context("no repetition")?;
    let ms = f64::midpoint(times[middle / 2], times[middle.div_ceil(2)]);
    let faults = page_faults()?.saturating_sub(faults) / repetitions as u64;
    Ok(json!({
        "case": case,
        "threads": rayon::current_num_threads(),
        "ms": ms,
        "fastest": times[0],
        "mb": peak_megabytes()?,
        "faults": faults,
        "check": check,
    }))
}

/// Pages that the kernel has had to hand to this process without reading a disk.
///
/// # Errors
/// The system does not tell.
fn page_faults() -> Result<u64> {
    let line = std::fs::read_to_string("/proc/self/stat").context("read from /proc")?;
    // The name of the program, in parentheses, may hold blanks; seven fields stand between.
    let fields = line.rsplit_once(')').context("no name in /proc/self/stat")?.1;
    Ok(fields.split_whitespace().nth(7).context("a short /proc/self/stat")?.parse()?)
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
