"""The checkpoints of a run, finished or not: from its handle, its folder, or LoRA files by name."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import AthanorError
from ..files import safetensors_metadata
from ..history.handle import Checkpoint, Run
from ..host import folders
from .names import match_names, natural, nearest
from .store import read_lines


@dataclass(frozen=True, slots=True)
class Points:
    """Checkpoints in the order of training, and what the probe saw: (finished steps, per cent of the start)."""

    name: str
    checkpoints: tuple[Checkpoint, ...]
    probes: tuple[tuple[int, float], ...] = ()


def of_run(run: Run) -> Points:
    """The checkpoints of a handle; files that were taken away since are left out.

    Raises:
        AthanorError: none of them is there any more.
    """
    found = tuple(c for c in run.checkpoints if c.path.is_file())
    if not found:
        raise AthanorError(
            f"None of the {len(run.checkpoints)} LoRA files of {run.name} is there any more; train it again."
        )
    return Points(run.name, found, run.probes)


def find(source: str) -> Points:
    """The checkpoints that a text means: a run (its id, or its LoRA's name), a folder or a pattern of LoRA files.

    Files on disk are what counts, so a run that still trains, or was stopped, has those that it has saved so far.

    Raises:
        AthanorError: nothing is found; the nearest names are listed.
    """
    source = source.strip().replace("\\", "/").removesuffix(".safetensors")
    if not source:
        raise AthanorError(
            "source is empty: connect a run, or give a run's name, a folder or a pattern such as my_lora-*."
        )
    if re.fullmatch(r"[0-9a-f]{16}", source) and folders.run_folder(source).is_dir():
        return _of_folder(folders.run_folder(source))
    listed = folders.lora_names()
    if any(c in source for c in "*?["):
        names = match_names(source, listed)
    else:
        names = _family(source, listed) or [
            n for n in listed if n.replace("\\", "/").startswith(f"{source.rstrip('/')}/")
        ]
    if names:
        points = [_of_file(folders.existing_lora(name), name) for name in names]
        return Points(source, tuple(sorted(points, key=_key)), _probes_of(points[0].path))
    runs = {name_of(folder): folder for folder in sorted(run_folders(), key=lambda f: f.stat().st_mtime)}
    if source in runs:
        return _of_folder(runs[source])
    stems = sorted({re.sub(r"-(step)?\d+$", "", n.removesuffix(".safetensors")) for n in listed} | set(runs) - {""})
    raise AthanorError(f"source '{source}' is no run and no LoRA file; {nearest(source, stems)}.")


def _family(source: str, listed: Sequence[str]) -> list[str]:
    """name.safetensors with name-000001 ..., name-step00000001 ...; of a single such file, only itself."""
    found: dict[str, None] = {}
    for name in listed:
        plain = name.replace("\\", "/")
        stem = re.sub(r"-(step)?\d+\.safetensors$", ".safetensors", plain)
        wanted = f"{source}.safetensors"
        tails = (plain, stem) if "/" in source else (plain.rpartition("/")[2], stem.rpartition("/")[2])
        if wanted in tails:
            found[name] = None
    return list(found)


def run_folders() -> list[Path]:
    """The folders of all runs."""
    root = folders.runs_folder()
    return [f for f in root.iterdir() if (f / "job.json").is_file()] if root.is_dir() else []


def name_of(folder: Path) -> str:
    """The output_name of a run, or '' if its job cannot be read."""
    try:
        return json.loads((folder / "job.json").read_text(encoding="utf-8"))["training"]["output_name"]
    except (OSError, ValueError, KeyError):
        return ""


def _of_folder(folder: Path) -> Points:
    """What a run's folder tells has been saved, and files of the run that it has not told of yet."""
    events = read_lines(folder / "events.jsonl")
    found: dict[str, Checkpoint] = {}
    for event in events:
        if event["event"] == "saved" and Path(event["path"]).is_file():
            path = Path(event["path"])
            name = folders.lora_name(path)
            found[name] = Checkpoint(event["epoch"], event["step"], name, path, event["hash"], event["kind"] == "last")
    called = name_of(folder)
    for name in folders.lora_names() if called else ():
        if name not in found and name.replace("\\", "/").startswith(called):
            path = folders.existing_lora(name)
            if safetensors_metadata(path).get("athanor_run_id") == folder.name:
                found[name] = _of_file(path, name)
    if not found:
        raise AthanorError(f"The run {called} ({folder.name}) has no LoRA file yet; wait for its first checkpoint.")
    return Points(called or folder.name, tuple(sorted(found.values(), key=_key)), probes(events))


def probes(events: Sequence[dict]) -> tuple[tuple[int, float], ...]:
    """What the probe saw: (finished steps, per cent of the start)."""
    return tuple((e["step"], e["percent"]) for e in events if e["event"] == "probed")


def _probes_of(path: Path) -> tuple[tuple[int, float], ...]:
    """What the probe of the run that wrote this file saw."""
    run_id = safetensors_metadata(path).get("athanor_run_id", "")
    if not re.fullmatch(r"[0-9a-f]{16}", run_id):
        return ()
    return probes(read_lines(folders.run_folder(run_id) / "events.jsonl"))


def _of_file(path: Path, name: str) -> Checkpoint:
    """Epoch and step from the file's name and metadata; 0 where neither tells."""
    metadata = safetensors_metadata(path)
    match = re.search(r"-(step)?(\d+)$", path.stem)

    def told(key: str) -> int:
        text = metadata.get(key, "")
        return int(text) if text.isdecimal() else 0

    epoch, step = told("ss_epoch"), told("ss_steps")
    if match and match[1]:
        step = int(match[2])
    elif match:
        epoch = int(match[2])
    return Checkpoint(epoch, step, name, path, metadata.get("sshs_model_hash", ""), match is None)


def _key(point: Checkpoint) -> tuple:
    """In the order of training; a finished file without a number comes last."""
    return point.last, point.step if point.step else 0, point.epoch, natural(point.lora_name)
