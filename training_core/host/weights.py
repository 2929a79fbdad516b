"""The weights of the graph's models while they are trained on: lent, moved and cast as training needs them, and at the end back
in their places untouched.

Training gets parameter objects of its own on the same memory. Loading moves those to the GPU; the graph's stay where they are (in
main memory, or in the file they are mapped from), so that nothing is copied back at the end and there is no second model.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import comfy.model_management as mm
import comfy.utils
import torch
from comfy.quant_ops import QuantizedTensor

from ..errors import AthanorError
from ..packed import can_unpack, has_own_arithmetic, is_packed, repacked

STREAMED = ("_v", "_v_signature", "_v_weight", "_v_bias", "_prefetch")
"""Attributes by which layers of a model with dynamic VRAM find their weights in the GPU's memory, as sampling streams them."""

SET_BY_LOADING = (
    *STREAMED,
    *("_pins", "_pin_state", "seed_key"),
    *("comfy_cast_weights", "prev_comfy_cast_weights", "comfy_force_cast_weights", "comfy_patched_weights"),
    *("weight_function", "bias_function", "weight_lowvram_function", "bias_lowvram_function"),
)
"""Attributes that the host's patchers give layers when they load a model; some are left there when it is unloaded."""


def without_dynamic_vram(patcher: Any) -> Any:
    """Return a patcher of the same model that loads its weights whole, with the same patches on it.

    NVIDIA's default (dynamic VRAM) streams weights to the GPU layer by layer, which has no backward pass. The host's own way
    out, `get_non_dynamic_delegate`, reads the model from its file a second time, keeps it, and fails without a file.
    """
    if not patcher.is_dynamic():
        return patcher.clone()
    return patcher.clone(disable_dynamic=True, model_override=patcher.get_clone_model_override())


def patched_as(lent: Any, patcher: Any) -> Any:
    """Return a patcher of weights that are lent to training, with the patches and options of another patcher of the same model.

    Both are clones to the host: where one is loaded, it takes the patches of the other off the weights.
    """
    clone = lent.clone()
    clone.patches = {key: list(patches) for key, patches in patcher.patches.items()}
    clone.patches_uuid, clone.weight_wrapper_patches = patcher.patches_uuid, patcher.weight_wrapper_patches.copy()
    clone.object_patches = patcher.object_patches.copy()
    clone.model_options = patcher.clone().model_options
    if wanted := lent.object_patches.get("manual_cast_dtype"):
        clone.set_model_compute_dtype(wanted)
    return clone


def tracked(value: torch.Tensor) -> bool:
    """Return whether autograd can save a tensor for the backward pass: not one of inference mode, nor one that was moved out of
    it (`Module.to` leaves it without a version counter, though `is_inference()` says False).
    """
    try:
        return value._version >= 0
    except RuntimeError:
        return False


def usable(value: torch.Tensor) -> torch.Tensor:
    """Return a tensor on the same memory that autograd can save, without a gradient of its own; of the same class, if that means
    anything."""
    if isinstance(value, QuantizedTensor):
        return value.detach() if tracked(value) else value.clone()
    if value.is_meta or has_own_arithmetic(value):
        return value  # has no memory of its own
    with torch.no_grad():
        twin = torch.empty(0, dtype=value.dtype, device=value.device).set_(
            value.untyped_storage(), value.storage_offset(), value.size(), value.stride()
        )
        return repacked(twin, value)


def _parameter(value: torch.Tensor) -> torch.nn.Parameter:
    if isinstance(value, torch.nn.Parameter) and not value.requires_grad:
        return value
    return torch.nn.Parameter(value, requires_grad=False)


def clone_inference_params(module: torch.nn.Module) -> None:
    """Replace what autograd cannot save of a module's own weights and buffers by tensors on the same memory."""
    for name, value in module._parameters.items():
        if value is not None and not tracked(value):
            module._parameters[name] = _parameter(usable(value))
    for name, value in module._buffers.items():
        if value is not None and not tracked(value):
            module._buffers[name] = usable(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Formats:
    """Which number format each weight of a model gets in training."""

    compute: torch.dtype | None = None
    """Cast layers' weights to this one once, where that needs no more memory; None: they stay, and are cast as they are used."""
    archived: bool = False
    """The model holds its file's number formats, and notes beside each weight which one it is meant to have (dynamic VRAM)."""
    keep: bool = False
    """Layers' weights stay as they are: they are trained themselves."""

    def of(self, module: torch.nn.Module, name: str, value: torch.Tensor) -> torch.dtype:
        """Return the number format for one of a module's weights or buffers."""
        known = type(value) in (torch.Tensor, torch.nn.Parameter)
        if not known or not value.is_floating_point() or value.is_meta:
            return value.dtype
        layer = hasattr(module, "comfy_cast_weights") and name in ("weight", "bias")
        if layer and self.keep:
            return value.dtype
        noted = getattr(module, f"{name}_comfy_model_dtype", None) if self.archived else None
        meant = noted or value.dtype
        embedding = isinstance(module, torch.nn.Embedding)  # not cast to its input's format, which is that of numbers
        if layer and self.compute and not embedding and self.compute.itemsize <= meant.itemsize:
            return self.compute
        return meant


class Lent:
    """A model whose weights are lent to training."""

    def __init__(self, patcher: Any, formats: Formats) -> None:
        """Note what the model has. `patcher`: of `without_dynamic_vram`; the model is unchanged until `take`."""
        self.patcher, self._formats = patcher, formats
        modules = list(patcher.model.modules())
        self._own = [(m, dict(m._parameters), dict(m._buffers)) for m in modules]
        self._attributes = [(m, {n: m.__dict__[n] for n in SET_BY_LOADING if n in m.__dict__}) for m in modules]
        self._patches_uuid = patcher.model.current_weight_patches_uuid
        self._locked: dict[str, torch.Tensor] = {}

    def take(self) -> None:
        """Put parameters and buffers for training into the places of the model's own."""
        patcher = self.patcher
        patcher.pin_weight_to_device = self._lock
        if self._formats.archived:
            patcher.force_cast_weights = True
        twins: dict[int, torch.nn.Parameter] = {}  # a weight that two modules share stays one
        for path, module in patcher.model.named_modules():
            for name, value in module._parameters.items():
                if value is not None:
                    patched = f"{path}.{name}" in patcher.patches
                    twin = twins.setdefault(id(value), _parameter(self._early(module, name, value, patched)))
                    module._parameters[name] = twin
            for name, value in module._buffers.items():
                if value is not None:
                    module._buffers[name] = usable(value)
            for name in STREAMED:
                module.__dict__.pop(name, None)

    def _early(self, module: torch.nn.Module, name: str, value: torch.Tensor, patched: bool) -> torch.Tensor:
        """Return a weight on its own memory; or cast now if that makes it smaller, so that the larger one need not fit the GPU."""
        wanted = self._formats.of(module, name, value)
        with torch.no_grad():
            lent = usable(value)
            return lent if patched or wanted.itemsize >= value.itemsize else lent.to(wanted)

    def _lock(self, key: str) -> None:
        """Lock the pages of a weight that ComfyUI leaves in main memory, as it does itself for faster copies. ComfyUI
        remembers the name alone, under which there is another weight once training has ended.
        """
        type(self.patcher).pin_weight_to_device(self.patcher, key)
        if key in self.patcher.pinned:
            self._locked[key] = comfy.utils.get_attr(self.patcher.model, key)

    def _unlock(self) -> None:
        for key in self.patcher.pinned & self._locked.keys():
            mm.unpin_memory(self._locked[key])
        self.patcher.pinned.difference_update(self._locked)
        self._locked.clear()
        self.patcher.__dict__.pop("pin_weight_to_device", None)

    def settle(self) -> None:
        """After each load: make every weight one that autograd accepts, in its number format; trained ones stay."""
        if self._formats.keep:  # patched once: unloading would put what was patched into the place of what is trained
            self.patcher.patches.clear()
            self.patcher.backup.clear()
        self._locked = {key: value for key, value in self._locked.items() if key in self.patcher.pinned}
        with torch.no_grad():
            for path, module in self.patcher.model.named_modules():
                clone_inference_params(module)
                for name, value in module._parameters.items():
                    if value is not None and not value.requires_grad:
                        wanted = self._formats.of(module, name, value)
                        if wanted != value.dtype:
                            self.patcher.unpin_weight(f"{path}.{name}")  # the host pins what it leaves in main memory
                            module._parameters[name] = _parameter(value.to(wanted))
                for name, value in module._buffers.items():
                    if value is not None:
                        module._buffers[name] = value.to(self._formats.of(module, name, value))

    def give_back(self) -> None:
        """Take the model off the device, with the graph's own weights in their places, untouched."""
        self._unlock()
        self._restore()
        try:
            with torch.inference_mode():
                if not _unload(self.patcher):  # it failed while it was loaded
                    self.patcher.detach()
        finally:  # a device that is lost cannot be unloaded
            self._restore()  # the host has put copies into the places of weights that it had patched
            for module, attributes in self._attributes:
                for name in SET_BY_LOADING:
                    module.__dict__.pop(name, None)
                module.__dict__.update(attributes)
            # By which a patcher with dynamic VRAM sees that what it has streamed was patched in another way.
            self.patcher.model.current_weight_patches_uuid = self._patches_uuid
        mm.soft_empty_cache()

    def _restore(self) -> None:
        for module, parameters, buffers in self._own:
            for there, own in ((module._parameters, parameters), (module._buffers, buffers)):
                there.clear()
                there.update(own)


@contextmanager
def lent(patcher: Any, *, compute: torch.dtype | None = None, keep: bool = False) -> Iterator[Lent]:
    """Take a patcher's model for training; what another node has loaded of it is taken off the device first.

    Args:
        patcher: of the graph, a MODEL or a CLIP's.
        compute, keep: see `Formats`.
    """
    with torch.inference_mode():  # as the host would do it: else its tensors are of both kinds afterwards
        _unload(patcher)
    taken = Lent(without_dynamic_vram(patcher), Formats(compute=compute, archived=patcher.is_dynamic(), keep=keep))
    try:
        taken.take()
        yield taken
    finally:
        taken.give_back()


def _unload(patcher: Any) -> bool:
    """Take whatever ComfyUI has loaded of a patcher's model off the device; return whether there was anything."""
    loaded = [m for m in mm.current_loaded_models if m.model is not None and patcher.is_clone(m.model)]
    for one in loaded:
        one.model_unload()
        mm.current_loaded_models.remove(one)
    return bool(loaded)


def check(patcher: Any) -> None:
    """Raise an error if a model's weights cannot be trained on at all.

    Raises:
        AthanorError: they are not in memory, or its loader has made no patcher of the host's.
    """
    named = getattr(patcher, "model", None)
    if not isinstance(named, torch.nn.Module) or not hasattr(patcher, "get_clone_model_override"):
        raise AthanorError(
            f"model: {type(patcher).__name__} is not a standard ComfyUI model and cannot be trained: load it with Load Checkpoint "
            "or Load Diffusion Model."
        )
    absent = next(
        (
            f"{path}.{name}"
            for path, module in named.named_modules()
            for name, p in module._parameters.items()
            if p is not None and p.is_meta and not hasattr(module, "comfy_cast_weights")  # the host makes those zeros
        ),
        None,
    )
    strange = next(
        (
            (f"{path}.{name}", type(p).__name__)
            for path, module in named.named_modules()
            for name, p in module._parameters.items()
            if is_packed(p) and not can_unpack(module)
        ),
        None,
    )
    if strange is not None:
        raise AthanorError(
            f"model: its weight {strange[0]} is a {strange[1]}, which is not supported for training: load the model with Load "
            "Checkpoint, Load Diffusion Model or Unet Loader (GGUF)."
        )
    if absent is not None:
        raise AthanorError(
            f"model: its weight {absent} is not in memory (the file lacks it, or its loader keeps it elsewhere): load the model with "
            "Load Checkpoint or Load Diffusion Model."
        )
