"""The row of a cell's field: all that is known of a thing that a comparison can vary (pure)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import Any

from .axes import Value

Available = Mapping[str, Sequence[str]]
"""Names that the host has, by group: samplers, schedulers, models, vaes and loras."""

Reader = Callable[[str, Available, bool], list[Value]]
"""(text of the axis, names that the host has, whole words only) -> the values that the text means."""


class Cost(IntEnum):
    """What has to be computed again when a field changes. Axes of a higher cost change less often while a grid is drawn."""

    SAMPLING = 0  # the sampler runs for every picture anyway
    CONDITIONING = 1
    PROMPT = 2  # a prompt is encoded
    MODEL_PATCH = 3
    LORA_STRENGTH = 4  # LoRAs are put on the models, their files are at hand
    LORA_FILE = 5
    VAE_FILE = 6
    TEXT_ENCODER = 7  # every prompt is encoded again
    MODEL_FILE = 8


@dataclass(frozen=True, slots=True)
class Change:
    """How expensive a change is, and whether several axes may make it (LoRAs are stacked, replacements follow each other)."""

    cost: Cost
    many: bool = False


@dataclass(frozen=True, slots=True)
class NodeInput:
    """An input of a node that stands in the graph of every picture: "positive", "negative", "latent" or "sampler"."""

    node: str
    name: str


@dataclass(frozen=True, slots=True)
class Patch:
    """A node of the host that stands in a picture's graph only where the field is not at its default.

    Args:
        port: what the node takes and gives changed: "model", "clip", "positive", "negative" or "latent".
        input: the node's name for that.
        node: (cell, the cell's MODEL) -> the node's type and widgets; it raises AthanorError where the field means
            nothing for this model.
    """

    port: str
    input: str
    node: Callable[[Any, Any], tuple[str, dict[str, Any]]]


class _Same:
    """Stands for the default of the field itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """All that is known of a field of `Cell` beside its name, its type and its default.

    Args:
        kinds: types of XYZ Axis that set it, and how their text is read.
        changes: names under which values of axes change it, with their costs; a single cost stands for its own name.
        node: the node of the host that does it, in the graph that is written into the picture and for the picture
            itself. None: it tells which models or which latent are taken (see stock.py and model_cache.py).
        parameter: its name in the `parameters` text of A1111; "" where another row tells of it.
        shown: what stands there, if not the value itself.
        identity_name: its name in the identity of cells, if it was renamed since.
        identity_default: the default that leaves no trace in the identity, if the field has another one by now.
    """

    changes: Mapping[str, Change]
    node: NodeInput | Patch | None
    parameter: str
    kinds: Mapping[str, Reader] = field(default_factory=dict)
    shown: Callable[[Any], Any] | None = None
    identity_name: str = ""
    identity_default: Any = _Same


def row(
    cost: Cost | None = None,
    *,
    default: Any = dataclasses.MISSING,
    changes: Mapping[str, Change] | None = None,
    **facts: Any,
) -> Any:
    """Declare a field of `Cell` with its row; `facts` are arguments of `FieldRow`. An optional field's default must mean
    that the host does nothing for it: it leaves no node in the graph and no trace in the identity."""
    own = {"": Change(cost)} if cost is not None else {}
    return field(default=default, metadata={"row": FieldRow(changes=own | dict(changes or {}), **facts)})


@cache
def rows(kind: type) -> dict[str, FieldRow]:
    """Return the rows of `Cell`, or of a class made from it, by field.

    Raises:
        TypeError: a field has none.
    """
    result = {}
    for each in dataclasses.fields(kind):
        if "row" not in each.metadata:
            raise TypeError(
                f"{kind.__name__}.{each.name} has no row: declare it with row(...), as the other fields are."
            )
        declared: FieldRow = each.metadata["row"]
        changes = {name or each.name: change for name, change in declared.changes.items()}
        result[each.name] = dataclasses.replace(declared, changes=changes)
    return result


def defaults(kind: type) -> dict[str, Any]:
    """Return the optional fields of a cell, each with the value that leaves no trace in the identity."""
    result = {}
    for each in dataclasses.fields(kind):
        if each.default is not dataclasses.MISSING:
            pinned = rows(kind)[each.name].identity_default
            result[each.name] = each.default if pinned is _Same else pinned
    return result
