"""What is told of a scorer beside its numbers: which scores it gives, and what each cannot see."""

from __future__ import annotations

from typing import Any

from .copies import Calibration
from .scorer import Scorer

_KINDS = (
    ("likeness", "likeness", "Likeness to the nearest training pictures."),
    ("mean", "likeness to all", "Likeness to all training pictures, the mean: style more than subject."),
    ("held_out", "likeness to held-out", "Likeness to pictures that were not trained on: it cannot rise by copying."),
    (
        "prompt",
        "prompt",
        "How well a picture follows its prompt; it knows nothing of names that were invented for the training.",
    ),
    ("variety", "variety", "How different pictures of one prompt are; broken pictures are different, too."),
    ("vectors", "vectors", "Likeness of the vectors that another pack has made, faces, say."),
)


def facts(scorer: Scorer, calibration: Calibration) -> dict[str, Any]:
    """Return the part `scorer` of scores.json, see history/scores.py."""
    return {
        "id": scorer.id,
        "title": scorer.measure.title,
        "weak": scorer.measure.weak,
        "values": [
            {"name": name, "title": title, "better": "high", "blind": f"{blind} {scorer.measure.blind}"}
            for name, title, blind in _KINDS
        ],
        "copy_threshold": calibration.threshold,
        "references": scorer.references,
        "copies": calibration.said,
    }
