"""What runs have left below a ComfyUI's folder, by the name of their LoRA; needs no server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import whole_run
from PIL import Image


def run_folder(base: Path, name: str) -> Path:
    """The folder of the newest run with that output name.

    Raises:
        AssertionError: there is none.
    """
    jobs = (base / "output" / "athanor" / "runs").glob("*/job.json")
    named = [path for path in jobs if json.loads(path.read_text())["training"]["output_name"] == name]
    assert named, name
    return max(named, key=lambda path: path.stat().st_mtime_ns).parent


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def events(base: Path, name: str, kind: str = "") -> list[dict[str, Any]]:
    """events.jsonl of the newest run with that name; of one kind alone if it is given."""
    return [e for e in json_lines(run_folder(base, name) / "events.jsonl") if not kind or e["event"] == kind]


def steps(base: Path, name: str) -> list[dict[str, Any]]:
    """metrics.jsonl of the newest run with that name: a line for each step."""
    return json_lines(run_folder(base, name) / "metrics.jsonl")


def made(base: Path, name: str) -> dict[str, object]:
    """LoRA files, samples and losses of a run, by what follows its name: equal for runs that were trained alike."""
    found: dict[str, object] = {}
    for path in (base / "models" / "loras").rglob(f"{name}[-.]*safetensors"):
        found[path.name.removeprefix(name)] = whole_run.weights(path)
    for path in (run_folder(base, name) / "samples").glob("*"):
        with Image.open(path) as image:
            found[path.name.removeprefix(name)] = image.tobytes()
    return found | {"losses": [(step["step"], step["loss"]) for step in steps(base, name)]}


def steps_done(base: Path, name: str) -> int:
    """How many steps the newest run with that name has written down; 0 where there is none."""
    try:
        return (run_folder(base, name) / "metrics.jsonl").read_bytes().count(b"\n")
    except (AssertionError, FileNotFoundError):
        return 0


def torn(base: Path) -> list[Path]:
    """LoRA files that are not whole."""
    from athanor.training_core.history.run_files import is_whole

    return [path for path in (base / "models" / "loras").rglob("*.safetensors") if not is_whole(path)]
