"""Latents by view and texts by caption: each is encoded once, then its encoder can leave."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple
from typing import Any

import numpy as np
import torch

from ..errors import AthanorError
from ..randomness import keyed
from . import images
from .plan import Buckets, Caption, CropVariant
from .prefetch import prefetched
from .store import MemoryStore, Store, Tensors

VERSION = 1
"""Of what is stored and how pictures are prepared; another number makes every old entry stale."""

Encode = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor | None]]
"""(B, H, W, 3) float32 in 0..1 -> the posterior's mean and, where the VAE has one, std: (B, C, ...) on the CPU."""

EncodeText = Callable[[Caption], tuple[Tensors, dict[str, Any]]]
"""A caption -> its tensors, and plain values about them."""


def hashed(*parts: Any) -> str:
    """64 hex digits that depend on the `repr` of every part."""
    return hashlib.sha256(repr((VERSION, *parts)).encode()).hexdigest()


def finite(tensors: Tensors) -> bool:
    """Whether no number of an encoding is NaN or infinite."""
    return all(bool(value.isfinite().all()) for value in tensors.values() if value.is_floating_point())


class _Sound:
    """Which entries of a store are known to be finite: each is looked at once, those of earlier runs when they are read."""

    def __init__(self) -> None:
        self._good: set[str] = set()
        self._bad: set[str] = set()

    def made(self, key: str) -> None:
        """An entry was made, and is finite."""
        self._bad.discard(key)
        self._good.add(key)

    def known_bad(self, key: str) -> bool:
        """Whether the entry was read and is not finite: it counts as lost."""
        return key in self._bad

    def read(self, key: str, tensors: Tensors) -> bool:
        """Whether an entry that was read is finite."""
        if key not in self._good:
            (self._good if finite(tensors) else self._bad).add(key)
        return key in self._good


class LatentCache:
    """Latents of a dataset's views, by content: picture, mask, crop, resize, flip, colour and VAE."""

    def __init__(self, store: Store, buckets: Buckets, vae: str, batch_size: int) -> None:
        """`vae`: fingerprint of its weights."""
        self._store, self._buckets, self._vae, self._batch_size = store, buckets, vae, batch_size
        self._sound = _Sound()

    def key(self, view: CropVariant) -> str:
        """What the latent of a view is kept under."""
        picture = self._buckets.dataset.pictures[view.picture]
        settings = self._buckets.dataset.subsets[picture.subset]
        background = None if settings.alpha_mask else settings.alpha_background
        how = (astuple(view.placement), self._buckets.settings.resize_interpolation, view.flip, view.colour)
        return hashed("latent", self._vae, picture.content, background, how)

    def _mask_key(self, view: CropVariant) -> str | None:
        mask = self._buckets.dataset.pictures[view.picture].mask
        if mask is None:
            return None
        return hashed("mask", mask.content, mask.is_alpha, astuple(view.placement), view.flip)

    def keys(self, views: Iterable[CropVariant]) -> set[str]:
        """Everything these views need."""
        views = set(views)
        return {self.key(view) for view in views} | {key for view in views if (key := self._mask_key(view))}

    def fill(self, views: Iterable[CropVariant], encode: Encode) -> Iterator[tuple[int, int]]:
        """Encode what is missing, in batches of one bucket; yields (done, total) of it.

        Raises:
            AthanorError: pictures whose latents are NaN or infinite.
        """
        views = list(dict.fromkeys(views))
        for view in views:
            if (key := self._mask_key(view)) and self._store.meta(key) is None:
                self._store.put(key, {"mask": self._mask(view)})
        unique = {key: view for view in views if self._is_missing(key := self.key(view))}
        batches = self._batches(list(unique.items()))
        done = 0
        for (keys, pixels), _ in prefetched(batches, self._pixels):
            mean, std = encode(pixels)
            made = {
                key: {"mean": mean[i : i + 1]} | ({} if std is None else {"std": std[i : i + 1]})
                for i, key in enumerate(keys)
            }
            self._refuse([unique[key] for key, parts in made.items() if not finite(parts)])
            for key, parts in made.items():
                self._store.put(key, {name: value.clone() for name, value in parts.items()})
                self._sound.made(key)
            done += len(keys)
            yield done, len(unique)

    def _is_missing(self, key: str) -> bool:
        return self._store.meta(key) is None or self._sound.known_bad(key)

    def _refuse(self, views: list[CropVariant]) -> None:
        """Name pictures whose latents cannot be learnt from."""
        names = list(dict.fromkeys(self._buckets.dataset.pictures[view.picture].name for view in views))
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise AthanorError(
                f"{names[0]}{more}: the VAE encodes it as NaN or infinity, which would spoil the network; connect another VAE "
                "(Load VAE), or take the picture out of the folder."
            )

    def _batches(self, missing: list[tuple[str, CropVariant]]) -> list[list[tuple[str, CropVariant]]]:
        by_bucket: dict[Any, list[tuple[str, CropVariant]]] = {}
        for entry in missing:
            by_bucket.setdefault(entry[1].placement.bucket, []).append(entry)
        size = self._batch_size
        return [group[i : i + size] for _, group in sorted(by_bucket.items()) for i in range(0, len(group), size)]

    def _pixels(self, batch: list[tuple[str, CropVariant]]) -> tuple[list[str], torch.Tensor]:
        dataset, tensors = self._buckets.dataset, []
        for _, view in batch:
            picture = dataset.pictures[view.picture]
            interpolation = self._buckets.settings.resize_interpolation
            image = images.fit(dataset.image(picture), view.placement, view.flip, interpolation)
            if view.colour:
                image = images.shift_colours(image, keyed(picture.content, "colour", view.colour))
            tensors.append(images.to_tensor(image))
        return [key for key, _ in batch], torch.stack(tensors)

    def _mask(self, view: CropVariant) -> torch.Tensor:
        """(H, W) uint8 in the bucket's size: resized, cut and mirrored with its picture."""
        dataset = self._buckets.dataset
        mask = dataset.mask(picture := dataset.pictures[view.picture])
        if mask is None:
            raise AthanorError(f"{picture.name}: its mask is gone since the dataset was read; load the dataset again.")
        return torch.from_numpy(np.array(images.fit(mask, view.placement, view.flip)))

    def get(self, view: CropVariant) -> Tensors | None:
        """mean (1, C, ...), std likewise where there is one, mask (H, W) uint8 where there is one; None if lost or not finite."""
        found = self._store.get(self.key(view))
        if found is not None and not self._sound.read(self.key(view), found[0]):
            return None
        key = self._mask_key(view)
        mask = self._store.get(key) if key else ({}, {})
        return None if found is None or mask is None else found[0] | mask[0]


class TextCache:
    """Encoded captions, by text, text encoder and layer."""

    def __init__(self, store: Store, clip: str) -> None:
        """`clip`: fingerprint of the text encoder, its patches and its layer."""
        self._store, self._clip, self._sound = store, clip, _Sound()

    def key(self, caption: Caption) -> str:
        """What the encoding of a caption is kept under."""
        return hashed("text", self._clip, astuple(caption))

    def fill(self, captions: Iterable[Caption], encode: EncodeText) -> Iterator[tuple[int, int]]:
        """Encode what is missing, every caption once; yields (done, total) of it.

        Raises:
            AthanorError: a caption whose encoding is NaN or infinite.
        """
        missing = [c for c in dict.fromkeys(captions) if self._is_missing(self.key(c))]
        for done, caption in enumerate(missing, 1):
            tensors, meta = encode(caption)
            if not finite(tensors):
                raise AthanorError(
                    f'The text encoder gives NaN or infinity for the caption "{_short(caption.text)}": connect another CLIP, or '
                    "start ComfyUI with --fp32-text-enc."
                )
            self._sound.made(self.key(caption))
            try:
                self._store.put(self.key(caption), tensors, **meta)
            except TypeError:  # an encoder that gives more than tensors and plain values: not for the disk
                self._store = MemoryStore()
                self._store.put(self.key(caption), tensors, **meta)
            yield done, len(missing)

    def _is_missing(self, key: str) -> bool:
        return self._store.meta(key) is None or self._sound.known_bad(key)

    def meta(self, caption: Caption) -> dict[str, Any]:
        """The plain values of a caption's encoding; empty if it is not there."""
        return self._store.meta(self.key(caption)) or {}

    def get(self, caption: Caption) -> tuple[Tensors, dict[str, Any]] | None:
        """Tensors and plain values, or None if lost or not finite."""
        found = self._store.get(self.key(caption))
        return found if found is None or self._sound.read(self.key(caption), found[0]) else None


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[:most]}..."
