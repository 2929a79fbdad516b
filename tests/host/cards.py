"""What a graphics card does to the host's models and a CPU does not, done on a CPU by the host's own classes.

`moving`: without dynamic VRAM weights are moved to the card and back by `Module.to`, which gives every parameter new memory.
`dynamic`: with it (the default on NVIDIA) models keep their file's number formats and are loaded layer by layer by
`ModelPatcherDynamic`, which a CPU is never given; of its code only what talks to the card is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

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
            for module in self.model.modules():
                if hasattr(module, "comfy_cast_weights") and mm.module_size(module) > 16 * 1024:  # smaller ones are not streamed
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


@contextmanager
def dynamic() -> Iterator[None]:
    """Inside, models are made as ComfyUI makes them with dynamic VRAM."""
    import comfy.memory_management
    import comfy.model_patcher

    with (
        mock.patch.object(comfy.model_patcher, "CoreModelPatcher", _dynamic()),
        mock.patch.object(comfy.memory_management, "aimdo_enabled", True),
        mock.patch.object(comfy.model_patcher.ModelPatcher, "get_free_memory", lambda *_: 2**34),
    ):
        yield
