"""Time and memory of a training step: ours, the bare frozen model, LyCORIS' own forms, ComfyUI's Train LoRA; one table.

python dev.py test tests/benchmarks/bench_speed.py -s

On a card (ATHANOR_DEVICE=cuda) with SD1.5 and SDXL in their real sizes, random bf16 weights; else with a narrow SD1.5. Each
variant is attached once, the bare model measured just before it: ratios are of medians of ATHANOR_BENCH_ROUNDS steps, of
processor time on a CPU (others may use it) and wall time on a card. ATHANOR_BENCH_BATCHES: 1,4,8.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from device import on_cpu

sys.path.insert(0, str(Path(__file__).resolve().parent))

BATCHES = tuple(map(int, os.environ.get("ATHANOR_BENCH_BATCHES", "1,4,8").split(",")))
ROUNDS = int(os.environ.get("ATHANOR_BENCH_ROUNDS", "3" if on_cpu() else "9"))
MODELS = ("narrow sd15",) if on_cpu() else ("sd15", "sdxl")
NETWORKS = {
    "lora": ("ours", {}, "off"),
    "lora, checkpointing part": ("ours", {}, "part"),
    "lora, checkpointing all": ("ours", {}, "all"),
    "lora, LyCORIS' bypass": ("bypass", {}, "off"),
    "lora, LyCORIS' default": ("default", {}, "off"),
    "lokr": ("ours", {"algo": "lokr"}, "off"),
    "lokr, LyCORIS' bypass": ("bypass", {"algo": "lokr"}, "off"),
    "lokr, LyCORIS' default": ("default", {"algo": "lokr"}, "off"),
    "loha": ("ours", {"algo": "loha"}, "off"),
    "loha, LyCORIS' bypass": ("bypass", {"algo": "loha"}, "off"),
    "full": ("ours", {"algo": "full"}, "off"),
}
NATIVE = {
    "ComfyUI's Train LoRA": {},
    "ComfyUI's Train LoRA, bypass_mode": {"bypass_mode": True},
    "ComfyUI's Train LoRA, as it comes (checkpointing)": {"gradient_checkpointing": True},
}


@dataclass(frozen=True)
class Seen:
    """Of one way to train."""

    seconds: float
    ratio: float  # to the bare model, measured just before
    kept: int  # bytes: the peak on a card, else what is kept for the backward pass


def memory(step: Callable[[], Any], *modules: torch.nn.Module) -> int:
    import saved
    from timing import fresh, sync

    if not on_cpu():
        fresh()
        step()
        sync()
        return torch.cuda.max_memory_allocated()
    with saved.counted(*modules) as kept:
        step()
    return kept.bytes


@contextlib.contextmanager
def form(how: str) -> Iterator[None]:
    """ours, LyCORIS' bypass or its default."""
    from athanor.training_core.network import build, lycoris

    with contextlib.ExitStack() as stack:
        if how != "ours":
            stack.enter_context(mock.patch.object(build, "lean_forward", lambda _lora: None))
        if how == "default":
            stack.enter_context(mock.patch.object(lycoris, "BYPASS", ()))
            stack.enter_context(mock.patch.object(lycoris, "in_float32", lambda _lora: None))
        yield


def ours(model: Any, name: str, count: int) -> dict[str, Seen]:
    """The bare model and all variants, one after another on the same loaded model."""
    import timing
    import whole_step

    seen: dict[str, Seen] = {}
    with whole_step.loaded(model) as host:
        module = host.diffusion_model
        plain = whole_step.bare(host, name, count)
        plain()
        seen["bare forward + backward"] = Seen(
            statistics.median(timing.each(plain, ROUNDS)), 1.0, memory(plain, module)
        )
        for key, (how, network, checkpointing) in NETWORKS.items():
            base = statistics.median(timing.each(plain, ROUNDS))
            with form(how), whole_step.attached(host, name, count, network) as whole, host.checkpointed(checkpointing):
                step = lambda: whole.step(0)  # noqa: E731
                step()
                seconds = statistics.median(timing.each(step, ROUNDS))
                seen[key] = Seen(seconds, seconds / base, memory(step, module))
    return seen


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", MODELS)
def test_speed(name, batch, comfy, capsys):
    import drawn
    import native

    if on_cpu():
        torch.set_num_threads(1)
    seen = ours(drawn.load(name), name, batch)
    base = seen["bare forward + backward"].seconds
    for key, options in NATIVE.items():
        seconds, kept = native.native(name, batch, max(2, ROUNDS), **options)
        seen[key] = Seen(seconds, seconds / base, kept)
    own, node = seen["lora"], seen["ComfyUI's Train LoRA"]
    faster = f"time {own.ratio * base / node.seconds:.2f}, memory {own.kept / max(1, node.kept):.2f}"
    what = "kept for backward, MB" if on_cpu() else "peak, MB | img/s"
    rows = [
        f"| {name}, batch {batch}; bare: {base * 1000:.0f} ms | of bare | {what} |",
        "|---" * (3 + (not on_cpu())) + "|",
    ]
    for key, found in seen.items():
        speed = "" if on_cpu() else f" | {batch / found.seconds:.2f}"
        rows.append(f"| {key} | {found.ratio:.2f} | {found.kept / 2**20:.0f}{speed} |")
    with capsys.disabled():
        print("\n" + "\n".join(rows) + f"\n\nours / ComfyUI's Train LoRA: {faster}", flush=True)
