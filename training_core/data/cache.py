"""What was encoded: latents by view, texts by caption. Each is encoded once, then its encoder can leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch

from ..randomness import keyed
from . import images
from .plan import Buckets, View

Encode = Callable[[torch.Tensor], torch.Tensor]
"""(B, H, W, 3) float32 in 0..1 -> (B, C, h, w): the host's VAE."""


class LatentCache:
    """Latents in main memory, keyed by view."""

    def __init__(self) -> None:
        self._latents: dict[View, torch.Tensor] = {}

    def __getitem__(self, view: View) -> torch.Tensor:
        """(1, C, h, w) as the VAE gave it."""
        return self._latents[view]

    def fill(self, buckets: Buckets, views: Iterable[View], encode: Encode) -> Iterator[tuple[int, int]]:
        """Encode what is new; yields (done, total) of it."""
        missing = [view for view in dict.fromkeys(views) if view not in self._latents]
        for done, view in enumerate(missing, 1):
            picture = buckets.dataset.pictures[view.picture]
            image = images.fit(images.decode(picture.path), buckets.placements[view.picture], view.crop, view.flip)
            if view.colour:
                image = images.shift_colours(image, keyed(picture.content, "colour", view.colour))
            self._latents[view] = encode(images.to_tensor(image).unsqueeze(0))
            yield done, len(missing)


class TextCache:
    """Encoded captions of one epoch."""

    def __init__(self) -> None:
        self._texts: dict[str, Any] = {}

    def __getitem__(self, caption: str) -> Any:
        """The host's encoding of `caption`."""
        return self._texts[caption]

    def fill(self, captions: Iterable[str], encode: Callable[[str], Any]) -> Iterator[tuple[int, int]]:
        """Encode what is new, forget what is not needed any more; yields (done, total) of the new ones."""
        wanted = list(dict.fromkeys(captions))
        missing = [caption for caption in wanted if caption not in self._texts]
        self._texts = {caption: self._texts[caption] for caption in wanted if caption in self._texts}
        for done, caption in enumerate(missing, 1):
            self._texts[caption] = encode(caption)
            yield done, len(missing)
