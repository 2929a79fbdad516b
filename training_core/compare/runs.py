"""The checkpoints of a run, finished or not: from its handle, its folder, or LoRA files by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import AthanorError, quoted
from ..files import safetensors_metadata
from ..history import handle, registry
from ..history.handle import Checkpoint, Run
from ..history.registry import Record
from ..history.run_files import files_of, is_companion, is_whole, run_id_of, without_copies
from ..history.scores import StepScores
from ..host import folders, lora_fit
from ..names import is_pattern, match_names, natural, nearest
from .axes import Axis

RUN_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Points:
    """Checkpoints in the order of training, what the probe measured, (finished steps, per cent of the start), and scores of samples."""

    name: str
    checkpoints: tuple[Checkpoint, ...]
    probes: tuple[tuple[int, float], ...] = ()
    scores: tuple[StepScores, ...] = ()


def of_run(run: Run) -> Points:
    """Return the checkpoints of a handle; files that were taken away or cut short since are left out.

    Raises:
        AthanorError: none of them is there any more.
    """
    whole = tuple(checkpoint for checkpoint in run.checkpoints if is_whole(checkpoint.path))
    if not whole:
        raise AthanorError(
            f"None of the {len(run.checkpoints)} LoRA files of {run.name} exists any more; train it again."
        )
    return Points(run.name, whole, run.probes, run.scores)


def find(source: str) -> Points:
    """Return the checkpoints that a text means: a run (its id, or its LoRA's name), a folder or a pattern of LoRA files.

    Files on disk are what counts, so a run that still trains, or was stopped, has those that it has saved so far.

    Raises:
        AthanorError: nothing is found, and the nearest names are listed; or all files of that name are cut short.
    """
    source = source.strip().replace("\\", "/").removesuffix(".safetensors")
    if not source:
        raise AthanorError(
            "source is empty: connect a run, or give a run's name, a folder or a pattern such as my_lora-*."
        )
    if RUN_ID.fullmatch(source) and (record := registry.read(folders.run_folder(source))):
        return _of_record(record)
    listed = folders.lora_names()
    inside = f"{source.rstrip('/')}/"
    names = _family(source, listed) or without_copies(n for n in listed if n.replace("\\", "/").startswith(inside))
    if not names and is_pattern(source):
        names = without_copies(match_names(source, listed))
    if names:
        return _of_files(source, names)
    runs = registry.by_name(registry.summaries(folders.runs_folder()))
    if source in runs and (record := registry.read(runs[source].folder)):
        return _of_record(record)
    stems = {re.sub(r"-(step)?\d+$", "", name.removesuffix(".safetensors")) for name in listed}
    known = sorted(stems | runs.keys())
    raise AthanorError(f"source {quoted(source)} is neither a run nor a LoRA file; {nearest(source, known)}.")


def read_in_part(axis: Axis) -> list[str]:
    """Return one sentence for each LoRA of an axis whose names tell that the host reads only part of it."""
    choices = (lora for value in axis.values for name, to in value.changes if name == "lora" for lora in to)
    return list(filter(None, map(lora_fit.read_in_part, dict.fromkeys(lora.name for lora in choices))))


def _family(source: str, listed: Sequence[str]) -> list[str]:
    """Return name.safetensors with name-000001 ..., name-step00000001 ...; of a single such file, only itself."""
    names: dict[str, None] = {}
    for name in listed:
        plain = name.replace("\\", "/")
        stem = re.sub(r"-(step)?\d+\.safetensors$", ".safetensors", plain)
        wanted = f"{source}.safetensors"
        tails = (plain, stem) if "/" in source else (plain.rpartition("/")[2], stem.rpartition("/")[2])
        if wanted in tails:
            names[name] = None
    return list(names)


def _of_files(source: str, names: Sequence[str]) -> Points:
    """Return the checkpoints of LoRA files that the host lists; a cut .safetensors file is none."""
    paths = {name: folders.existing_lora(name) for name in names}
    whole = [name for name, path in paths.items() if path.suffix != ".safetensors" or is_whole(path)]
    if not whole:
        raise AthanorError(
            f"source {quoted(source)}: {', '.join(names[:3])} {'is' if len(names) == 1 else 'are'} incomplete (shorter than the "
            "header of a safetensors file says); copy or train it again."
        )
    points = sorted((_of_file(paths[name], name) for name in whole), key=_key)
    run_id = run_id_of(points[0].path) or ""
    record = registry.read(folders.run_folder(run_id)) if RUN_ID.fullmatch(run_id) else None
    if record is None:
        return Points(source, tuple(points))
    return Points(source, tuple(points), handle.probes(record), record.scores)


def _of_record(record: Record) -> Points:
    """Return what a run has saved, and files of it that its log does not name yet (its process was killed in between).

    Raises:
        AthanorError: it has no file yet.
    """
    saved = handle.checkpoints(record, folders.lora_name)
    logged = {checkpoint.path for checkpoint in saved}
    others = (
        path for path in files_of(record.target) if path not in logged and not is_companion(path) and is_whole(path)
    )
    own = [path for path in others if run_id_of(path) == record.run_id]
    points = [*saved, *(_of_file(path, folders.lora_name(path)) for path in own)]
    if not points:
        advice = registry.advice(record, "wait for its first checkpoint")
        raise AthanorError(f"The run {record.title} ({record.run_id}) has no LoRA file yet; {advice}.")
    return Points(record.title, tuple(sorted(points, key=_key)), handle.probes(record), record.scores)


def _of_file(path: Path, name: str) -> Checkpoint:
    """Return the checkpoint of a file; epoch and step from its name and metadata, 0 where neither says."""
    metadata = safetensors_metadata(path)
    match = re.search(r"-(step)?(\d{1,15})$", path.stem)

    def number(key: str) -> int:
        text = metadata.get(key, "")
        return int(text) if text.isdecimal() and len(text) <= 15 else 0

    epoch, step = number("ss_epoch"), number("ss_steps")
    if match and match[1]:
        step = int(match[2])
    elif match:
        epoch = int(match[2])
    return Checkpoint(
        epoch=epoch,
        step=step,
        lora_name=name,
        path=path,
        hash=metadata.get("sshs_model_hash", ""),
        last=match is None,
    )


def _key(point: Checkpoint) -> tuple:
    """Sort in the order of training; a finished file without a number comes last."""
    return point.last, point.step if point.step else 0, point.epoch, natural(point.lora_name)
