"""Same steps, same bytes? As they come, and with torch's deterministic algorithms, whose price is told."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import drawn
import timing
import torch
import whole_step
from device import on_cpu
from report import row, tried, value
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

STEPS = 5


@contextlib.contextmanager
def deterministic(cudnn: bool, algorithms: bool) -> Iterator[None]:
    """cuDNN's and torch's deterministic algorithms. (With warn_only flash attention would stay as it is.)"""
    utils, before = torch.utils.deterministic, torch.backends.cudnn.deterministic
    filled = utils.fill_uninitialized_memory
    torch.backends.cudnn.deterministic, utils.fill_uninitialized_memory = cudnn, False
    torch.use_deterministic_algorithms(algorithms)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.deterministic, utils.fill_uninitialized_memory = before, filled


def content(network: torch.nn.Module) -> str:
    """Of all weights."""
    hasher = hashlib.sha256()
    for parameter in network.parameters():
        hasher.update(parameter.detach().float().cpu().numpy().tobytes())
    return hasher.hexdigest()[:12]


def steps(model: str = "sdxl", count: int = 2) -> None:
    """The same steps twice, in three ways, each with what the pack sets for all of training (`guard.training`)."""
    made = drawn.load(model)

    def once(exact: bool) -> tuple[str, float]:
        with whole_step.trained(made, model, count, exact=exact) as whole:
            whole.step(0)
            seconds = timing.running(whole.step, STEPS, first=1)
            return content(whole.network), seconds

    def twice(label: str, name: str, cudnn: bool = False, exact: bool = False) -> None:
        with deterministic(cudnn, False):
            one, two = once(exact), once(exact)
        seconds = min(one[1], two[1])
        value(f"{model}-{name}.seconds", seconds)
        value(f"{model}-{name}.equal", one[0] == two[0])
        row(
            f"{model} batch {count}, {label}",
            "EQUAL" if one[0] == two[0] else "DIFFERENT",
            one[0],
            two[0],
            f"{seconds:.4f} s",
        )

    ways = {
        "deterministic off": ("plain", {}),
        "cudnn.deterministic alone": ("cudnn", {"cudnn": True}),
        "deterministic on": ("deterministic", {"exact": True}),
    }
    for label, (name, how) in ways.items():
        tried(label, partial(twice, label, name, **how))


SHAPES = {
    "SD1.5, 4096 tokens": (2, 8, 4096, 4096, 40),
    "SD1.5, text": (2, 8, 4096, 77, 40),
    "SDXL, 4096 tokens": (2, 10, 4096, 4096, 64),
    "SDXL, 1024 tokens": (2, 20, 1024, 1024, 64),
    "Flux, 4608 tokens": (1, 24, 4608, 4608, 128),
}
"""(batch, heads, queries, keys, width)."""
KERNELS = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "cuDNN": SDPBackend.CUDNN_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
}


def kernels() -> None:
    """Attention forward and backward by shape and kernel: as it is, and deterministic."""
    dtype = torch.float32 if on_cpu() else torch.bfloat16
    for name, shape in SHAPES.items():
        if on_cpu():
            shape = (*shape[:2], 64, 64, shape[4])
        for kernel, backend in KERNELS.items():
            seconds = {}
            for exact in (False, True):
                with contextlib.suppress(RuntimeError), deterministic(exact, exact), sdpa_kernel(backend):
                    seconds[exact] = _attention(shape, dtype)
            cells = [f"{seconds[exact] * 1e3:.3f} ms" if exact in seconds else "cannot" for exact in (False, True)]
            price = f"{seconds[True] / seconds[False]:.2f}" if len(seconds) == 2 else "-"
            row(f"attention, {name}, {kernel}", cells[0], "deterministic", cells[1], price)


def _attention(shape: tuple[int, ...], dtype: torch.dtype, count: int = 20) -> float:
    batch, heads, queries, keys, width = shape
    where: Any = {"dtype": dtype, "device": "cpu" if on_cpu() else "cuda", "requires_grad": True}
    q, k, v = (torch.randn(batch, heads, n, width, **where) for n in (queries, keys, keys))
    grad = torch.randn_like(q)

    def once(_: int = 0) -> None:
        scaled_dot_product_attention(q, k, v).backward(grad)

    for _ in range(3):
        once()
    return timing.running(once, count)
