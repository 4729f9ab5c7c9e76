"""What the peers share: timing, peak memory, and the line for `cargo xtask bench`."""

import json
import os
import resource
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


def page_faults():
    """Pages that the kernel has had to hand to this process without reading a disk."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def line_of(case, work, check, repetitions, warm_up):
    """Runs `work` and gives the case's line: median and fastest time, peak memory,
    page faults per repetition.

    `check` is a number that tells what was computed on; our side must state
    the same.
    """
    reset_peak()
    times = []
    faults = 0
    for repetition in range(warm_up + repetitions):
        if repetition == warm_up:
            faults = page_faults()
        start = time.perf_counter()
        work()
        if repetition >= warm_up:
            times.append((time.perf_counter() - start) * 1e3)
    return {
        "case": case,
        "threads": THREADS,
        "ms": statistics.median(times),
        "fastest": min(times),
        "mb": peak_mb(),
        "faults": (page_faults() - faults) // repetitions,
        "check": check,
    }


def measure(case, work, check, repetitions, warm_up):
    """Runs `work` and prints the case's line."""
    print(json.dumps(line_of(case, work, check, repetitions, warm_up)), flush=True)
