"""A batch as it comes from the caches, before it goes to the model's device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from ..data.plan import SampleCaption
from ..host import text as host_text
from ..host.batch import Geometry


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A batch in main memory."""

    latents: torch.Tensor  # (B, C, ...) as the VAE gave them, drawn from their posteriors
    texts: list[host_text.Text] | list[SampleCaption]  # captions if the text encoders are trained as well
    geometry: list[Geometry]
    weights: torch.Tensor  # (B,) float32, of each sample in the loss
    mask: torch.Tensor | None  # (B, 1, H, W) float32 in 0..1
    beside: list[dict[str, Any]]  # what CONDITIONING holds of each sample's control pictures

    def pinned(self) -> Fetched:
        """Return the same in page-locked memory."""
        texts = [t if isinstance(t, SampleCaption) else _pinned(t) for t in self.texts]
        beside = [{name: _pin(value) for name, value in given.items()} for given in self.beside]
        tensors = {name: _pin(getattr(self, name)) for name in ("latents", "weights", "mask")}
        return replace(self, texts=texts, beside=beside, **tensors)


def _pinned(text: host_text.Text) -> host_text.Text:
    return host_text.Text(_pin(text.cond), {name: _pin(value) for name, value in text.extras.items()})


def _pin(value: Any) -> Any:
    if isinstance(value, list):
        return [_pin(one) for one in value]
    return value.pin_memory() if isinstance(value, torch.Tensor) else value
