"""How a family's small model is built, and what is expected of it: one `Layout` and one `Case` each, in layouts/."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest import mock

import torch

State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Layout:
    """How one family's model is built."""

    module: str  # "module:class" of the host
    real: dict[str, Any]  # constructor arguments of the released model, DiTs at a small depth
    small: dict[str, Any] = field(default_factory=dict)  # what is smaller here
    scales: bool = False  # the released files call the weight of an RMSNorm `scale`
    faint: str = ""  # a tensor with a tenth of the usual values
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """ "module:class" that it builds by itself: what is smaller."""

    @contextmanager
    def small_parts(self) -> Iterator[None]:
        """Inside, the parts that no argument of the model reaches are built small."""
        with ExitStack() as stack:
            for part, shape in self.parts.items():
                path, _, name = part.partition(":")
                module = importlib.import_module(path)
                stack.enter_context(mock.patch.object(module, name, partial(getattr(module, name), **shape)))
            yield

    def build(self, device: str, **changes: Any) -> torch.nn.Module:
        import comfy.memory_management
        import comfy.ops

        path, _, name = self.module.partition(":")
        kind = getattr(importlib.import_module(path), name)
        shape = self.real | changes
        with mock.patch.object(
            comfy.memory_management, "aimdo_enabled", False
        ):  # with it, layers begin without weights
            return kind(**shape, dtype=torch.float32, device=device, operations=comfy.ops.disable_weight_init)

    def named(self, state: State) -> State:
        """The keys as released files have them."""
        if not self.scales:
            return state
        return {k.replace("_norm.weight", "_norm.scale"): v for k, v in state.items()}


@dataclass(frozen=True)
class Case:
    """What is expected of a family, and what its text encoder gives."""

    title: str
    config: str  # the host's class in comfy.supported_models
    prediction: str
    channels: int
    width: int  # of the text encoding
    key: str  # a module in the file of a preset "attn-mlp" network
    auto: tuple[str, float] = ("uniform", 1.0)  # timestep_sampling, shift
    guidance: bool = False
    extras: dict[str, Callable[[int], Any]] = field(default_factory=dict)  # by number of tokens
    frames: bool = False  # the host's latents are (B, C, 1, h, w)
    odds: bool = False  # the host's sampler counts sigma / (1 - sigma), and latents as much larger
    grouped: int = 2  # forwards for two captions of different length
    tokens: tuple[int, int] = (12, 20)
    size: int = 8  # of the latents
    noise_scale: float = 1.0  # what the host multiplies noise by
    rotary: bool = False  # it has rotary embeddings
    same: bool = False  # its forward is another case's: it is detected, and the rest is left to -m long
    twin: str = ""  # why it is trained with -m long only: another case has its layers


def draw(*shape: int) -> Callable[[int], torch.Tensor]:
    """Random values; 0 in `shape` stands for the number of tokens."""
    return lambda tokens: torch.randn(1, *(n or tokens for n in shape))


def ones(tokens: int) -> torch.Tensor:
    return torch.ones(1, tokens, dtype=torch.int64)


def half(tokens: int) -> torch.Tensor:
    """A mask that hides the second half."""
    return (torch.arange(tokens) < tokens // 2).long()[None]


def none(_tokens: int) -> None:
    return None
