"""The text of a sweep: one line for each setting, its name and its values (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import lists
from ..compare import grammar, widgets
from ..compare.axes import WidgetEdit
from ..compare.grammar import RandomSeed
from ..compare.widgets import Widget
from ..errors import AthanorError, quoted
from ..names import nearest
from ..randomness import keyed
from ..text_files import lines as lines_in

ALIASES = {
    "optimizer": "optimizer_type",
    "scheduler": "lr_scheduler",
    "lr": "learning_rate",
    "dim": "rank",
    "network_dim": "rank",
    "network_alpha": "alpha",
    "train_batch_size": "batch_size",
    "max_train_epochs": "epochs",
    "noise_offset_strength": "noise_offset",
}
"""What people call a setting -> its widget; a widget that is really called so comes first."""

_LINE = re.compile(r"(?P<name>(?:\d+(?::\d+)*\.)?\w+|[^.]*\.\w+)\s*[:=]\s*(?P<values>.*)", re.DOTALL)
"""A line without blanks at its ends. No two of its parts take the same characters: matching a long text stops every thread."""
_LONGEST = 200_000
"""Characters of a text: 10000 values of a setting are shorter, and reading 5 million took seconds."""
NOT_VARIED = {"output_name": "each run gets a name of its own, with what differs behind it"}
"""Widgets that a sweep sets itself, and why."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a setting that varies, and how it is shown."""

    label: str
    value: Any


@dataclass(frozen=True, slots=True)
class Varied:
    """A setting that varies: a widget of the graph, and its values."""

    widget: Widget
    choices: tuple[Choice, ...]

    def edit(self, choice: Choice) -> WidgetEdit:
        """Return the widget with one of the values in it."""
        return WidgetEdit(self.widget.node, self.widget.name, choice.value)


def read(
    text: str, known: Sequence[Widget], is_ours: Callable[[Widget], bool], elsewhere: Mapping[str, str], seed: int
) -> list[Varied]:
    """Return the settings that a text varies.

    Args:
        known: the widgets of Train LoRA and of all nodes in front of it.
        is_ours: whether a widget belongs to a node of this pack: of two with one name, that one is meant.
        elsewhere: setting that no widget has -> where it is, and what to do for it to vary.
        seed: of random values.

    Raises:
        AthanorError: names the line, what is wrong with it, and the nearest names.
    """
    check(text)
    found: dict[tuple[str, str], Varied] = {}
    for number, line in _lines(text):
        where = f"settings, line {number}"
        match = _LINE.fullmatch(line)
        if not match:
            raise AthanorError(f"{where}: {quoted(line)} has no name before a colon; write it as rank: 8, 16.")
        widget = _find(match["name"], known, is_ours, elsewhere, where)
        if widget.name in NOT_VARIED:
            raise AthanorError(f"{where}: {widget.name} cannot vary: {NOT_VARIED[widget.name]}.")
        if (widget.node, widget.name) in found:
            raise AthanorError(f"{where}: {widget.full} has a line already; put all of its values into one.")
        found[widget.node, widget.name] = Varied(widget, _choices(widget, match["values"], known, seed, where))
    return list(found.values())


def check(text: str) -> None:
    """Check that a text has a line for a setting; what is in it can be read when its graph is known.

    Raises:
        AthanorError: it has none, or is too long.
    """
    if len(text) > _LONGEST:
        raise AthanorError(f"settings has {len(text):,} characters, and takes {_LONGEST:,}: leave some values out.")
    if not any(_lines(text)):
        raise AthanorError(
            "settings is empty: write one line for each setting, such as learning_rate: 5e-5, 1e-4, 2e-4."
        )


def _lines(text: str) -> Iterable[tuple[int, str]]:
    """Yield the lines with something in them and their numbers; what follows `;` and has a name is a line as well."""
    for number, line in enumerate(lines_in(text), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield from ((number, part.strip()) for part in re.split(r";(?=\s*[\w.]+\s*:)", line) if part.strip(" ;"))


def _find(
    name: str, known: Sequence[Widget], is_ours: Callable[[Widget], bool], elsewhere: Mapping[str, str], where: str
) -> Widget:
    name = name.strip()
    if "." in name:
        try:
            return widgets.find(name, known)
        except AthanorError as error:
            raise AthanorError(f"{where}: {error}") from None
    for asked in filter(None, (name.lower(), ALIASES.get(name.lower()))):
        same = [widget for widget in known if widget.name.lower() == asked]
        same = [widget for widget in same if is_ours(widget)] or same
        if len(same) == 1:
            return same[0]
        if same:
            written = " or ".join(f"{widget.node}.{widget.name}" for widget in same[:4])
            raise AthanorError(
                f"{where}: {name} is in {' and '.join(f'{w.title} ({w.node})' for w in same[:4])}; write {written}."
            )
    asked = (name.lower(), ALIASES.get(name.lower(), ""))
    near = next((elsewhere[each] for each in asked if each in elsewhere), "") or nearest(
        name, list(dict.fromkeys(widget.name for widget in known))
    )
    raise AthanorError(f"{where}: no node in front of the sweep has {quoted(name)}; {near}.")


def _choices(widget: Widget, text: str, known: Sequence[Widget], seed: int, where: str) -> tuple[Choice, ...]:
    """Return the values of a widget, each once.

    Raises:
        AthanorError: the widget does not take one of them, or there are none.
    """
    if not text.strip():
        raise AthanorError(
            f"{where}: {widget.name} has no values; write them behind the colon, as in {widget.name}: {widget.value}."
        )
    try:
        pairs = (
            _seeds(widget, text, seed)
            if widget.type == "INT" and "seed" in widget.name
            else _plain(widget, text, known)
        )
    except AthanorError as error:
        raise AthanorError(f"{where} ({widget.name}): {str(error).removeprefix('values: ')}") from None
    return tuple({repr(value): Choice(label, value) for label, value in reversed(pairs)}.values())[::-1]


def _plain(widget: Widget, text: str, known: Sequence[Widget]) -> list[tuple[str, Any]]:
    if widget.type == "STRING":  # several lines are one value each there; here a line has all of them
        text = "\n".join(lists.cells(text)) if "||" not in text else text
    values = [(value.label, value.changes[0][1].value) for value in widgets.read(widget, text, known).values]
    return [(short(value) if isinstance(value, float) else label, value) for label, value in values]


def _seeds(widget: Widget, text: str, seed: int) -> list[tuple[str, Any]]:
    """Return seeds; a random one follows from the sweep's seed and its place, so that it is the same when it is queued again."""
    found = []
    for value in grammar.seeds(text):
        if isinstance(value, RandomSeed):
            value = keyed("sweep", seed, widget.node, widget.name, value.number).below(2**31)
        if widget.maximum is not None and value > widget.maximum:
            raise AthanorError(f"{widget.full} takes at most {widget.maximum:g}, not {value}.")
        found.append((str(value), value))
    return found


def short(value: float) -> str:
    """Return a number as short as people write it: 1e-4, 0.05, 16."""
    plain = f"{value:.10g}"
    mantissa, _, exponent = f"{value:.9e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    science = f"{mantissa}e{int(exponent)}"
    if "e" in plain:
        return science
    return science if abs(value) < 0.1 and len(science) < len(plain) else plain
