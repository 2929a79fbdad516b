"""Scores of a comparison: every picture that is there is measured, and scores.json tells what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import AthanorError
from ..files import make_folder, write_atomically, write_json
from ..history.scores import FILE, THUMBNAILS
from ..host import devices
from ..pictures import UnreadablePicture, opened

if TYPE_CHECKING:
    from ..score.cache import PictureScore
    from ..score.scorer import Scorer
    from .cells import Cell
    from .plan import Plan
    from .prepare import PreparedComparison

_IN_MEMORY = 64
"""Pictures that are in memory at a time: 200 MB of 1024 x 1024."""
_SIDE = 256
"""Longest side of the thumbnails of nearest training pictures."""
_NO_CHECKPOINT = frozenset({"positive", "negative", "replace", "seed", "controls"})
"""Changes that make another picture of the same checkpoint."""
Say = Callable[[str, int, int], None]


def score(prepared: PreparedComparison, scorer: Scorer, say: Say | None = None) -> str:
    """Measure all pictures of a comparison that are on disk, and write scores.json and thumbnails into its folder.

    What fails is told, and costs no picture.

    Returns:
        what the scores show, in a few sentences, or why there are none.

    Raises:
        BaseException: the host's own, where the user has interrupted; what was measured is kept.
    """
    try:
        return _score(prepared, scorer, say)
    except AthanorError as error:
        return f"Not scored: {error}"
    except Exception as error:
        if not devices.is_out_of_memory(error):
            raise
        return (
            "Not scored: out of memory; queue again, finished pictures are kept, or disconnect clip_vision of Likeness."
        )
    finally:
        scorer.give_back()


def _score(prepared: PreparedComparison, scorer: Scorer, say: Say | None) -> str:
    from ..score.facts import facts
    from ..score.summary import Drawn, measured, verdict

    folder, cells = prepared.store.folder, {key: cell for cell, key in prepared.keys.items()}
    scores = _scores({key: prepared.store.path(key) for key in cells}, cells, scorer, say)
    drawn = {key: Drawn(cells[key].positive, cells[key].seed, each) for key, each in scores.items()}
    rows = checkpoints(prepared.plan, prepared.keys, drawn)
    calibration = scorer.calibration(say)
    told = verdict([row for row, _ in rows], scorer.measure.weak, calibration)
    said = f"{told}\n{scorer.towers([each.prompt for each in drawn.values()], say)}".strip()
    thumbnails = _write_thumbnails(folder, scorer, {each.nearest for each in scores.values()})
    document = {
        "scorer": facts(scorer, calibration),
        "cells": {
            key: {**each.as_json(), "thumbnail": thumbnails.get(each.nearest, "")} for key, each in scores.items()
        },
        "checkpoints": [
            {"values": list(row.labels), "cells": list(keys), **values, "copies": row.copies}
            for (row, keys), values in zip(rows, measured([row for row, _ in rows]), strict=True)
        ],
        "verdict": said,
    }
    write_json(folder / FILE, document, indent=1)
    return said


def _scores(
    paths: Mapping[str, Path], cells: Mapping[str, Cell], scorer: Scorer, say: Say | None
) -> dict[str, PictureScore]:
    """Return what is measured on the pictures that are there, by their keys; only some are in memory at a time."""
    from ..score.scorer import Asked

    found: dict[str, PictureScore] = {}
    there = [key for key, path in paths.items() if path.is_file()]
    for start in range(0, len(there), _IN_MEMORY):
        pixels = _pixels({key: paths[key] for key in there[start : start + _IN_MEMORY]})
        asked = [Asked(each, cells[key].positive) for key, each in pixels.items()]
        found |= dict(zip(pixels, scorer.score(asked, _going_on(say, start, len(there))), strict=True))
    return found


def _going_on(say: Say | None, before: int, total: int) -> Say:
    """Return what tells of some pictures as a part of all: `before` were measured before them."""

    def tell(what: str, done: int, of: int) -> None:
        if say and what == "pictures":
            say(what, before + done, total)
        elif say:
            say(what, done, of)

    return tell


def _pixels(paths: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """Return the pictures that can be read, by their keys; a damaged one is told where the grid is drawn."""
    found = {}
    for key, path in paths.items():
        try:
            with opened(path) as image:
                found[key] = np.asarray(image.convert("RGB"))
        except UnreadablePicture:
            continue
    return found


def checkpoints(whole: Plan, keys: Mapping[Any, str], drawn: Mapping[str, Any]) -> list[tuple[Any, tuple[str, ...]]]:
    """Return the checkpoints of a comparison with their cells' keys: one for each combination of the axes that are neither prompt nor seed.

    The same pictures under several labels, as the base model at several strengths, are one checkpoint.

    Args:
        whole: the plan.
        keys: cell -> its identity.
        drawn: key -> `summary.Drawn`, of pictures that were measured.
    """
    from ..score.summary import Checkpoint

    groups: dict[tuple[str, ...], dict[str, None]] = {}
    places = product(*(range(len(axis.values)) for axis in whole.axes))
    for cell, at in zip(whole.cells, places, strict=True):
        if (key := keys[cell]) in drawn:
            groups.setdefault(_labels(whole, at), {})[key] = None
    by_pictures: dict[tuple[str, ...], tuple[str, ...]] = {}
    for labels, own in groups.items():
        before = by_pictures.get(tuple(own))
        by_pictures[tuple(own)] = _shared(before, labels) if before else labels
    return [
        (Checkpoint(labels=labels, pictures=tuple(drawn[key] for key in own)), own)
        for own, labels in by_pictures.items()
    ]


def _labels(whole: Plan, at: Sequence[int]) -> tuple[str, ...]:
    return tuple(
        axis.values[index].label
        for axis, index in zip(whole.axes, at, strict=True)
        if len(axis.values) > 1 and not axis.fields <= _NO_CHECKPOINT
    )


def _shared(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    return tuple(a for a, b in zip(one, other, strict=False) if a == b) or tuple(one)


def _write_thumbnails(folder: Path, scorer: Scorer, names: set[str]) -> dict[str, str]:
    """Write small pictures of training pictures, named by their contents, and return their paths below the folder by name."""
    found: dict[str, str] = {}
    make_folder(folder / THUMBNAILS)
    for name in sorted(names):
        picture = scorer.picture_of(name)
        if picture is None:
            continue
        path = folder / THUMBNAILS / f"{picture.content[:16]}.jpg"
        if not path.is_file():
            image = scorer.thumbnail(name, _SIDE)
            if image is None:
                continue
            write_atomically(
                path, lambda temporary, image=image: image.save(temporary, "JPEG", quality=85), durable=False
            )
        found[name] = f"{THUMBNAILS}/{path.name}"
    return found
