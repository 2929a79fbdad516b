"""The weights of a model itself, in place of a network beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from ..errors import AthanorError
from ..packed import is_packed
from ..settings import NetworkSettings


class Weights(torch.nn.Module):
    """The trained parameters of a model, by name."""

    def __init__(self, named: Mapping[str, torch.nn.Parameter]) -> None:
        super().__init__()
        self.names = list(named)
        self.values = torch.nn.ParameterList(named.values())

    def groups(self) -> list[dict[str, Any]]:
        """Return the one parameter group for the optimizer."""
        return [{"params": list(self.values), "lr_scale": 1.0, "part": "unet"}]

    def summary(self) -> str:
        """Return how much is trained, in words."""
        return f"the model itself, {sum(p.numel() for p in self.values) / 1e6:.1f} M parameters"


def chosen(module: torch.nn.Module, settings: NetworkSettings) -> list[tuple[Any, str, str]]:
    """Return (owner, attribute, name) of the parameters that `include` and `exclude` leave.

    Raises:
        AthanorError: none is left, or the model is quantised or packed.
    """
    include, exclude = settings.patterns("include"), settings.patterns("exclude")
    if any(map(is_packed, module.parameters())):
        raise AthanorError(
            "algo finetune needs a model in fp32, fp16 or bf16, this one's weights are packed as in a GGUF file: load it from a "
            ".safetensors file, or train a LoRA."
        )
    chosen_parameters = []
    for path, owner in module.named_modules():
        for attribute in _in_order(owner):
            value = owner._parameters[attribute]
            name = f"{path}.{attribute}".lstrip(".")
            if value is None or (include and not any(p.search(name) for p in include)):
                continue
            if any(p.search(name) for p in exclude):
                continue
            if value.dtype not in (torch.float32, torch.float16, torch.bfloat16):
                raise AthanorError(
                    f"algo finetune needs a model in fp32, fp16 or bf16; {name} is {str(value.dtype).partition('.')[2]}: load "
                    "the model with another weight_dtype, or train a LoRA."
                )
            chosen_parameters.append((owner, attribute, name))
    if not chosen_parameters:
        raise AthanorError("include, exclude: together they leave nothing to train; remove one pattern.")
    return chosen_parameters


def _in_order(owner: torch.nn.Module) -> list[str]:
    """Return the names of a module's own parameters, in the order of torch's layers.

    With dynamic VRAM ComfyUI's layers have their bias first; but a run's state numbers the parameters, and rounding draws
    for one after the other.
    """
    names = list(owner._parameters)
    if {"weight", "bias"} <= owner._parameters.keys() and names.index("bias") < names.index("weight"):
        names.remove("weight")
        names.insert(names.index("bias"), "weight")
    return names


@contextmanager
def attached(
    module: torch.nn.Module,
    settings: NetworkSettings,
    device: torch.device,
    cast: Callable[[torch.nn.Module], None],
    dtype: torch.dtype = torch.float32,
) -> Iterator[Weights]:
    """Put copies on `device` in place of the module's own parameters, which come back afterwards.

    On a GPU what they replace is let go at once, so that it holds one copy: those parameters were lent to training
    (`host.weights`), and whoever lent them has the values.

    Args:
        cast: lets an owner compute in another format than its weights'.
        dtype: of the copies.
    """
    replaced: list[tuple[Any, str, Any]] = []
    named = {}
    before = []
    try:
        for owner, attribute, name in chosen(module, settings):
            original = owner._parameters[attribute]
            replaced.append((owner, attribute, original))
            with torch.no_grad():
                own = torch.nn.Parameter(original.detach().to(device, dtype, copy=True))
                if device.type != "cpu":
                    original.data = original.data.new_empty(0)
            owner._parameters[attribute] = named[name] = own
            before.append((owner, dict(owner.__dict__)))
            cast(owner)
        yield Weights(named)
    finally:
        for owner, attribute, original in replaced:
            owner._parameters[attribute] = original
        for owner, attributes in reversed(before):
            for key in owner.__dict__.keys() - attributes.keys():
                del owner.__dict__[key]
