"""LoRA files made here, which hold their whole recipe: the job, and the graph it came from (pure)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...errors import AthanorError
from ...json_text import parse_json
from ...network.metadata_choice import GRAPH, JOB
from ...shared_graph import TRAIN_LORA
from .. import own_lines
from ..document import Document
from ..form import Form
from ..rules import Contents, Entry
from . import own
from .lora_family import of_metadata, role_of_model
from .lora_header import header


def _read(document: Document) -> Contents | None:
    """Return what the job in a file's metadata says; None if the file has none."""
    found = header(document)
    job = parse_json(found.metadata.get(JOB, "")) if found else None
    if found is None or not isinstance(job, dict):
        return None
    prompt = parse_json(found.metadata.get(GRAPH[0], ""))
    node = _node(prompt, job) if isinstance(prompt, dict) else ""
    graph = {"prompt": prompt if node else None, "node": node, "family": of_metadata(found.metadata)}
    whole = Document(name=document.name, data=json.dumps({**job, "graph": graph}).encode())
    try:
        told = own.JOB.read(whole)
    except AthanorError as error:
        raise AthanorError(f"{document.title}: the settings in its metadata cannot be read ({error})") from None
    if told is None or node:
        return told
    return replace(told, entries=(*told.entries, *_model(found.metadata)))


def _node(prompt: Mapping[str, Any], job: Mapping[str, Any]) -> str:
    """Return the node that trained the file: by the name that it gives, or the only one; '' where that is not clear."""
    trains = {
        str(key): each["inputs"]
        for key, each in prompt.items()
        if isinstance(each, dict) and each.get("class_type") == TRAIN_LORA and isinstance(each.get("inputs"), dict)
    }
    training = job.get("training")
    name = training.get("output_name") if isinstance(training, dict) else None
    named = [key for key, inputs in trains.items() if inputs.get("output_name") == name]
    return named[0] if len(named) == 1 else next(iter(trains)) if len(trains) == 1 else ""


def _model(metadata: Mapping[str, str]) -> list[Entry]:
    """Return the model of a file without its graph, as its other fields name it."""
    name = metadata.get("ss_sd_model_name", "None")
    skip = metadata.get("ss_clip_skip", "None")
    given = [own_lines.given("model.family", of_metadata(metadata))]
    if name != "None":
        given.append(own_lines.given(f"model.files.{role_of_model(of_metadata(metadata))}", name))
    if skip.isdecimal() and len(skip) < 3:
        given.append(own_lines.given("model.clip_skip", int(skip)))
    return [each for each in given if each.value]


OWN_LORA = Form(title="LoRA file of Athanor", program=own.ATHANOR, read=_read)
