"""Check edit pairs: control pictures that are missing, the same as their picture, of another shape, shared, or mixed up."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from ...pictures import UnreadablePicture
from ...wording import first_few, plural
from .. import decode
from ..dataset import Dataset
from .alike import hashes
from .finding import Finding, Level, names
from .grouping import Tick, same
from .measure import Measure, control_sources, measure_sources

SHAPE = 0.04
"""How much wider or higher a control picture may be than its picture: sizes that are multiples of 16 differ by up to 3 %."""

FAR, NEAR = 20, 8
"""Bits of 64: a picture whose own control picture is at least FAR from it and another one at most NEAR is taken for mixed up.
Hashes of unrelated pictures differ by 32 bits, give or take 5."""

_ROWS = 512  # of the matrix of distances at a time: 20 MB with 10,000 pictures

Groups = tuple[tuple[int, ...], ...]


def measure_controls(dataset: Dataset, tick: Tick | None = None) -> dict[int, list[Measure | None]]:
    """Measure the control pictures of all pictures that have some, each file once; None for one that cannot be read any more.

    Args:
        tick: called with (control pictures measured, of how many).
    """
    of = {i: control_sources(dataset, picture) for i, picture in enumerate(dataset.pictures) if picture.controls}
    sources = list(dict.fromkeys(source for each in of.values() for source in each))
    measured = dict(zip(sources, measure_sources(sources, tick), strict=True))
    return {i: [measured[source] for source in each] for i, each in of.items()}


def check(
    dataset: Dataset,
    texts: Sequence[str],
    measures: Sequence[Measure | None],
    controls: Mapping[int, Sequence[Measure | None]],
) -> list[Finding]:
    """Return the findings about control pictures; none for a dataset without them.

    Args:
        texts: what each picture is trained on, from `training_texts`.
        measures: of all pictures, from `measure_all`.
        controls: of their control pictures, from `measure_controls`.
    """
    pairs = list(controls)
    unreadable = [i for i, each in controls.items() if None in each]
    both = {i: (own, each[0]) for i, each in controls.items() if (own := measures[i]) and each[0]}
    copies = _copies(dataset, pairs, both)
    return [
        *_unreadable(dataset, unreadable),
        *_missing(dataset),
        *_identical(dataset, pairs, copies),
        *_mixed_up(dataset, {i: each for i, each in both.items() if i not in copies}),
        *_numbers(dataset, pairs),
        *_shapes(dataset, pairs),
        *_shared(dataset, texts, pairs),
    ]


def _finding(level: Level, kind: str, text: str, pictures: Sequence[int], groups: Groups = ()) -> list[Finding]:
    return [Finding(level=level, kind=kind, text=text, pictures=tuple(pictures), groups=groups, shows_controls=True)]


def _unreadable(dataset: Dataset, pictures: Sequence[int]) -> list[Finding]:
    if not pictures:
        return []
    count = plural(len(pictures), "picture")
    text = f"{count} with a control picture that can no longer be read, load the dataset again: {names(dataset, pictures)}."
    return _finding("error", "unreadable control pictures", text, pictures)


def _missing(dataset: Dataset) -> list[Finding]:
    """Find pictures without a control picture in subsets that have a folder of them."""
    paired = {i for i, subset in enumerate(dataset.subsets) if subset.control_folder.strip()}
    paired |= {picture.subset for picture in dataset.pictures if picture.controls}
    alone = [i for i, picture in enumerate(dataset.pictures) if picture.subset in paired and not picture.controls]
    if not alone:
        return []
    text = f"{plural(len(alone), 'picture')} without a control picture: {names(dataset, alone)}."
    return _finding("warning", "missing control pictures", text, alone)


def _copies(dataset: Dataset, pairs: Sequence[int], both: dict[int, tuple[Measure, Measure]]) -> list[int]:
    """Return the pictures whose control picture is the same file, or has the same pixels."""
    found = []
    for i in pairs:
        picture, control = dataset.pictures[i], dataset.pictures[i].controls[0]
        if picture.content == control.content or (
            i in both and both[i][0].thumb == both[i][1].thumb and _same_pixels(dataset, i)
        ):
            found.append(i)
    return found


def _same_pixels(dataset: Dataset, picture: int) -> bool:
    """Whether a picture and its control picture have equal pixels, whatever their files: a blur or noise is another picture."""
    one = dataset.pictures[picture]
    control = one.controls[0]
    if one.size != control.size:
        return False
    background = dataset.subsets[one.subset].alpha_background
    try:
        own, other = (np.asarray(decode.decode(path, background)) for path in (one.path, control.path))
    except UnreadablePicture:
        return False
    return np.array_equal(own, other)


def _identical(dataset: Dataset, pairs: Sequence[int], copies: Sequence[int]) -> list[Finding]:
    if not copies:
        return []
    level = "error" if len(copies) == len(pairs) else "warning"
    count = plural(len(copies), "picture")
    text = f"{count} equal to the control picture, from which only copying is learned: {names(dataset, copies)}."
    return _finding(level, "same as control picture", text, copies)


def _mixed_up(dataset: Dataset, both: dict[int, tuple[Measure, Measure]]) -> list[Finding]:
    """Find pictures that look like the control picture of another one, and not like their own."""
    indices = list(both)
    if len(indices) < 2:
        return []
    own, controls = (
        np.stack([np.frombuffer(both[i][k].thumb, np.uint8).reshape(32, 32, 3) for i in indices]) for k in (0, 1)
    )
    bits, other_bits = (np.where(hashes(thumbs), np.float32(1), np.float32(-1)) for thumbs in (own, controls))
    apart = (64 - (bits * other_bits).sum(1)) / 2
    far = np.flatnonzero(apart >= FAR)
    groups = []
    for start in range(0, len(far), _ROWS):
        rows = far[start : start + _ROWS]
        distances = (64 - bits[rows] @ other_bits.T) / 2
        nearest = distances.argmin(1)
        near = distances[np.arange(len(rows)), nearest] <= NEAR
        rows, nearest = rows[near], nearest[near]
        mixed = same(own[rows], controls[nearest]) & ~same(own[rows], controls[rows])
        groups += [(indices[i], indices[j]) for i, j in zip(rows[mixed], nearest[mixed], strict=True)]
    if not groups:
        return []
    pictures = dataset.pictures
    shown = first_few([f"{pictures[i].name} (like that of {pictures[j].name})" for i, j in groups])
    count = plural(len(groups), "picture")
    text = (
        f"{count} whose names may be mixed up, like the control picture of another one and not like the own: {shown}."
    )
    ordered = tuple(dict.fromkeys(i for i, _ in groups))
    return _finding("warning", "mixed-up pairs", text, ordered, groups=tuple(groups))


def _numbers(dataset: Dataset, pairs: Sequence[int]) -> list[Finding]:
    """Find pictures with fewer or more control pictures than most have."""
    counts = {i: len(dataset.pictures[i].controls) for i in pairs}
    if len(set(counts.values())) < 2:
        return []
    [(most, _)] = Counter(counts.values()).most_common(1)
    others = [i for i in pairs if counts[i] != most]
    shown = first_few([f"{dataset.pictures[i].name} ({counts[i]})" for i in others])
    text = f"{plural(len(others), 'picture')} with another number of control pictures than most, which have {most}: {shown}."
    return _finding("hint", "number of control pictures", text, others)


def _shapes(dataset: Dataset, pairs: Sequence[int]) -> list[Finding]:
    """Find pictures whose first control picture has another aspect ratio; further ones are often of other things."""
    differing = {}
    for i in pairs:
        (width, height), (wide, high) = dataset.pictures[i].size, dataset.pictures[i].controls[0].size
        apart = abs(math.log(width / height * high / wide))
        if apart > math.log1p(SHAPE):
            differing[i] = apart
    if not differing:
        return []
    order = sorted(differing, key=lambda i: -differing[i])
    sizes = {i: (dataset.pictures[i].size, dataset.pictures[i].controls[0].size) for i in order}
    shown = first_few([f"{dataset.pictures[i].name} ({w}x{h}, from {a}x{b})" for i, ((w, h), (a, b)) in sizes.items()])
    count = plural(len(order), "picture")
    text = (
        f"{count} of another shape than the control picture; where both are cropped together, they show different parts: "
        f"{shown}."
    )
    return _finding("hint", "shapes of pairs", text, order)


def _shared(dataset: Dataset, texts: Sequence[str], pairs: Sequence[int]) -> list[Finding]:
    """Find control pictures of several different pictures: a warning where the caption is the same as well, else a hint."""
    pictures = dataset.pictures
    by_controls: dict[Hashable, dict[str, int]] = defaultdict(dict)  # -> one picture of each content
    for i in pairs:
        by_controls[tuple(control.content for control in pictures[i].controls)].setdefault(pictures[i].content, i)
    groups = [tuple(group.values()) for group in by_controls.values() if len(group) > 1]
    unclear = []
    for group in groups:
        by_text = defaultdict(list)
        for i in group:
            by_text[texts[i]].append(i)
        unclear += [tuple(some) for some in by_text.values() if len(some) > 1]
    result = []
    if unclear:
        count = plural(sum(map(len, unclear)), "picture")
        text = (
            f"{count} have the same control picture and the same caption as others, so nothing tells which one is meant: "
            f"{_listed(dataset, unclear)}."
        )
        result += _finding("warning", "contradicting pairs", text, sum(unclear, ()), groups=tuple(unclear))
    clear = [group for group in groups if group not in unclear]
    if clear:
        count = plural(sum(map(len, clear)), "picture")
        text = f"{count} share their control picture with others, so that only the caption tells them apart: {_listed(dataset, clear)}."
        result += _finding("hint", "shared control pictures", text, sum(clear, ()), groups=tuple(clear))
    return result


def _listed(dataset: Dataset, groups: Sequence[tuple[int, ...]]) -> str:
    """Return up to three control pictures and of how many pictures each is one."""
    return first_few([f"{dataset.pictures[group[0]].controls[0].path.name} ({len(group)})" for group in groups])
