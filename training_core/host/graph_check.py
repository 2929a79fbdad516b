"""Graphs in API form, before the host runs them without a page: what keeps it from that, in sentences that name node and input."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath, PureWindowsPath
from typing import Any

from ..errors import AthanorError, quoted, shortened
from ..names import own
from .comfy_nodes import host_nodes, inputs_of
from .json_values import Refused

_MOST_CHOICES = 8
_FRAME = re.compile(r'^\s*File "([^"]+)", line (\d+)', re.MULTILINE)


def checked_part(prompt: Mapping[str, Any], node: str) -> dict[str, dict[str, Any]]:
    """Return `node` and all nodes that lead to it, by id, in the order of the prompt: of the others nothing is asked.

    Raises:
        AthanorError: one of them is no node, or is linked to one that is not there; the host takes both for granted.
    """
    if node not in prompt:
        raise AthanorError(f"The graph has no node {quoted(node)}: use one of {', '.join(list(prompt)[:20])}.")
    waiting, found = [node], {node}
    while waiting:
        key = waiting.pop()
        entry = prompt[key]
        inputs = entry.setdefault("inputs", {}) if isinstance(entry, dict) else None
        if not isinstance(inputs, dict) or not isinstance(entry.get("class_type"), str):
            raise AthanorError(f"Node {quoted(key)} of the graph is no node: give it a class_type and inputs.")
        for name, value in inputs.items():
            if not isinstance(value, list) or len(value) != 2:
                continue
            if not isinstance(value[0], str) or value[0] not in prompt:
                raise AthanorError(
                    f"{_title(prompt, key)} takes {name} from node {quoted(value[0])}, which is not in the graph: add that "
                    "node, or connect another."
                )
            if value[0] not in found:
                found.add(value[0])
                waiting.append(value[0])
    return {key: entry for key, entry in prompt.items() if key in found}


async def problems(prompt: Mapping[str, Any], node: str) -> list[str]:
    """Return why the host would not run `node`: a sentence without its full stop for each input at fault; empty if it would."""
    import execution

    checked: dict[str, tuple[bool, list[dict[str, Any]], str]] = {}
    fine, errors, _ = await execution.validate_inputs("", prompt, node, checked)
    if fine:
        return []
    own = {node: (False, errors, node)}
    found = (
        _sentence(prompt, key, e) for key, (is_fine, some, _) in (own | checked).items() if not is_fine for e in some
    )
    return list(dict.fromkeys(found))


def failure(prompt: Mapping[str, Any], error: Mapping[str, Any]) -> str:
    """Return in one sentence why a node of the host or of another pack has failed, with the files that it was given.

    Args:
        error: the host's message `execution_error`.
    """
    key = str(error["node_id"])
    given = (prompt.get(key) or {}).get("inputs", {})
    files = [f"{name} {shortened(v)}" for name, v in given.items() if isinstance(v, str) and PurePath(v).suffix]
    named = _title(prompt, key) if key in prompt else str(error["node_type"])
    what = f"{named} ({', '.join(files)})" if files else named
    frames = _FRAME.findall("".join(error["traceback"]))
    where = f" in {PureWindowsPath(frames[-1][0]).name}, line {frames[-1][1]}" if frames else ""
    kind = str(error["exception_type"]).rpartition(".")[2]
    message = shortened(str(error["exception_message"]).strip(), 400).rstrip(".")
    advice = "; if that file is damaged, download or copy it again" if files else ""
    return f"{what} has failed: {message} ({kind}{where}){advice}."


def _title(prompt: Mapping[str, Any], key: str) -> str:
    entry = prompt[key]
    type_ = str(entry.get("class_type"))
    title = (entry.get("_meta") or {}).get("title") or host_nodes.NODE_DISPLAY_NAME_MAPPINGS.get(type_) or type_
    return f"{own(title)} {key}"


def _sentence(prompt: Mapping[str, Any], key: str, error: Mapping[str, Any]) -> str:
    """Return what the host says about an input, with the node's title and id, and a verb."""
    more = error.get("extra_info") or {}
    kind, name, details = error.get("type"), str(more.get("input_name", "")), str(error.get("details") or "")
    title, value = _title(prompt, key), quoted(str(more.get("received_value")))
    if kind == "required_input_missing":
        return f"{title} lacks {name}: add it to its inputs"
    if kind == "value_not_in_list":
        return f"{title} has no {name} {value}: {_choices(prompt[key]['class_type'], name)}"
    if kind == "invalid_input_type":
        return f"{title}: {name} is {value}, which is no {str((more.get('input_config') or ['value'])[0]).lower()}"
    if kind == "return_type_mismatch":
        got, want = more.get("received_type"), (more.get("input_config") or ["?"])[0]
        return f"{title} takes {want} as {name}, not {got}: connect another output"
    if kind == "custom_validation_failed":
        details = details.removeprefix(f"{name} - ")
    elif kind == "bad_linked_input" and isinstance(more.get("received_value"), Refused):
        details = str(more["received_value"])
    elif kind in ("value_smaller_than_min", "value_bigger_than_max"):
        details = f"{name}: {error.get('message')}"
    else:
        details = ": ".join(text for text in (str(error.get("message") or ""), details) if text)
    return f"{title}: {' '.join(details.split()).rstrip('.')}"


def _choices(type_: str, name: str) -> str:
    """Return what to do about a value that is none of an input's choices."""
    known = [str(choice) for choice in _options(type_, name)]
    if not known:
        return "this ComfyUI has nothing to choose from, so put the file into its folder"
    more = f" or one of {len(known) - _MOST_CHOICES} more" if len(known) > _MOST_CHOICES else ""
    return f"use {', '.join(known[:_MOST_CHOICES])}{more}"


def _options(type_: str, name: str) -> Iterator[Any]:
    kind, *more = inputs_of(host_nodes.NODE_CLASS_MAPPINGS[type_]).get(name, [[]])
    yield from kind if isinstance(kind, list) else (more[0] if more else {}).get("options", ())
