"""Runs as the routes tell them: in a few fields for lists of thousands, with files and settings, and as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..training_core.errors import AthanorError
from ..training_core.history import epochs, graph, kept, labels, marks, registry, resolved, review, run_facts
from ..training_core.host import folders
from ..training_core.host.redacted_paths import without_roots
from ..training_core.run import control
from .http import Json
from .run_files import run_files

_SENTENCES = frozenset({"why", "trouble", "text"})
_PER_SAMPLE = frozenset({"pictures", "timesteps", "losses"})


def short(summary: registry.RunSummary) -> Json:
    """Return a run in a few fields.

    `status` is one of registry.STATUSES, `live` tells that this process trains it, `elsewhere` that another one does.
    """
    live, status = summary.run_id in control.live(), summary.status
    if live and status == "killed":  # its processes are starting, and none holds it yet
        status = "preparing"
    return {
        "run_id": summary.run_id,
        "name": summary.output_name,
        "title": summary.title,
        "status": status,
        "live": live,
        "elsewhere": not live and status in registry.RUNNING,
        "why": without_roots(summary.why),
        "trouble": without_roots(summary.trouble),
        "steps": summary.steps,
        "step": summary.step,
        "time": summary.time,
        "warnings": summary.warnings,
        "harmed": summary.harmed,
        "base_model": summary.base_model,
        "probe": summary.probe,
        "starred": marks.has_stars(summary.folder),
        **labels.read(summary.folder).as_json(),
        "prompt_id": summary.prompt_id,
    }


def trains(run: Json) -> bool:
    """Return whether some process trains a run, by the fields of `short`."""
    return run["live"] or run["elsewhere"]


def brief(record: registry.Record) -> Json:
    """Return the fields of `short` with the run's existing files, its samples, and what it was made of."""
    folder, epoch_of = record.folder, epochs.counter(record.events)
    return short(registry.RunSummary.of(record)) | {
        "checkpoints": [
            {"file": listed(e["path"]), "step": e["step"], "epoch": epoch_of(e), "kind": e["kind"]}
            for e in record.saved
        ],
        "samples": [
            {
                "file": Path(e["path"]).name,
                "step": e["step"],
                "epoch": epoch_of(e),
                "prompt": e["prompt"],
                "index": e["index"],
            }
            for e in record.samples
        ],
        "files": run_files(record),
        "target": listed(str(record.target)),
        "epochs": run_facts.epochs(record),
        "batch_size": run_facts.batch_size(folder),
        "times": run_facts.times(record),
        "settings": resolved.unlike_defaults(folder),
    }


def full(record: registry.Record) -> Json:
    """Return the fields of `brief` with the run's dataset and events, what was asked for otherwise, and the node that trains it."""
    return brief(record) | {
        "dataset": run_facts.dataset(record.folder),
        "resolved": resolved.read(record.folder)[1],
        "events": [_event(record, event) for event in record.events],
        "node": (made := graph.read_graph(record.folder)).get("node"),
        "workflow_id": workflow_id(made),
        "kept": kept.sentence(record, listed),
        "can_sample": bool(registry.job(record.folder).get("sampling")),
    }


def workflow_id(made: Json) -> str:
    """Return the id that the page has given the workflow of a graph ("prompt", "workflow"); "" where there is none."""
    workflow = made.get("workflow")
    found = workflow.get("id") if isinstance(workflow, dict) else None
    return found if isinstance(found, str) else ""


def _event(record: registry.Record, event: Json) -> Json:
    """Return an event without paths of this computer: `file` is a saved file as the host lists it, or the name of a sample."""
    told = {name: without_roots(v) if name in _SENTENCES else v for name, v in event.items() if name != "path"}
    if "path" in event:
        told["file"] = Path(event["path"]).name if event["event"] == "sampled" else listed(event["path"])
    return told


def reviewed(record: registry.Record) -> Json:
    """Return the run's review, with its files as the host lists them."""
    found = review.review(record)
    for checkpoint in found["checkpoints"]:
        checkpoint["file"] = listed(checkpoint.pop("path"))
    return found


def listed(path: str) -> str:
    """Return a saved file as the host lists it, or its plain name if it is in no folder of the host any more."""
    try:
        return folders.lora_name(Path(path))
    except AthanorError:
        return Path(path).name


def curve(point: dict[str, Any]) -> Json:
    """Return the values of a step that the page draws, without those of its single samples."""
    return {name: value for name, value in point.items() if name not in _PER_SAMPLE}
