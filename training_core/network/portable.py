"""What a trained network looks like in a file that the stock loader applies exactly.

LyCORIS' own state is a file format for most algorithms. For the others, measured against ComfyUI 0.30's loader:
DoRA with norms per output row is divided there by the norm of the base weight instead of the changed one; the
constraint of OFT and BOFT counts in other units; IA3 has no format; DyLoRA's file is scaled for another rank.
"""

from __future__ import annotations

from typing import Any

import torch

Tensors = dict[str, torch.Tensor]


def state(network: torch.nn.Module) -> Tensors:
    """The network's tensors by their names in a file, before modules are renamed; float32."""
    result = dict(network.state_dict())
    with torch.no_grad():
        for lora in network.loras:
            convert = CONVERSIONS.get(type(lora).__name__)
            if getattr(lora, "wd", False):
                convert = _dora if lora.wd_on_out else None
            if convert:
                training = lora.training
                lora.eval()  # without its dropouts
                convert(lora, result)
                lora.train(training)
    return result


def _dora(lora: Any, result: Tensors) -> None:
    """The loader computes (W + D) scale / (|W| + eps); trained was (W + D) scale / |W + D|."""
    result[f"{lora.lora_name}.dora_scale"] = lora.dora_scale.float() * dora_ratio(lora)


def dora_ratio(lora: Any) -> torch.Tensor:
    """What the trained scale of a DoRA layer is multiplied by in a file: (|W| + eps) / (|W + D| + eps) per output row."""
    weight = lora.org_weight.float()
    # Not LyCORIS' get_diff_weight: for LoHa and LoKr it multiplies by alpha / rank twice.
    plain = lora.make_weight() * lora.scale if lora.name == "locon" else lora.get_weight(weight.shape) * lora.scalar
    changed = weight + plain.float().view(weight.shape)
    eps = torch.finfo(torch.float32).eps
    return (_rows(weight) + eps) / (_rows(changed) + eps)


def _rows(weight: torch.Tensor) -> torch.Tensor:
    """Norm of each output row, (out, 1, ...)."""
    return weight.flatten(1).norm(dim=1).view(-1, *[1] * (weight.ndim - 1))


def _constraint(lora: Any, result: Tensors) -> None:
    """Blocks that keep to the constraint by themselves, and a file that names none."""
    blocks = lora.oft_blocks
    norm = (blocks - blocks.transpose(-1, -2)).norm() + 1e-8
    if 0 < lora.constraint < norm:
        result[f"{lora.lora_name}.oft_blocks"] = blocks * lora.constraint / norm
    result[f"{lora.lora_name}.alpha"] = torch.tensor(0.0)


def _difference(lora: Any, result: Tensors) -> None:
    """The whole change of the weight, as large as the layer."""
    for key in [key for key in result if key.startswith(f"{lora.lora_name}.")]:
        del result[key]
    result[f"{lora.lora_name}.diff"] = lora.get_diff_weight()[0].float().view(lora.org_weight.shape)


def _dylora(lora: Any, result: Tensors) -> None:
    """At full rank LyCORIS scales by alpha / number of blocks, the loader by alpha / rank."""
    result[f"{lora.lora_name}.alpha"] = lora.alpha * lora.block_size


CONVERSIONS = {
    "DiagOFTModule": _constraint,
    "ButterflyOFTModule": _constraint,
    "IA3Module": _difference,
    "DyLoraModule": _dylora,
}
