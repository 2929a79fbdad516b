"""The combinations of a sweep's values: which ones, what they are called, and how their runs are named (pure)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .. import file_names
from ..compare.axes import WidgetEdit
from ..errors import AthanorError
from ..randomness import keyed
from .lines import Choice, Varied

MOST = 1000
"""Runs of one sweep."""
LONGEST = 120
"""Characters of what differs, in a file's name: file systems take 255 in all. What is the same then gets a number."""
SHORT = {
    "learning_rate": "lr",
    "unet_lr": "unet_lr",
    "text_encoder_lr": "te_lr",
    "max_train_steps": "steps",
    "batch_size": "batch",
    "optimizer_type": "",
    "lr_scheduler": "",
    "algo": "",
    "preset": "",
    "loss_type": "",
}
"""What stands before a setting's value in names of files; '' where the value says enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """One run of a sweep: a value for each setting that varies."""

    number: int  # in the whole grid, from 0
    edits: tuple[WidgetEdit, ...]
    values: tuple[str, ...]  # as they are shown, in the order of the lines
    told: tuple[tuple[str, str], ...]  # what differs: name and value of each setting
    suffix: str  # of its output_name: "_lr1e-4_rank8"

    @property
    def label(self) -> str:
        """What differs, in words: "learning_rate 1e-4, rank 8"."""
        return ", ".join(f"{name} {value}" for name, value in self.told)


def size(varied: Sequence[Varied]) -> int:
    """Return how many combinations there are."""
    return math.prod(len(each.choices) for each in varied)


def chosen(varied: Sequence[Varied], count: int | None, seed: int) -> list[Combination]:
    """Return all combinations, or `count` of them drawn by the seed, in the order of the grid: the first line changes least often.

    Raises:
        AthanorError: there are more than MOST.
    """
    whole = size(varied)
    wanted = whole if count is None else min(count, whole)
    if wanted > MOST:
        raise AthanorError(
            f"settings gives {whole} combinations, more than the {MOST} of a sweep: leave some out, or use mode random."
        )
    numbers = range(whole) if wanted == whole else sorted(drawn(whole, wanted, seed))
    found = [_combination(varied, number) for number in numbers]
    return _told_apart(found)


def drawn(whole: int, count: int, seed: int) -> list[int]:
    """Return `count` different numbers below `whole`; a smaller count gives the first of them."""
    random, found = keyed("sweep", seed, whole), dict[int, None]()
    while len(found) < min(count, whole):
        found[random.below(whole)] = None
    return list(found)


def _combination(varied: Sequence[Varied], number: int) -> Combination:
    rest, picked = number, list[Choice]()
    for each in reversed(varied):
        rest, at = divmod(rest, len(each.choices))
        picked.insert(0, each.choices[at])
    pairs = list(zip(varied, picked, strict=True))
    told = [(each, choice) for each, choice in pairs if len(each.choices) > 1] or pairs
    names = [each.widget.name for each in varied]
    return Combination(
        number=number,
        edits=tuple(each.edit(choice) for each, choice in pairs),
        values=tuple(choice.label for choice in picked),
        told=tuple((title(each, names), choice.label) for each, choice in told),
        suffix="".join(f"_{part}" for each, choice in told if (part := _part(each, choice, names)))[:LONGEST],
    )


def title(each: Varied, names: Sequence[str]) -> str:
    """Return how a setting is called among those that vary: with its node where two have one name."""
    return each.widget.name if names.count(each.widget.name) == 1 else f"{each.widget.node}.{each.widget.name}"


def _part(each: Varied, choice: Choice, names: Sequence[str]) -> str:
    """Return what tells one value in a file's name, in characters that every system takes."""
    widget = each.widget
    if widget.type == "BOOLEAN":
        return widget.name if choice.value else f"no_{widget.name}"
    before = SHORT.get(widget.name, widget.name)
    if names.count(widget.name) > 1:
        before += f"{widget.node.replace(':', '-')}-"
    if widget.type in ("STRING", "COMBO"):
        value = re.sub(r"[^\w.+=-]+", "-", choice.label).strip("-.") or "empty"
        return file_names.safe(f"{before}-{value}".strip("-") if before else value, 40).replace(".", "_")
    return f"{before}{choice.label}"


def _told_apart(found: list[Combination]) -> list[Combination]:
    """Return the combinations with suffixes that differ, also on a system that does not tell capitals from small letters."""
    counts = Counter(each.suffix.lower() for each in found)
    taken = {suffix for suffix, count in counts.items() if count == 1}
    result = list[Combination]()
    for each in found:
        if counts[each.suffix.lower()] > 1:
            suffix = f"{each.suffix}_{each.number + 1}"
            while suffix.lower() in taken:
                suffix += "_"
            taken.add(suffix.lower())
            each = replace(each, suffix=suffix)
        result.append(each)
    return result
