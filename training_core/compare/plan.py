"""Which cells a comparison has, where they stand, and in which order they are sampled (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, product

from ..errors import AthanorError, quoted
from ..lists import once
from . import replacing
from .axes import Axis, PromptChange
from .cells import Cell, cell
from .grammar import RandomSeed
from .kinds import check_fields, cost

MOST = 100_000
"""Cells of one comparison."""


@dataclass(frozen=True)
class Plan:
    """The axes of a grid and its cells. The first axis makes columns, the second rows, each further one blocks."""

    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]  # of all combinations; the last axis changes fastest

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of values of each axis."""
        return tuple(len(axis.values) for axis in self.axes)

    @cached_property
    def order(self) -> tuple[Cell, ...]:
        """Each different cell once, as it is sampled."""
        flat = dict(zip(product(*map(range, self.shape)), self.cells, strict=True))
        return tuple(dict.fromkeys(flat[at] for at in snake(self.axes)))

    @property
    def models(self) -> int:
        """How often another model is needed, the first included."""
        return sum(1 for _ in groupby(self.order, key=lambda cell: cell.model))

    @property
    def lora_patches(self) -> int:
        """How often LoRAs are put on a model, if all cells are drawn."""
        return count_lora_patches(self.order)


def count_lora_patches(cells: Sequence[Cell]) -> int:
    """Return how often LoRAs are put on a model, if cells are sampled in this order."""
    return sum(1 for (*_, low, loras, _), _ in groupby(cells, key=lambda cell: cell.patched) if low or loras)


def snake(axes: Sequence[Axis]) -> Iterator[tuple[int, ...]]:
    """Yield all positions, the dearest axis outermost; every inner axis runs forth and back, so that one thing changes at
    a time and the last value of one pass is the first of the next."""
    ranked = sorted(range(len(axes)), key=lambda i: -cost(axes[i]))

    def walk(depth: int, forward: bool) -> Iterator[dict[int, int]]:
        if depth == len(ranked):
            yield {}
            return
        axis = ranked[depth]
        count = len(axes[axis].values)
        for value in range(count) if forward else range(count - 1, -1, -1):
            for rest in walk(depth + 1, (value % 2 == 0) == forward):
                yield {axis: value, **rest}

    for at in walk(0, True):
        yield tuple(at[i] for i in range(len(axes)))


def plan(
    axes: Sequence[Axis], base: Cell, strength: tuple[float, float] = (1.0, 1.0), seeds: Mapping[int, int] | None = None
) -> Plan:
    """Return the plan of a grid: the cell of every combination of the axes' values.

    Raises:
        AthanorError: two axes set the same field, a text to replace is in no prompt, or there are too many cells.
    """
    check_fields(axes)
    total = 1
    for axis in axes:
        total *= len(axis.values)
    if total > MOST:
        counts = " x ".join(str(len(axis.values)) for axis in axes)
        raise AthanorError(f"The axes give {counts} = {total} pictures; at most {MOST} are possible: leave values out.")
    check_replacements(base, axes)
    cells = tuple(cell(base, strength, chosen, seeds or {}) for chosen in product(*(axis.values for axis in axes)))
    return Plan(tuple(axes), cells)


def check_replacements(base: Cell, axes: Sequence[Axis]) -> None:
    """Check that each text that is to be replaced stands in all prompts.

    Raises:
        AthanorError: names the text, and the prompt that lacks it.
    """
    prompts = [dict(v.changes)["positive"] for axis in axes for v in axis.values if "positive" in v.fields]
    negatives = [dict(v.changes)["negative"] for axis in axes for v in axis.values if "negative" in v.fields]
    prompts, negatives = prompts or [base.positive], negatives or [base.negative]
    pairs = [(p, n) for p in prompts for n in negatives]
    changes: list[PromptChange] = once(
        to for axis in axes for v in axis.values for name, to in v.changes if name == "replace"
    )
    for each in changes:
        for positive, negative in pairs:
            texts = {"both": [positive, negative], "positive": [positive], "negative": [negative]}[each.where]
            if not any(replacing.contains(text, each.change.old, each.whole_word) for text in texts):
                raise AthanorError(_missing_text(each, texts))


def _missing_text(wanted: PromptChange, texts: Sequence[str]) -> str:
    where = "prompt" if wanted.where == "both" else f"{wanted.where} prompt"
    if any(wanted.change.old in text for text in texts):
        advice = "it is only part of a longer word; turn whole_word off, or search for the whole word"
    else:
        advice = "write the first value exactly as in the prompt"
    return f"{quoted(wanted.change.old)} is not in the {where} {quoted(texts[0])}: {advice}."


def randoms(axes: Sequence[Axis], base: Cell) -> list[int]:
    """Return the numbers of the random seeds that are still to be drawn."""
    values = [to for axis in axes for v in axis.values for name, to in v.changes if name == "seed"] + [base.seed]
    return sorted({value.number for value in values if isinstance(value, RandomSeed)})
