"""The types of axes, and axes made of their text or of each other (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from .. import lists
from ..block_strengths import FORMS
from ..errors import AthanorError, quoted, shortened
from ..history.run_files import without_copies
from ..names import nearest, simple
from ..wording import plural
from . import widgets
from .axes import Axis, Value
from .cells import CHANGES, Cell
from .fields import Available, Reader, rows

CHECKPOINT = "checkpoint of the run"
WIDGET = "widget of the graph"
READERS: dict[str, Reader] = {kind: reader for row in rows(Cell).values() for kind, reader in row.kinds.items()}
_READY = {
    "each off": "all, then each block of the LoRA that is compared off in turn",
    "each alone": "all, then each block of the LoRA that is compared alone in turn",
    "groups off": "all, then each group of blocks of the LoRA that is compared off in turn",
}
"""Lists of blocks that a comparison makes (see block_axes.py), in words."""
_LINES = ("prompt", "negative prompt", "LoRA blocks")  # types whose values may have commas
KINDS: tuple[str, ...] = (CHECKPOINT, *READERS, WIDGET)
"""What an axis can vary. Workflows hold these names: they are stable."""


_NAMES = {"LoRA": "loras", "sampler": "samplers", "scheduler": "schedulers", "model": "models", "VAE": "vaes"}
"""Types whose values are names -> the group of names that the host has."""


def every_name(kind: str, available: Available) -> list[str]:
    """Return all values of a type, as short as they can be written; none for a type that is no name. Of blocks, which are known when the
    LoRA is: the text that means all of them."""
    if kind == "LoRA blocks":
        return [FORMS[0]]
    names = without_copies(list(available.get(_NAMES.get(kind, ""), ())))
    count = Counter(map(simple, names))
    return [name.removesuffix(".safetensors") if count[simple(name)] == 1 else name for name in names]


def read(kind: str, text: str, available: Available, whole_word: bool = True) -> Axis:
    """Return the axis that a type (any but WIDGET, see `read_widget`) and a text of values mean.

    Raises:
        AthanorError: there is no such type, nothing to vary, or a value is wrong; the nearest names are listed.
    """
    if kind == CHECKPOINT:
        return Axis("checkpoint", (), epochs=text)
    if kind not in READERS:
        raise AthanorError(f"type {quoted(kind)} does not exist; {nearest(kind, KINDS)}.")
    values = READERS[kind](text, available, whole_word)
    skipped = lists.skipped(text, commas=kind not in _LINES)
    if not values and skipped:
        raise AthanorError("values: all of them are skipped; take SKIP: away from one.")
    if not values:
        raise AthanorError(f"values is empty: an axis of type {kind} needs at least one value.")
    title = kind.replace(" S/R", "")
    olds = {change.change.old for value in values for name, change in value.changes if name == "replace"}
    title = f"{title}: {olds.pop()} =>" if len(olds) == 1 else title
    return _limited(Axis(title, tuple(values), skipped=skipped))


def read_widget(name: str, text: str, graph: Sequence[widgets.Widget], whole_word: bool = True) -> Axis:
    """Return the axis of type WIDGET for the widget that `name` means among those of the graph.

    Raises:
        AthanorError: there is no such widget, or it does not take one of the values.
    """
    widget = widgets.find(name, graph)
    axis = widgets.read(widget, text, graph, whole_word)
    return _limited(replace(axis, skipped=lists.skipped(text, commas=widget.type != "STRING")))


def _limited(axis: Axis) -> Axis:
    if len(axis.values) > lists.LIMIT:
        raise AthanorError(f"values gives {len(axis.values)} values; an axis can have {lists.LIMIT}.")
    return axis


def listed(axis: Axis) -> str:
    """Return the axis in words: '5 values: 0.6, 0.7, 0.8, 0.9, 1'."""
    if axis.epochs is not None:
        return f"checkpoints of the run: {shortened(axis.epochs or 'all')}"
    labels = [
        f"{v.label} ({_READY[to]})" if (to := dict(v.changes).get("blocks")) in _READY else shortened(v.label, 200)
        for v in axis.values
    ]
    shown = ", ".join(labels[:40]) + (", ..." if len(labels) > 40 else "")
    different = len(set(axis.values))
    equal = f" ({different} different; XYZ Compare draws equal ones once)" if different < len(labels) else ""
    skipped = f", {axis.skipped} skipped" if axis.skipped else ""
    return f"{axis.title}, {plural(len(labels), 'value')}{skipped}: {shown}{equal}"


def distinct(axis: Axis | None) -> Axis | None:
    """Return the axis with each of its values once: equal ones are there for XYZ Zip, which pairs values one by one."""
    return axis and replace(axis, values=tuple(lists.once(axis.values)))


def cost(axis: Axis) -> int:
    """Return how expensive a step along an axis is: that of the dearest change that its values make."""
    return max((CHANGES[name].cost for name in axis.fields), default=0)


def join(axes: Sequence[Axis]) -> Axis:
    """Axes that move together: their first values, their second values, and so on.

    Raises:
        AthanorError: they differ in length (both are listed), or set the same field.
    """
    for axis in axes[1:]:
        if len(axis.values) != len(axes[0].values):
            raise AthanorError(f"XYZ Zip needs axes of the same length; {listed(axes[0])}; but {listed(axis)}.")
        check_fields([axes[0], axis])
    values = tuple(
        Value(
            label="  ".join(v.label for v in together),
            changes=tuple(change for v in together for change in v.changes),
            special=all(v.special for v in together),
        )
        for together in zip(*(axis.values for axis in axes), strict=True)
    )
    models = tuple(each for axis in axes for each in axis.graph_models)
    notes = tuple(lists.once(note for axis in axes for note in axis.notes))
    skipped = max(axis.skipped for axis in axes)
    return Axis(" + ".join(axis.title for axis in axes), values, graph_models=models, skipped=skipped, notes=notes)


def check_fields(axes: Sequence[Axis]) -> None:
    """Check that no field is set by two axes.

    Raises:
        AthanorError: names both axes.
    """
    owner: dict[str, Axis] = {}
    for axis in axes:
        for name in axis.fields:
            if name in owner and not CHANGES[name].many:
                raise AthanorError(
                    f"the axes {quoted(owner[name].title)} and {quoted(axis.title)} both set {name.replace('_', ' ')}: leave one out."
                )
        owner |= dict.fromkeys(axis.fields, axis)
