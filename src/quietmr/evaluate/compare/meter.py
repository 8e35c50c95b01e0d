"""What one call costs: CPU seconds, wall seconds, and by how much it lifts the resident memory.

Memory is read from Linux: free memory is given back to the system first, the high-water mark of the process is reset
(``/proc/self/clear_refs``), and after the call the mark tells the true peak, however short. Elsewhere it is NaN.
"""

from __future__ import annotations

import ctypes
import gc
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

_PROCESS = Path("/proc/self")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Cost:
    """CPU seconds of all threads, wall seconds, and the rise of the resident memory at its peak in MB (1e6 bytes)."""

    cpu_s: float
    wall_s: float
    peak_mb: float


def measured(call: Callable[[], Result]) -> tuple[Result, Cost]:
    """Run a call and tell what it cost."""
    before = _reset_peak()
    cpu, wall = time.process_time(), time.perf_counter()
    result = call()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return result, Cost(cpu, wall, _resident("VmHWM") - before)


def _reset_peak() -> float:
    gc.collect()
    if sys.platform != "linux":
        return float("nan")
    try:
        ctypes.CDLL(None).malloc_trim(0)
        (_PROCESS / "clear_refs").write_text("5")
    except (OSError, AttributeError):  # a container may forbid it, and not every C library has it
        return float("nan")
    return _resident("VmRSS")


def _resident(key: str) -> float:
    if sys.platform != "linux":
        return float("nan")
    found = re.search(rf"{key}:\s+(\d+) kB", (_PROCESS / "status").read_text())
    return int(found[1]) * 1024 / 1e6 if found else float("nan")
