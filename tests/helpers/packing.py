"""Models of another pack's loader, as GGUF loaders make them: weights of a tensor class that torch knows nothing of, layers that
unpack them as they are used, and a patcher that puts LoRAs beside them. An imitation that needs no such pack.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

SCALE = 4
"""Bytes of a row's factor, which lie before its numbers."""


class Packed(torch.Tensor):
    """A weight as bytes, rows of one factor and numbers of 8 bits; or plain floats under this name. Copies are itself."""

    shape_of: torch.Size | None  # of what the bytes mean; None: floats
    patches: Any = ()

    @classmethod
    def of(cls, value: torch.Tensor) -> Packed:
        rows = value.detach().float()
        factors = rows.abs().amax(1, keepdim=True).clamp_min(1e-12) / 127
        numbers = (rows / factors).round().to(torch.int8)
        packed = torch.cat([factors.view(torch.uint8), numbers.view(torch.uint8)], 1).as_subclass(cls)
        packed.shape_of = value.shape
        return packed

    @classmethod
    def named(cls, value: torch.Tensor) -> Packed:
        packed = value.detach().clone().as_subclass(cls)
        packed.shape_of = None
        return packed

    def numbers(self) -> torch.Tensor:
        plain = self.as_subclass(torch.Tensor)
        if self.shape_of is None:
            return plain
        return plain[:, :SCALE].contiguous().view(torch.float32) * plain[:, SCALE:].contiguous().view(torch.int8)

    @property
    def shape(self) -> torch.Size:
        return getattr(self, "shape_of", None) or self.size()

    def to(self, *args: Any, **kwargs: Any) -> Packed:
        other = super().to(*args, **kwargs)
        other.shape_of, other.patches = getattr(self, "shape_of", None), self.patches
        return other

    def clone(self, *args: Any, **kwargs: Any) -> Packed:
        return self

    def detach(self, *args: Any, **kwargs: Any) -> Packed:
        return self


def quantised(value: Any) -> bool:
    return isinstance(value, Packed) and getattr(value, "shape_of", None) is not None


@cache
def linear() -> type:
    import comfy.lora
    import comfy.model_management as mm
    import comfy.ops

    class Linear(comfy.ops.manual_cast.Linear):
        def _read(self, value: Any, dtype: torch.dtype) -> torch.Tensor | None:
            if value is None:
                return None
            found = (value.numbers() if isinstance(value, Packed) else value).to(dtype)
            for patches, key in getattr(value, "patches", ()):
                found = comfy.lora.calculate_weight(patches, found.clone(), key)
            return found

        def cast_bias_weight(
            self, input: Any = None, dtype: Any = None, device: Any = None, bias_dtype: Any = None
        ) -> Any:
            dtype = dtype or input.dtype
            return self._read(self.weight, dtype), self._read(self.bias, bias_dtype or dtype)

        def forward_comfy_cast_weights(self, input: torch.Tensor) -> torch.Tensor:
            if not quantised(self.weight):
                return super().forward_comfy_cast_weights(input)
            return torch.nn.functional.linear(input, *self.cast_bias_weight(input))

        def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
            """Sizes alone, and room for unpacking."""
            if not quantised(self.weight):
                return super()._save_to_state_dict(destination, prefix, keep_vars)
            nothing = torch.device(mm.torch.device("meta"))
            for name, value in self._parameters.items():
                if value is not None:
                    destination[prefix + name] = torch.empty(value.shape, dtype=value.dtype, device=nothing)
            destination[prefix + "temp.weight"] = torch.empty(self.weight.shape, device=nothing)

    return Linear


@cache
def patcher() -> type:
    import comfy.utils
    from comfy.model_patcher import ModelPatcher

    class Patcher(ModelPatcher):
        def load(self, *args: Any, force_patch_weights: bool = False, **kwargs: Any) -> None:
            super().load(*args, force_patch_weights=True, **kwargs)

        def patch_weight_to_device(
            self, key: str, device_to: Any = None, inplace_update: bool = False, **kwargs: Any
        ) -> Any:
            weight = comfy.utils.get_attr(self.model, key)
            if not quantised(weight) or key not in self.patches:
                return super().patch_weight_to_device(key, device_to, inplace_update, **kwargs)
            there = weight.to(device_to)
            there.patches = [(self.patches[key], key)]
            comfy.utils.set_attr_param(self.model, key, there)
            return None

        def unpatch_model(self, device_to: Any = None, unpatch_weights: bool = True) -> None:
            for value in self.model.parameters() if unpatch_weights else ():
                if quantised(value):
                    value.patches = ()
            super().unpatch_model(device_to, unpatch_weights)

    return Patcher


def packed(model: Any) -> Any:
    """A patcher of another pack over the same model, whose Linear layers are packed now; everything else only looks so."""
    for module in model.model.modules():
        for name, value in module._parameters.items():
            if value is None:
                continue
            kind = Packed.of if isinstance(module, torch.nn.Linear) and name == "weight" else Packed.named
            module._parameters[name] = torch.nn.Parameter(kind(value), requires_grad=False)
        if isinstance(module, torch.nn.Linear):
            module.__class__ = linear()
    model.__class__ = patcher()  # as such loaders do it, also to a patcher with dynamic VRAM
    return model.clone()


def numbers(model: Any) -> Any:
    """A model with the numbers that it would have if it were packed."""
    for module in model.model.modules():
        if isinstance(module, torch.nn.Linear):
            module.weight = torch.nn.Parameter(Packed.of(module.weight).numbers(), requires_grad=False)
    return model
