"""Read what is in a LoRA file of any trainer: algorithm, ranks, norms per block, and what its metadata tells."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import AthanorError
from ..files import UnreadableFile, read_safetensors
from . import peft

_SUFFIXES = (  # longest first; what is left of a key is the layer's name
    ".lora_up.weight", ".lora_down.weight", ".lora_mid.weight", ".lora_A.weight", ".lora_B.weight",
    ".lora_A.default.weight", ".lora_B.default.weight", ".lora.up.weight", ".lora.down.weight",
    ".lora_linear_layer.up.weight", ".lora_linear_layer.down.weight", "_lora.up.weight", "_lora.down.weight",
    ".lora_magnitude_vector.default.weight", ".lora_magnitude_vector.weight", ".lora_magnitude_vector",
    ".hada_w1_a", ".hada_w1_b", ".hada_w2_a", ".hada_w2_b", ".hada_t1", ".hada_t2",
    ".lokr_w1", ".lokr_w2", ".lokr_w1_a", ".lokr_w1_b", ".lokr_w2_a", ".lokr_w2_b", ".lokr_t2",
    ".a1.weight", ".a2.weight", ".b1.weight", ".b2.weight", ".bm.weight", ".oft_blocks", ".rescale", ".diff_b", ".diff",
    ".w_norm", ".b_norm", ".set_weight", ".alpha", ".dora_scale", ".on_input", ".weight",
)  # fmt: skip
_KINDS = (
    ("lora_up", "lora"), ("lora_A", "lora"), ("lora.up", "lora"), ("lora_linear", "lora"), ("hada", "loha"),
    ("lokr", "lokr"), ("a1.weight", "glora"), ("oft_blocks", "oft"), ("diff", "full"), ("w_norm", "norm"),
    ("on_input", "ia3"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer that a LoRA file changes."""

    name: str
    part: str  # unet, te1, te2, te3
    block: str
    algo: str
    rank: int | None
    alpha: float | None
    norm: float | None  # Frobenius norm of the change, where it is cheap to know
    numbers: int  # how many are stored


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraInfo:
    """What a LoRA file holds: its layers and its metadata."""

    name: str
    size: int  # bytes
    dtype: str
    layers: tuple[Layer, ...]
    strange: tuple[str, ...]  # keys of no known form
    metadata: dict[str, str]

    @property
    def algo(self) -> str:
        """The algorithms, the most frequent first."""
        counts = Counter(layer.algo for layer in self.layers)
        return ", ".join(f"{algo} ({n})" if len(counts) > 1 else algo for algo, n in counts.most_common())


def read(path: Path) -> LoraInfo:
    """Read a LoRA file whole.

    Raises:
        AthanorError: it is no safetensors file, or holds no LoRA.
    """
    try:
        tensors, metadata = read_safetensors(path)
    except UnreadableFile as error:
        raise AthanorError(f"{path.name} cannot be read as safetensors ({error}); choose another file.") from None
    groups: dict[str, dict[str, torch.Tensor]] = defaultdict(dict)
    strange = []
    for key, value in tensors.items():
        suffix = next((s for s in _SUFFIXES if key.endswith(s)), None)
        if suffix is None or (suffix == ".weight" and "lora" not in key):
            strange.append(key)
        else:
            groups[key.removesuffix(suffix)][suffix[1:]] = value
    if not groups:
        raise AthanorError(f"{path.name} contains no LoRA: none of its {len(tensors)} tensors has a known name.")
    adapter = peft.settings(metadata)
    layers = tuple(_layer(name, parts, adapter) for name, parts in groups.items())
    dtypes = Counter(str(v.dtype).removeprefix("torch.") for v in tensors.values())
    return LoraInfo(
        name=path.name,
        size=path.stat().st_size,
        dtype=dtypes.most_common(1)[0][0],
        layers=layers,
        strange=tuple(sorted(strange)),
        metadata=metadata,
    )


def _layer(name: str, parts: dict[str, torch.Tensor], adapter: dict[str, Any]) -> Layer:
    algo = next((algo for sign, algo in _KINDS if any(sign in part for part in parts)), "unknown")
    dora = "dora " if any("dora_scale" in part or "magnitude" in part for part in parts) else ""
    alpha = parts.get("alpha")
    rank = _rank(algo, parts)
    part, block = place(name)
    value = float(alpha) if alpha is not None else peft.alpha(adapter, name, rank) if rank else None
    scale = 1.0 if value is None or not rank else value / rank
    return Layer(
        name=name,
        part=part,
        block=block,
        algo=dora + algo,
        rank=rank,
        alpha=value,
        norm=_norm(algo, {k: v.float() for k, v in parts.items()}, scale),
        numbers=sum(v.numel() for v in parts.values()),
    )


def _down(parts: dict[str, torch.Tensor]) -> torch.Tensor | None:
    return next((v for k, v in parts.items() if "down" in k or "lora_A" in k), None)


def _up(parts: dict[str, torch.Tensor]) -> torch.Tensor | None:
    return next((v for k, v in parts.items() if "up" in k or "lora_B" in k), None)


def _rank(algo: str, parts: dict[str, torch.Tensor]) -> int | None:
    if algo == "lora" and (down := _down(parts)) is not None:
        return down.shape[0]
    for name, axis in (("hada_w1_b", 0), ("lokr_w2_b", 0), ("lokr_w1_b", 0), ("a1.weight", 0)):
        if name in parts:
            return parts[name].shape[axis]
    if algo == "oft":
        return parts["oft_blocks"].shape[-1]
    return None


def _norm(algo: str, parts: dict[str, torch.Tensor], scale: float) -> float | None:
    if algo == "lora":
        up, down = _up(parts), _down(parts)
        if up is None or down is None or "lora_mid.weight" in parts:
            return None
        up, down = up.flatten(1), down.flatten(1)
        # |BA|^2 = tr((B'B)(AA')): no product as large as the layer
        return scale * float(((up.T @ up) * (down @ down.T)).sum().clamp(min=0).sqrt())
    if algo == "loha" and "hada_t1" not in parts:
        one = parts["hada_w1_a"] @ parts["hada_w1_b"]
        return scale * float((one * (parts["hada_w2_a"] @ parts["hada_w2_b"])).norm())
    if algo == "lokr" and "lokr_t2" not in parts:
        norm = 1.0
        for block in ("lokr_w1", "lokr_w2"):
            whole = parts.get(block)
            norm *= float((parts[f"{block}_a"] @ parts[f"{block}_b"] if whole is None else whole).norm())
        return norm * (1.0 if "lokr_w1" in parts and "lokr_w2" in parts else scale)
    if algo in ("full", "norm"):
        return float(next(v for k, v in parts.items() if k in ("diff", "w_norm", "diff_b")).norm())
    return None


def place(name: str) -> tuple[str, str]:
    """(part, block) of a layer's name in any trainer's spelling."""
    part, rest = "unet", name
    if match := re.match(r"(lora_te(\d?)_|text_encoders?\.?(?:_?(\d))?\.|lora_prior_te_)", name):
        part, rest = f"te{match[2] or match[3] or '1'}", name[match.end() :]
    elif match := re.match(
        r"(lora_unet_|lora_transformer_|lycoris_|(?:(?:diffusion_model|transformer|unet|base_model\.model)\.)+)", name
    ):
        rest = name[match.end() :]
    rest = rest.replace(".", "_")
    block = re.match(
        r"(?:text_model_encoder_|encoder_)?((?:[a-z0-9]+_)*?(?:blocks?|layers)_\d+|mid(?:dle)?_block)", rest
    )
    return part, block[1] if block else rest.split("_")[0]


def fields(metadata: dict[str, str]) -> dict[str, Any]:
    """Metadata with its JSON values parsed."""
    result: dict[str, Any] = {}
    for key, value in metadata.items():
        try:
            result[key] = json.loads(value) if value[:1] in "{[" else value
        except ValueError:
            result[key] = value
    return result
