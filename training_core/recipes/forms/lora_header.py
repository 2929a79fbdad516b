"""The beginning of a safetensors file: its metadata, and the names and shapes of its tensors (pure; no tensor is read)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ... import lora_keys
from ...errors import AthanorError
from ...json_text import parse_json
from ..document import Document

_LENGTH = 8
"""Bytes before the header: how long it is, a little-endian number."""
_LONGEST = 2**32
"""Bytes; what says more in its first eight bytes is a text."""
_ALGOS = (
    ("hada_w", "loha"), ("lokr_w", "lokr"), ("oft_blocks", "diag-oft"), ("a1.", "glora"), ("b1.", "glora"), ("lora_", "lora"),
    ("diff", "full"), ("on_input", "ia3"),
)  # fmt: skip
"""How the name of a layer's piece begins -> the algorithm of NetworkSettings."""
_DOWN = ("lora_down.weight", "hada_w1_b", "lokr_w2_b", "lokr_w1_b", "a1.weight")
"""Pieces whose first side is the rank."""

Shapes = Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the beginning of a safetensors file tells."""

    metadata: dict[str, str]
    shapes: Shapes
    """Name of a tensor -> its sides."""


def header(document: Document) -> Header | None:
    """Return a file's header; None if it is no safetensors file.

    Raises:
        AthanorError: it is one, but its header is cut off or broken.
    """
    start, data = document.data[:_LENGTH], document.data[_LENGTH:]
    length = int.from_bytes(start, "little")
    if len(start) < _LENGTH or data[:1] != b"{" or not 2 <= length < _LONGEST:
        return None
    if length > len(data):
        raise AthanorError(f"{document.title} ends in the middle of its header: choose the whole LoRA file.")
    found = parse_json(data[:length])
    if not isinstance(found, dict):
        raise AthanorError(f"{document.title} is a safetensors file whose header is broken: choose another copy of it.")
    metadata = found.get("__metadata__")
    return Header(
        metadata=as_texts(metadata) if isinstance(metadata, dict) else {},
        shapes={name: shape for name, value in found.items() if (shape := _shape(value)) is not None},
    )


def as_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Return metadata as safetensors files have it: texts alone, also of a copy whose numbers and objects are JSON's own."""
    import json

    return {
        str(key): value
        if isinstance(value, str)
        else json.dumps(value)
        if isinstance(value, (dict, list))
        else str(value)
        for key, value in values.items()
    }


def _shape(value: Any) -> list[int] | None:
    shape = value.get("shape") if isinstance(value, dict) else None
    return shape if isinstance(shape, list) and all(isinstance(side, int) for side in shape) else None


def of_layers(shapes: Shapes) -> dict[str, Any]:
    """Return what the names and shapes of a file's layers tell of NetworkSettings: algo, rank, conv_rank, train; {} of no LoRA."""
    algos, ranks, parts = Counter[str](), {"rank": Counter[int](), "conv_rank": Counter[int]()}, set[str]()
    for key, shape in shapes.items():
        layer, piece = lora_keys.split(key) or ("", "")
        algo = next((name for begin, name in _ALGOS if piece.startswith(begin)), "")
        if not algo:
            continue
        algos[algo] += 1
        parts.add("unet" if lora_keys.place(layer).part == "unet" else "text encoder")
        if piece in _DOWN and shape:
            ranks["conv_rank" if len(shape) == 4 and shape[-1] > 1 else "rank"][shape[0]] += 1
    found: dict[str, Any] = {"algo": algos.most_common(1)[0][0]} if algos else {}
    found |= {name: count.most_common(1)[0][0] for name, count in ranks.items() if count}
    if found.get("algo") == "lokr" and "rank" not in found:
        found["rank"] = 100000  # two full matrices
    if parts:
        found["train"] = "unet + text encoder" if len(parts) == 2 else parts.pop()
    return found
