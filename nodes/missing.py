"""Names in an open graph of files, folders and choices that this computer lacks: a page says them in their nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..training_core.errors import AthanorError, quoted
from ..training_core.host import choices, folders
from ..training_core.host.dataset_places import control_folder
from ..training_core.names import nearest
from . import http
from .graph_datasets import Prompt, inputs_of, kind_of, link_of

_LONGEST = 16_000_000  # bytes of a graph


def register() -> None:
    """Add the route to the host's server."""
    example = '{"prompt": the graph in API form}'
    http.post(
        "/athanor/missing", lambda _, body: missing(body["prompt"]), {"prompt": dict}, example=example, longest=_LONGEST
    )


def missing(prompt: Prompt) -> list[http.Json]:
    """Return node id, input and one sentence for each name that is missing, in this pack's nodes and in all that lead to them.

    What is linked, muted or made while the graph runs is not looked at. Nothing but names of files in the host's folders is
    read, so a graph of a stranger learns no more than the lists of its own loaders.
    """
    return [
        {"node": node, "input": name, "text": text}
        for node in _leading(prompt)
        for name, text in _of_node(kind_of(prompt, node), inputs_of(prompt, node))
    ]


def _leading(prompt: Prompt) -> list[str]:
    """Return the ids of this pack's nodes, and of all nodes above them."""
    waiting = [node for node in prompt if kind_of(prompt, node).startswith("Athanor")]
    found: dict[str, None] = {}
    while waiting:
        node = waiting.pop()
        if node not in found:
            found[node] = None
            links = (link_of(prompt, value) for value in inputs_of(prompt, node).values())
            waiting += [link[0] for link in links if link]
    return list(found)


def _of_node(kind: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (input, sentence) for each of a node's names that is missing."""
    for name, there in choices.choices_of(kind).items():
        value = inputs.get(name)
        if isinstance(value, str) and value and value not in there:
            yield name, f"{name} {quoted(value)} is not on this computer; {nearest(value, there)}."
    for name, check in _OWN.get(kind, {}).items():
        value = inputs.get(name)
        if isinstance(value, str) and value.strip():
            try:
                check(value, inputs)
            except AthanorError as error:
                yield name, str(error)


def _beside(find: Callable[[str, Path], object]) -> Callable[[str, Mapping[str, Any]], None]:
    """Return a check of a folder that is looked up in and beside that of the pictures."""

    def check(value: str, inputs: Mapping[str, Any]) -> None:
        try:
            root = folders.dataset_folder(str(inputs.get("folder") or ""))
        except AthanorError:  # the folder is told of already
            return
        find(value, root)

    return check


def _source(value: str, inputs: Mapping[str, Any]) -> None:
    from ..training_core.compare import runs

    if not isinstance(inputs.get("run"), list):  # a connected run comes before it
        runs.find(value)


_OWN: dict[str, dict[str, Callable[[str, Mapping[str, Any]], object]]] = {
    "AthanorDatasetLoader": {
        "folder": lambda value, _: folders.dataset_folder(value),
        "mask_folder": _beside(folders.mask_folder),
        "control_folder": _beside(control_folder),
    },
    "AthanorNetworkConfig": {
        "network_weights": lambda value, _: folders.existing_lora(value.strip(), "network_weights")
    },
    "AthanorLoRARunAxis": {"source": _source},
}
"""By node and text widget: a check that raises the sentence which queueing the graph would give."""
