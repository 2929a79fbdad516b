"""Does the stock loader make of a LoRA file what was trained? Layer by layer, on random inputs."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import comfy.lora
import torch

from .. import packed
from . import quantised, swap
from .precision import full_float32

TOLERANCE = {"fp16": 5e-3, "bf16": 4e-2, "float": 2e-3}
"""Largest deviation by save_precision, as a part of the trained effect; rounding alone gives about a quarter of it."""

ARITHMETIC = 2e-6
"""Part of a layer's output that float32's own rounding may move: sums of thousands of products, a young change on a large weight."""

TOO_COARSE = 0.25
"""Part of the effect that the file's number format may lose: fp16 cannot hold the changes of the first steps."""


@dataclass(frozen=True, slots=True)
class LoraVerdict:
    """How a file that ComfyUI's loader has applied differs from the trained network."""

    unmatched: tuple[str, ...]  # keys of the file that the loader does not know
    deviation: float  # largest difference of a layer's output, as a part of what the network changes
    layer: str  # where
    rounding: bool = False  # the file's number format alone is the cause

    def trouble(self, precision: str) -> str:
        """Return what is wrong, in one sentence, or '' if nothing is."""
        if self.unmatched:
            return f"ComfyUI's loader does not recognise {len(self.unmatched)} keys of the file, the first is {self.unmatched[0]}."
        if self.rounding:
            if self.deviation <= TOO_COARSE:
                return ""
            return (
                f"save_precision {precision} loses {self.deviation:.0%} of the effect of {self.layer}, which is still very small: "
                "use float, or train longer."
            )
        if self.deviation > TOLERANCE[precision]:
            return (
                f"The file loaded by ComfyUI differs from the trained network by {self.deviation:.1%} of its effect, most in "
                f"{self.layer}."
            )
        return ""


class Check:
    """Knows a model's keys; made before a network is attached, since the algorithm full takes weights off their layers."""

    def __init__(self, model: Any | None, encoders: torch.nn.Module | None = None) -> None:
        """Read the key names of `model`, ComfyUI's model that is trained, and of the `encoders` that are."""
        self._keys: dict[str, Any] = {}
        self._names: dict[int, str] = {}
        if model is not None:
            comfy.lora.model_lora_keys_unet(model, self._keys)
            self._names |= {id(module): name for name, module in model.named_modules()}
        if encoders is not None:
            comfy.lora.model_lora_keys_clip(encoders, self._keys)
            self._names |= {id(module): name for name, module in encoders.named_modules()}

    def __call__(
        self,
        network: Any,
        tensors: Mapping[str, torch.Tensor],
        precision: str = "float",
        exact: Callable[[], Mapping[str, torch.Tensor]] | None = None,
    ) -> LoraVerdict:
        """Load a file's tensors with the stock loader and compare every layer's output with the attached network's.

        Args:
            tensors: by their names in the file, in the file's number format.
            precision: that format.
            exact: the same in float32: tells whether a difference comes from rounding alone.
        """
        verdict = self._compare(network, tensors)
        if verdict.deviation <= TOLERANCE[precision] or exact is None:
            return verdict
        unrounded = self._compare(network, exact())
        return replace(verdict, rounding=unrounded.deviation <= TOLERANCE["float"])

    def _compare(self, network: Any, tensors: Mapping[str, torch.Tensor]) -> LoraVerdict:
        with _unknown_keys() as unmatched:
            patches = comfy.lora.load_lora(dict(tensors), self._keys)
        worst, where = 0.0, ""
        with torch.no_grad(), full_float32():  # TF32 would move a layer by more than a young network does
            for one in network.applied():
                name = self._names[id(one.layer)]
                deviation = _deviation(one, name, patches)
                if deviation > worst:
                    worst, where = deviation, name
        return LoraVerdict(tuple(unmatched), worst, where)


def _deviation(one: Any, name: str, patches: Mapping[str, Any]) -> float:
    """Return how far the loaded layer's output is from the trained one's, as a part of what the network changes."""
    adapter, module, base = one.adapter, one.layer, _base(one)
    training = adapter.training
    adapter.eval()
    try:
        x = _input(module, base["weight"])
        with packed.replaced_parameters(module, _frozen(base)):
            trained, plain = adapter(x), one.base_forward(x)
        with packed.replaced_parameters(module, _frozen({p: _stock(base[p], f"{name}.{p}", patches) for p in base})):
            loaded = one.base_forward(x)
    finally:
        adapter.train(training)
    effect = (trained - plain).norm() + 1e-5 * plain.norm() + 1e-12
    difference = ((loaded - trained).norm() - ARITHMETIC * plain.norm()).clamp(min=0)
    deviation = (difference / effect).item()
    return deviation if math.isfinite(deviation) else math.inf  # fp16 ends at 65504


def _base(one: Any) -> dict[str, Any]:
    """Return the layer's own weight and bias in float32: rounding to bf16 or fp8 would hide a young change.

    The algorithm full takes them off the layer and keeps copies.
    """
    module = one.layer
    own = swap.parameters(module)
    device = next(one.adapter.parameters()).device
    if any(map(packed.is_packed, own.values())):
        weight, bias = packed.unpacked(module, torch.float32, device, own)
        return {"weight": weight, "bias": bias}
    values = one.taken or {part: own.get(part) for part in ("weight", "bias")}
    return {
        part: None if v is None else quantised.dequantized(v.detach()).to(device, torch.float32)
        for part, v in values.items()
    }


def _input(module: Any, weight: torch.Tensor) -> torch.Tensor:
    """Return a small random input of the shape that the layer takes, the same for every layer of a size."""
    kind = type(module).__name__
    if "Conv" in kind:
        shape: tuple[int, ...] = (2, module.in_channels, *[8] * (weight.ndim - 2))
    elif "GroupNorm" in kind:
        shape = (2, weight.shape[0], 4, 4)
    else:
        shape = (4, weight.shape[-1])
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(weight.device)


def _stock(value: torch.Tensor | None, key: str, patches: Mapping[str, Any]) -> torch.Tensor | None:
    """Return a float32 weight or bias as ComfyUI's loader patches it."""
    if value is None or key not in patches:
        return value
    entry = [(1.0, patches[key], 1.0, None, lambda v: v)]
    return comfy.lora.calculate_weight(entry, value.clone(), key)


def _frozen(values: packed.Parameters) -> packed.Parameters:
    return {part: v if v is None else torch.nn.Parameter(v, requires_grad=False) for part, v in values.items()}


@contextmanager
def _unknown_keys() -> Iterator[list[str]]:
    """Collect the keys of a file that ComfyUI's loader warns of."""
    unknown: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            head, _, key = record.getMessage().partition("lora key not loaded: ")
            if key and not head:
                unknown.append(key)

    handler, root = Collect(), logging.getLogger()
    root.addHandler(handler)
    try:
        yield unknown
    finally:
        root.removeHandler(handler)
