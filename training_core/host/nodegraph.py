"""Nodes of the graph through the host's own machinery: what their widgets are, and running some of them again."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import folder_paths

from ..errors import AthanorError
from ..names import own
from .comfy_nodes import host_nodes, joined

_TYPES = ("INT", "FLOAT", "BOOLEAN", "STRING")
_VERSION = "0.30.0"
"""The ComfyUI that this file was written for: what it uses of the insides is promised by no version."""


def _inside(module: str, name: str) -> Any:
    """Return something of ComfyUI's insides; they are asked for when they are used, so that the pack loads without them.

    Raises:
        AthanorError: this ComfyUI has no such thing, or has it elsewhere.
    """
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        version = getattr(importlib.import_module("comfyui_version"), "__version__", "of unknown version")
        raise AthanorError(
            f"Widgets of the graph cannot be axes: this ComfyUI ({version}) has no {module}.{name}, which ComfyUI "
            f"{_VERSION} has; use that version, or an Athanor that supports this one."
        ) from None


def widgets(graph: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every widget of the graph that holds a value itself: node, name, title, kinds, type, value, options, minimum and
    maximum. One that a script has left out of the graph holds its default."""
    is_link = _inside("comfy_execution.graph_utils", "is_link")
    for key, node in graph.items():
        kind = host_nodes.NODE_CLASS_MAPPINGS.get(node["class_type"])
        if kind is None:
            continue
        shown = host_nodes.NODE_DISPLAY_NAME_MAPPINGS.get(node["class_type"]) or node["class_type"]
        title = (node.get("_meta") or {}).get("title") or shown
        specs = _specs(kind, node["inputs"])
        for name, value in (node["inputs"] | _left_out(specs, node["inputs"])).items():
            if is_link(value) or name not in specs:
                continue
            type_, options = specs[name][0], specs[name][1] if len(specs[name]) > 1 else {}
            choices = type_ if isinstance(type_, list) else options.get("options") or ()
            if not isinstance(type_, list) and type_ not in _TYPES and not (type_ == "COMBO" and choices):
                continue
            yield {
                "node": key,
                "name": name,
                "title": title,
                "kinds": (node["class_type"], shown, own(shown)),
                "type": type_ if type_ in _TYPES else "COMBO",
                "value": value,
                "options": tuple(choices),
                "minimum": options.get("min"),
                "maximum": options.get("max"),
            }


def _left_out(specs: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults of the widgets that a node's inputs lack."""
    options = {name: spec[1] for name, spec in specs.items() if len(spec) > 1 and name not in inputs}
    return {name: each["default"] for name, each in options.items() if "default" in each and not each.get("forceInput")}


def _specs(kind: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    types = kind.INPUT_TYPES()
    if issubclass(kind, _inside("comfy_api.internal", "_ComfyNodeInternal")):  # inputs that depend on others
        types, _, _ = _inside("comfy_api.latest._io", "get_finalized_class_inputs")(types, dict(inputs))
    return joined(types)


def files(node: Mapping[str, Any]) -> list[Path]:
    """Return the files that a node's widgets name: models of any kind, and pictures of the input folder."""
    paths = []
    for value in node["inputs"].values():
        if not isinstance(value, str) or not 0 < len(value) < 256 or "\n" in value or "\0" in value:
            continue
        for folder in folder_paths.folder_names_and_paths:
            path = folder_paths.get_full_path(folder, value) if folder != "custom_nodes" else None
            paths += [Path(path)] if path else []
        if folder_paths.exists_annotated_filepath(value):
            paths.append(Path(folder_paths.get_annotated_filepath(value)))
    return sorted({path for path in paths if path.is_file()})


def run(
    graph: Mapping[str, Any],
    key: str,
    outputs: Mapping[str, list[Any]],
    *,
    job: str = "athanor",
    extra: Mapping[str, Any] | None = None,
) -> list[Any]:
    """Return the outputs of one node as the host would compute them, each a list as the host keeps it.

    Args:
        outputs: those of the nodes before it.
        job: the host's job that it belongs to.
        extra: the extra data of that job, such as extra_pnginfo with the page's workflow.

    Raises:
        AthanorError: the node cannot be run from here.
    """
    node = graph[key]
    kind = host_nodes.NODE_CLASS_MAPPINGS[node["class_type"]]
    if inspect.iscoroutinefunction(getattr(kind, kind.FUNCTION)):
        raise AthanorError(f"{node['class_type']} ({key}) works asynchronously: a widget before it cannot be an axis.")
    known = SimpleNamespace(get_cache=lambda source, _: _entry(outputs.get(source)))
    prompt = _inside("comfy_execution.graph", "DynamicPrompt")(dict(graph))
    data, _, more = _inside("execution", "get_input_data")(node["inputs"], kind, key, known, prompt, dict(extra or {}))
    result, _, grown, _ = _finished(_inside("execution", "get_output_data")(job, key, kind(), data, v3_data=more))
    if grown:
        raise AthanorError(
            f"{node['class_type']} ({key}) creates other nodes while it runs: a widget before it cannot be an axis."
        )
    blocker = _inside("comfy_execution.graph", "ExecutionBlocker")
    if any(isinstance(value, blocker) for values in result for value in values):
        raise AthanorError(f"{node['class_type']} ({key}) returned no output with this value: leave the value out.")
    return result


def _entry(outputs: list[Any] | None) -> Any:
    return None if outputs is None else SimpleNamespace(outputs=outputs)


def _finished(work: Coroutine[Any, Any, Any]) -> Any:
    """Return what the host's coroutine gives: nothing in it waits, for the node does not."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    work.close()
    raise AthanorError("a node of the graph waits for something: a widget before it cannot be an axis.")
