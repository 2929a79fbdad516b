"""Pictures of the graph that are measured at once by the node Likeness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from ..errors import AthanorError
from ..settings import LikenessSettings
from ..wording import first_few, plural
from . import panel
from . import vectors as other_pack
from .cache import PictureScore
from .scorer import Asked, Say, Scorer
from .summary import Drawn, mean, variety

_SHOWN = ("likeness", "mean", "held_out", "prompt", "vectors")


@dataclass(frozen=True, slots=True, kw_only=True)
class AtOnce:
    """What was measured on some pictures."""

    likeness: tuple[float, ...]
    summary: str  # one line about all of them
    copies: str  # how copies are told, or why they cannot be
    lines: tuple[str, ...]  # one for each picture
    pages: tuple[Image.Image, ...]  # each beside its nearest training picture


def measure(
    scorer: Scorer,
    images: Sequence[np.ndarray],
    settings: LikenessSettings,
    say: Say | None,
    *,
    vectors: list[Any] | None = None,
    reference_vectors: list[Any] | None = None,
) -> AtOnce:
    """Measure pictures, each (H, W, 3) uint8.

    Args:
        settings: its prompt is one for all, or a line for each.
        vectors, reference_vectors: of another pack, of these pictures and of training pictures; None: not connected.

    Raises:
        AthanorError: prompts or vectors are of another number than the pictures, or the model has failed.
    """
    prompts = _prompts(settings.prompt, len(images))
    alike = _by_vectors(vectors, reference_vectors, len(images), settings.k)
    try:
        towers = scorer.towers(prompts, say)
        scores = scorer.score([Asked(pixels, prompt) for pixels, prompt in zip(images, prompts, strict=True)], say)
        calibration = scorer.calibration(say)
    finally:
        scorer.give_back()
    scores = [_with(score, value) for score, value in zip(scores, alike, strict=True)]
    lines, pairs = [], []
    for number, (pixels, score) in enumerate(zip(images, scores, strict=True), 1):
        told = ", ".join(
            f"{name.replace('_', '-')} {score.values[name]:.3f}" for name in _SHOWN if name in score.values
        )
        name = f"{score.nearest} ({score.nearest_value:.2f})"
        lines.append(f"{number}: {told}; nearest {name}" + ("; looks like a copy" if score.copy else ""))
        nearest = scorer.thumbnail(score.nearest, panel.SIDE)
        pairs.append(panel.Pair(picture=pixels, nearest=nearest, scores=told, name=name, copy=score.copy))
    drawn = [Drawn(prompt, seed, score) for seed, (prompt, score) in enumerate(zip(prompts, scores, strict=True))]
    lines += filter(None, [towers])
    likeness = tuple(score.values["likeness"] for score in scores)
    return AtOnce(
        likeness=likeness,
        summary=_summary(drawn, calibration.threshold is not None),
        copies=calibration.said,
        lines=tuple(lines),
        pages=tuple(panel.pages(pairs)),
    )


def _summary(drawn: Sequence[Drawn], tells_copies: bool) -> str:
    """Return how alike pictures are on average, how different from each other, and, if that can be told, which are copies."""
    likeness = mean([(each.prompt, each.score.values["likeness"]) for each in drawn])
    noise = f" ± {likeness['error']:.3f}" if likeness["error"] is not None else ""
    told = [f"{plural(len(drawn), 'picture')}: likeness {likeness['mean']:.3f}{noise}"]
    if different := variety(drawn):
        told.append(f"variety {mean(different)['mean']:.3f}")
    copies = [str(number) for number, each in enumerate(drawn, 1) if each.score.copy]
    if tells_copies:
        told.append(f"copies: {first_few(copies)}" if copies else "none looks like a copy")
    return ", ".join(told)


def _prompts(text: str, count: int) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) not in (0, 1, count):
        raise AthanorError(f"prompt has {len(lines)} lines for {count} images: write one for all, or one for each.")
    return (lines or [""]) * count if len(lines) < 2 else lines


def _by_vectors(mine: list[Any] | None, references: list[Any] | None, count: int, k: int) -> Sequence[float | None]:
    """Return the likeness of another pack's vectors for each of `count` pictures; None where there is none."""
    if mine is None and references is None:
        return [None] * count
    if mine is None or references is None:
        raise AthanorError("vectors and reference_vectors belong together: connect both, or none.")
    own, others = (
        other_pack.read(_unwrapped(value), name)
        for value, name in ((mine, "vectors"), (references, "reference_vectors"))
    )
    if len(own) != count:
        raise AthanorError(f"vectors has {len(own)} entries for {plural(count, 'image')}: it takes one for each.")
    other_pack.check_alike(own, others)
    return [other_pack.likeness(each, others, k) for each in own]


def _with(score: PictureScore, likeness: float | None) -> PictureScore:
    return score if likeness is None else replace(score, values={**score.values, "vectors": likeness})


def _unwrapped(value: list[Any]) -> Any:
    """Return what was connected: the host hands it over in a list of one, unless the other pack gives a list by itself.

    A list of one vector is that of a single picture.
    """
    return value[0] if len(value) == 1 and not other_pack.is_vector(value[0]) else value
