"""cudaMallocAsync, which ComfyUI chooses with CUDA 13: what it costs, and whether a memory pool can stand in within a process."""

from __future__ import annotations

import drawn
import speed
import timing
import torch
import whole_step
from device import on_cpu
from report import gib, row, tried, value


def backend() -> str:
    return "CPU" if on_cpu() else torch.cuda.get_allocator_backend()


def step(model: str, count: int) -> None:
    """speed.step in this process, whose allocator the part's environment has chosen."""
    row("allocator", backend())
    speed.step(model, count, suffix="-async")


def pool(model: str, count: int) -> None:
    """The same step as it is, and inside of a pool of torch's own (torch.cuda.MemPool)."""
    row("allocator", backend())
    with whole_step.trained(drawn.load(model), model, count) as whole:
        for number in range(3):
            whole.step(number)
        plain = timing.running(whole.step, 8)
        row("plain", f"{plain:.4f} s")
        if on_cpu():
            row("inside of torch.cuda.MemPool", "left out: needs a card")
        else:
            tried("inside of torch.cuda.MemPool", lambda: _pooled(whole, plain))
            tried("another backend at run time", lambda: torch.cuda.memory._set_allocator_settings("backend:native"))
            row("allocator afterwards", backend())


def _pooled(whole: whole_step.Whole, plain: float) -> None:
    with torch.cuda.use_mem_pool(torch.cuda.MemPool()):
        for number in range(3):
            whole.step(number)
        seconds = timing.running(whole.step, 8)
    value("pool.ratio", seconds / plain)
    row(
        "inside of torch.cuda.MemPool",
        f"{seconds:.4f} s",
        f"{seconds / plain:.2f} of plain",
        gib(timing.peak()),
    )
