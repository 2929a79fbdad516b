"""Sample pictures on another MODEL than the one that is trained: train on a base model, look on its turbo."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import AthanorError
from ..host import detection, lora, usable, weights
from ..host.model import Trainable
from ..network import files, portable
from ..network.adapter import layer_of
from ..network.parts import Network
from ..network.weights import is_text

DrawnOn = tuple[Any, AbstractContextManager[Any]]
"""A MODEL, and the context in which it is to be sampled with."""
_SIZES = ("in_features", "out_features", "in_channels", "out_channels", "kernel_size", "normalized_shape")


@dataclass(frozen=True, slots=True)
class OtherModel:
    """The MODEL of Sample Config's sampling_model."""

    patcher: Any

    @property
    def name(self) -> str:
        """Its file without the ending, else the host's class of it."""
        file = detection.file_of(self.patcher)
        return file.stem if file else type(self.patcher.model.model_config).__name__

    @property
    def said(self) -> str:
        """A sentence for the run's log."""
        return f"Samples are drawn on {self.name}, the sampling_model of Sample Config."

    def check(self, network: Network | None) -> None:
        """Check that it has all layers that are trained, in the same sizes.

        Args:
            network: that is trained; None: the model itself is.

        Raises:
            AthanorError: it is of another kind, or there is no network that could be put on it.
        """
        if network is None:
            raise AthanorError(
                "sampling_model: algo finetune trains the model itself, which cannot be put on another one: disconnect it."
            )
        if usable.usable("model", self.patcher) is None:
            raise AthanorError("sampling_model is empty: this checkpoint has no model; connect a loader that has one.")
        there = dict(self.patcher.model.diffusion_model.named_modules())
        own = [
            (network.layers[adapter.lora_name], layer_of(adapter))
            for adapter in network.loras
            if not network.parts[adapter.lora_name].text
        ]
        lacking = [name for name, layer in own if _size(there.get(name)) != _size(layer)]
        if lacking:
            raise AthanorError(
                f"sampling_model lacks {len(lacking)} of the {len(own)} layers that are trained, the first is {lacking[0]}: connect "
                "a model of the same kind and size as MODEL, such as its turbo."
            )

    def with_network(self, model: Trainable, network: Network) -> DrawnOn:
        """Return a MODEL with the network as it is now, and the context in which it is to be sampled with.

        The network lies on it as its file would. What shares its weights with the model that is trained, a MODEL in front of a
        LoRA, say, has the network on its layers already, and is patched as the graph has it.

        Raises:
            AthanorError: the host's loader does not know all of the network's layers on it.
        """
        if self.patcher.model is model.patcher.model:
            return weights.patched_as(model.patcher, self.patcher), torch.no_grad()
        state = files.tensors_for_file(portable.state(network), "float", network.renames())
        tensors = {key: value for key, value in state.items() if not is_text(key)}
        return lora.on_model(self.patcher, tensors, "The trained network"), torch.inference_mode()


def with_network(other: OtherModel | None, model: Trainable, patcher: Any, network: torch.nn.Module) -> DrawnOn:
    """Return what samples are drawn with, and the context for it: `patcher` of the model itself where there is no other."""
    if other is None or not isinstance(network, Network):
        return patcher, nullcontext()
    return other.with_network(model, network)


def _size(layer: Any) -> tuple[Any, ...] | None:
    """Return what a network has to fit; packed weights have other shapes than their layers."""
    return layer and tuple(getattr(layer, name, None) for name in _SIZES)
