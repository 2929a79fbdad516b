"""Which of a run's checkpoints are compared, and the axis that they make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from .. import lists
from ..errors import AthanorError, quoted
from ..history.handle import Checkpoint
from ..host import fingerprint, folders
from . import averages, best_by, epoch_filter, marks
from .averages import Average
from .axes import Axis, LoraChoice, Value
from .best_by import BestBy
from .epoch_filter import Few, Filter, Listed, Span
from .runs import Points


def choose(points: Points, text: str, field: str = "epochs") -> list[Checkpoint]:
    """Return the checkpoints that a filter keeps, in the order of training; `field`: where it stands, for messages.

    Raises:
        AthanorError: it cannot be read, or nothing is left; what there is, is listed.
    """
    return _kept(points, epoch_filter.read(text, field), field)[0]


def _kept(points: Points, wanted: Filter, field: str) -> tuple[list[Checkpoint], set[Checkpoint]]:
    """Return the checkpoints that a filter keeps, and those that it skips."""
    left_out = {c for each in wanted.skipped for c in _skipped(points, each, field)}
    found = _chosen(points, wanted, field)
    kept = [c for c in found if c not in left_out]
    if found and not kept:
        raise AthanorError(
            f"{field}: SKIP: leaves no checkpoint of {points.name}; {_there_are(list(points.checkpoints))}."
        )
    return kept, left_out


def _skipped(points: Points, wanted: Filter, field: str) -> list[Checkpoint]:
    """Return the checkpoints that are skipped; an epoch that is not there is no mistake in them."""
    if not isinstance(wanted.wanted, Listed):
        return _chosen(points, wanted, field)
    have, epochs = list(points.checkpoints), {epoch for epoch, _ in wanted.wanted.epochs}
    return [c for i, c in enumerate(have, 1) if c.epoch in epochs or (None in epochs and i == len(have))]


def _chosen(points: Points, wanted: Filter, field: str) -> list[Checkpoint]:
    """Return the checkpoints that a filter means, with those that it skips."""
    have = list(points.checkpoints)
    match wanted.wanted:
        case "none":
            return []
        case "all":
            return have
        case "starred":
            return _starred(points, field)
        case BestBy() as best:
            return best_by.choose(points, best, field)
        case Listed(epochs):
            return _listed(have, epochs, wanted.text, field)
        case Span(first, last):
            inside = [c for c in have if first <= c.epoch <= last]
            if not inside:
                raise AthanorError(f"{field}: there is no checkpoint from {first} to {last}; {_there_are(have)}.")
            return inside
        case Few(how, count):
            return _few(points, how, count, field)


def _starred(points: Points, field: str) -> list[Checkpoint]:
    liked = marks.starred(folders.compare_folder(""))
    starred = [c for c in points.checkpoints if fingerprint.file(c.path) in liked]
    if not starred:
        raise AthanorError(
            f"{field}: no checkpoint of {points.name} is starred; open the viewer of a comparison (a button of XYZ "
            "Compare), and press s on the pictures that you like."
        )
    return starred


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
        text: the filter, see epoch_filter.py.
        include_base: begin with the base model, without a LoRA.
        include_final: end with the finished LoRA, even where the filter leaves it out.
        field: where the filter stands, for messages.

    Raises:
        AthanorError: the filter cannot be read, or nothing is left.
    """
    from . import made_average  # which reads LoRA files: not when ComfyUI starts

    wanted = epoch_filter.read(text, field)
    chosen, left_out = _kept(points, wanted, field)
    final = [c for c in points.checkpoints if c.last and c not in left_out]
    if include_final:
        chosen = [c for c in points.checkpoints if c in chosen or c in final]
    elif any(not c.last for c in points.checkpoints) and not wanted.is_choice:
        chosen = [c for c in chosen if c not in final]
    if not chosen and wanted.wanted != "none":
        raise AthanorError(
            f"{field}: {quoted(text)} selects only the finished LoRA of {points.name}; switch include_final on."
        )
    values = [_BASE] if include_base else []
    labelled = zip(_labels(chosen), chosen, strict=True)
    values += [Value(label, (("lora", (LoraChoice(c.lora_name),)),)) for label, c in labelled]
    means = [made_average.value(points.name, each, *parts(points, each, field), field) for each in wanted.averages]
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
