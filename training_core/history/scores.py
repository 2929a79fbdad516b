"""The one reader of scores, without torch: scores.json of a comparison's folder, and the events `scored` of a run.

A score says how alike a picture is to training pictures, held-out pictures or its prompt; `training_core/score` measures it. Files of
any origin are read: what is broken or of another kind is left out, and nothing here raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..files import read_json
from ..json_text import objects
from ..standard_error import errors_between
from .lasting import lasting

FILE = "scores.json"
"""In the folder of a comparison."""
THUMBNAILS = "scores"
"""The folder beside it with a small picture of each training picture that is the nearest of a cell."""
_LARGEST = 1e6  # of a score; similarities are between -1 and 1


@dataclass(frozen=True, slots=True)
class Measured:
    """A mean over prompts and seeds."""

    mean: float
    error: float | None  # standard error of the mean; None of a single picture
    n: int  # how many pictures, or pairs of pictures, it is the mean of


@dataclass(frozen=True, slots=True)
class ScoreKind:
    """A kind of score that a scorer gives, in words."""

    name: str  # "likeness", "mean", "held_out", "concept", "prompt", "variety", "vectors", ...
    title: str  # as it is shown
    high_is_better: bool
    blind: str  # one sentence: what it cannot see


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerFacts:
    """Who has measured, with what, and against how many pictures."""

    id: str  # equal for the same model, measure and training pictures
    title: str  # such as "CLIP ViT-L" or "colours and edges (weak)"
    weak: bool  # no vision model: colours and edges alone
    kinds: tuple[ScoreKind, ...]  # the first one is what is shown where there is room for one
    copy_threshold: float | None  # a `nearest_value` from here on is a copy; None: too few training pictures to tell
    references: int  # training pictures that it compares with
    blind: str = ""  # what none of its scores can see
    copies: str = ""  # how copies are told, or why they cannot be


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureScores:
    """One picture's scores: of a cell of a comparison, or of a sample of a run."""

    values: Mapping[str, float]  # by the kind's name; those that were not measured are absent
    nearest: str = ""  # name of the training picture that looks most like it; '' if it is not told
    nearest_value: float | None = None  # how near that one is, in the units of `copy_threshold`
    copy: bool = False  # nearer to it than training pictures are to each other
    index: int = 0  # of a run's sample: number of its line
    same_prompt: int = 0  # of a run's sample: number of the first line with its prompt
    thumbnail: str = ""  # of a comparison: path of the nearest one's small picture below the folder


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointScores:
    """Means over all pictures of one checkpoint: one value of the axes that are neither prompt nor seed."""

    labels: tuple[str, ...]  # of these axes, such as ("epoch 4",) or ("epoch 4", "0.8")
    values: Mapping[str, Measured]
    copies: int  # pictures of it that look like copies
    cells: tuple[str, ...] = ()  # its cells' keys


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonScores:
    """All that was measured on a comparison."""

    scorer: ScorerFacts
    cells: Mapping[str, PictureScores]  # by the cell's key
    checkpoints: tuple[CheckpointScores, ...]
    verdict: str  # a sentence or two, with evidence and noise


@dataclass(frozen=True, slots=True, kw_only=True)
class StepScores:
    """Means over the sample pictures that a run has drawn at one step."""

    step: int
    epoch: int  # finished epochs
    scorer: str  # id; scores of different scorers are not compared
    title: str  # of the scorer
    weak: bool
    values: Mapping[str, Measured]
    copies: int
    pictures: tuple[PictureScores, ...]


def of_comparison(folder: Path) -> ComparisonScores | None:
    """Return the scores of a comparison; None where there are none, or its scores.json is broken."""
    data = read_json(folder / FILE, {})
    facts, cells = data.get("scorer"), data.get("cells")
    if not isinstance(facts, dict) or not isinstance(cells, dict):
        return None
    return ComparisonScores(
        scorer=_facts(facts),
        cells={key: _picture(cell) for key, cell in cells.items() if isinstance(cell, dict)},
        checkpoints=tuple(map(_checkpoint, objects(data.get("checkpoints")))),
        verdict=_text(data.get("verdict")),
    )


def of_events(events: Iterable[Mapping[str, Any]]) -> tuple[StepScores, ...]:
    """Return what a run's events tell of scores, in order of its steps; those that were drawn again count once."""
    return tuple(map(_step, lasting(events, "scored")))


def measured_alike(steps: Sequence[StepScores]) -> list[StepScores]:
    """Return the scores by the scorer that measured last: those of another one cannot be compared with them.

    Their errors tell the steps apart: without what each prompt's pictures have in common at all of them, see `standard_error.py`.
    """
    own = [each for each in steps if each.scorer == steps[-1].scorer]
    values = [dict(each.values) for each in own]
    for name in dict.fromkeys(name for each in own for picture in each.pictures for name in picture.values):
        rows = [
            {
                (picture.same_prompt, picture.index): picture.values[name]
                for picture in each.pictures
                if name in picture.values
            }
            for each in own
        ]
        for found, row, error in zip(values, rows, errors_between(rows), strict=True):
            if row and name in found:
                found[name] = replace(found[name], error=None if error is None else round(error, 4))
    return [replace(each, values=found) for each, found in zip(own, values, strict=True)]


def _step(event: Mapping[str, Any]) -> StepScores:
    return StepScores(
        step=_count(event.get("step")),
        epoch=_count(event.get("epoch")),
        scorer=_text(event.get("scorer")),
        title=_text(event.get("title")),
        weak=event.get("weak") is True,
        values=_measured(event.get("values")),
        copies=_count(event.get("copies")),
        pictures=tuple(map(_picture, objects(event.get("scores")))),
    )


def _facts(data: Mapping[str, Any]) -> ScorerFacts:
    return ScorerFacts(
        id=_text(data.get("id")),
        title=_text(data.get("title")),
        weak=data.get("weak") is True,
        kinds=tuple(map(_kind, (kind for kind in objects(data.get("values")) if _text(kind.get("name"))))),
        copy_threshold=_number(data.get("copy_threshold")),
        references=_count(data.get("references")),
        blind=_text(data.get("blind")),
        copies=_text(data.get("copies")),
    )


def _kind(data: Mapping[str, Any]) -> ScoreKind:
    name = _text(data.get("name"))
    return ScoreKind(name, _text(data.get("title")) or name, data.get("better") != "low", _text(data.get("blind")))


def _picture(data: Mapping[str, Any]) -> PictureScores:
    own = {"nearest", "nearest_value", "copy", "index", "same_prompt", "thumbnail"}
    values = {
        name: number for name, value in data.items() if name not in own and (number := _number(value)) is not None
    }
    thumbnail = _text(data.get("thumbnail"))
    return PictureScores(
        values=values,
        nearest=_text(data.get("nearest")),
        nearest_value=_number(data.get("nearest_value")),
        copy=data.get("copy") is True,
        index=_count(data.get("index")),
        same_prompt=_count(data.get("same_prompt", data.get("index"))),
        thumbnail=thumbnail if _is_thumbnail(thumbnail) else "",
    )


def _checkpoint(data: Mapping[str, Any]) -> CheckpointScores:
    return CheckpointScores(
        labels=_texts(data.get("values")),
        values=_measured(data),
        copies=_count(data.get("copies")),
        cells=_texts(data.get("cells")),
    )


def _measured(data: object) -> dict[str, Measured]:
    """Return what of an object is a mean with its error: {"likeness": {"mean": 0.7, "error": 0.02, "n": 4}}."""
    found = {}
    for name, value in data.items() if isinstance(data, dict) else ():
        mean = _number(value.get("mean")) if isinstance(value, dict) else None
        if mean is not None:
            found[name] = Measured(mean, _number(value.get("error")), _count(value.get("n")))
    return found


def _is_thumbnail(path: str) -> bool:
    """Whether a path is of a picture directly in the folder of thumbnails, and leads nowhere else."""
    folder, _, name = path.partition("/")
    return folder == THUMBNAILS and name.endswith(".jpg") and not set(name) & set("/\\:\0") and ".." not in name


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_LARGEST < value < _LARGEST:
        return None
    return float(value)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0


def _text(value: object) -> str:
    return value[:2000] if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, (list, tuple)) else ()
