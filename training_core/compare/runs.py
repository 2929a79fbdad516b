"""The checkpoints of a run, finished or not: from its handle, its folder, or LoRA files by name."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from ..errors import AthanorError
from ..host import fingerprint, folders
from ..run.handle import Checkpoint, Run
from . import grammar, marks
from .axes import Axis, LoraChoice, Value
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
            if _metadata(path).get("athanor_run_id") == folder.name:
                found[name] = _of_file(path, name)
    if not found:
        raise AthanorError(f"The run {called} ({folder.name}) has no LoRA file yet; wait for its first checkpoint.")
    return Points(called or folder.name, tuple(sorted(found.values(), key=_key)), probes(events))


def probes(events: Sequence[dict]) -> tuple[tuple[int, float], ...]:
    """What the probe saw: (finished steps, per cent of the start)."""
    return tuple((e["step"], e["percent"]) for e in events if e["event"] == "probed")


def _probes_of(path: Path) -> tuple[tuple[int, float], ...]:
    """What the probe of the run that wrote this file saw."""
    run_id = _metadata(path).get("athanor_run_id", "")
    if not re.fullmatch(r"[0-9a-f]{16}", run_id):
        return ()
    return probes(read_lines(folders.run_folder(run_id) / "events.jsonl"))


def _metadata(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, "pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError):
        return {}


def _of_file(path: Path, name: str) -> Checkpoint:
    """Epoch and step from the file's name and metadata; 0 where neither tells."""
    metadata = _metadata(path)
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


def read_filter(text: str) -> tuple[str, Any, Any]:
    """A filter's kind and what it counts; can be called before there is a run.

    `all`; `every 2`; `last 3`; `first 3`; `4-10`, `from 4 to 10`, `from 4`, `to 10`; `best 3` (around the probe's
    best); `5 even` (spread over all); `starred` (in a comparison's viewer); or epochs one by one: `2, 4, last`.

    Raises:
        AthanorError: it cannot be read.
    """
    words = " ".join(text.lower().split())
    if words in ("", "all"):
        return "all", None, None
    if words == "starred":
        return "starred", None, None
    if match := re.fullmatch(r"(every|last|first|(?:around )?best|even) (\d+)|(\d+) (even|best)", words):
        count = int(match[2] or match[3])
        if count < 1:
            raise AthanorError(f"epochs: '{text}' keeps nothing; give a number from 1.")
        return (match[1] or match[4]).removeprefix("around "), count, None
    if match := re.fullmatch(r"from (\d+)|(?:from )?(\d+) ?(?:to|-) ?(\d+)|to (\d+)", words):
        return "range", int(match[1] or match[2] or 0), int(match[3] or match[4] or 10**9)
    wanted: list[tuple[int | None, bool]] = []  # an epoch (None: the last), and whether it must be there
    for part in grammar.split(text):
        if part.lower() in ("last", "final"):
            wanted.append((None, True))
            continue
        try:
            wanted += [(int(n), part.isdecimal()) for n in grammar.numbers(part, "epochs", whole=True)]
        except AthanorError:
            raise AthanorError(
                f"epochs: '{part}' is not understood; write all, every 2, last 3, 4-10, best 3, 5 even, starred, or 2, 4, last."
            ) from None
    return "listed", wanted, None


def choose(points: Points, text: str) -> list[Checkpoint]:
    """The checkpoints that a filter keeps, in the order of training.

    Raises:
        AthanorError: it cannot be read, or nothing is left; what there is, is listed.
    """
    kind, first, second = read_filter(text)
    have = list(points.checkpoints)
    if kind == "all":
        return have
    if kind == "starred":
        liked = marks.starred(folders.compare_folder(""))
        kept = [c for c in have if fingerprint.file(c.path) in liked]
        if not kept:
            raise AthanorError(
                f"epochs: no checkpoint of {points.name} is starred; open the viewer of a comparison (a button of XYZ "
                "Compare), and press s on the pictures that you like."
            )
        return kept
    if kind == "listed":
        return _listed(have, first, text)
    if kind == "range":
        kept = [c for c in have if first <= c.epoch <= second]
        if not kept:
            raise AthanorError(f"epochs: there is no checkpoint from {first} to {second}; {_there_are(have)}.")
        return kept
    return _few(points, kind, first)


def _listed(have: list[Checkpoint], wanted: Sequence[tuple[int | None, bool]], text: str) -> list[Checkpoint]:
    chosen: list[Checkpoint] = []
    for epoch, needed in wanted:
        found = have[-1:] if epoch is None else [c for c in have if c.epoch == epoch]
        if needed and not found:
            raise AthanorError(f"epochs: there is no epoch '{epoch}'; {_there_are(have)}.")
        chosen += found
    if not chosen:
        raise AthanorError(f"epochs: '{text}' keeps nothing; {_there_are(have)}.")
    return [c for c in have if c in set(chosen)]


def _there_are(have: Sequence[Checkpoint]) -> str:
    return "there are " + ", ".join(str(c.epoch) for c in have[:30]) + (", ..." if len(have) > 30 else "")


def _few(points: Points, kind: str, count: int) -> list[Checkpoint]:
    have = list(points.checkpoints)
    if kind == "every":  # by epoch number, as save_every_n_epochs counts
        return [c for i, c in enumerate(have, 1) if (c.epoch or i) % count == 0] or have[-1:]
    if kind in ("last", "first"):
        return have[-count:] if kind == "last" else have[:count]
    if kind == "even":
        picks = {round(i * (len(have) - 1) / max(1, count - 1)) for i in range(count)} if count > 1 else {len(have) - 1}
        return [have[i] for i in sorted(picks) if i < len(have)]
    if not points.probes:
        raise AthanorError(f"epochs: {points.name} has no probe to find the best by; use all, or 5 even.")
    step = min(points.probes[1:] or points.probes, key=lambda probe: probe[1])[0]
    near = sorted(have, key=lambda c: (abs(c.step - step), -c.step))[:count]
    return [c for c in have if c in near]


def axis(points: Points, text: str, include_base: bool = True, include_final: bool = True) -> Axis:
    """The axis of a run's checkpoints."""
    chosen = choose(points, text)
    final = [c for c in points.checkpoints if c.last]
    if include_final:
        chosen = [c for c in points.checkpoints if c in chosen or c in final]
    elif len(points.checkpoints) > len(final) and read_filter(text)[0] not in ("listed", "best"):
        chosen = [c for c in chosen if c not in final]
    if not chosen:
        raise AthanorError(f"epochs: '{text}' keeps only the finished LoRA of {points.name}; switch include_final on.")
    values = [_BASE] if include_base else []
    named = zip(_labels(chosen), chosen, strict=True)
    values += [Value(label, (("lora", (LoraChoice(c.lora_name),)),)) for label, c in named]
    return Axis(f"{_OF}{points.name.rpartition('/')[2]}", tuple(values))


_BASE = Value("base model", (("lora", ()),), special=True)
_OF = "checkpoint of "


def behind(before: Axis, further: Axis) -> Axis:
    """One axis of the checkpoints of several runs, each called by its run; the base model once, in front.

    Raises:
        AthanorError: `before` is no axis of LoRAs.
    """
    if before.fields != {"lora"} or before.epochs is not None:
        raise AthanorError(f"axis is one of {before.title}: connect a LoRA Run Axis, or an XYZ Axis of type LoRA.")
    values = [value for value in (*_called(before), *_called(further)) if value != _BASE]
    base = [_BASE] if _BASE in (*before.values, *further.values) else []
    return Axis("checkpoint", (*base, *grammar.once(values)))


def _called(axis: Axis) -> list[Value]:
    """Its values, with the run's name in front if they are of one run."""
    if not axis.title.startswith(_OF):
        return list(axis.values)
    run = axis.title.removeprefix(_OF)
    return [
        value if value.special or value.label.startswith(run) else replace(value, label=f"{run} {value.label}")
        for value in axis.values
    ]


def _labels(points: Sequence[Checkpoint]) -> list[str]:
    """By epoch or step, as the file is named; by step where epochs repeat, by file name where nothing else helps."""
    ways = (
        [f"step {c.step}" if "-step" in c.path.stem or not c.epoch else f"epoch {c.epoch}" for c in points],
        [f"step {c.step}" for c in points],
        [c.path.stem for c in points],
    )
    known = [bool(c.epoch or c.step) for c in points]
    for labels in ways[:2]:
        if len(set(labels)) == len(labels) and all(known):
            return labels
    return ways[2]
