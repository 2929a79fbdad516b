"""Prompts (graphs in API form) of any version of the pack and any system: made complete, so that the host takes them.

The host refuses a prompt that lacks a required input or has a value that is no choice any more, and ignores an input that the
node does not have without a word. It refuses names of files as another system writes them, too: `sub\\x.safetensors` where the
list has `sub/x.safetensors`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from ..errors import quoted
from ..names import own
from .comfy_nodes import host_nodes, inputs_of
from .json_values import MISSING, as_meant

_PACK = __name__.partition(".training_core.")[0]
_named: set[tuple[str, str]] = set()
"""(node type, input) that `fit` has returned a warning about since ComfyUI was started."""


def fit(prompt: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give this pack's nodes in `prompt` what they lack: older names and values get the new ones, missing inputs their default.

    In graphs with one of them, names of files with the other system's separators get this one's, whichever node they are on.

    Args:
        prompt: node id -> class_type and inputs; its nodes' inputs are changed in place. What is no node is passed over,
            so that the host names it.

    Returns:
        (node id, sentence) for each input that a node does not have, such as one of a newer version: it stays without
        effect. Each input of a node type is named once.
    """
    warnings, ours = [], False
    for key, type_, inputs in _nodes(prompt):
        kind = host_nodes.NODE_CLASS_MAPPINGS.get(type_)
        if kind is None or not kind.__module__.startswith(f"{_PACK}."):
            continue
        ours = True
        specs = inputs_of(kind)
        for name, (wanted, *more) in specs.items():
            options = more[0] if more else {}
            for old in options.get("was", ()):
                if old in inputs:
                    inputs.setdefault(name, inputs.pop(old))
            if name in inputs:
                older = _of_today(inputs[name], wanted, options.get("old_values", {}))
                inputs[name] = as_meant(name, older, (wanted, options), prompt)
            if "default" in options:  # scripts have null for what they leave out
                inputs[name] = options["default"] if inputs.get(name, MISSING) is MISSING else inputs[name]
            if inputs.get(name) is MISSING:
                del inputs[name]
        for name in sorted(inputs.keys() - specs.keys()):
            if (type_, name) not in _named:
                _named.add((type_, name))
                warnings.append((key, _sentence(type_, name)))
    if ours:
        for _, type_, inputs in _nodes(prompt):
            _name_as_here(type_, inputs)
    return warnings


def _name_as_here(type_: str, inputs: dict[str, Any]) -> None:
    """Give each input that is a path, and no choice of its list as it is written, the choice that differs in separators alone."""
    paths = {
        name: value for name, value in inputs.items() if isinstance(value, str) and ("\\" in value or "/" in value)
    }
    kind = host_nodes.NODE_CLASS_MAPPINGS.get(type_)
    if not paths or kind is None:
        return
    specs: Mapping[str, Any] = {}
    with suppress(Exception):  # of any pack; the host asks it again, and tells
        specs = inputs_of(kind)
    for name, value in paths.items():
        choices = _choices(specs.get(name))
        if value not in choices:
            plain = value.replace("\\", "/")
            same = (choice for choice in choices if isinstance(choice, str) and choice.replace("\\", "/") == plain)
            inputs[name] = next(same, value)


def _choices(spec: Any) -> list[Any]:
    """Return the choices of an input, in either form that the host knows; none if it is not one of choices."""
    kind, options = [*spec, None, None][:2] if isinstance(spec, tuple | list) else (None, None)
    named = options.get("options") if kind == "COMBO" and isinstance(options, Mapping) else None
    found = kind if isinstance(kind, tuple | list) else named
    return list(found) if isinstance(found, list | tuple) else []


def _of_today(value: Any, wanted: object, old_values: Mapping[str, str]) -> Any:
    """Return a value as a text input or a choice of today has it; where it was a number or a switch once, prompts hold those."""
    if wanted == "STRING" and isinstance(value, float) and value.is_integer():
        return str(int(value))  # the host would make "0.0" of it, which is another run than "0"
    return old_values.get(str(value), value) if old_values else value


def _nodes(prompt: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (id, type, inputs) of all in `prompt` that has the form of a node."""
    for key, node in prompt.items() if isinstance(prompt, dict) else ():
        if not isinstance(node, dict) or not isinstance(node.get("class_type"), str):
            continue
        if node.get("inputs") is None:  # all of a node's inputs may be missing
            node["inputs"] = {}
        if isinstance(inputs := node["inputs"], dict):
            yield key, node["class_type"], inputs


def _sentence(type_: str, name: str) -> str:
    title = own(host_nodes.NODE_DISPLAY_NAME_MAPPINGS.get(type_) or type_)
    return (
        f"{title} has no input {quoted(name)}: its value is ignored. If a newer version of Athanor has saved this workflow, "
        "update the pack."
    )
