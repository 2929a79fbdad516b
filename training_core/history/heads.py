"""The numbers at the head of every line of metrics.jsonl, in arrays: a whole run of a million steps in 32 MB."""

from __future__ import annotations

import math
import re
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..json_text import parse_json

_HEAD = re.compile(rb'\{"step": (\d{1,18}), "epoch": (\d{1,18}), "loss": ([^,{}\[\]"]+), "lr": ([^,{}\[\]"]+)[,}]')
"""How `log` begins a line: these numbers are read without the rest, which is ten times as long."""
_D_LR = b'"d_lr": '
_LARGEST = 2**63


class Head(NamedTuple):
    """The numbers of one step that curves are made of."""

    step: int
    epoch: int
    loss: float  # NaN, which JSON writes as null, where the step gave no number
    rate: float  # that the optimizer used: d * lr where it finds d itself (D-Adaptation, Prodigy), else lr


@dataclass(frozen=True, slots=True)
class Heads:
    """The heads of a run's steps in order, one number of each array for a step."""

    steps: array[int] = field(default_factory=lambda: array("q"))
    epochs: array[int] = field(default_factory=lambda: array("q"))
    losses: array[float] = field(default_factory=lambda: array("d"))
    rates: array[float] = field(default_factory=lambda: array("d"))

    def add(self, head: Head) -> None:
        """Add a step; one that is done again takes the place of itself and of all after it."""
        if self.steps and self.steps[-1] >= head.step:
            first = bisect_left(self.steps, head.step)
            for numbers in (self.steps, self.epochs, self.losses, self.rates):
                del numbers[first:]
        self.steps.append(head.step)
        self.epochs.append(head.epoch)
        self.losses.append(head.loss)
        self.rates.append(head.rate)


def read(folder: Path) -> Heads:
    """Return the heads of a run's steps; none if it has no metrics.jsonl that can be read."""
    heads = Heads()
    try:
        with (folder / "metrics.jsonl").open("rb") as file:
            for line in file:
                if head := of_line(line):
                    heads.add(head)
    except OSError:
        pass
    return heads


def of_line(line: bytes) -> Head | None:
    """Return the head of a line of metrics.jsonl; None if the line is unfinished, or does not tell of a step."""
    match = _HEAD.match(line)
    if match is None or not line.endswith(b"}\n"):
        return _of_other(line)
    step, epoch, loss, rate = match.groups()
    at = line.rfind(_D_LR) + len(_D_LR)
    if at >= len(_D_LR) and not line.startswith(b"null", at):
        rate = line[at : line.find(b",", at)]
    try:
        return Head(int(step), int(epoch), math.nan if loss == b"null" else float(loss), float(rate))
    except ValueError:
        return _of_other(line)


def _of_other(line: bytes) -> Head | None:
    """Do the same for a line in another order or form, as another version or a hand may have written it."""
    value = parse_json(line)
    if not isinstance(value, dict) or not all(_counts(value.get(name)) for name in ("step", "epoch")):
        return None
    rate = value.get("lr") if value.get("d_lr") is None else value["d_lr"]
    return Head(step=value["step"], epoch=value["epoch"], loss=_number(value.get("loss")), rate=_number(rate))


def _counts(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LARGEST


def _number(value: Any) -> float:
    try:
        return float(value) if type(value) in (int, float) else math.nan
    except OverflowError:
        return math.nan
