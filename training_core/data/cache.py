"""Encode every crop variant and every caption of a plan once, so that VAE and text encoders can leave the GPU."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import astuple, replace
from typing import Any

import numpy as np
import torch

from ..errors import AthanorError
from ..randomness import keyed
from . import eight_bit, holes, images
from .control_views import controls_of
from .plan import Buckets, CropVariant, SampleCaption
from .prefetch import prefetched
from .store import MemoryStore, Store, Tensors

VERSION = 1
"""Version of the stored format and of the preparation of pictures, part of every key: raising it makes old entries unused."""

Encode = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor | None]]
"""Pixels (B, H, W, 3) float32 in 0..1 -> mean of the VAE's posterior and, where it has one, its std: (B, C, ...) on the CPU."""

EncodeText = Callable[[SampleCaption], tuple[Tensors, dict[str, Any]]]
"""A caption -> the text encoders' tensors by name, and plain values about them that JSON can hold."""


Around = Callable[[Sequence[str]], AbstractContextManager[object]]
"""Names of pictures -> the context in which they are encoded together."""


def hashed(*parts: Any) -> str:
    """Return the SHA-256 (64 hex digits) of VERSION and the `repr` of every part."""
    return hashlib.sha256(repr((VERSION, *parts)).encode()).hexdigest()


def finite(tensors: Tensors) -> bool:
    """Whether an encoding has no NaN and no infinity in its floating point tensors."""
    return all(bool(value.isfinite().all()) for value in tensors.values() if value.is_floating_point())


class _FiniteChecks:
    """Remembers which entries of a store are free of NaN and infinity, so that each entry is checked once per run.

    Entries made in this run are checked as they are encoded, those of earlier runs when they are first read.
    """

    def __init__(self) -> None:
        self._good: set[str] = set()
        self._bad: set[str] = set()

    def mark_finite(self, key: str) -> None:
        """Note that a new entry, already checked, is finite."""
        self._bad.discard(key)
        self._good.add(key)

    def is_known_bad(self, key: str) -> bool:
        """Whether an entry was read and found not finite; it counts as missing and is encoded again."""
        return key in self._bad

    def check(self, key: str, tensors: Tensors) -> bool:
        """Return whether an entry just read from the store is finite, and remember the answer."""
        if key not in self._good:
            (self._good if finite(tensors) else self._bad).add(key)
        return key in self._good


class LatentCache:
    """Latents of a dataset's crop variants, stored by content: the key covers file, background, crop, flip, colour and VAE.

    The latents of control pictures are kept as well, if their size is known.
    """

    def __init__(self, store: Store, buckets: Buckets, vae: str, batch_size: int, control_size: str = "") -> None:
        """Prepare a cache in `store`; nothing is encoded yet.

        Args:
            vae: fingerprint of the VAE's weights.
            batch_size: pictures that the VAE encodes at once.
            control_size: "same" or "own"; empty: control pictures are left out.
        """
        self._store, self._buckets, self._vae, self._batch_size = store, buckets, vae, batch_size
        self._control_size = control_size
        self._finite = _FiniteChecks()
        self._broken: set[str] = set()  # keys of latents that the VAE makes NaN or infinite

    def key(self, variant: CropVariant) -> str:
        """Return the store's key of a variant's latent."""
        return hashed("latent", self._vae, *self.seen(variant))

    def seen(self, variant: CropVariant) -> tuple[Any, ...]:
        """Return all that a variant's pixels depend on."""
        picture = self._buckets.dataset.pictures[variant.picture]
        settings = self._buckets.dataset.subsets[picture.subset]
        how = (astuple(variant.placement), self._buckets.settings.resize_interpolation, variant.flip, variant.colour)
        if variant.control >= 0:
            return picture.controls[variant.control].content, settings.alpha_background, how
        own = (picture.content, None if settings.alpha_mask else settings.alpha_background, how)
        if variant.control != holes.HIDDEN:
            return own
        return *own, "hidden", (picture.mask.content, picture.mask.is_alpha) if picture.mask else variant.hole

    def controls(self, variant: CropVariant) -> tuple[CropVariant, ...]:
        """Return the control pictures of a variant's picture, cut as it is; () where they are left out.

        For an inpainting model: the picture itself, with a part hidden.
        """
        if self._buckets.inpainting:
            return (replace(variant, control=holes.HIDDEN),)
        return controls_of(self._buckets, variant, self._control_size) if self._control_size else ()

    def _with_controls(self, variants: Iterable[CropVariant]) -> list[CropVariant]:
        """Return each variant, and the control pictures of each, once."""
        unique = dict.fromkeys(variants)
        return list(dict.fromkeys(one for variant in unique for one in (variant, *self.controls(variant))))

    def _mask_key(self, variant: CropVariant) -> str | None:
        picture = self._buckets.dataset.pictures[variant.picture]
        if picture.mask is None and variant.control == holes.HIDDEN:
            return hashed("hole", picture.content, variant.hole, variant.placement.bucket)
        if (mask := picture.mask) is None or variant.control >= 0:
            return None
        return hashed("mask", mask.content, mask.is_alpha, astuple(variant.placement), variant.flip)

    def keys(self, variants: Iterable[CropVariant]) -> set[str]:
        """Return the store's keys of all latents and masks that these variants and their control pictures need."""
        variants = self._with_controls(variants)
        return {self.key(variant) for variant in variants} | {
            key for variant in variants if (key := self._mask_key(variant))
        }

    def fill(
        self, variants: Iterable[CropVariant], encode: Encode, around: Around = lambda _: nullcontext()
    ) -> Iterator[tuple[int, int]]:
        """Encode the variants whose latents are missing, and their control pictures, in batches of one size; yield (done, total)
        before and after each batch.

        A latent that is NaN or infinite is not kept; `is_broken` knows it from then on.
        """
        variants = self._with_controls(variants)
        for variant in variants:  # masks need no encoder
            if (key := self._mask_key(variant)) and self._store.meta(key) is None:
                self._store.put(key, {"mask": self._mask(variant)})
        unique = {key: variant for variant in variants if self._is_missing(key := self.key(variant))}
        batches = self._batches(list(unique.items()))
        done = 0
        if unique:
            yield done, len(unique)
        for batch, ((keys, pixels), _) in zip(batches, prefetched(batches, self._pixels), strict=True):
            with around([self._name(variant) for _, variant in batch]):
                mean, std = encode(pixels)
            made = {
                key: {"mean": mean[i : i + 1]} | ({} if std is None else {"std": std[i : i + 1]})
                for i, key in enumerate(keys)
            }
            for key, parts in made.items():
                if not finite(parts):
                    self._broken.add(key)
                    continue
                # Cloned, as a slice would keep the memory of the whole batch.
                self._store.put(key, eight_bit.packed({name: value.clone() for name, value in parts.items()}))
                self._finite.mark_finite(key)
            done += len(keys)
            yield done, len(unique)

    def _name(self, variant: CropVariant) -> str:
        picture = self._buckets.dataset.pictures[variant.picture]
        return picture.name if variant.control < 0 else picture.controls[variant.control].path.name

    def _is_missing(self, key: str) -> bool:
        return key not in self._broken and (self._store.meta(key) is None or self._finite.is_known_bad(key))

    def is_broken(self, variant: CropVariant) -> bool:
        """Return whether the VAE was found to encode a variant, or a control picture of it, as NaN or infinity."""
        return bool(self._broken) and any(self.key(one) in self._broken for one in self._with_controls([variant]))

    def _batches(self, missing: list[tuple[str, CropVariant]]) -> list[list[tuple[str, CropVariant]]]:
        by_bucket: dict[Any, list[tuple[str, CropVariant]]] = {}
        for entry in missing:
            by_bucket.setdefault(entry[1].placement.bucket, []).append(entry)
        size = self._batch_size
        return [group[i : i + size] for _, group in sorted(by_bucket.items()) for i in range(0, len(group), size)]

    def _pixels(self, batch: list[tuple[str, CropVariant]]) -> tuple[list[str], torch.Tensor]:
        return [key for key, _ in batch], torch.stack([self.pixels(variant) for _, variant in batch])

    def pixels(self, variant: CropVariant) -> torch.Tensor:
        """Return a variant's picture as it goes to the VAE, (H, W, 3) float32 in 0..1."""
        dataset = self._buckets.dataset
        picture = dataset.pictures[variant.picture]
        image = dataset.image(picture) if variant.control < 0 else dataset.control(picture, variant.control)
        image = images.fit(image, variant.placement, variant.flip, self._buckets.settings.resize_interpolation)
        if variant.colour:
            image = images.shift_colours(image, keyed(picture.content, "colour", variant.colour))
        pixels = images.to_tensor(image)
        if variant.control == holes.HIDDEN:
            pixels[self._mask(variant) > 127] = 0.5  # grey, as ComfyUI's InpaintModelConditioning has it
        return pixels

    def _mask(self, variant: CropVariant) -> torch.Tensor:
        """Return the variant's mask, (H, W) uint8 in the bucket's size: resized, cut and mirrored like its picture, or drawn."""
        dataset = self._buckets.dataset
        picture = dataset.pictures[variant.picture]
        if picture.mask is None and variant.hole:
            return torch.from_numpy(holes.drawn(variant.placement.bucket, picture.content, variant.hole))
        mask = dataset.mask(picture)
        if mask is None:
            raise AthanorError(
                f"{picture.name}: its mask has disappeared since the dataset was read; load the dataset again."
            )
        return torch.from_numpy(np.array(images.fit(mask, variant.placement, variant.flip)))

    def get(self, variant: CropVariant) -> Tensors | None:
        """Return the variant's tensors: "mean" (1, C, ...), and if it has them "std" (1, C, ...) and "mask" (H, W) uint8: where it is
        trained on, or with a part hidden where it is.

        None if one of them is missing in the store or not finite.
        """
        key, mask_key = self.key(variant), self._mask_key(variant)
        latent = self._store.get(key)
        if latent is None or not self._finite.check(key, latent[0]):
            return None
        mask = self._store.get(mask_key) if mask_key else ({}, {})
        return None if mask is None else eight_bit.unpacked(latent[0]) | mask[0]


class TextCache:
    """Encoded captions, stored by text, text encoder and layer, and by the control pictures that the encoder sees."""

    def __init__(self, store: Store, clip: str, seen: Callable[[CropVariant], Any] = repr) -> None:
        """Prepare a cache in `store`; nothing is encoded yet.

        Args:
            clip: fingerprint of the text encoders' weights and patches, and of the layer that is read.
            seen: all that what the encoder sees of a control picture depends on.
        """
        self._store, self._clip, self._finite, self._seen = store, clip, _FiniteChecks(), seen

    def key(self, caption: SampleCaption) -> str:
        """Return the store's key of a caption's encoding."""
        words = astuple(replace(caption, shown=()))[:-1]
        return hashed("text", self._clip, words, *map(self._seen, caption.shown))

    def fill(self, captions: Iterable[SampleCaption], encode: EncodeText) -> Iterator[tuple[int, int]]:
        """Encode the captions that are missing, each once; yield (done, total) before and after each.

        Raises:
            AthanorError: a caption whose encoding is NaN or infinite.
        """
        missing = [c for c in dict.fromkeys(captions) if self._is_missing(self.key(c))]
        if missing:
            yield 0, len(missing)
        for done, caption in enumerate(missing, 1):
            tensors, meta = encode(caption)
            if not finite(tensors):
                raise AthanorError(
                    f'The text encoder gives NaN or infinity for the caption "{_short(caption.text)}": connect another CLIP, or '
                    "start ComfyUI with --fp32-text-enc."
                )
            self._finite.mark_finite(self.key(caption))
            try:
                self._store.put(self.key(caption), tensors, **meta)
            except TypeError:  # this encoder returns values that JSON cannot hold: from now on captions stay in memory
                self._store = MemoryStore()
                self._store.put(self.key(caption), tensors, **meta)
            yield done, len(missing)

    def _is_missing(self, key: str) -> bool:
        return self._store.meta(key) is None or self._finite.is_known_bad(key)

    def meta(self, caption: SampleCaption) -> dict[str, Any]:
        """Return the plain values of a caption's encoding; {} if it is not in the store."""
        return self._store.meta(self.key(caption)) or {}

    def get(self, caption: SampleCaption) -> tuple[Tensors, dict[str, Any]] | None:
        """Return a caption's tensors and plain values; None if they are missing in the store or not finite."""
        key = self.key(caption)
        encoding = self._store.get(key)
        return encoding if encoding is not None and self._finite.check(key, encoding[0]) else None


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[:most]}..."
