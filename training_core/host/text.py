"""Captions through the graph's own CLIP, so that a caption means in training what a prompt means later."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import torch

CLIP_CHUNK = 77
"""CLIP encoders read chunks of so many tokens: 75 of text between a start and an end."""


@dataclass(frozen=True, slots=True)
class Text:
    """One encoded caption."""

    cond: torch.Tensor  # (1, tokens, width)
    extras: dict[str, Any] = field(default_factory=dict)  # pooled_output and whatever else the encoder gives

    def parts(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Tensors, and plain values that can be written as JSON; lists of tensors are numbered."""
        tensors, plain = {"cond": self.cond}, {}
        for name, value in self.extras.items():
            if isinstance(value, torch.Tensor):
                tensors[f"extra.{name}"] = value
            elif isinstance(value, (list, tuple)) and all(isinstance(v, torch.Tensor) for v in value):
                tensors |= {f"extra.{name}.{i}": v for i, v in enumerate(value)}
                plain[name] = {"tensors": len(value)}
            else:
                plain[name] = value
        return tensors, plain

    @classmethod
    def of(cls, tensors: dict[str, torch.Tensor], plain: dict[str, Any]) -> Text:
        """The inverse of `parts`."""
        extras: dict[str, Any] = {}
        for name, value in plain.items():
            many = isinstance(value, dict) and "tensors" in value
            extras[name] = [tensors[f"extra.{name}.{i}"] for i in range(value["tensors"])] if many else value
        for name, value in tensors.items():
            kind, _, rest = name.partition(".")
            if kind == "extra" and rest.rpartition(".")[0] not in extras:
                extras[rest] = value
        return cls(tensors["cond"], extras)


def escape(caption: str) -> str:
    """Make brackets literal: `(` and `)` would be read as emphasis. Those already escaped stay."""
    return re.sub(r"(?<!\\)([()])", r"\\\1", caption)


def encode(clip: Any, caption: str, weighted: bool = False, max_tokens: int = 0) -> tuple[Text, bool]:
    """Encode one caption with a CLIP object of the graph, as the host's own text node does.

    Args:
        weighted: brackets are emphasis.
        max_tokens: what a CLIP encoder reads at most, in chunks of 75 as the host cuts them; 0: everything.

    Returns:
        the encoding, and whether the caption was cut.
    """
    tokens, cut = clip.tokenize(caption if weighted else escape(caption)), False
    for name, chunks in tokens.items() if max_tokens else ():
        if isinstance(chunks, list) and all(isinstance(c, list) and len(c) == CLIP_CHUNK for c in chunks):
            cut |= len(chunks) > max_tokens // 75
            tokens[name] = chunks[: max_tokens // 75]
    with torch.inference_mode():
        cond, extras = clip.encode_from_tokens_scheduled(tokens, show_pbar=False)[0]
    # Clones made outside inference mode can be saved for backward.
    return Text(cond.clone(), {k: _normal(v) for k, v in extras.items()}), cut


def _normal(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.clone()
    return [_normal(v) for v in value] if isinstance(value, (list, tuple)) else value
