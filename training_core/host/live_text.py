"""The graph's CLIP while its text encoders are trained: captions encoded anew in every step, with gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import comfy.model_management as mm
import torch

from . import weights
from .text import Text, silenced, tokenize


class LiveText:
    """Encodes with a clone of the graph's CLIP; the weights are the graph's own."""

    def __init__(self, clip: Any, patcher: Any = None) -> None:
        """Clone the graph's CLIP. `patcher`: of its model while its weights are lent (`weights.lent`)."""
        self.clip = clip.clone()
        self.patcher = self.clip.patcher = patcher or weights.without_dynamic_vram(clip.patcher)
        # It is loaded beside the diffusion model once; a look in every step could push that out.
        self.clip.load_model = lambda _tokens=None: self.patcher

    @property
    def model(self) -> torch.nn.Module:
        """The module that holds all text encoders."""
        return self.patcher.model

    def __call__(self, caption: str, weighted: bool = False, max_tokens: int = 0, without: Sequence[str] = ()) -> Text:
        """Encode one caption as `text.encode` does, in the current gradient mode and on the device."""
        tokens, _ = tokenize(self.clip, caption, weighted, max_tokens)
        with silenced(self.model, without), _stays_on(self.patcher.load_device):
            cond, extras = self.clip.encode_from_tokens_scheduled(tokens, show_pbar=False)[0]
        return Text(cond, extras)


@contextmanager
def _stays_on(device: torch.device) -> Iterator[None]:
    """Inside, encodings stay on the device: ComfyUI moves them into main memory and back, two waits in every step."""
    before = mm.intermediate_device
    mm.intermediate_device = lambda: device
    try:
        yield
    finally:
        mm.intermediate_device = before
