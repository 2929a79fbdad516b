"""Scores of samples that a finished run has drawn before a Likeness was connected: measured once, and told as if it had been there."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files import append_line
from ..history import report
from ..history.registry import Record
from ..json_text import finite
from ..pictures import UnreadablePicture, opened
from ..resume import lock
from .scoring import DrawnSample, failure, measured

if TYPE_CHECKING:
    from ..score.scorer import Scorer


def score_later(record: Record, scorer: Scorer | None, say: Callable[[str, int, int], None] | None = None) -> list[str]:
    """Measure the samples of a finished run, unless this scorer has done so; its events get the time of the run's end.

    All steps are told again where one is missing, since of a step the last event counts, and of later ones those behind it. A
    step whose pictures are gone misses nothing.

    Returns:
        one sentence about what failed; none where nothing did.

    Raises:
        BaseException: the host's own, where the user has interrupted; what was measured is kept.
    """
    by_step: dict[int, list[dict[str, Any]]] = {}
    for sample in record.samples:
        by_step.setdefault(sample["step"], []).append(sample)
    if scorer is None:
        return []
    known = {each.step for each in record.scores if each.scorer == scorer.id}
    if known >= by_step.keys():
        return []
    try:
        events = [event for step in by_step if (event := _step(scorer, by_step[step], say))]
        if known >= {event.step for event in events}:
            return []
        with lock.held(record.folder, "The run"):
            for event in events:
                line = {"event": "scored", "time": record.events[-1].get("time", 0.0), **dataclasses.asdict(event)}
                append_line(record.folder / "events.jsonl", json.dumps(finite(line)))
            report.write(record.folder)
    except Exception as error:  # no score is worth the run
        return [f"The run's samples could not be scored ({failure(error)})."]
    finally:
        scorer.give_back()
    return []


def _step(scorer: Scorer, samples: list[dict[str, Any]], say: Callable[[str, int, int], None] | None) -> Any:
    """Return the event of a step's samples that are still there; None if none is."""
    drawn = []
    for sample in samples:
        try:
            with opened(Path(sample["path"])) as image:
                pixels = np.asarray(image.convert("RGB"))
        except UnreadablePicture:
            continue
        drawn.append(DrawnSample(sample["index"], sample["prompt"], sample.get("seed", 0), pixels))
    return measured(scorer, drawn, samples[0]["step"], samples[0]["epoch"], say) if drawn else None
