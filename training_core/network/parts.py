"""What a network is made of: LyCORIS networks on a diffusion model and its text encoders, and how files name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch

from .adapter import Applied, applied, layer_of
from .forms import formed

PREFIX = "lora_unet"


@dataclass(frozen=True, slots=True)
class Part:
    """A module that gets a network, and how LoRA files name it."""

    module: torch.nn.Module
    prefix: str = PREFIX  # "lora_unet", "lora_te", "lora_te1" ...
    spelling: Mapping[str, str] = field(default_factory=dict)  # layer name -> in files, where they differ
    file_prefix: str = "lora"  # how the prefix begins in files: "lora_prior" of Stable Cascade

    @property
    def text(self) -> bool:
        """Whether it is a text encoder."""
        return self.prefix != PREFIX

    def names(self) -> dict[str, str]:
        """Return every layer of the module -> its name in files, with dots."""
        return {name: self.spelling.get(name, name) for name, _ in self.module.named_modules()}

    def file_name(self, layer: str) -> str:
        """Return how a layer's keys begin in a LoRA file."""
        prefix = self.file_prefix + self.prefix.removeprefix("lora")
        return f"{prefix}_{self.spelling.get(layer, layer).replace('.', '_')}"


class Network(torch.nn.Module):
    """LyCORIS networks on several modules, as one."""

    def __init__(self, parts: Sequence[tuple[Part, Any]]) -> None:
        """Join the LyCORIS networks that were made for these parts."""
        super().__init__()
        self.networks = torch.nn.ModuleList(network for _, network in parts)
        self._lycoris: list[Any] = [network for _, network in parts]
        self.loras: list[Any] = [lora for _, network in parts for lora in network.loras]
        self.parts: dict[str, Part] = {}  # by lora_name
        self.layers: dict[str, str] = {}  # lora_name -> name of the layer in its module
        for part, network in parts:
            names = {id(child): name for name, child in part.module.named_modules()}
            self.parts |= {lora.lora_name: part for lora in network.loras}
            self.layers |= {lora.lora_name: names[id(layer_of(lora))] for lora in network.loras}

    def file_name(self, lora: Any) -> str:
        """Return how a layer's keys begin in a LoRA file."""
        return self.parts[lora.lora_name].file_name(self.layers[lora.lora_name])

    def renames(self) -> dict[str, str]:
        """Return lora_name -> its name in files, where they differ."""
        names = {lora.lora_name: self.file_name(lora) for lora in self.loras}
        return {ours: theirs for ours, theirs in names.items() if ours != theirs}

    def state_dict(self) -> dict[str, torch.Tensor]:  # type: ignore[override]
        """Return all tensors by lora_name; empty before `apply_to`."""
        return {key: value for network in self.networks for key, value in network.state_dict().items()}

    def applied(self) -> list[Applied]:
        """Return all layers with their adapters, once they are in place."""
        return [applied(adapter) for adapter in self.loras]

    def apply_to(self) -> None:
        """Put the networks into the forward of their layers."""
        for network in self._lycoris:
            network.apply_to()

    def formed(self, dtype: torch.dtype) -> AbstractContextManager[None]:
        """Inside, for one forward and backward pass in that number format, what the layers compute with is made at once."""
        return formed(self.loras, dtype)

    def restore(self) -> None:
        """Take the networks off their layers again."""
        for network in self._lycoris:
            network.restore()


def is_conv3(module: torch.nn.Module) -> bool:
    """Return whether a module is a convolution larger than 1x1, which has a rank of its own."""
    return isinstance(module, torch.nn.Conv2d) and module.kernel_size[0] > 1
