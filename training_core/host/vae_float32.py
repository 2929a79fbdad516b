"""The graph's VAE in float32, beside the one of the graph: pictures are encoded once, and learnt from ever after."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import comfy.model_management as mm
import comfy.model_patcher
import comfy.sd
import torch

from .weights import SET_BY_LOADING

SHORT = (torch.float16, torch.bfloat16)
"""What the host lets a VAE work in to save memory. bfloat16 rounds latents by about as much as SDXL's posterior is wide."""

MODEL_SET_BY_LOADING = (
    *("device", "dynamic_vbars", "dynamic_pins", "dynamic_patchers", "current_weight_patches_uuid", "model_lowvram"),
    *("model_loaded_weight_memory", "model_offload_buffer_memory", "lowvram_patch_counter"),
)
"""Attributes that the host's patchers give a whole model, beside those of its layers (`SET_BY_LOADING`)."""


def encoding_dtype(vae: Any) -> torch.dtype:
    """Return the number format in which a VAE encodes pictures for training: float32 where ComfyUI's VAE supports it."""
    known = isinstance(vae, comfy.sd.VAE) and vae.vae_dtype in SHORT and torch.float32 in vae.working_dtypes
    return torch.float32 if known else vae.vae_dtype


@contextmanager
def in_float32(vae: Any) -> Iterator[Any]:
    """Inside, a VAE to encode with: `vae` itself if it works in its `encoding_dtype`, else a copy of it that does.

    The copy has layers and a patcher of its own, so that nothing of the graph's VAE is touched, whichever patcher that
    has and wherever its weights are; it is gone afterwards. It has the weights of the file where the graph's VAE still
    has them (dynamic VRAM), else those that were rounded when it was loaded.
    """
    if encoding_dtype(vae) == vae.vae_dtype:
        yield vae
        return
    twin = copy.copy(vae)
    twin.vae_dtype, twin.size = torch.float32, None
    with torch.inference_mode(False), torch.no_grad():
        twin.first_stage_model = _copied(vae)
    theirs = vae.patcher
    twin.patcher = comfy.model_patcher.ModelPatcher(twin.first_stage_model, theirs.load_device, theirs.offload_device)
    twin.patcher.patches = {key: patches[:] for key, patches in theirs.patches.items()}
    try:
        yield twin
    finally:
        _forgotten(twin.patcher)


def as_in_the_file(vae: Any) -> dict[str, torch.Tensor]:
    """Return a VAE's weights by name, those that the dynamic patcher has cast and moved as they were before.

    The same whether the VAE is loaded or not.
    """
    state: dict[str, torch.Tensor] = vae.first_stage_model.state_dict()
    patcher = getattr(vae, "patcher", None)
    weights, buffers = getattr(patcher, "backup", {}), getattr(patcher, "backup_buffers", {})
    state.update({key: saved.weight for key, saved in weights.items() if key in state})
    state.update({key: saved for key, saved in buffers.items() if key in state})
    return state


def _copied(vae: Any) -> torch.nn.Module:
    """Return a copy of a VAE's model on the CPU, not loaded, its numbers in float32."""
    model, state = vae.first_stage_model, as_in_the_file(vae)
    known: dict[int, Any] = {}  # what copy.deepcopy finds here it takes
    for path, module in model.named_modules():
        for name, value in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
            number = _float32(state.get(f"{path}.{name}" if path else name, value))
            known[id(value)] = torch.nn.Parameter(number, False) if isinstance(value, torch.nn.Parameter) else number
        for name in (*SET_BY_LOADING, *(MODEL_SET_BY_LOADING if module is model else ())):
            noted = vars(module).get(name)
            if not isinstance(noted, (bool, int, float, str, type(None))):  # these are the same object everywhere
                known[id(noted)] = None
    twin: torch.nn.Module = copy.deepcopy(model, known)
    for module in twin.modules():
        for name in (*SET_BY_LOADING, *(MODEL_SET_BY_LOADING if module is twin else ())):
            vars(module).pop(name, None)
    mm.archive_model_dtypes(twin)
    return twin


def _float32(value: Any) -> torch.Tensor:
    if value.is_meta:  # not in the file: the host takes zeros as well
        return torch.zeros(value.shape)
    dtype = torch.float32 if value.is_floating_point() else value.dtype
    return value.detach().to("cpu", dtype, copy=True)


def _forgotten(patcher: Any) -> None:
    """Remove a copy from ComfyUI's list of loaded models and free its memory; nothing is moved back for it."""
    with contextlib.suppress(ValueError), torch.no_grad():
        patcher.unpin_all_weights()
        copies: list[Any] = [m for m in mm.current_loaded_models if m.model is patcher]
        for loaded in copies:
            loaded.model_finalizer.detach()
            mm.current_loaded_models.remove(loaded)
    mm.soft_empty_cache()
