"""Time and memory of steps: wall time and peak on a card; on a CPU, which others use as well, processor time."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from device import on_cpu


def sync() -> None:
    """Until the card has done what it was told."""
    if not on_cpu():
        torch.cuda.synchronize()


def clock() -> float:
    """Seconds, of everything that was told so far."""
    if on_cpu():
        return time.process_time()
    sync()
    return time.perf_counter()


def each(step: Callable[[], Any], count: int) -> list[float]:
    """Seconds of `count` steps, each with its end waited for."""
    seconds = []
    for _ in range(count):
        start = clock()
        step()
        seconds.append(clock() - start)
    return seconds


def told(step: Callable[[], Any], count: int) -> float:
    """Median seconds until the CPU has told the card all of a step."""
    seconds = []
    for _ in range(count):
        sync()
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def running(step: Callable[[int], Any], count: int, first: int = 0) -> float:
    """Seconds of a step when the next one is begun at once, as in a run."""
    start = clock()
    for number in range(first, first + count):
        step(number)
    return (clock() - start) / count


def fresh() -> None:
    """Give memory back and forget the peak."""
    gc.collect()
    if not on_cpu():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak() -> float:
    """Most that torch has held on the card since `fresh`, in GiB; NaN on a CPU."""
    return float("nan") if on_cpu() else torch.cuda.max_memory_allocated() / 2**30
