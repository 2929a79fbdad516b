"""Names and layers as a model's released files have them, where ComfyUI takes others while it loads and has no way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from ..families import class_path

Tensors = dict[str, torch.Tensor]


def _pixeldit(state: Mapping[str, torch.Tensor]) -> Tensors:
    """Return PixelDiT's tensors under `core.`, and as one layer for both modulations of a block: of each pixel first the three
    parts of attention, then those of the MLP.
    """
    result, width = {}, state["pixel_embedder.proj.weight"].shape[0]
    for key, value in state.items():
        if ".adaLN_modulation_mlp." in key:
            continue
        if ".adaLN_modulation_msa." in key:
            both = (value, state[key.replace("_msa.", "_mlp.")])
            value = torch.cat([half.view(-1, 3, width, *half.shape[1:]) for half in both], 1).flatten(0, 2)
            key = key.replace("_msa.", ".0.")
        result[f"core.{key}"] = value
    return result


_LAYOUTS: Mapping[str, Callable[[Mapping[str, torch.Tensor]], Tensors]] = {"comfy.model_base.PixelDiTT2I": _pixeldit}
"""Class of the host's model -> what its diffusion model's tensors are in files."""


def as_in_files(model: object, state: Mapping[str, torch.Tensor]) -> Tensors:
    """Return the tensors of a diffusion model, by the host's names, as the files have them that the host reads."""
    layout = _LAYOUTS.get(class_path(type(model)))
    return layout(state) if layout else dict(state)
