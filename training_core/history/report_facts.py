"""What a report says of a run in one table: base model, pictures, resolution, what was trained, how long it took."""

from __future__ import annotations

import time
from typing import Any

from ..settings import BucketSettings, identity
from ..wording import duration
from . import registry, run_facts, run_json
from .registry import STARTS, Record


def facts(record: Record) -> list[tuple[str, str]]:
    """Return (what, in words) of a run, as far as its folder tells it; what it does not tell is left out."""
    rows = {
        "base model": run_json.base_model(record.folder),
        "pictures": _pictures(run_facts.dataset(record.folder)),
        "resolution": _resolution(registry.job(record.folder).get("buckets")),
        "trained": _trained(record),
        "length": _length(record),
        **_times(run_facts.times(record)),
    }
    return [(what, words) for what, words in rows.items() if words]


def _pictures(dataset: dict[str, Any]) -> str:
    if not dataset["pictures"]:
        return ""
    folders = [
        f"{f['folder'] or 'pictures of the graph'} ({_counted(f['pictures'], f['repeats'])})"
        for f in dataset["folders"]
    ]
    return f"{dataset['pictures']}, {dataset['samples']} samples per epoch: {', '.join(folders)}"


def _counted(pictures: int, repeats: int) -> str:
    return f"{pictures}, {repeats} times each" if repeats != 1 else str(pictures)


def _resolution(buckets: object) -> str:
    """Return the size that pictures were made to fit, in pixels, and the batch size."""
    if not isinstance(buckets, dict):
        return ""
    settings = {**BucketSettings().model_dump(), **identity.read(BucketSettings, buckets)}
    return f"{settings['width']}x{settings['height']}, batch size {settings['batch_size']}"


def _trained(record: Record) -> str:
    """Return the layers and parameters that its last session has told."""
    return next((str(e["trained"]) for e in reversed(record.events) if e["event"] in STARTS and e.get("trained")), "")


def _length(record: Record) -> str:
    epochs = run_facts.epochs(record)
    return f"{record.steps} steps" + (f", {epochs} epochs" if epochs else "")


def _times(times: dict[str, float | None]) -> dict[str, str]:
    """Return when the last session began and ended, in the local time of this computer, and how long all have trained."""
    shown = {
        name: time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
        for name in ("started", "ended")
        if (at := times[name]) is not None
    }
    trained = times["seconds"] or 0.0
    return {**shown, "time trained": duration(trained) if trained >= 1 else ""}
