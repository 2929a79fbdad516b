"""What a file tells of its author's desk, in words for a person: before it is shared, and of a stranger's file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from .. import shared_graph
from ..absolute_paths import paths_in
from ..errors import shortened
from ..json_text import parse_json
from ..wording import plural
from .metadata_choice import AUTHOR, GRAPH, JOB

Told = tuple[str, str]
"""(kind, text). Kinds are `KINDS`."""

KINDS = ("paths", "notes", "graph", "prompts", "captions", "folders", "models", "dates", "author")
"""In the order in which a person would want to know them."""
_MOST = 12
"""Texts of one kind that are told; more are counted."""
_PROMPTS = ("sample_prompts", "negative", "prompts", "text", "positive", "prompt")
"""Inputs of nodes that hold prompts."""
_MODELS = ("ss_sd_model_name", "ss_vae_name", "ss_sd_model_hash", "ss_new_sd_model_hash")
_FOLDERS = ("folder", "mask_folder", "control_folder")
"""Settings and inputs of Dataset Loader that hold names of folders."""
_FILES = (".safetensors", ".ckpt", ".pt", ".pth", ".gguf", ".sft")


def disclosures(metadata: Mapping[str, str]) -> list[Told]:
    """Return what a file's metadata tells besides numbers, one (kind, text) each; metadata of any trainer, of any form."""
    fields = {key: _value(text) for key, text in metadata.items()}
    found: dict[str, dict[str, None]] = {kind: {} for kind in KINDS}
    for kind, text in _all(fields):
        if text.strip():
            found[kind][shortened(text.strip(), 300)] = None
    return [told for kind in KINDS for told in _some(kind, list(found[kind]))]


def _some(kind: str, texts: list[str]) -> list[Told]:
    more = len(texts) - _MOST
    return [(kind, text) for text in texts[:_MOST]] + ([(kind, f"and {more} more")] if more > 0 else [])


def _value(text: str) -> Any:
    """Return a field's JSON value, or its text."""
    parsed = parse_json(text) if text[:1] in ("{", "[") else None
    return text if parsed is None else parsed


def _all(fields: Mapping[str, Any]) -> Iterator[Told]:
    for key, value in fields.items():
        for text in _texts(value):
            yield from (("paths", f"{path} ({key})") for path in paths_in(text))
    yield from _of_graph({key: fields[key] for key in GRAPH if isinstance(fields.get(key), dict)})
    yield from _of_job(fields)
    yield from _of_pictures(fields)
    yield from (("models", f"{key}: {fields[key]}") for key in _MODELS if fields.get(key) not in (None, "None"))
    yield from (("author", f"{key}: {fields[key]}") for key in AUTHOR if fields.get(key) not in (None, "None"))
    for key in ("ss_training_started_at", "ss_training_finished_at"):
        yield from (("dates", f"{key}: {date}") for date in _date(fields.get(key)))
    yield from (("dates", f"{key}: {fields[key]}") for key in ("modelspec.date",) if key in fields)


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts in a value of JSON, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _date(value: Any) -> Iterator[str]:
    """Yield the moment of a number of seconds since 1970, in UTC; nothing for what is none."""
    try:
        yield time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(float(value)))
    except (TypeError, ValueError, OverflowError, OSError):
        return


def _of_graph(graph: Mapping[str, Any]) -> Iterator[Told]:
    workflow, prompt = graph.get("workflow", {}), graph.get("prompt", {})
    try:
        yield from (("notes", text) for text in shared_graph.notes(workflow))
        kinds = [str(node.get("type")) for node in workflow.get("nodes") or []]
    except (AttributeError, TypeError):  # a workflow of no form
        kinds = []
        yield "graph", "a workflow of an unknown form"
    nodes = [node for node in prompt.values() if isinstance(node, dict) and isinstance(node.get("inputs"), dict)]
    kinds = kinds or [str(node.get("class_type")) for node in nodes]
    if kinds:
        yield "graph", f"{plural(len(kinds), 'node')}: {', '.join(dict.fromkeys(kinds))}"
    for node in nodes:
        for name, value in node["inputs"].items():
            if isinstance(value, str) and name in _PROMPTS:
                yield "prompts", value
            elif isinstance(value, str) and value.lower().endswith(_FILES):
                yield "models", value
            elif isinstance(value, str) and name in _FOLDERS:
                yield "folders", value


def _of_job(fields: Mapping[str, Any]) -> Iterator[Told]:
    job = fields.get(JOB)
    for group, values in job.items() if isinstance(job, dict) else ():
        for one in values if isinstance(values, list) else [values]:
            for name, value in one.items() if isinstance(one, dict) else ():
                if isinstance(value, str) and group == "sampling" and name in _PROMPTS:
                    yield "prompts", value
                elif isinstance(value, str) and name in _FOLDERS:
                    yield "folders", value
                elif isinstance(value, str) and name == "network_weights":
                    yield "models", value


def _of_pictures(fields: Mapping[str, Any]) -> Iterator[Told]:
    """Yield the folders of the pictures and the tags of their captions."""
    for key in ("ss_dataset_dirs", "ss_reg_dataset_dirs"):
        yield from (("folders", folder) for folder in _keys(fields.get(key)))
    frequency = fields.get("ss_tag_frequency")
    for folder, counts in frequency.items() if isinstance(frequency, dict) else ():
        tags = _keys(counts)
        if tags:
            yield "captions", f"{len(tags)} tags of {folder}: {', '.join(tags)}"
    datasets = fields.get("ss_datasets")
    for dataset in datasets if isinstance(datasets, list) else ():
        for subset in (dataset.get("subsets") or ()) if isinstance(dataset, dict) else ():
            names = ("caption_prefix", "caption_suffix", "class_tokens")
            yield from (
                ("captions", f"{name}: {subset[name]}")
                for name in names
                if isinstance(subset, dict) and subset.get(name)
            )


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []
