"""Out of memory in the middle of a step: pieces, the same losses, and nothing left behind."""

from __future__ import annotations

import gc

import drawn
import timing
import torch
import whole_step
from device import on_cpu
from report import row


def split(model: str = "sdxl", count: int = 8) -> None:
    """A step in its usual room, then with six tenths of what it needs."""
    made, splitter = drawn.load(model), whole_step.splitter()
    with whole_step.trained(made, model, count, split=splitter, rate=0.0) as whole:
        whole.step(0)
        whole.step(1)
        timing.fresh()
        held = 0 if on_cpu() else torch.cuda.memory_allocated()
        wanted = whole.step(2).losses.tolist()
        hog = None if on_cpu() else _hog(held)
        seen = whole.step(2).losses.tolist()
        said = [warned.text for warned in splitter.warnings()]
        timing.sync()
        gc.collect()
        left = 0 if hog is None else torch.cuda.memory_allocated() - held - hog.numel()
    row(
        "out of memory",
        said or ("left out: needs a card" if on_cpu() else "NOT SPLIT"),
        f"left behind {left / 2**20:.0f} MiB",
    )
    apart = max(abs(a - b) / abs(a) for a, b in zip(wanted, seen, strict=True))
    row("losses, whole and split, apart by", f"{apart:.1e}", [f"{x:.4f}" for x in seen[:4]])


def _hog(held: int) -> torch.Tensor:
    """Takes all but six tenths of what the last step needed beside what is `held`."""
    need = torch.cuda.max_memory_allocated() - held
    gc.collect()
    torch.cuda.empty_cache()
    cached = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    free = torch.cuda.mem_get_info()[0] + cached
    return torch.empty(int(max(1, free - 0.6 * need)), dtype=torch.uint8, device="cuda")
