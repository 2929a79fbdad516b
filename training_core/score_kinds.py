"""The kinds of scores that pictures get: their names on disk, how they are called, and what each cannot see."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of score; a higher one is better."""

    name: str  # on disk, and in `best 3 by ...`
    title: str  # as it is shown
    blind: str  # what it is and cannot see, in one sentence
    is_likeness: bool = False  # of one scale with the other likenesses


KINDS = (
    Kind("likeness", "likeness", "Likeness to the nearest training pictures, the mean of a few; copies raise it, too.", True),
    Kind("held_out", "likeness to held-out", "Likeness to pictures that were not trained on: it cannot rise by copying.", True),
    Kind("mean", "likeness to all", "Likeness to all training pictures, the mean: style more than subject.", True),
    Kind("vectors", "vectors", "Likeness of the vectors that another pack has made, faces, say."),
    Kind("prompt", "prompt", "How well a picture follows its prompt; it knows nothing of names that were invented for the training."),
    Kind("variety", "variety", "How different pictures of one prompt are; broken pictures are different, too."),
)  # fmt: skip
"""In the order in which they are shown."""
TITLES = {kind.name: kind.title for kind in KINDS}
