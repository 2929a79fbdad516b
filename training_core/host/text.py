"""Captions through the graph's own CLIP, so that a caption means in training what a prompt means later."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Text:
    """One encoded caption."""

    cond: torch.Tensor  # (1, tokens, width)
    extras: dict[str, Any] = field(default_factory=dict)  # pooled_output and whatever else the encoder gives


def escape(caption: str) -> str:
    """Make brackets literal: `(` and `)` would be read as emphasis. Those already escaped stay."""
    return re.sub(r"(?<!\\)([()])", r"\\\1", caption)


def encode(clip: Any, caption: str) -> Text:
    """Encode one caption with a CLIP object of the graph, as the host's own text node does."""
    with torch.inference_mode():
        cond, extras = clip.encode_from_tokens_scheduled(clip.tokenize(escape(caption)), show_pbar=False)[0]
    # Clones made outside inference mode can be saved for backward.
    return Text(cond.clone(), {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in extras.items()})
