"""How well a picture follows its prompt: the text tower that was trained beside a vision model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..data.dataset import Picture
from ..errors import quoted
from ..host import vision
from ..wording import first_few, plural
from .looks import unit

_CHECKED = 64
"""Pictures at most whose captions are read to see whether two towers belong together: of 1000, a CPU reads for two minutes."""
_READ = 75
"""Tokens of a prompt that a CLIP's text encoder was trained on, without the two around them."""


class TextTower:
    """One of the text encoders of a CLIP, whose vectors can be compared with a vision model's."""

    def __init__(self, clip: Any, tower: str) -> None:
        self._clip, self._tower = clip, tower
        self.content = vision.text_content(clip, tower)
        self._known: dict[str, np.ndarray] = {}

    def vectors(self, prompts: Sequence[str]) -> list[np.ndarray]:
        """Return prompts as vectors (d,) of length 1, each encoded once.

        Raises:
            ForeignFault: the text encoder has failed.
        """
        missing = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._known]
        found = vision.embed_texts(self._clip, self._tower, missing) if missing else []
        self._known.update(zip(missing, map(unit, found), strict=True))
        return [self._known[prompt] for prompt in prompts]

    def cut(self, prompts: Iterable[str]) -> str:
        """Return one sentence about the prompts of which the end is not read; '' if there are none."""
        longer = [each for each in dict.fromkeys(prompts) if vision.is_longer(self._clip, self._tower, each)]
        if not longer:
            return ""
        which = f"{plural(len(longer), 'prompt')} ({first_few([quoted(each) for each in longer], 2)})"
        return f"Of {which} only the first {_READ} tokens count for prompt: CLIP reads no more."


def tower_of(model: Any, clip: Any) -> tuple[TextTower | None, str]:
    """Return the text tower of a CLIP for a vision model, and one sentence about it.

    Args:
        model: a CLIP_VISION; None: the plain measure.
        clip: a CLIP; None: none is connected.
    """
    if model is None:
        return (
            None,
            "How well pictures follow their prompts is not measured: that takes clip_vision, and the clip of the same model.",
        )
    tower = vision.text_tower(model, clip) if clip is not None else ""
    if not tower:
        return None, f"How well pictures follow their prompts is not measured: {vision.lacking(model, clip)}"
    return TextTower(clip, tower), f"How well pictures follow their prompts is measured with the text encoder {tower}."


def belonging(tower: TextTower, wholes: np.ndarray, pictures: Sequence[Picture]) -> str:
    """Return one sentence on whether the two towers know each other: pictures should be nearer to their own captions than to others'.

    Args:
        wholes: (n, d), of the pictures.
        pictures: training pictures with their captions.
    """
    step = -(-len(pictures) // _CHECKED)
    captions, wholes = [_caption(picture) for picture in pictures[::step]], wholes[::step]
    if len(set(captions)) < 4:
        return "Whether clip and clip_vision belong together cannot be checked: fewer than 4 different captions."
    texts = np.stack(tower.vectors(captions))
    table = wholes @ texts.T
    other = np.array([[caption != each for each in captions] for caption in captions])
    apart = np.array([table[i, i] - table[i, other[i]].mean() for i in range(len(captions))])
    error = float(apart.std(ddof=1)) / len(apart) ** 0.5
    mean = float(apart.mean())
    told = f"pictures are {mean:+.3f} ± {error:.3f} nearer to their own captions than to others'"
    if mean > 3 * error:
        return f"clip and clip_vision belong together: {told}."
    return f"clip and clip_vision may not belong together, or cannot tell these captions apart: {told}; do not rely on prompt."


def all_captions(prompts: Sequence[str], pictures: Sequence[Picture]) -> str:
    """Return one sentence if all prompts are captions of training pictures, which copies follow best; '' otherwise."""
    captions = {_caption(picture).strip().casefold() for picture in pictures}
    if not all(prompt.strip().casefold() in captions for prompt in prompts):
        return ""
    return "All prompts are captions of training pictures, which a copy follows best: prompts for something else show more."


def _caption(picture: Picture) -> str:
    return picture.caption.partition("\n")[0]
