"""Kernels of a step by time: their kinds in the table, all of them in profile.txt."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import timing
import torch
from report import row

KINDS = {
    "attention": ("flash", "fmha", "attention", "cudnn_generated"),
    "matrix": ("gemm", "nvjet", "cutlass", "sm90_xmma"),
    "convolution": ("conv", "fprop", "dgrad", "wgrad"),
    "norm": ("norm", "rowwise", "computefused"),
    "copy or cast": ("copy", "memcpy", "cast"),
    "optimizer": ("multi_tensor", "fused_adam"),
    "elementwise": ("elementwise", "vectorized", "cat"),
    "reduction": ("reduce",),
}
"""Kind -> parts of its kernels' names."""


def kind(kernel: str) -> str:
    return next((name for name, words in KINDS.items() if any(word in kernel.lower() for word in words)), "other")


def kernels(title: str, step: Any, seconds: float) -> None:
    """Say how long the card is busy in a step of `seconds`, and with what; the whole list goes to $OUT/profile.txt."""
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        step(100)
        timing.sync()
    events = profile.key_averages()
    found = [e for e in events if e.self_device_time_total and str(e.device_type).endswith("CUDA")]
    busy = sum(event.self_device_time_total for event in found) / 1e6
    row(
        "kernels",
        sum(event.count for event in found),
        "card busy",
        f"{busy:.4f} s",
        "of a step",
        f"{busy / seconds:.2f}",
    )
    kinds: Counter[str] = Counter()
    for event in found:
        kinds[kind(event.key)] += event.self_device_time_total
    row("by kind, %", *(f"{name} {100 * time / busy / 1e6:.0f}" for name, time in kinds.most_common()))
    with (Path(os.environ.get("OUT", ".")) / "profile.txt").open("a", encoding="utf-8") as file:
        table = events.table(sort_by="self_cuda_time_total", row_limit=45, max_name_column_width=110)
        file.write(f"{title}\n{table}\n")
