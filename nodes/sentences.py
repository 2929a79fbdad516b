"""What the host finds wrong with a node's inputs when a graph is queued, as sentences that say what to do.

The host's own words name a type and an input: "Required input is missing", "buckets".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..training_core.errors import quoted, shortened
from ..training_core.host import choices
from ..training_core.host.comfy_nodes import host_nodes, inputs_of
from ..training_core.names import nearest, own

_STOCK = {
    "MODEL": "the output MODEL of Load Checkpoint",
    "CLIP": "the output CLIP of Load Checkpoint",
    "VAE": "the output VAE of Load Checkpoint",
    "IMAGE": "the output IMAGE of Load Image",
    "STRING": "a node that gives a text",
}
"""Where what comes from no node of this pack comes from, by type."""


def sentence(kind: str, error: dict[str, Any]) -> str:
    """Return what is wrong with an input of a node of the class `kind`; '' where the host's words are kept.

    Args:
        error: as the host's answer has it: type, message, details, extra_info.
    """
    more = error.get("extra_info") or {}
    name, config = str(more.get("input_name")), more.get("input_config") or ["", {}]
    value = more.get("received_value")
    match error["type"]:
        case "required_input_missing":
            return f"{name} is not connected: connect {_source(kind, name)} to it."
        case "return_type_mismatch":
            given = shortened(str(more.get("received_type")))
            return f"{name} is connected to an output of another type ({given}): connect {_source(kind, name)} to it."
        case "value_smaller_than_min":
            return f"{name} is {shortened(repr(value))}: its least value is {config[1].get('min')}."
        case "value_bigger_than_max":
            return f"{name} is {shortened(repr(value))}: its greatest value is {config[1].get('max')}."
        case "value_not_in_list":
            there = choices.choices_of(kind).get(name, [])
            return f"{name} {quoted(value)} is not among its choices; {nearest(str(value), there)}."
        case "dependency_cycle":
            return f"Its outputs lead back to its own inputs ({error['details']}): take one of these links out."
    return ""


def _source(kind: str, name: str) -> str:
    """Return which output of which node an input is for, as the middle of a sentence."""
    wanted = str(inputs_of(host_nodes.NODE_CLASS_MAPPINGS[kind])[name][0])
    return next(_outputs(wanted), _STOCK.get(wanted, f"an output of the type {wanted}"))


def _outputs(wanted: str) -> Iterator[str]:
    """Yield the outputs of this pack's nodes that have the type `wanted`, in the order of a workflow."""
    if not wanted.startswith("ATHANOR_"):
        return
    for kind, node in host_nodes.NODE_CLASS_MAPPINGS.items():
        if kind.startswith("Athanor"):
            title = own(host_nodes.NODE_DISPLAY_NAME_MAPPINGS.get(kind, kind))
            for type_, name in zip(node.RETURN_TYPES, node.RETURN_NAMES, strict=True):
                if type_ == wanted:
                    yield f"the output {name} of {title}"
