"""What is told of a scorer beside its numbers: which scores it gives, and what each cannot see."""

from __future__ import annotations

from typing import Any

from ..score_kinds import KINDS
from .copies import Calibration
from .scorer import Scorer


def facts(scorer: Scorer, calibration: Calibration) -> dict[str, Any]:
    """Return the part `scorer` of scores.json, see history/scores.py."""
    return {
        "id": scorer.id,
        "title": scorer.measure.title,
        "weak": scorer.measure.weak,
        "values": [{"name": kind.name, "title": kind.title, "better": "high", "blind": kind.blind} for kind in KINDS],
        "copy_threshold": calibration.threshold,
        "references": scorer.references,
        "blind": scorer.measure.blind,
        "copies": calibration.said,
    }
