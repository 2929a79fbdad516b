"""Find pictures that are the same: equal files, nearly equal pixels (perceptual hash), and mirror images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy import fft
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..dataset import Dataset, few, several
from .finding import Finding, Level
from .measure import Measure

_ROWS = 1024  # of the matrix of agreeing bits at a time: with 10,000 pictures 40 MB instead of 400


def hashes(thumbs: np.ndarray) -> np.ndarray:
    """Return the perceptual hashes of RGB thumbnails (n, 32, 32, 3) uint8 as bool (n, 64).

    This is pHash: of the grey picture's DCT the 8x8 lowest frequencies, each compared with their median.
    """
    grey = thumbs.astype(np.float32).mean(3)
    low = np.asarray(fft.dctn(grey, axes=(1, 2), norm="ortho"))[:, :8, :8].reshape(len(grey), 64)
    low[:, 0] = 0  # the mean brightness, which may differ
    low[np.abs(low) < 0.5] = 0  # of flat pictures only rounding errors are left, which must not become bits
    return low > np.median(low, axis=1, keepdims=True)


def pairs(a: np.ndarray, b: np.ndarray, distance: int) -> np.ndarray:
    """Return the index pairs (n, 2) with i < j whose bits a[i] and b[j] differ in at most `distance` places."""
    left, right = (np.where(bits, 1, -1).astype(np.float32) for bits in (a, b))
    result = []
    for start in range(0, len(left), _ROWS):
        # Of +1 and -1 the product sums to (equal bits) - (different bits).
        agreeing = left[start : start + _ROWS] @ right.T
        i, j = np.nonzero(agreeing >= left.shape[1] - 2 * distance)
        i = i + start
        result.append(np.stack([i, j], 1)[i < j])
    return np.concatenate(result) if result else np.zeros((0, 2), dtype=int)


def same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether thumbnails a[i] and b[i] (n, 32, 32, 3) show the same picture: bool (n,).

    A hash alone cannot know: simple pictures often share one. The colours may be shifted a little; the structure (the
    deviation from the mean colour) must differ by less than 0.6 of its own spread. For flat pictures the colour decides.
    """
    a, b = a.astype(np.float32), b.astype(np.float32)
    centred = [x - x.mean((1, 2), keepdims=True) for x in (a, b)]
    spread = (centred[0].std((1, 2, 3)) + centred[1].std((1, 2, 3))) / 2
    differing = np.sqrt(((centred[0] - centred[1]) ** 2).mean((1, 2, 3)))
    return (differing < 0.6 * (spread + 4)) & (np.abs(a - b).mean((1, 2, 3)) < spread + 6)


def clusters(count: int, links: np.ndarray) -> list[tuple[int, ...]]:
    """Return the groups of 2 or more out of `count` things that are connected by links (n, 2), directly or over others."""
    if not len(links):
        return []
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(count, count))
    groups = defaultdict(list)
    for index, label in enumerate(connected_components(graph, directed=False)[1]):
        groups[label].append(index)
    return sorted(tuple(group) for group in groups.values() if len(group) > 1)


def confirmed(thumbs: np.ndarray, others: np.ndarray, links: np.ndarray) -> np.ndarray:
    """Return those of the links (n, 2) between `thumbs` and `others` whose thumbnails are the `same`.

    Compared in blocks of 4096, so that many links of flat pictures do not fill the memory.
    """
    parts = [links[start : start + 4096] for start in range(0, len(links), 4096)]
    return np.concatenate([part[same(thumbs[part[:, 0]], others[part[:, 1]])] for part in parts] or [links])


def check(dataset: Dataset, measures: Sequence[Measure | None], distance: int) -> list[Finding]:
    """Return findings about duplicates (warning), near-duplicates (warning) and mirror images (hint).

    Args:
        distance: bits of 64 in which near-duplicates' hashes may differ; 0: look for equal files only.
    """
    result = []
    by_content = defaultdict(list)
    for index, picture in enumerate(dataset.pictures):
        by_content[picture.content].append(index)
    if exact := [tuple(group) for group in by_content.values() if len(group) > 1]:
        result.append(_finding(dataset, "warning", "duplicates", exact, "the same file; keep one and use repeats"))
    # One of each content: equal files are not near-duplicates too.
    firsts = [group[0] for group in by_content.values() if measures[group[0]] is not None]
    if not distance or len(firsts) < 2:
        return result
    thumbs = np.stack([np.frombuffer(measures[i].thumb, np.uint8).reshape(32, 32, 3) for i in firsts])
    mirrored = thumbs[:, :, ::-1]
    bits = hashes(thumbs)
    links = confirmed(thumbs, thumbs, pairs(bits, bits, distance))
    near = clusters(len(firsts), links)
    if near:
        groups = [tuple(firsts[i] for i in group) for group in near]
        result.append(
            _finding(dataset, "warning", "near-duplicates", groups, "nearly the same picture; keep the best of each")
        )
    together = {i: number for number, group in enumerate(near) for i in group}
    turned = confirmed(thumbs, mirrored, pairs(bits, hashes(mirrored), distance))
    # A symmetric picture is its own mirror image: what is alike anyway is not named again.
    turned = np.array([p for p in turned if together.get(p[0], -1) != together.get(p[1], -2)], dtype=int).reshape(-1, 2)
    if len(turned):
        groups = [tuple(firsts[i] for i in group) for group in clusters(len(firsts), turned)]
        advice = "the same picture mirrored; keep one of them and turn on flip_aug instead"
        result.append(_finding(dataset, "hint", "mirrored", groups, advice))
    return result


def _finding(dataset: Dataset, level: Level, kind: str, groups: list[tuple[int, ...]], advice: str) -> Finding:
    shown = [_equal([dataset.pictures[i].name for i in group]) for group in groups]
    pictures = tuple(i for group in groups for i in group)
    text = f"{several(len(pictures), 'picture')} in {several(len(groups), 'group')} are {advice}: {few(shown)}."
    return Finding(level=level, kind=kind, text=text, pictures=pictures, groups=tuple(groups))


def _equal(pictures: list[str]) -> str:
    return " = ".join(pictures[:3]) + (f" and {len(pictures) - 3} more" if len(pictures) > 3 else "")
