"""The pictures of a dataset that others are compared with."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np

from ..data.dataset import Dataset, Picture
from ..data.doctor.alike import hashes
from ..data.doctor.grouping import Look as Seen
from ..data.doctor.grouping import group
from ..data.doctor.measure import load, source_of
from ..errors import AthanorError, quoted
from ..pictures import UnreadablePicture
from .looks import Measure, Progress

_SIDE = 512
"""Pictures are reduced to no less than this longest side: no vision model sees more of them."""
_BITS = 8
"""Of 64, in which the perceptual hashes of near duplicates may differ; `grouping.same` compares their pixels, too."""
_MOST = 128 * 2**20
"""Bytes of pictures that are remembered: 5000 of 26 kB each by a vision model, 12000 of 11 kB by colours and edges."""
_CHUNK = 16  # pictures in memory at a time
_Key = tuple[str, str, str | None]
"""Measure, picture and background of transparent ones."""


def training_pictures(dataset: Dataset, without: frozenset[str] = frozenset()) -> list[Picture]:
    """Return the pictures that are learned: no regularization ones, none whose content is in `without`, and each content once."""
    pictures = [p for p in dataset.pictures if not dataset.subsets[p.subset].is_reg and p.content not in without]
    return list({picture.content: picture for picture in reversed(pictures)}.values())[::-1]


def filtered(pictures: Sequence[Picture], caption_filter: str) -> list[Picture]:
    """Return the pictures whose captions have all terms of a filter, and none of those with a - in front.

    Raises:
        AthanorError: no caption does.
    """
    terms = [term for part in caption_filter.split(",") if (term := part.strip().casefold())]
    wanted = [term for term in terms if not term.startswith("-")]
    unwanted = [term[1:].strip() for term in terms if term.startswith("-")]
    found = [
        picture
        for picture in pictures
        if all(term in picture.caption.casefold() for term in wanted)
        and not any(term and term in picture.caption.casefold() for term in unwanted)
    ]
    if not found:
        raise AthanorError(f"caption_filter {quoted(caption_filter)}: no caption of the training pictures has that.")
    return found


def digest(pictures: Iterable[Picture]) -> str:
    """Return a SHA-256 of some pictures' contents, whatever their order."""
    return hashlib.sha256(" ".join(sorted(picture.content for picture in pictures)).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """Pictures with their looks, plain and mirrored; those that cannot be read any more are left out."""

    pictures: tuple[Picture, ...]
    wholes: np.ndarray  # (n, d)
    layouts: np.ndarray  # (n, 2, e)
    groups: tuple[int, ...]  # equal numbers: near duplicates, mirrored or not


def look_at(dataset: Dataset, pictures: Sequence[Picture], measure: Measure, progress: Progress | None) -> References:
    """Look at pictures of a dataset, or remember how they look: each is decoded and embedded once in a process.

    Raises:
        AthanorError: none of them can be read, or the measure has failed.
    """
    found: list[tuple[Picture, _Kept]] = []
    for start in range(0, len(pictures), _CHUNK):
        chunk = pictures[start : start + _CHUNK]
        found += [(picture, kept) for picture, kept in zip(chunk, _chunk(dataset, chunk, measure), strict=True) if kept]
        if progress:
            progress(min(start + _CHUNK, len(pictures)), len(pictures))
    if not found:
        raise AthanorError("dataset: none of its training pictures can be read; load it again.")
    return References(
        pictures=tuple(picture for picture, _ in found),
        wholes=np.stack([kept.whole for _, kept in found]),
        layouts=np.stack([kept.layouts for _, kept in found]).astype(np.float32),
        groups=tuple(near_duplicates(np.stack([kept.thumb for _, kept in found]))),
    )


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is remembered of a picture."""

    whole: np.ndarray  # (d,) float32
    layouts: np.ndarray  # (2, e) float16, plain and mirrored
    thumb: np.ndarray  # (32, 32, 3) uint8

    @property
    def size(self) -> int:
        """Its bytes, with what Python needs for three arrays and a key."""
        return self.whole.nbytes + self.layouts.nbytes + self.thumb.nbytes + 1024


class _Memory:
    """Looks by picture and measure in this process; the ones that were added first are forgotten when it is full."""

    def __init__(self) -> None:
        self._known: OrderedDict[_Key, _Kept] = OrderedDict()
        self._size, self._lock = 0, Lock()

    def known(self, keys: Iterable[_Key]) -> dict[_Key, _Kept]:
        """Return what is remembered of some pictures."""
        with self._lock:
            return {key: self._known[key] for key in keys if key in self._known}

    def add(self, looks: Mapping[_Key, _Kept]) -> None:
        """Remember pictures that were not known."""
        with self._lock:
            new = {key: kept for key, kept in looks.items() if key not in self._known}
            self._known.update(new)
            self._size += sum(kept.size for kept in new.values())
            while self._size > _MOST:
                self._size -= self._known.popitem(last=False)[1].size


_memory = _Memory()


def _chunk(dataset: Dataset, pictures: Sequence[Picture], measure: Measure) -> list[_Kept | None]:
    sources = [source_of(dataset, picture) for picture in pictures]
    keys = [(measure.content, source.content, source.background) for source in sources]
    kept = _memory.known(keys)
    images, thumbs = {}, {}
    for key, source in zip(keys, sources, strict=True):
        if key in kept or key in images:
            continue
        try:
            picture = load(source, _SIDE)
        except UnreadablePicture:
            continue
        images[key] = np.asarray(picture)
        thumbs[key] = np.asarray(picture.resize((32, 32), 4))  # 4: a box
    looks = (
        measure.looks([side for image in images.values() for side in (image, image[:, ::-1].copy())]) if images else []
    )
    for key, plain, mirrored in zip(images, looks[::2], looks[1::2], strict=True):
        layouts = np.stack([plain.layout, mirrored.layout]).astype(np.float16)
        kept[key] = _Kept(plain.whole, layouts, thumbs[key])
    _memory.add(kept)
    return [kept.get(key) for key in keys]


def near_duplicates(thumbs: np.ndarray) -> list[int]:
    """Return a number for each thumbnail, (n, 32, 32, 3) uint8: equal for those that show nearly the same, mirrored or not."""
    mirrored = thumbs[:, :, ::-1]
    seen = Seen.of(thumbs, hashes(thumbs))
    near = group(seen, seen, _BITS)
    for alike in group(seen, Seen.of(mirrored, hashes(mirrored)), _BITS, near.number).listed():
        for other in alike[1:]:
            near.unite(alike[0], other)
    return [int(number) for number in near.number]
