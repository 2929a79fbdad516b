"""Who a run is: run.json, and where that is damaged, what the run's other files tell of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..files import read_json
from .moved import Places

_RUN_ID = re.compile(r"[0-9a-f]{16}")
_LONGEST = 10_000_000_000  # steps


def of(folder: Path, events: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], str]:
    """Return run_id, lineage_id, output_name, target and steps of a run, and one sentence about what is wrong, or ''.

    Args:
        folder: of the run; its name is the run's id, wherever it looks like one.
        events: of the run.
    """
    values = read_json(folder / "run.json", {})
    name, target, steps = values.get("output_name"), values.get("target"), values.get("steps")
    run_id, lineage = values.get("run_id"), values.get("line_id")
    wrong = [
        key
        for key, good in (
            ("run_id", _is_text(run_id) and (run_id == folder.name or not _RUN_ID.fullmatch(folder.name))),
            ("line_id", _is_text(lineage)),
            ("output_name", _is_text(name)),
            ("target", _is_text(target)),
            ("steps", type(steps) is int and 0 <= steps < _LONGEST),
        )
        if not good
    ]
    found = {
        "run_id": folder.name if "run_id" in wrong else run_id,
        "lineage_id": "" if "line_id" in wrong else lineage,
        "output_name": _name(folder) if "output_name" in wrong else name,
        "steps": _steps(events) if "steps" in wrong else steps,
    }
    found["target"] = (
        _target(found["output_name"], events) if "target" in wrong else Path(Places(folder).now(str(target)))
    )
    if not wrong:
        return found, ""
    what = "run.json cannot be read" if len(wrong) == 5 else f"run.json does not tell {', '.join(wrong)}"
    return found, f"{what}, so the run is shown as its other files describe it."


def base_model(folder: Path) -> str:
    """Return the file name of a run's base model, or else its kind, as its files tell it (metadata.json); '' if nothing does."""
    fields = read_json(folder / "metadata.json", {}).get("fields")
    told = (
        [fields.get(key) for key in ("ss_sd_model_name", "ss_base_model_version")] if isinstance(fields, dict) else []
    )
    return next((name[:255] for name in told if isinstance(name, str) and name not in ("", "None")), "")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value) and "\0" not in value


def _name(folder: Path) -> str:
    """Return output_name of job.json, or the folder's name."""
    training = read_json(folder / "job.json", {}).get("training")
    name = training.get("output_name") if isinstance(training, dict) else None
    return str(name) if _is_text(name) else folder.name


def _steps(events: Sequence[Mapping[str, Any]]) -> int:
    """Return the length that the last session began with, or else the last step that an event tells."""
    told = [event["steps"] for event in events if event["event"] in ("started", "resumed") and "steps" in event]
    return told[-1] if told else max((event.get("step", 0) for event in events), default=0)


def _target(name: str, events: Sequence[Mapping[str, Any]]) -> Path:
    """Return the file that the run has ended with, or one of the run's name beside its other files."""
    saved = [event for event in events if event["event"] == "saved"]
    last = [Path(event["path"]) for event in saved if event["kind"] == "last"]
    if last:
        return last[-1]
    file = f"{name.replace(chr(92), '/').rpartition('/')[2]}.safetensors"
    return Path(saved[-1]["path"]).with_name(file) if saved else Path(file)
