"""What the peers share: timing, peak memory, and the line for `cargo xtask bench`."""

import json
import os
import statistics
import time

THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))


def reset_peak():
    """Starts the kernel's peak of the resident memory anew, where it can."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def peak_mb():
    """Peak resident memory since `reset_peak`, in 10^6 bytes."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def measure(case, work, check, repetitions, warm_up):
    """Runs `work` and prints the case's line with the median time.

    `check` is a number that tells what was computed on; our side must state
    the same.
    """
    reset_peak()
    times = []
    for repetition in range(warm_up + repetitions):
        start = time.perf_counter()
        work()
        if repetition >= warm_up:
            times.append((time.perf_counter() - start) * 1e3)
    line = {
        "case": case,
        "threads": THREADS,
        "ms": statistics.median(times),
        "mb": peak_mb(),
        "check": check,
    }
    print(json.dumps(line), flush=True)
