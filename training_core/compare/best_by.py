"""The best epochs by scores: `best 3 by likeness`, `best by probe`, `best 2 by mix(likeness 0.7, prompt 0.3)`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev

from ..errors import AthanorError, quoted
from ..history import scores
from ..history.handle import Checkpoint
from ..host import fingerprint, folders
from . import store
from .plan_file import read_plan
from .runs import Points

PROBE, COPIES = "probe", "copies"
_BEST = re.compile(r"(?:(?:best )?(\d{1,9}) best|best(?: (\d{1,9}))?) by (.*)")
_PART = re.compile(r"([a-z][a-z_ -]*?)(?:[ :*=]+(-?\d+(?:\.\d+)?|\.\d+))?")
_TAG = re.compile(r"<lora:[^<>]*?:([-\d.:]+)>")
"""A LoRA in the `parameters` of a picture, with its strength."""
_LOOKED_AT = 200
"""Comparisons, the newest, that are searched for scores."""


@dataclass(frozen=True, slots=True)
class BestBy:
    """How many checkpoints, and the weight of each score."""

    count: int
    weights: tuple[tuple[str, float], ...]


def read(words: str, text: str, field: str) -> BestBy | None:
    """Return what a filter of checkpoints asks for; None if it does not begin as one of these.

    Args:
        words: the filter in small letters, with single spaces.
        text: as it was written, and `field`: where it stands, for messages.

    Raises:
        AthanorError: it cannot be read.
    """
    match = _BEST.fullmatch(words)
    if match is None:
        return None
    count, by = int(match[1] or match[2] or 1), match[3].strip()
    mix = re.fullmatch(r"mix ?\((.*)\)", by)
    parts = [_PART.fullmatch(part.strip()) for part in (mix[1] if mix else by).split(",")]
    names = [part and re.sub(r"[ -]", "_", part[1].strip()) for part in parts]
    if count < 1 or not all(names) or (not mix and (len(parts) > 1 or (parts[0] and parts[0][2]))):
        raise AthanorError(
            f"{field}: {quoted(text)} is not understood; write best 3 by likeness (or prompt, held_out, variety, probe), or best 3 by "
            "mix(likeness 0.7, prompt 0.3)."
        )
    weights = [float(part[2]) if part and part[2] else 1.0 for part in parts]
    if not any(weights) or len(set(names)) < len(names):
        raise AthanorError(f"{field}: {quoted(text)} needs a weight that is not 0, and each score once.")
    return BestBy(count, tuple((str(name), weight) for name, weight in zip(names, weights, strict=True)))


def choose(points: Points, wanted: BestBy, field: str) -> list[Checkpoint]:
    """Return the checkpoints with the highest score, or mix of scores, in the order of training.

    Those with pictures that look like copies are taken after all others, as copies raise the likeness; not where the
    probe alone is asked for.

    Raises:
        AthanorError: no checkpoint has all of the scores; names those that there are, or the node that measures them.
    """
    names = [name for name, _ in wanted.weights]
    measured = _measured(points, names)
    table = {c: each for c, each in measured.items() if all(name in each for name in names)}
    if not table:
        raise AthanorError(f"{field}: {_lacking(points, names, measured)}")
    mixed = mix(list(table.values()), dict(wanted.weights))
    copies = {c: bool(each.get(COPIES)) and names != [PROBE] for c, each in table.items()}
    ranked = sorted(zip(table, mixed, strict=True), key=lambda pair: (copies[pair[0]], -pair[1], pair[0].step))
    best = {checkpoint for checkpoint, _ in ranked[: wanted.count]}
    return [checkpoint for checkpoint in points.checkpoints if checkpoint in best]


def mix(rows: Sequence[Mapping[str, float]], weights: Mapping[str, float]) -> list[float]:
    """Return one number for each row: its scores, each as its distance from their mean in standard deviations, times the weights.

    A score that is the same in all rows counts nothing. A low probe is good.
    """
    total = [0.0] * len(rows)
    for name, weight in weights.items():
        values = [row[name] for row in rows]
        middle, spread = fmean(values), pstdev(values)
        sign = -1.0 if name == PROBE else 1.0
        for at, value in enumerate(values if spread > 1e-12 else ()):
            total[at] += sign * weight * (value - middle) / spread
    return total


def _measured(points: Points, names: Sequence[str]) -> dict[Checkpoint, dict[str, float]]:
    """Return the scores of each checkpoint: of the run's samples, or where those lack one, of a comparison; with the probe."""
    looks = {c: [percent for step, percent in points.probes if 0 < step <= c.step] for c in points.checkpoints}
    probe = {c: {PROBE: seen[-1]} for c, seen in looks.items() if seen}
    wanted = [name for name in names if name != PROBE]
    own = _of_samples(points)
    if wanted and not any(set(wanted) <= each.keys() for each in own.values()):
        own = _of_comparisons(points.checkpoints, wanted) or own
    return {c: {**own.get(c, {}), **probe.get(c, {})} for c in points.checkpoints if c in own or c in probe}


def _of_samples(points: Points) -> dict[Checkpoint, dict[str, float]]:
    """Return means over the sample pictures that were drawn at a checkpoint's step, by the scorer that measured last."""
    by_step = {each.step: each for each in scores.measured_alike(points.scores)}
    found = {c: by_step[c.step] for c in points.checkpoints if c.step in by_step}
    return {
        c: {name: value.mean for name, value in each.values.items()} | {COPIES: float(each.copies)}
        for c, each in found.items()
    }


def _of_comparisons(checkpoints: Sequence[Checkpoint], names: Sequence[str]) -> dict[Checkpoint, dict[str, float]]:
    """Return means over the pictures of the comparison in which most of the files were scored; of equal ones, the newest.

    Pictures of one comparison alone are compared with each other. Files are known by their contents.
    """
    contents: dict[str, list[Checkpoint]] = {}
    best: dict[Checkpoint, dict[str, float]] = {}
    for folder in store.newest(folders.compare_folder(""), _LOOKED_AT):
        if not (folder / scores.FILE).is_file() or (told := scores.of_comparison(folder)) is None:
            continue
        contents = contents or _by_content(checkpoints)
        found = _of_comparison(folder, told, contents)
        found = {c: each for c, each in found.items() if all(name in each for name in names)}
        if len(found) > len(best):
            best = found
    return best


def _by_content(checkpoints: Sequence[Checkpoint]) -> dict[str, list[Checkpoint]]:
    """Return the checkpoints by their files' contents: the last epoch and the finished LoRA may be the same."""
    found: dict[str, list[Checkpoint]] = {}
    for each in checkpoints:
        found.setdefault(fingerprint.file(each.path), []).append(each)
    return found


def _of_comparison(
    folder: Path, told: scores.ComparisonScores, contents: Mapping[str, Sequence[Checkpoint]]
) -> dict[Checkpoint, dict[str, float]]:
    """Return means over the pictures that were drawn with one of the files alone, and of all of them with the same settings.

    One file's blocks may be switched off one by one, and another one drawn at a strength of its own: these pictures count for none.
    """
    try:
        plan = read_plan(folder)
    except AthanorError:
        return {}
    words = plan.get("parameters", {})
    drawn: dict[str, dict[str, list[str]]] = {}
    for key, files in plan.get("loras", {}).items():
        if len(files) == 1 and files[0] in contents and key in told.cells:
            settings = _TAG.sub(r"<lora:\1>", str(words.get(key, "")))
            drawn.setdefault(files[0], {}).setdefault(settings, []).append(key)
    shared = set.intersection(*map(set, drawn.values())) if drawn else set()
    found: dict[Checkpoint, dict[str, float]] = {}
    for content, by_settings in drawn.items():
        keys = {key for settings, own in by_settings.items() if settings in shared or not shared for key in own}
        values = _means([{**told.cells[key].values, COPIES: float(told.cells[key].copy)} for key in keys])
        for checkpoint in contents[content]:
            found[checkpoint] = _of_several(told, keys) | values
    return found


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the means of what all of some rows have."""
    names = set.intersection(*(set(row) for row in rows)) if rows else set()
    return {name: fmean(row[name] for row in rows) for name in names}


def _of_several(told: scores.ComparisonScores, keys: set[str]) -> dict[str, float]:
    """Return what only several pictures have, their variety: the mean over the checkpoints of a comparison that are among these."""
    among = [each.values for each in told.checkpoints if each.cells and set(each.cells) <= keys]
    return _means([{name: value.mean for name, value in values.items()} for values in among])


def _lacking(points: Points, names: Sequence[str], measured: Mapping[Checkpoint, Mapping[str, float]]) -> str:
    """Return one sentence about scores that no checkpoint has."""
    if names == [PROBE]:
        return f"{points.name} has no probe to find the best by; use all, or 5 even."
    have = sorted({name for each in measured.values() for name in each} - {COPIES})
    missing = [name for name in names if name not in have]
    there = f" (there are {', '.join(have)})" if have else ""
    lacked = " and ".join(missing or names)
    return (
        (f"{points.name} has no score {lacked}" if missing else f"{points.name} has no checkpoint with {lacked}")
        + f"{there}; connect a Likeness to Sample Config before training, or to an XYZ Compare of these epochs, and queue it once."
    )
