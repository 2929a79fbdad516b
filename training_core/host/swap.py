"""Blocks whose frozen weights lie in main memory and are copied to the device when they are needed.

Nothing is ever copied back. On CUDA the next block's weights come while the present one computes, from pinned memory and
on a stream of their own; elsewhere the copies are made in the same order, when they are needed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import comfy.model_management as mm
import torch
from comfy.quant_ops import QuantizedTensor

from .. import packed
from ..errors import AthanorError
from ..families import guess, is_one_of
from . import frozen
from .patches import patched

HOME = "_athanor_home"
"""Attribute of a layer whose parameters are away: their values in main memory, by name."""

SMALL = 2**16
"""Bytes below which a weight is not pinned: the copy of one does not wait, and two of them can share a page, which cannot be
pinned twice."""


def parameters(layer: torch.nn.Module) -> Mapping[str, Any]:
    """Return a layer's own parameters by name, in main memory if they are swapped out."""
    return layer.__dict__.get(HOME, layer._parameters)


@dataclass(frozen=True, slots=True)
class _Copy:
    """A block's weights on the device."""

    tensors: Mapping[torch.nn.Module, Mapping[str, Any]]  # None for a bias that the layer lacks
    arrived: Any  # a CUDA event, or None


class Swap:
    """Brings the weights of blocks, of the one in use and of the one that is expected next."""

    def __init__(self, blocks: Sequence[Sequence[torch.nn.Module]], device: torch.device) -> None:
        """`blocks`: the layers of each, in the order of the forward pass."""
        self._blocks, self._device = blocks, device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._here: dict[int, _Copy] = {}
        self._current = -1
        self.copied = 0  # bytes, so far

    @property
    def resident(self) -> int:
        """The bytes of copies that are on the device."""
        copies = [t for copy in self._here.values() for layer in copy.tensors.values() for t in layer.values()]
        return sum(t.numel() * t.element_size() for t in copies if t is not None)

    def fetch(self, index: int, layer: torch.nn.Module) -> Mapping[str, Any]:
        """Return a layer's parameters on the device, by name."""
        if index != self._current:
            self._turn_to(index)
        return self._here[index].tensors[layer]

    def _turn_to(self, index: int) -> None:
        """Make `index` the block in use: drop copies that are neither its nor the next block's, and start copying the next."""
        step = 1 if index > self._current else -1
        ahead = index + step if 0 <= index + step < len(self._blocks) else index - step
        for other in [i for i in self._here if i not in (index, ahead)]:
            self._wait_for(other)  # a copy under way must not write into memory that is free
            del self._here[other]
        if index not in self._here:
            self._here[index] = self._copy(index)
        self._wait_for(index)
        if ahead not in self._here and 0 <= ahead < len(self._blocks):
            self._here[ahead] = self._copy(ahead)
        self._current = index

    def _wait_for(self, index: int) -> None:
        if self._here[index].arrived is not None:
            torch.cuda.current_stream(self._device).wait_event(self._here[index].arrived)

    def _copy(self, index: int) -> _Copy:
        def empty(p: torch.Tensor | None) -> Any:
            return None if p is None else torch.empty_like(packed.as_plain(p), device=self._device)

        with torch.no_grad():
            homes = {layer: parameters(layer) for layer in self._blocks[index]}
            tensors = {layer: {name: empty(p) for name, p in home.items()} for layer, home in homes.items()}
            pairs = [
                (tensors[layer][name], packed.as_plain(p))
                for layer, home in homes.items()
                for name, p in home.items()
                if p is not None
            ]
            if self._stream is not None:
                # The memory may be in use by what is still queued.
                self._stream.wait_stream(torch.cuda.current_stream(self._device))
                with torch.cuda.stream(self._stream):
                    for there, home in pairs:
                        there.copy_(home, non_blocking=True)
                arrived = self._stream.record_event()
            else:
                for there, home in pairs:
                    there.copy_(home)
                arrived = None
        self.copied += sum(there.numel() * there.element_size() for there, _ in pairs)
        return _Copy(tensors, arrived)


def transformer_blocks(model: torch.nn.Module) -> list[torch.nn.Module]:
    """Return a model's transformer blocks in the order of the forward pass; none is inside of another."""
    classes = guess.classes_of(model).blocks
    blocks = [m for m in model.modules() if is_one_of(m, classes)]
    inner = {id(child) for block in blocks for child in block.modules() if child is not block}
    return [block for block in blocks if id(block) not in inner]


def _chosen(model: torch.nn.Module, count: int) -> list[torch.nn.Module]:
    """Return `count` of the model's transformer blocks, evenly spread: the time of those between hides the copying.

    Raises:
        AthanorError: it has fewer.
    """
    blocks = transformer_blocks(model)
    if count > len(blocks):
        raise AthanorError(f"blocks_to_swap is {count}: the model has {len(blocks)} transformer blocks.")
    return [blocks[(2 * i + 1) * len(blocks) // (2 * count)] for i in range(count)]


def _can_go(layer: torch.nn.Module) -> bool:
    return (
        frozen.supports(layer)
        and not isinstance(layer.weight, QuantizedTensor)
        and (packed.can_unpack(layer) or not packed.has_packed_weights(layer))
    )


@contextmanager
def swapped(model: torch.nn.Module, count: int, device: torch.device, keep: Collection[int] = ()) -> Iterator[Swap]:
    """Take the linear and convolution layers of `count` blocks off the model before it is loaded; they are back in
    main memory afterwards.

    Args:
        keep: ids of layers that stay, since the host patches them as it loads the model.

    Raises:
        AthanorError: the model has fewer blocks, or is quantised.
    """
    blocks = [
        [layer for layer in block.modules() if _can_go(layer) and id(layer) not in keep]
        for block in _chosen(model, count)
    ]
    if not any(blocks):
        raise AthanorError("blocks_to_swap: the model's layers are quantised and must stay on the GPU; set it to 0.")
    swap = Swap(blocks, device)
    index_of = {layer: index for index, layers in enumerate(blocks) for layer in layers}

    def wrap(layer: Any, forward: Any) -> Any:
        own = parameters(layer)
        strange = any(map(packed.is_packed, own.values()))

        def fetch(dtype: torch.dtype, device: torch.device) -> tuple[torch.Tensor, torch.Tensor | None]:
            copies = swap.fetch(index_of[layer], layer)
            if strange:
                there = {name: p if p is None else packed.repacked(p, own[name]) for name, p in copies.items()}
                return packed.unpacked(layer, dtype, device, there)
            bias = copies.get("bias")
            return copies["weight"].to(dtype), bias if bias is None else bias.to(dtype)

        def run(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
            if layer.weight.numel():  # the check of a file lends the layer other weights
                return forward(x, *args, **kwargs)
            return frozen.compute(x, layer, fetch)

        return run

    away = _Away(pin=device.type == "cuda")
    try:
        for layer in index_of:
            away.send(layer)
        with patched(index_of, wrap):
            yield swap
    finally:
        away.bring_back()


class _Away:
    """Layers without weights on the device."""

    def __init__(self, pin: bool) -> None:
        """`pin`: lock the weights' pages in main memory, so that copies to the device run beside the arithmetic."""
        self._pin = pin
        self._layers: list[tuple[torch.nn.Module, Mapping[str, torch.nn.Parameter | None]]] = []
        self._pinned: list[torch.Tensor] = []

    def send(self, layer: torch.nn.Module) -> None:
        """Take a layer's weights off it: from now on they lie in main memory alone."""
        own = dict(layer._parameters)
        self._layers.append((layer, own))
        with torch.no_grad():
            layer.__dict__[HOME] = {name: p if p is None else self._home(p) for name, p in own.items()}
            for name, p in own.items():
                if p is not None:
                    layer._parameters[name] = torch.nn.Parameter(packed.as_plain(p).new_empty(0), requires_grad=False)

    def _home(self, own: torch.Tensor) -> torch.Tensor:
        """Return a weight in main memory, pinned in place: torch's own pinning would copy it, rounded up to a power of two."""
        value = packed.as_plain(own.detach()).cpu()
        if self._pin and value.nbytes >= SMALL:
            storage, strange = value.untyped_storage(), packed.is_packed(own)
            if hasattr(storage, "_comfy_tensor_file_slice") or (strange and not storage.resizable()):
                value = value.clone()  # pages of a file that was mapped for reading alone cannot be pinned
            if mm.pin_memory(value):
                self._pinned.append(value)
        return packed.repacked(value, own)

    def bring_back(self) -> None:
        """Put the very same parameters back into their layers."""
        for layer, own in self._layers:  # first of all: a device that is lost cannot be waited for
            layer.__dict__.pop(HOME, None)
            layer._parameters.update(own)
        if self._pinned:
            torch.cuda.synchronize()  # copies may still be under way
        for value in self._pinned:
            mm.unpin_memory(value)
