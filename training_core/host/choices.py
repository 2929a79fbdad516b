"""The choices that widgets of nodes have on this computer: files of a folder, samplers, and other lists."""

from __future__ import annotations

from .comfy_nodes import host_nodes, inputs_of


def choices_of(type_: str) -> dict[str, list[str]]:
    """Return, for each widget of a node type that takes one of a list of texts, that list; {} if the type is unknown.

    The host reads folders for it again if they have changed. Lists that a page asks another address for are left out.
    """
    kind = host_nodes.NODE_CLASS_MAPPINGS.get(type_)
    if kind is None:
        return {}
    found = {}
    for name, spec in inputs_of(kind).items():
        options = spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}
        values = options.get("options") if spec[0] == "COMBO" else spec[0]
        if isinstance(values, list) and "remote" not in options and all(isinstance(value, str) for value in values):
            found[name] = values
    return found
