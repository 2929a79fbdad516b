"""What of a graph leads to one of its nodes: in the form of the host's API, and as the workflow that its page saves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

TRAIN_LORA = "AthanorTrainLoRA"
"""Type of the node that trains."""
SWEEP = "AthanorSweep"
"""Type of the node that trains it once for each combination of settings."""
WITHOUT_GRAPH = ("recipe", "minimal")
"""Choices of its `metadata` whose files tell no graph."""
_OFF = (2, 4)
"""Modes of a node of a workflow that is muted or bypassed."""


def is_link(value: object) -> bool:
    """Return whether an input of a node comes from another node: [node id, output]."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)


def upstream(prompt: Mapping[str, Any], nodes: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return `nodes` and all nodes before them, by id; an id that the prompt does not hold is passed over."""
    result: dict[str, dict[str, Any]] = {}
    waiting = list(nodes)
    while waiting:
        name = waiting.pop()
        if name in result or name not in prompt:
            continue
        result[name] = prompt[name]
        waiting += [value[0] for value in prompt[name]["inputs"].values() if is_link(value)]
    return result


def leading_to(graph: Mapping[str, Any], nodes: Iterable[str]) -> dict[str, Any]:
    """Return the part of a graph that leads to `nodes`: no notes, no groups, no other nodes.

    Args:
        graph: what the host writes into pictures: "prompt", and "workflow" if a page has queued it. A workflow of a form that is
            not known is left out.
        nodes: ids of the prompt.
    """
    prompt = graph.get("prompt") or {}
    before = upstream(prompt, nodes)
    found: dict[str, Any] = {"prompt": {name: _plain(prompt[name]) for name in prompt if name in before}}
    if graph.get("workflow"):
        with suppress(LookupError, TypeError, AttributeError, ValueError):  # a workflow is whatever the client has sent
            found["workflow"] = _workflow(graph["workflow"], before, prompt)
    return found


def _plain(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return a node of a prompt without what the host notes in it meanwhile, such as a digest of a file."""
    return {name: value for name, value in node.items() if name != "is_changed"}


def _workflow(workflow: Mapping[str, Any], wanted: Iterable[str], prompt: Iterable[str]) -> dict[str, Any]:
    """Return a workflow with the nodes that stand behind `wanted`; subgraphs are reduced in the same way.

    Args:
        wanted: ids of the prompt; of a node in a subgraph that of the subgraph's node and its own: "5:3".
        prompt: the ids of all that the page would run.
    """
    definitions = {each["id"]: each for each in workflow.get("definitions", {}).get("subgraphs", [])}
    inside, run = _by_level(workflow, definitions, wanted), _by_level(workflow, definitions, prompt)
    reduced = _level(workflow, inside[""], run[""])
    names = ("last_node_id", "last_link_id", "config", "version", "revision")
    result = {name: workflow[name] for name in names if name in workflow}
    extra = _extra(workflow.get("extra") or {}, _links(reduced))
    result |= {"nodes": reduced["nodes"], "links": reduced["links"], "groups": [], "extra": extra}
    parts = {name: _level(definitions[name], inside.get(name, set()), run.get(name, set())) for name in definitions}
    used = _used(reduced["nodes"], parts)
    if used:
        result["definitions"] = {"subgraphs": [parts[name] for name in definitions if name in used]}
    return result


def _by_level(workflow: Mapping[str, Any], definitions: Mapping[str, Any], names: Iterable[str]) -> dict[str, set[str]]:
    """Return the nodes that ids of a prompt pass through: by the subgraph's id, "" for the workflow itself."""
    kinds = {name: _kinds(level) for name, level in {"": workflow, **definitions}.items()}
    found: dict[str, set[str]] = {"": set()}
    for name in names:
        level = ""
        for part in name.split(":"):
            found.setdefault(level, set()).add(part)
            level = kinds.get(level, {}).get(part, "?")
    return found


def _kinds(level: Mapping[str, Any]) -> dict[str, str]:
    return {str(node["id"]): node["type"] for node in level["nodes"]}


def _links(level: Mapping[str, Any]) -> dict[Any, tuple[str, str]]:
    """Return the links of a workflow or a subgraph, each in one of the page's two forms: id -> (from node, to node)."""
    return dict(_link(link) for link in level.get("links") or [])


def _link(link: Any) -> tuple[Any, tuple[str, str]]:
    if isinstance(link, Mapping):
        return link["id"], (str(link["origin_id"]), str(link["target_id"]))
    return link[0], (str(link[1]), str(link[3]))


def _level(level: Mapping[str, Any], wanted: set[str], run: set[str]) -> dict[str, Any]:
    """Return a workflow or a subgraph with `wanted`, what is linked into them, and virtual nodes that take from them alone.

    Args:
        run: nodes that the prompt has; a virtual node, such as one that sends a value to another place, is not among them.
    """
    nodes = {str(node["id"]): node for node in level["nodes"]}
    before: dict[str, set[str]] = {}
    for origin, target in _links(level).values():
        before.setdefault(target, set()).add(origin)
    kept = _closure(wanted & nodes.keys(), before)
    virtual = {
        name
        for name in before.keys() & nodes.keys() - kept - run
        if nodes[name].get("mode", 0) not in _OFF and before[name] & nodes.keys() <= kept
    }
    kept = (kept | virtual) & nodes.keys()
    ends = {str(level[name]["id"]) for name in ("inputNode", "outputNode") if name in level}
    links = [link for link in level.get("links") or [] if set(_link(link)[1]) <= kept | ends]
    there = {_link(link)[0] for link in links}
    result = {**level, "nodes": [_node(nodes[name], there) for name in nodes if name in kept], "links": links}
    result |= {"groups": []} if "groups" in level else {}
    for name in ("inputs", "outputs"):
        if name in level:
            result[name] = [{**slot, "linkIds": _only(slot.get("linkIds"), there)} for slot in level[name]]
    if "extra" in level:
        result["extra"] = _extra(level["extra"] or {}, there)
    return result


def _closure(names: Iterable[str], before: Mapping[str, set[str]]) -> set[str]:
    """Return `names` and all that stand before them."""
    kept: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept.add(name)
            waiting += before.get(name, ())
    return kept


def _only(ids: Iterable[Any] | None, there: Iterable[Any]) -> list[Any]:
    return [each for each in ids or () if each in there]


def _node(node: Mapping[str, Any], there: set[Any]) -> dict[str, Any]:
    """Return a node whose slots name the links alone that are there."""
    result = dict(node)
    if node.get("inputs"):
        result["inputs"] = [
            {**slot, "link": link if (link := slot.get("link")) in there else None} for slot in node["inputs"]
        ]
    if node.get("outputs"):
        result["outputs"] = [{**slot, "links": _only(slot.get("links"), there)} for slot in node["outputs"]]
    return result


def _extra(extra: Mapping[str, Any], links: Iterable[Any]) -> dict[str, Any]:
    """Return where the view stood, and the bends of links that are there; not the author's name and what else a page keeps."""
    result = {name: extra[name] for name in ("ds", "frontendVersion") if name in extra}
    bends = [{**bend, "linkIds": _only(bend.get("linkIds"), links)} for bend in extra.get("reroutes") or []]
    bends = [bend for bend in bends if bend["linkIds"]]
    if bends:
        result["reroutes"] = bends
        result["linkExtensions"] = [each for each in extra.get("linkExtensions") or [] if each["id"] in links]
    return result


def _used(nodes: Iterable[Mapping[str, Any]], parts: Mapping[str, Any]) -> set[str]:
    """Return the subgraphs that nodes stand for, and those inside of them."""
    used: set[str] = set()
    waiting = list(nodes)
    while waiting:
        kind = waiting.pop()["type"]
        if kind in parts and kind not in used:
            used.add(kind)
            waiting += parts[kind]["nodes"]
    return used


def notes(workflow: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of a workflow's notes, and the names of its groups."""
    levels = [workflow, *(workflow.get("definitions") or {}).get("subgraphs", [])]
    for level in levels:
        for node in level.get("nodes") or []:
            if node.get("type") in ("Note", "MarkdownNote"):
                yield from (str(value) for value in node.get("widgets_values") or [])
        yield from (str(group.get("title", "")) for group in level.get("groups") or [])
