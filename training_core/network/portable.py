"""What a trained network looks like in a file that the stock loader applies exactly.

LyCORIS' own state is a file format for most algorithms. For the others, measured against ComfyUI 0.30's loader:
DoRA with norms per output row is divided there by the norm of the base weight instead of the changed one; the
constraint of OFT and BOFT counts in other units; IA3 has no format; DyLoRA's file is scaled for another rank.
"""

from __future__ import annotations

from typing import Any

import torch

from .adapter import (
    alpha_in_file,
    change_of,
    dora_axis,
    dora_scale_of,
    kind_of,
    rotation_of,
    weight_of,
    whole_change_of,
)

Tensors = dict[str, torch.Tensor]


def state(network: Any) -> Tensors:
    """Return the network's tensors by their names in a file, before modules are renamed; float32."""
    result = dict(network.state_dict())
    with torch.no_grad():
        for lora in network.loras:
            convert, axis = CONVERSIONS.get(kind_of(lora)), dora_axis(lora)
            if axis:
                convert = _dora if axis == "rows" else None
            if convert:
                training = lora.training
                lora.eval()  # without its dropouts
                convert(lora, result)
                lora.train(training)
    return result


def _dora(lora: Any, result: Tensors) -> None:
    """Convert DoRA's norms: the loader computes (W + D) scale / (|W| + eps); trained was (W + D) scale / |W + D|."""
    result[f"{lora.lora_name}.dora_scale"] = dora_scale_of(lora).float() * dora_ratio(lora)


def dora_ratio(lora: Any) -> torch.Tensor:
    """Return what a DoRA layer's scale is multiplied by in a file: (|W| + eps) / (|W + D| + eps) per output row."""
    weight = weight_of(lora).float()
    changed = weight + change_of(lora).float().view(weight.shape)
    eps = torch.finfo(torch.float32).eps
    return (_rows(weight) + eps) / (_rows(changed) + eps)


def magnitudes(network: Any) -> Tensors:
    """Return the norms of output rows that DoRA trains, by the layers' names in a file; each (out,), float32, on the CPU."""
    return {
        network.file_name(lora): dora_scale_of(lora).detach().to("cpu", torch.float32, copy=True).flatten()
        for lora in network.loras
        if dora_axis(lora) == "rows"
    }


def _rows(weight: torch.Tensor) -> torch.Tensor:
    """Return the norm of each output row, (out, 1, ...)."""
    return weight.flatten(1).norm(dim=1).view(-1, *[1] * (weight.ndim - 1))


def _constraint(lora: Any, result: Tensors) -> None:
    """Write OFT's blocks already scaled to keep to the constraint, and no constraint beside them."""
    blocks, constraint = rotation_of(lora)
    norm = (blocks - blocks.transpose(-1, -2)).norm() + 1e-8
    if 0 < constraint < norm:
        result[f"{lora.lora_name}.oft_blocks"] = blocks * constraint / norm
    result[f"{lora.lora_name}.alpha"] = torch.tensor(0.0)


def _difference(lora: Any, result: Tensors) -> None:
    """Write the whole change of the weight, which is as large as the layer."""
    for key in [key for key in result if key.startswith(f"{lora.lora_name}.")]:
        del result[key]
    result[f"{lora.lora_name}.diff"] = whole_change_of(lora)


def _dylora(lora: Any, result: Tensors) -> None:
    """Write the alpha of full rank: LyCORIS scales by alpha / number of blocks there, the loader by alpha / rank."""
    result[f"{lora.lora_name}.alpha"] = alpha_in_file(lora)


CONVERSIONS = {
    "diag-oft": _constraint,
    "boft": _constraint,
    "ia3": _difference,
    "dylora": _dylora,
}
