"""How much a file tells: the choices of Train LoRA's `metadata`, each as what it keeps of all that could be told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..absolute_paths import text_without_paths, without_paths
from ..json_text import parse_json
from ..secret_keys import without_keys
from ..shared_graph import TRAIN_LORA, leading_to

GRAPH = ("prompt", "workflow")
"""Keys under which the host keeps a graph."""
RUN_ID, JOB, TRAINED = "athanor_run_id", "athanor_job", "athanor_trained"
EDIT = "athanor_edit"
"""How a file was made of others: LoRA Edit and LoRA Extract write it."""
OWN = (RUN_ID, JOB, TRAINED, EDIT)
"""Keys that only this pack writes."""
HASHES = ("sshs_model_hash", "sshs_legacy_hash", "modelspec.hash_sha256")
"""Keys of the file's own hashes, which whoever writes it adds."""
AUTHOR = (
    "ss_training_comment", "modelspec.title", "modelspec.author", "modelspec.description", "modelspec.license",
    "modelspec.tags", "modelspec.trigger_phrase", "modelspec.usage_hint",
)  # fmt: skip
"""Keys of what a person says of the file: they stay in every choice."""
MINIMAL = frozenset(
    (
        *HASHES, *AUTHOR, RUN_ID, "format", "lora_adapter_metadata", "ss_v2", "ss_base_model_version",
        "ss_network_module", "ss_network_dim", "ss_network_alpha", "ss_network_args", "modelspec.sai_model_spec",
        "modelspec.architecture", "modelspec.implementation", "modelspec.prediction_type", "modelspec.resolution",
        "modelspec.encoder_layer",
    )
)  # fmt: skip
"""What a loader needs and what tells which network and which file it is: sd-scripts' --no_metadata without dates."""
_RECIPE = ("ss_", "sshs_", "modelspec.")
"""Beginnings of the keys that sd-scripts writes; ours of settings begin so, too."""


def as_text(metadata: Mapping[str, object]) -> dict[str, str]:
    """Return metadata as a file holds it: what is no text becomes JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}


def reduced(metadata: Mapping[str, str], choice: str) -> dict[str, str]:
    """Return what a file tells with a choice, of metadata that tells as much or more. No choice tells an absolute path.

    Args:
        metadata: of a file; as it is written, or read from one, whoever has written it.
        choice: "all" (the graph that leads to the run and its settings), "recipe" (what sd-scripts writes), "minimal" (what a
            loader needs, hashes and what the author says), or "whole page" (all, and what else was on the page).
    """
    kept = {key: value for key, value in metadata.items() if _is_kept(key, choice)}
    if choice == "minimal":
        kept = {key: value for key, value in kept.items() if key not in AUTHOR or value != "None"}
    if choice == "all" and RUN_ID in kept:  # what other packs have given the page to write
        kept = {key: value for key, value in kept.items() if key in (*GRAPH, *OWN) or _is_kept(key, "recipe")}
    if choice == "all":
        kept = _without_other_nodes(kept)
    return {without_paths(key): without_keys(text_without_paths(value)) for key, value in kept.items()}


def _is_kept(key: str, choice: str) -> bool:
    if choice == "minimal":
        return key in MINIMAL
    return choice != "recipe" or key in MINIMAL or key.startswith(_RECIPE)


def _without_other_nodes(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return metadata whose graph is the part that leads to the run; one without a Train LoRA of ours stays as it is."""
    graph = {key: parse_json(metadata[key]) for key in GRAPH if key in metadata}
    prompt = graph.get("prompt")
    nodes = _trainers(prompt, metadata) if isinstance(prompt, dict) else []
    if not nodes:
        return dict(metadata)
    part = leading_to(graph, nodes)
    same = {key for key in part if part[key] == graph[key]}
    told = {key: json.dumps(part[key]) for key in part if key not in same}
    return {key: told.get(key, value) for key, value in metadata.items() if key not in GRAPH or key in part}


def _trainers(prompt: Mapping[str, Any], metadata: Mapping[str, str]) -> list[str]:
    """Return the nodes of a prompt that train the file: by the name they give it, or all of them where that tells none."""
    trainers = ((name, node) for name, node in _nodes(prompt) if node.get("class_type") == TRAIN_LORA)
    named = {name: node["inputs"].get("output_name") for name, node in trainers}
    own = metadata.get("ss_output_name")
    mine = [name for name, text in named.items() if str(text).replace("\\", "/").rpartition("/")[2] == own]
    return mine or list(named)


def _nodes(prompt: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the nodes of a prompt with their ids; what has not the form of one is passed over."""
    for name, node in prompt.items():
        if isinstance(node, dict) and isinstance(node.get("inputs"), dict):
            yield name, node
