"""What a graph can be handed in as: a run's folder, its job.json or graph.json, JSON of the API or of the page, a LoRA file."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import AthanorError, quoted, shortened
from .files import METADATA, UnreadableFile, is_file, safetensors_header
from .json_text import parse_json
from .names import simple
from .shared_graph import TRAIN_LORA, upstream
from .text_files import read_structure

_DEFAULT_TITLE = "Train LoRA"
FORMS = (
    "a run's folder, its job.json or graph.json, a workflow as ComfyUI saves it (Save, or Export (API)), or a LoRA "
    "file that carries its graph"
)
_PICTURES = (".png", ".webp", ".jpg", ".jpeg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A graph as a file holds it: `prompt` in the form of ComfyUI's API, or `workflow` in that of its page."""

    prompt: dict[str, Any] | None = None
    workflow: dict[str, Any] | None = None
    node: str | None = None  # that trains, where the file tells
    settings: Mapping[str, Any] | None = None  # of a job.json, by their groups
    written: str = ""  # `Job.settings_id` of them when the file was written
    output_name: str | None = None  # of the LoRA file's own run


def read(path: Path) -> Source:
    """Return the graph that a file or a run's folder holds.

    Raises:
        AthanorError: it cannot be read, or holds none; the sentence names the file.
    """
    if path.is_dir():
        inside = [path / name for name in ("job.json", "graph.json") if is_file(path / name)]
        if not inside:
            raise AthanorError(f"The folder {path} has no job.json or graph.json: it is not the folder of a run.")
        return read(inside[0])
    if path.suffix.lower() == ".safetensors":
        return of_lora(_metadata(path), path.name)
    if path.suffix.lower() in _PICTURES:
        raise AthanorError(f"{path.name} is a picture: open it in ComfyUI, choose Export (API), and use that file.")
    return of_json(read_structure(path), path.name)


def of_json(value: Any, name: str) -> Source:
    """Return the graph of a JSON value, whichever form it has.

    Raises:
        AthanorError: it has none of them; `name` is what the sentence calls it.
    """
    for form in (of_job, of_graph, of_page, of_api):
        source = form(value)
        if source is not None:
            return source
    raise AthanorError(f"{name} holds no graph: use {FORMS}.")


def of_job(value: Any) -> Source | None:
    """Return the graph and the settings of a job.json; None if it is none, or holds no graph."""
    graph = value.get("graph") if isinstance(value, dict) else None
    source = of_graph(graph)
    if source is None or source.node is None:
        return None
    settings = {group: values for group, values in value.items() if group != "graph"}
    written = value["graph"].get("settings")
    return Source(
        prompt=source.prompt,
        node=source.node,
        settings=settings,
        written=written if isinstance(written, str) else "",
    )


def of_graph(value: Any) -> Source | None:
    """Return the graph of a graph.json, or of what is posted to /prompt: its "prompt" and, if it tells one, its "node"."""
    found = value if isinstance(value, dict) else {}
    prompt, node = _prompt(found.get("prompt")), found.get("node")
    if prompt is None:
        return None
    return Source(prompt=prompt, node=node if isinstance(node, str) and node in prompt else None)


def of_api(value: Any) -> Source | None:
    """Return a graph in the form of the API: node id -> class_type and inputs."""
    prompt = _prompt(value)
    return Source(prompt=prompt) if prompt else None


def of_page(value: Any) -> Source | None:
    """Return a workflow as the page saves it: nodes and links."""
    lists = isinstance(value, dict) and all(isinstance(value.get(name), list) for name in ("nodes", "links"))
    return Source(workflow=value) if lists else None


def of_lora(metadata: Mapping[str, str], name: str) -> Source:
    """Return the graph in a LoRA file's metadata. Of all other fields, only the run's name is read.

    Raises:
        AthanorError: it holds none.
    """
    prompt, job = _prompt(parse_json(metadata.get("prompt", ""))), parse_json(metadata.get("athanor_job", ""))
    if prompt is None:
        raise AthanorError(
            f"{name} does not carry the graph of its run (it was saved without it, or by another trainer): use the job.json of "
            "the run, or a workflow."
        )
    training = job.get("training") if isinstance(job, dict) else None
    own = training.get("output_name") if isinstance(training, dict) else None
    return Source(prompt=prompt, output_name=own if isinstance(own, str) else None)


def train_node(source: Source, prompt: Mapping[str, Any], named: str) -> str:
    """Return the id of the node that is meant to train.

    Args:
        prompt: the source's graph in the form of the API.
        named: its id or title, as the user has named it; "" for the only one, or the one that the file tells.

    Raises:
        AthanorError: there is none, it is not clear which, or the settings beside the graph are those of another one.
    """
    nodes = {key: _title(node) for key, node in prompt.items() if node["class_type"] == TRAIN_LORA}
    if not nodes:
        raise AthanorError(f"The graph has no {_DEFAULT_TITLE} node (or it is muted), so there is nothing to train.")
    found = [key for key, called in nodes.items() if named == key or simple(named) == simple(called)]
    if not named:
        found = list(nodes) if len(nodes) == 1 else [key for key in nodes if key == source.node]
        own = source.output_name
        found = found or [key for key in nodes if own and prompt[key]["inputs"].get("output_name") == own]
    if len(found) == 1:
        if named and source.settings is not None and found[0] != source.node:
            raise AthanorError(
                f"--node {quoted(named)}: the settings in job.json are those of node {source.node}; leave --node out, or use the "
                "graph.json beside it."
            )
        return found[0]
    there = ", ".join(f"{key} ({shortened(called)})" for key, called in nodes.items())
    if named and not found:
        raise AthanorError(
            f"--node {quoted(named)}: there is no {_DEFAULT_TITLE} node of that id or title; there are {there}."
        )
    raise AthanorError(f"The graph has {len(nodes)} {_DEFAULT_TITLE} nodes: name one with --node ID, of {there}.")


def copied_part(prompt: Mapping[str, Any], node: str) -> dict[str, Any]:
    """Return a copy of the part of a graph that leads to a node, in the graph's order."""
    kept = upstream(prompt, [node])
    return {key: copy.deepcopy(prompt[key]) for key in prompt if key in kept}


def _title(node: Mapping[str, Any]) -> str:
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    return title if isinstance(title, str) else _DEFAULT_TITLE


def _metadata(path: Path) -> dict[str, str]:
    try:
        return safetensors_header(path).get(METADATA) or {}
    except UnreadableFile as error:
        raise AthanorError(f"{error}: use another file.") from None


def _prompt(value: Any) -> dict[str, Any] | None:
    """Return a value that has the form of a prompt with at least one node, each with its inputs; None if it has another form."""
    if not isinstance(value, dict) or not value or not all(map(_is_node, value.values())):
        return None
    return {key: {**node, "inputs": node.get("inputs") or {}} for key, node in value.items()}


def _is_node(node: Any) -> bool:
    return (
        isinstance(node, dict)
        and isinstance(node.get("class_type"), str)
        and isinstance(node.get("inputs") or {}, dict)
    )
