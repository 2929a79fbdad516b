"""Gradients of the pack's own backward passes on this device, beside those that autograd makes of the plain operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from unittest import mock

import timing
import torch
from device import on_cpu
from report import row, tried

ROUNDING = 2e-2
"""Of a gradient's largest number: bfloat16 has 8 bits."""
ROTATED = {
    "Flux, heads before tokens": ((1, 24, 4608, 128), (1, 1, 4608, 64, 2, 2)),
    "Lumina, tokens before heads": ((2, 4352, 24, 96), (2, 4352, 1, 48, 2, 2)),
}
"""Shapes of queries, and of the matrices that turn them."""


def both() -> None:
    """Rotary embeddings by the host's kernel, and a linear layer with its LoRA as one operation.

    The kernel is Triton's here: `wheels.py` leaves out the CUDA one, which users have.
    """
    for name, shapes in ROTATED.items():
        tried(name, partial(_rotation, name, *shapes))
    tried("Anima", _norm_and_rotation)
    tried("LoRA", _lora)


def _rotation(name: str, shape: tuple[int, ...], matrices: tuple[int, ...]) -> None:
    import comfy.ldm.flux.math as host
    import comfy.model_management as mm
    from athanor.training_core.host import rotary

    if on_cpu():
        short = {4608: 64, 4352: 64}
        shape, matrices = (tuple(short.get(size, size) for size in sizes) for sizes in (shape, matrices))
    angles = torch.rand(matrices[:-2], device=_device()) * 6.3
    cos, sin = angles.cos(), angles.sin()
    freqs = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    q, k, gradient = (torch.randn(shape, device=_device(), dtype=torch.bfloat16) for _ in range(3))

    def turned(turn: Callable[..., Any], q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        one, other = turn(q, k, freqs)
        return one * gradient + other

    chain, kernel = partial(turned, host._apply_rope), partial(turned, rotary.turn_both)
    with mock.patch.object(mm, "in_training", True):  # else the host's chain is its kernel as well
        _compare(f"rotation, {name}", chain, kernel, [q, k])


def _norm_and_rotation() -> None:
    """Anima's queries and keys: an RMSNorm and a rotation of halves, which the host has as one kernel without a backward pass."""
    from athanor.training_core.host import rotary
    from comfy_kitchen.backends.eager import rope

    tokens, name = 64 if on_cpu() else 4096, "rms_rope_split_half"
    angles = torch.rand((1, tokens, 1, 64), device=_device()) * 6.3
    freqs = torch.stack([angles.cos(), -angles.sin(), angles.sin(), angles.cos()], -1).unflatten(-1, (2, 2))
    q, k, gradient = (torch.randn((1, tokens, 16, 128), device=_device(), dtype=torch.bfloat16) for _ in range(3))
    scale = torch.ones(128, device=_device(), dtype=torch.bfloat16)

    def turned(turn: Callable[..., Any], q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        one, other = turn(q, k, freqs, scale, scale, 1e-6)
        return one * gradient + other

    ours = rotary._stand_in(name)
    _compare("RMSNorm and rotation, Anima", partial(turned, getattr(rope, name)), partial(turned, ours), [q, k])


def _lora() -> None:
    from athanor.training_core.network import low_rank

    width, rows = (64, 32) if on_cpu() else (1280, 4096)
    made: list[torch.Tensor] = []
    for size in ((rows, width), (16, width), (width, 16), (width, width), (width,)):
        made.append(torch.randn(size, device=_device(), dtype=torch.bfloat16) * size[-1] ** -0.5)
    *trained, weight, bias = made

    def plain(x: torch.Tensor, down: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x, weight, bias) + x @ down.t() @ up.t()

    def joined(x: torch.Tensor, down: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        return low_rank.linear(x, lambda *_: (weight, bias), down, up)

    _compare("linear layer and LoRA", plain, joined, trained)


def _compare(label: str, plain: Callable[..., Any], ours: Callable[..., Any], inputs: Sequence[torch.Tensor]) -> None:
    """The largest difference of any gradient as a part of its largest number, and the time of both."""
    found, seconds = [], []
    for way in (plain, ours):
        leaves = [value.clone().requires_grad_() for value in inputs]

        def once(_: int = 0, way: Callable[..., Any] = way, leaves: list[torch.Tensor] = leaves) -> None:
            for leaf in leaves:
                leaf.grad = None
            way(*leaves).float().square().mean().backward()

        once()
        found.append([leaf.grad.float() for leaf in leaves])
        seconds.append(timing.running(once, 10))
    pairs = zip(*found, strict=True)
    apart = max(((mine - wanted).abs().max() / wanted.abs().max()).item() for wanted, mine in pairs)
    right = "as autograd's" if apart < ROUNDING else "WRONG"
    row(
        label, right, f"apart {apart:.1e}", f"{seconds[1] * 1e3:.3f} ms", f"{seconds[1] / seconds[0]:.2f} of autograd's"
    )


def _device() -> str:
    return "cpu" if on_cpu() else "cuda"
