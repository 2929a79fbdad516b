"""LoRA Extract on the card and on the CPU: the same LoRA, and how long each takes."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import timing
import torch
from device import on_cpu
from report import row, tried, value

SHAPES = {
    "SDXL, attention": (1280, 1280),
    "SDXL, text": (640, 2048),
    "SDXL, feed forward in": (10240, 1280),
    "SDXL, feed forward out": (1280, 5120),
    "SDXL, convolution": (1280, 1280, 3, 3),
    "Flux, single block in": (21504, 3072),
}
SMALL = {"attention": (64, 64), "feed forward in": (256, 64), "convolution": (64, 64, 3, 3)}
RANK = 32


def extract() -> None:
    """A layer of each size: a change of rank 16 beside noise, as a fine-tune leaves it, and one of nothing but rank 16."""
    from athanor.training_core.edit import extract as edit

    card, shapes = torch.device("cpu" if on_cpu() else "cuda"), SMALL if on_cpu() else SHAPES
    first = next(iter(shapes.values()))
    tried("first layer", lambda: _made(edit, first, _change(first, 1e-4), card))  # the card's libraries start
    for label, shape in shapes.items():
        for noise in (1e-4, 0.0):
            tried(label, partial(_compared, edit, label, shape, _change(shape, noise), card))
    _full(edit)


def _change(shape: tuple[int, ...], noise: float) -> torch.Tensor:
    draw, columns = torch.Generator().manual_seed(0), torch.Size(shape[1:]).numel()
    one, other = torch.randn(shape[0], 16, generator=draw), torch.randn(16, columns, generator=draw)
    change = one @ other * 1e-3 + (torch.randn(shape[0], columns, generator=draw) * noise if noise else 0)
    return change.reshape(shape)


def _made(edit: Any, shape: tuple[int, ...], change: torch.Tensor, device: torch.device) -> tuple[Any, float]:
    from athanor.training_core.edit.svd import RankRule

    layer = edit.Difference(name="x", shape=shape, read=lambda where: change.to(where, copy=True))
    timing.sync()
    start = time.perf_counter()
    found = edit.make([layer], RankRule(rank=RANK, conv_rank=RANK), "float", device=device)
    timing.sync()
    return found, time.perf_counter() - start


def _compared(edit: Any, label: str, shape: tuple[int, ...], change: torch.Tensor, card: torch.device) -> None:
    (one, there), (other, here) = (_made(edit, shape, change, device) for device in (card, torch.device("cpu")))
    products = [
        found.made.tensors["x.lora_up.weight"].flatten(1) @ found.made.tensors["x.lora_down.weight"].flatten(1)
        for found in (one, other)
    ]
    apart = float((products[0] - products[1]).norm() / products[1].norm())
    value(f"extract.{label.replace(' ', '_')}", there / here)
    row(
        f"{label}, {'x'.join(map(str, shape))}",
        f"card {there:.3f} s",
        f"CPU {here:.3f} s",
        "the CPU did it" if one.on_cpu else "",
        f"{'EQUAL' if apart < 1e-4 else 'DIFFERENT'}, apart {apart:.1e}",
        f"difference {one.made.error:.2e}, {other.made.error:.2e}",
    )


def _full(edit: Any) -> None:
    """With a full card the CPU does it."""
    if on_cpu():
        return
    timing.fresh()
    hog = torch.empty(int(torch.cuda.mem_get_info()[0] * 0.995), dtype=torch.uint8, device="cuda")
    found, seconds = _made(edit, (1280, 5120), _change((1280, 5120), 1e-4), hog.device)
    row("a card that is full", "left to the CPU" if found.on_cpu else "it had room", f"{seconds:.2f} s")
