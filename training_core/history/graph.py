"""The part of a graph that a run comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Graph:
    """A node and all that leads to it, in API form: the host makes the same run of it again."""

    node: str
    prompt: Mapping[str, Any]


def source(prompt: Mapping[str, Any] | None, node: str, **values: object) -> Graph | None:
    """What of `prompt` leads to `node`; None if it is not in there.

    Args:
        prompt: node id -> class_type and inputs; an input that is a link is [node id, output].
        values: inputs of `node` that are other than the prompt has them.
    """
    if not prompt or node not in prompt:
        return None
    found: dict[str, Any] = {}
    waiting = [node]
    while waiting:
        name = waiting.pop()
        if name in found or name not in prompt:
            continue
        found[name] = dict(prompt[name])
        waiting += [value[0] for value in prompt[name]["inputs"].values() if _is_link(value)]
    found[node]["inputs"] = {**found[node]["inputs"], **values}
    return Graph(node, {name: found[name] for name in prompt if name in found})


def _is_link(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)
