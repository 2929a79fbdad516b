"""What a graphics card does to the host's models and a CPU does not, done on a CPU by the host's own classes.

`moving`: without dynamic VRAM weights are moved to the card and back by `Module.to`, which gives every parameter new memory.
`dynamic`: with it (the default on NVIDIA) models keep their file's number formats and are loaded layer by layer by
`ModelPatcherDynamic`, which a CPU is never given; of its code only what talks to the card is left out.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import torch


@contextmanager
def moving() -> Iterator[None]:
    """Inside, the host's plain patcher moves weights as to a card and back."""
    from comfy.model_patcher import ModelPatcher

    load, unpatch = ModelPatcher.load, ModelPatcher.unpatch_model

    def copied(value: torch.Tensor) -> torch.Tensor:
        return value.clone()  # .to("cuda") of a CPU tensor: other memory, and no copy of the tensor's own state

    def loaded(self: Any, *args: Any, **kwargs: Any) -> None:
        load(self, *args, **kwargs)
        self.model._apply(copied)  # what Module.to runs

    def unpatched(self: Any, device_to: Any = None, unpatch_weights: bool = True) -> None:
        unpatch(self, device_to, unpatch_weights)
        if unpatch_weights:
            self.model._apply(copied)

    with mock.patch.object(ModelPatcher, "load", loaded), mock.patch.object(ModelPatcher, "unpatch_model", unpatched):
        yield


class _Layer:
    """Where a layer's weights would lie in the card's memory: whoever asks it fails."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"training asked for streamed weights ({name})")


def _dynamic() -> type:
    import comfy.model_management as mm
    from comfy.model_patcher import ModelPatcherDynamic

    class Dynamic(ModelPatcherDynamic):
        """The host's own, on a CPU."""

        def __new__(cls, *_args: Any, **_kwargs: Any) -> Any:
            return object.__new__(cls)

        def register_load_device(self, device: torch.device) -> None:
            known = {"hostbufs_initialized": True, "failed": False, "active": False, "current_prompt": False}
            self.model.dynamic_pins.setdefault(device, known)

        def load(self, *args: Any, **kwargs: Any) -> None:
            super().load(*args, **kwargs)
            self.model.dynamic_pins[self.load_device]["active"] = False  # nothing is pinned
            for module in self.model.modules():
                large = mm.module_size(module) > 16 * 1024  # smaller ones are not streamed
                if large and hasattr(module, "comfy_cast_weights"):
                    module._v = _Layer()

        def loaded_size(self) -> int:
            return self.model.model_loaded_weight_memory

        def partially_unload(self, device_to: Any, memory_to_free: float = 0, force_patch_weights: bool = False) -> int:
            return self.restore_loaded_backups()

        def partially_unload_ram(self, ram_to_unload: float, subsets: Any = ()) -> int:
            return 0

        def loaded_ram_size(self) -> int:
            return 0

        def pinned_memory_size(self) -> int:
            return 0

    return Dynamic


def _mapped(path: str) -> tuple[dict[str, torch.Tensor], Any]:
    """A file's tensors on memory that is for reading alone, which know where in the file they lie."""
    import comfy.utils
    from comfy.memory_management import TensorFileSlice
    from safetensors import safe_open

    content = np.memmap(path, mode="r")
    start = 8 + int.from_bytes(content[:8].tobytes(), "little")
    found = {}
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    for name, told in json.loads(content[8:start].tobytes()).items():
        if name != "__metadata__":
            begin, end = (start + place for place in told["data_offsets"])
            kind = comfy.utils._TYPES[told["dtype"]]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that it cannot be written to is what is wanted
                found[name] = torch.frombuffer(content[begin:end].data, dtype=kind).view(told["shape"])
            storage = found[name].untyped_storage()
            storage._comfy_tensor_file_slice = TensorFileSlice(None, None, begin, end - begin)
    return found, metadata


@contextmanager
def dynamic() -> Iterator[None]:
    """Inside, models are made as ComfyUI makes them with dynamic VRAM."""
    import comfy.memory_management
    import comfy.model_patcher
    import comfy.utils
    import comfy_aimdo.host_buffer
    import comfy_aimdo.model_vbar

    with (
        mock.patch.object(comfy.model_patcher, "CoreModelPatcher", _dynamic()),
        mock.patch.object(comfy.memory_management, "aimdo_enabled", True),
        mock.patch.object(comfy.model_patcher.ModelPatcher, "get_free_memory", lambda *_: 2**34),
        mock.patch.object(comfy.utils, "load_safetensors", _mapped),
        mock.patch.object(comfy_aimdo.host_buffer, "HostBuffer", mock.Mock),
        mock.patch.object(comfy_aimdo.model_vbar, "vbars_reset_watermark_limits", lambda: None),
    ):
        yield
