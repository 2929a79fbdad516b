"""Read what is in a LoRA file of any trainer: algorithm, ranks, norms per block, and what its metadata tells."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .. import lora_keys
from ..errors import AthanorError
from ..files import UnreadableFile, read_safetensors
from ..json_text import parse_json
from . import peft
from .damage import Damage, Pieces, algo_of, damage, is_finite

_LARGEST = 2**28
"""Numbers of the largest matrix that is formed to know a norm; a layer of Flux.1 has a quarter of them."""


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
    kernel: int  # of a convolution's down weight; 1: a linear layer, a 1x1 convolution, or not known
    damage: Damage | None = None  # what is wrong with it
    rows: bool = True  # DoRA's norms are of output rows, not of input columns
    alpha_apart: bool = False  # alpha stands in lora_adapter_metadata alone, where the host's loader does not look
    magnitude: bool = False  # DoRA's norms are PEFT's, which the host's loader does not read


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraInfo:
    """What a LoRA file holds: its layers and its metadata."""

    name: str
    size: int  # bytes
    dtype: str
    layers: tuple[Layer, ...]
    strange: tuple[str, ...]  # keys of no known form
    embeddings: tuple[str, ...]  # names of those that OneTrainer has bundled with it
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
    strange, embeddings = [], set[str]()
    for key, value in tensors.items():
        if embedding := lora_keys.embedding(key):
            embeddings.add(embedding)
        elif found := lora_keys.split(key):
            groups[found[0]][found[1]] = value
        else:
            strange.append(key)
    if not groups:
        raise AthanorError(f"{path.name} contains no LoRA: none of its {len(tensors)} tensors has a known name.")
    adapter = peft.settings(metadata)
    dtypes = Counter(str(v.dtype).removeprefix("torch.") for v in tensors.values())
    return LoraInfo(
        name=path.name,
        size=path.stat().st_size,
        dtype=dtypes.most_common(1)[0][0],
        layers=tuple(_layer(name, pieces, adapter) for name, pieces in groups.items()),
        strange=tuple(sorted(strange)),
        embeddings=tuple(sorted(embeddings)),
        metadata=metadata,
    )


def _layer(name: str, pieces: Pieces, adapter: dict[str, Any]) -> Layer:
    algo, wrong = algo_of(pieces), damage(pieces)
    scales = pieces.get("dora_scale", pieces.get(lora_keys.MAGNITUDE))
    alpha = pieces.get("alpha")
    rank = _rank(algo, pieces)
    part, block = place(name)
    if alpha is not None:
        value = float(alpha.item()) if alpha.numel() == 1 and is_finite(alpha) else None
    else:
        value = peft.alpha(adapter, name, rank) if rank else None
    scale = 1.0 if value is None or not rank else value / rank
    down = pieces.get("lora_down.weight")
    return Layer(
        name=name,
        part=part,
        block=block,
        algo=("dora " if scales is not None else "") + algo,
        rank=rank,
        alpha=value,
        norm=None if wrong else _norm(algo, {k: v.float() for k, v in pieces.items()}, scale),
        numbers=sum(v.numel() for v in pieces.values()),
        kernel=down.shape[-1] if down is not None and down.ndim == 4 else 1,
        damage=wrong,
        rows=scales is None
        or scales.ndim < 2
        or scales.shape[0] != 1
        or scales.shape[1] == 1
        or lora_keys.MAGNITUDE in pieces,
        alpha_apart=alpha is None and value is not None,
        magnitude=lora_keys.MAGNITUDE in pieces,
    )


def _rank(algo: str, pieces: Pieces) -> int | None:
    """Return the rank of a layer of whose pieces some may be missing; None where none tells."""
    for name, axis in (
        ("lora_down.weight", 0), ("lora_up.weight", 1), ("hada_w1_b", 0), ("lokr_w2_b", 0), ("lokr_w1_b", 0), ("a1.weight", 0),
    ):  # fmt: skip
        if name in pieces and pieces[name].ndim > axis:
            return pieces[name].shape[axis]
    if algo == "oft" and "oft_blocks" in pieces and pieces["oft_blocks"].ndim:
        return pieces["oft_blocks"].shape[-1]
    return None


def _norm(algo: str, pieces: Pieces, scale: float) -> float | None:
    """Return the Frobenius norm of a whole layer's change; None where it is not cheap to know, or no number."""
    norm = _size(algo, pieces)
    if norm is not None and not (algo == "lokr" and "lokr_w1" in pieces and "lokr_w2" in pieces):
        norm *= scale if algo in ("lora", "loha", "lokr") else 1.0
    return norm if norm is not None and math.isfinite(norm) else None


def _size(algo: str, pieces: Pieces) -> float | None:
    """Return the norm without alpha / rank; None where it is not cheap to know."""
    if algo == "lora" and "lora_mid.weight" not in pieces:
        return _product(pieces["lora_up.weight"], pieces["lora_down.weight"])
    if algo == "loha" and "hada_t1" not in pieces:
        if pieces["hada_w1_a"].shape[0] * pieces["hada_w1_b"][0].numel() > _LARGEST:
            return None
        one = pieces["hada_w1_a"] @ pieces["hada_w1_b"]
        return float((one * (pieces["hada_w2_a"] @ pieces["hada_w2_b"])).norm())
    if algo == "lokr" and "lokr_t2" not in pieces:
        norms = [
            float(pieces[block].norm()) if block in pieces else _product(pieces[f"{block}_a"], pieces[f"{block}_b"])
            for block in ("lokr_w1", "lokr_w2")
        ]
        return None if norms[0] is None or norms[1] is None else norms[0] * norms[1]
    if algo in ("full", "norm"):
        return next((float(v.norm()) for k, v in pieces.items() if k in ("diff", "w_norm", "diff_b")), None)
    return None


def _product(up: torch.Tensor, down: torch.Tensor) -> float | None:
    """Return the norm of a product by the cheaper of two ways; None if both form too large a matrix."""
    up, down = up.flatten(1), down.flatten(1)
    if min(len(down) ** 2, len(up) * down.shape[1]) > _LARGEST:
        return None
    if len(down) ** 2 > len(up) * down.shape[1]:
        return float((up @ down).norm())
    # |BA|^2 = tr((B'B)(AA')): no product as large as the layer
    return float(((up.T @ up) * (down @ down.T)).sum().clamp(min=0).sqrt())


def place(name: str) -> tuple[str, str]:
    """Return (part, block) of a layer's name in any trainer's spelling."""
    part, rest, _ = lora_keys.place(name)
    rest = rest.replace(".", "_")
    block = re.match(
        r"(?:text_model_encoder_|encoder_)?((?:[a-z0-9]+_)*?(?:blocks?|layers)_\d+|mid(?:dle)?_block)", rest
    )
    return part, block[1] if block else rest.split("_")[0]


def fields(metadata: dict[str, str]) -> dict[str, Any]:
    """Return the metadata with its JSON values parsed; what is no JSON, or nested without end, stays text."""
    parsed = {key: parse_json(value) if value[:1] in ("{", "[") else None for key, value in metadata.items()}
    return {key: value if parsed[key] is None else parsed[key] for key, value in metadata.items()}
