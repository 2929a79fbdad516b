"""Which of a run's checkpoints are compared, and the axis that they make."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from .. import lists
from ..errors import AthanorError, quoted
from ..history.handle import Checkpoint
from ..host import fingerprint, folders
from . import averages, best_by, grammar, marks, skipping
from .averages import Average
from .axes import Axis, LoraChoice, Value
from .runs import Points


def read_filter(text: str, field: str = "epochs") -> tuple[str, Any, Any]:
    """Return a filter's kind and what it counts; can be called before there is a run.

    `all`; `every 2`; `last 3`; `first 3`; `4-10`, `from 4 to 10`, `from 4`, `to 10`; `best 3` (around the probe's best); `best 3 by
    likeness` (see best_by.py); `5 even` (spread over all); `starred` (in a comparison's viewer); or epochs one by one: `2, 4, last`.
    Beside any of them or alone (then "none"), averages (see averages.py): `mean(6-10)`, `ema(0.1)`, `lerp(4, 8, 0.3)`. What `SKIP:` is
    in front of is left out of it, and is a filter itself: `all, SKIP: 4`.

    Args:
        field: where the text stands, for messages.

    Raises:
        AthanorError: it cannot be read.
    """
    text, skipped = skipping.parted(text)
    for part in skipped:
        read_filter(part, field)
    text, means = averages.split(text, field)
    for each in means:
        for inside in each.which:
            if read_filter(inside, field)[0] == "none":
                raise AthanorError(f"{field}: {quoted(each.label)} is an average of averages; write its epochs.")
    words = " ".join(text.lower().split())
    if means and not words:
        return "none", None, None
    if words in ("", "all"):
        return "all", None, None
    if words == "starred":
        return "starred", None, None
    if found := best_by.read(words, text, field):
        return "best by", found, None
    if match := re.fullmatch(r"(every|last|first|(?:around )?best|even) (\d{1,9})|(\d{1,9}) (even|best)", words):
        count = int(match[2] or match[3])
        if count < 1:
            raise AthanorError(f"{field}: {quoted(text)} selects no checkpoint; give a number from 1.")
        return (match[1] or match[4]).removeprefix("around "), count, None
    if match := re.fullmatch(r"from (\d{1,9})|(?:from )?(\d{1,9}) ?(?:to|-) ?(\d{1,9})|to (\d{1,9})", words):
        return "range", int(match[1] or match[2] or 0), int(match[3] or match[4] or 10**9)
    wanted: list[tuple[int | None, bool]] = []  # an epoch (None: the last), and whether it must be there
    for part in lists.split(text, field=field):
        if part.lower() in ("last", "final"):
            wanted.append((None, True))
            continue
        if part.isdecimal() and len(part) < 10:
            wanted.append((int(part), True))
            continue
        try:
            wanted += [(int(n), False) for n in grammar.numbers(part, field, whole=True)]
        except AthanorError:
            raise AthanorError(
                f"{field}: {quoted(part)} is not understood; write all, every 2, last 3, 4-10, best 3, best 3 by likeness, "
                "5 even, starred, mean(6-10), or 2, 4, last."
            ) from None
        lists.limited(wanted, text, field)
    return "listed", wanted, None


def choose(points: Points, text: str, field: str = "epochs") -> list[Checkpoint]:
    """Return the checkpoints that a filter keeps, in the order of training; `field`: where it stands, for messages.

    Raises:
        AthanorError: it cannot be read, or nothing is left; what there is, is listed.
    """
    text, skipped = skipping.parted(text)
    left_out = _left_out(points, skipped, field)
    found = _chosen(points, text, field)
    kept = [c for c in found if c not in left_out]
    if found and not kept:
        raise AthanorError(
            f"{field}: SKIP: leaves no checkpoint of {points.name}; {_there_are(list(points.checkpoints))}."
        )
    return kept


def _left_out(points: Points, skipped: Sequence[str], field: str) -> set[Checkpoint]:
    """Return the checkpoints that are skipped; an epoch that is not there is no mistake in them."""
    have = list(points.checkpoints)
    result: set[Checkpoint] = set()
    for part in skipped:
        kind, wanted, _ = read_filter(part, field)
        if kind == "listed":
            epochs = {epoch for epoch, _ in wanted}
            result.update(c for i, c in enumerate(have, 1) if c.epoch in epochs or (None in epochs and i == len(have)))
        else:
            result.update(_chosen(points, part, field))
    return result


def _chosen(points: Points, text: str, field: str) -> list[Checkpoint]:
    kind, first, second = read_filter(text, field)
    text, _ = averages.split(text, field)
    have = list(points.checkpoints)
    if kind == "none":
        return []
    if kind == "all":
        return have
    if kind == "starred":
        liked = marks.starred(folders.compare_folder(""))
        starred = [c for c in have if fingerprint.file(c.path) in liked]
        if not starred:
            raise AthanorError(
                f"{field}: no checkpoint of {points.name} is starred; open the viewer of a comparison (a button of XYZ "
                "Compare), and press s on the pictures that you like."
            )
        return starred
    if kind == "best by":
        return best_by.choose(points, first, field)
    if kind == "listed":
        return _listed(have, first, text, field)
    if kind == "range":
        inside = [c for c in have if first <= c.epoch <= second]
        if not inside:
            raise AthanorError(f"{field}: there is no checkpoint from {first} to {second}; {_there_are(have)}.")
        return inside
    return _few(points, kind, first, field)


def _listed(
    have: list[Checkpoint], wanted: Sequence[tuple[int | None, bool]], text: str, field: str
) -> list[Checkpoint]:
    chosen: set[Checkpoint] = set()
    for epoch, needed in wanted:
        matches = have[-1:] if epoch is None else [c for c in have if c.epoch == epoch]
        if needed and not matches:
            raise AthanorError(f"{field}: there is no epoch '{epoch}'; {_there_are(have)}.")
        chosen.update(matches)
    if not chosen:
        raise AthanorError(f"{field}: {quoted(text)} selects no checkpoint; {_there_are(have)}.")
    return [c for c in have if c in chosen]


def _there_are(have: Sequence[Checkpoint]) -> str:
    return "there are " + ", ".join(str(c.epoch) for c in have[:30]) + (", ..." if len(have) > 30 else "")


def _few(points: Points, kind: str, count: int, field: str) -> list[Checkpoint]:
    have = list(points.checkpoints)
    if kind == "every":  # by epoch number, as save_every_n_epochs counts
        return [c for i, c in enumerate(have, 1) if (c.epoch or i) % count == 0] or have[-1:]
    if kind in ("last", "first"):
        return have[-count:] if kind == "last" else have[:count]
    if kind == "even":
        picks = {round(i * (len(have) - 1) / max(1, count - 1)) for i in range(count)} if count > 1 else {len(have) - 1}
        return [have[i] for i in sorted(picks) if i < len(have)]
    if not points.probes:
        raise AthanorError(f"{field}: {points.name} has no probe to find the best by; use all, or 5 even.")
    step = min(points.probes[1:] or points.probes, key=lambda probe: probe[1])[0]
    near = sorted(have, key=lambda c: (abs(c.step - step), -c.step))[:count]
    return [c for c in have if c in near]


def axis(
    points: Points, text: str, include_base: bool = True, include_final: bool = True, field: str = "epochs"
) -> Axis:
    """Return the axis of the checkpoints that a filter keeps.

    Args:
        text: the filter, see `read_filter`.
        include_base: begin with the base model, without a LoRA.
        include_final: end with the finished LoRA, even where the filter leaves it out.
        field: where the filter stands, for messages.

    Raises:
        AthanorError: the filter cannot be read, or nothing is left.
    """
    from . import made_average  # which reads LoRA files: not when ComfyUI starts

    kind, chosen = read_filter(text, field)[0], choose(points, text, field)
    left_out = _left_out(points, skipping.parted(text)[1], field)
    final = [c for c in points.checkpoints if c.last and c not in left_out]
    if include_final:
        chosen = [c for c in points.checkpoints if c in chosen or c in final]
    elif any(not c.last for c in points.checkpoints) and kind not in ("listed", "best", "best by"):
        chosen = [c for c in chosen if c not in final]
    if not chosen and kind != "none":
        raise AthanorError(
            f"{field}: {quoted(text)} selects only the finished LoRA of {points.name}; switch include_final on."
        )
    values = [_BASE] if include_base else []
    labelled = zip(_labels(chosen), chosen, strict=True)
    values += [Value(label, (("lora", (LoraChoice(c.lora_name),)),)) for label, c in labelled]
    averaged = averages.split(skipping.parted(text)[0], field)[1]
    means = [made_average.value(points.name, each, *parts(points, each, field), field) for each in averaged]
    values += [value for value, _ in means]
    notes = tuple(note for _, note in means if note)
    return Axis(f"{_OF}{points.name.rpartition('/')[2]}", tuple(values), skipped=len(left_out), notes=notes)


def parts(points: Points, average: Average, field: str) -> tuple[list[Checkpoint], list[float]]:
    """Return the files of an average, and how much each counts.

    Raises:
        AthanorError: an epoch is not there, or a file is a whole model.
    """
    if average.kind == "mean":
        files = choose(points, average.which[0], field)
        weights = [1 / len(files)] * len(files)
    elif average.kind == "ema":
        last = choose(points, average.which[0], field)[-1] if average.which else points.checkpoints[-1]
        files = list(points.checkpoints[: points.checkpoints.index(last) + 1])
        weights = averages.ema_weights(_places(files), average.amount)
    else:
        files = [choose(points, which, field)[-1] for which in average.which]
        weights = [1 - average.amount, average.amount]
        if files[0] == files[1]:  # lerp(10, last, 0.3) of 10 epochs
            files, weights = files[:1], [1.0]
    for each in files:
        if folders.trained_file(each.lora_name)[0] != "loras":
            raise AthanorError(f"{field}: {average.label} is for LoRA files, and {each.lora_name} is a whole model.")
    counted = [(file, weight) for file, weight in zip(files, averages.rounded(weights), strict=True) if weight]
    return [file for file, _ in counted], [weight for _, weight in counted]


def _places(files: Sequence[Checkpoint]) -> list[float]:
    """Return where in the training each file was saved: its step, or its epoch, or its number in the row, whichever all have."""
    for places in ([c.step for c in files], [c.epoch for c in files]):
        if places[0] > 0 and all(a < b for a, b in pairwise(places)):
            return [float(place) for place in places]
    return [float(number) for number in range(1, len(files) + 1)]


_BASE = Value("base model", (("lora", ()),), special=True)
_OF = "checkpoint of "


def append_run(before: Axis, further: Axis) -> Axis:
    """Return one axis of the checkpoints of several runs, each called by its run; the base model once, in front.

    Raises:
        AthanorError: `before` is no axis of LoRAs.
    """
    if before.fields != {"lora"} or before.epochs is not None:
        raise AthanorError(f"axis is an axis of {before.title}: connect a LoRA Run Axis, or an XYZ Axis of type LoRA.")
    values = [value for value in (*_called(before), *_called(further)) if value != _BASE]
    base = [_BASE] if _BASE in (*before.values, *further.values) else []
    skipped, notes = before.skipped + further.skipped, (*before.notes, *further.notes)
    return Axis("checkpoint", (*base, *lists.once(values)), skipped=skipped, notes=notes)


def _called(axis: Axis) -> list[Value]:
    """Its values, with the run's name in front if they are of one run."""
    if not axis.title.startswith(_OF):
        return list(axis.values)
    run = axis.title.removeprefix(_OF)
    return [
        value if value.special or value.label.startswith(run) else replace(value, label=f"{run} {value.label}")
        for value in axis.values
    ]


def _labels(points: Sequence[Checkpoint]) -> list[str]:
    """By epoch or step, as the file is named; by step where epochs repeat, by file name where nothing else helps, with its folder where
    that repeats as well."""
    candidates = (
        [f"step {c.step}" if "-step" in c.path.stem or not c.epoch else f"epoch {c.epoch}" for c in points],
        [f"step {c.step}" for c in points],
    )
    known = [bool(c.epoch or c.step) for c in points]
    for labels in candidates:
        if len(set(labels)) == len(labels) and all(known):
            return labels
    count = Counter(c.path.stem for c in points)
    return [c.path.stem if count[c.path.stem] == 1 else c.lora_name.removesuffix(".safetensors") for c in points]
