"""Find pictures that are the same: equal files, nearly equal pixels (perceptual hash), and mirror images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from scipy import fft

from ...wording import first_few, plural
from ..dataset import Dataset
from .finding import Finding, Level
from .grouping import Groups, Look, Tick, group, same
from .measure import Measure


def hashes(thumbs: np.ndarray) -> np.ndarray:
    """Return the perceptual hashes of RGB thumbnails (n, 32, 32, 3) uint8 as bool (n, 64).

    This is pHash: of the grey picture's DCT the 8x8 lowest frequencies, each compared with their median.
    """
    grey = thumbs.mean(3, dtype=np.float32)
    low = np.asarray(fft.dctn(grey, axes=(1, 2), norm="ortho"))[:, :8, :8].reshape(len(grey), 64)
    low[:, 0] = 0  # the mean brightness, which may differ
    low[np.abs(low) < 0.5] = 0  # of flat pictures only rounding errors are left, which must not become bits
    return low > np.median(low, axis=1, keepdims=True)


def check(
    dataset: Dataset,
    measures: Sequence[Measure | None],
    distance: int,
    tick: Tick | None = None,
    controls: Mapping[int, Sequence[Measure | None]] = MappingProxyType({}),
) -> list[Finding]:
    """Return findings about duplicates (warning), near-duplicates (warning) and mirror images (hint).

    Args:
        distance: bits of 64 in which near-duplicates' hashes may differ; 0: look for equal files only.
        tick: called with (pictures compared, of how many), once for near-duplicates and once for mirror images.
        controls: of control pictures, from `pairs.measure_controls`. Pairs are alike if their control pictures are, too.
    """
    result = []
    by_content, by_pair = defaultdict(list), defaultdict(list)
    for index, picture in enumerate(dataset.pictures):
        by_content[picture.content].append(index)
        by_pair[picture.content, tuple(control.content for control in picture.controls)].append(index)
    # The same picture out of several control pictures is no duplicate: damaged copies of one, of which it is learned to mend.
    if exact := [tuple(group) for group in by_pair.values() if len(group) > 1]:
        result.append(_finding(dataset, "warning", "duplicates", exact, "the same file; keep one and use repeats"))
    # One of each content: equal files are not near-duplicates too.
    firsts = [group[0] for group in by_content.values() if measures[group[0]] is not None]
    if not distance or len(firsts) < 2:
        return result
    thumbs = np.stack([np.frombuffer(measures[i].thumb, np.uint8).reshape(32, 32, 3) for i in firsts])
    mirrored = thumbs[:, :, ::-1]
    look = Look.of(thumbs, hashes(thumbs))
    near = group(look, look, distance, tick=tick)
    if groups := _as_pairs(dataset, _named(near, firsts), controls):
        result.append(
            _finding(dataset, "warning", "near-duplicates", groups, "nearly the same picture; keep the best of each")
        )
    # A symmetric picture is its own mirror image: what is alike anyway is not named again.
    turned = group(look, Look.of(mirrored, hashes(mirrored)), distance, near.number, tick)
    if groups := _as_pairs(dataset, _named(turned, firsts), controls):
        advice = "the same picture mirrored; keep one of them and turn on flip_aug instead"
        result.append(_finding(dataset, "hint", "mirrored", groups, advice))
    return result


def _named(groups: Groups, firsts: Sequence[int]) -> list[tuple[int, ...]]:
    return [tuple(firsts[i] for i in group) for group in groups.listed()]


def _as_pairs(
    dataset: Dataset, groups: list[tuple[int, ...]], controls: Mapping[int, Sequence[Measure | None]]
) -> list[tuple[int, ...]]:
    """Return groups in which the first control pictures look the same as well, mirrored or not; without those that are meant so.

    Several edits of one control picture are meant so, if each has a caption of its own.
    """
    result = []
    for alike in groups:
        parts: list[list[int]] = []
        for i in alike:
            part = next((part for part in parts if _same_control(controls.get(part[0]), controls.get(i))), None)
            parts.append([i]) if part is None else part.append(i)
        for part in parts:
            pictures = [dataset.pictures[i] for i in part]
            one = len({tuple(c.content for c in p.controls) for p in pictures}) == 1 and pictures[0].controls
            if len(part) > 1 and not (one and len({p.caption for p in pictures}) == len(part)):
                result.append(tuple(part))
    return result


def _same_control(one: Sequence[Measure | None] | None, other: Sequence[Measure | None] | None) -> bool:
    """Whether two pictures have no control pictures, or first ones that look the same or mirrored."""
    if not one or not other:
        return not one and not other
    if one[0] is None or other[0] is None:
        return False
    a, b = (np.frombuffer(each.thumb, np.uint8).reshape(1, 32, 32, 3) for each in (one[0], other[0]))
    return bool(same(a, b)[0] or same(a, b[:, :, ::-1])[0])


def _finding(dataset: Dataset, level: Level, kind: str, groups: list[tuple[int, ...]], advice: str) -> Finding:
    shown = [_equal([dataset.pictures[i].name for i in group]) for group in groups]
    pictures = tuple(i for group in groups for i in group)
    text = f"{plural(len(pictures), 'picture')} in {plural(len(groups), 'group')} are {advice}: {first_few(shown)}."
    return Finding(level=level, kind=kind, text=text, pictures=pictures, groups=tuple(groups))


def _equal(pictures: list[str]) -> str:
    return " = ".join(pictures[:3]) + (f" and {len(pictures) - 3} more" if len(pictures) > 3 else "")
