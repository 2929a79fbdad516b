"""Pictures of the graph that are measured at once by the node Likeness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ..errors import AthanorError
from ..settings import LikenessSettings
from ..wording import first_few, plural
from . import panel, vectors
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
    try:
        towers = scorer.towers(prompts, say)
        scores = scorer.score([Asked(pixels, prompt) for pixels, prompt in zip(images, prompts, strict=True)], say)
        copies = scorer.calibration(say).said
    finally:
        scorer.give_back()
    scores = _with_vectors(scores, vectors, reference_vectors, settings.k)
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
        likeness=likeness, summary=_summary(drawn), copies=copies, lines=tuple(lines), pages=tuple(panel.pages(pairs))
    )


def _summary(drawn: Sequence[Drawn]) -> str:
    """Return how alike pictures are on average, how different from each other, and how many look like copies."""
    likeness = mean([(each.prompt, each.score.values["likeness"]) for each in drawn])
    noise = f" ± {likeness['error']:.3f}" if likeness["error"] is not None else ""
    told = [f"{plural(len(drawn), 'picture')}: likeness {likeness['mean']:.3f}{noise}"]
    if different := variety(drawn):
        told.append(f"variety {mean(different)['mean']:.3f}")
    copies = [str(number) for number, each in enumerate(drawn, 1) if each.score.copy]
    told.append(f"copies: {first_few(copies)}" if copies else "none looks like a copy")
    return ", ".join(told)


def _prompts(text: str, count: int) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) not in (0, 1, count):
        raise AthanorError(f"prompt has {len(lines)} lines for {count} images: write one for all, or one for each.")
    return (lines or [""]) * count if len(lines) < 2 else lines


def _with_vectors(
    scores: list[PictureScore], mine: list[Any] | None, references: list[Any] | None, k: int
) -> list[PictureScore]:
    """Return the scores with the likeness of another pack's vectors, where both are there."""
    if mine is None and references is None:
        return scores
    if mine is None or references is None:
        raise AthanorError("vectors and reference_vectors belong together: connect both, or none.")
    own, others = (
        vectors.read(_unwrapped(value), name) for value, name in ((mine, "vectors"), (references, "reference_vectors"))
    )
    if len(own) != len(scores):
        raise AthanorError(f"vectors has {len(own)} entries for {len(scores)} images: it takes one for each.")
    found = [vectors.likeness(each, others, k) for each in own]
    return [
        score
        if value is None
        else PictureScore(
            values={**score.values, "vectors": value},
            nearest=score.nearest,
            nearest_value=score.nearest_value,
            copy=score.copy,
            whole=score.whole,
        )
        for score, value in zip(scores, found, strict=True)
    ]


def _unwrapped(value: list[Any]) -> Any:
    """Return what was connected: the host hands it over in a list of one, unless the other pack gives a list by itself."""
    return value[0] if len(value) == 1 else value
