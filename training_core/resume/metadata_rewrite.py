"""What the saved files of a run tell, and how it is changed without training: only their headers are written again.

metadata.json in a run's folder holds all that its files could tell but the graph, and what they do tell. It never leaves the
folder: a file of a smaller choice gets from there what a larger one has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import read_json, safetensors_metadata, write_json
from ..history.registry import Record
from ..history.run_files import in_run, with_companions
from ..network import metadata
from ..network.metadata_choice import AUTHOR, GRAPH, HASHES, JOB, RUN_ID, as_text, reduced
from ..settings import METADATA_SETTINGS, Job, TrainingSettings

NAME = "metadata.json"
_ID = re.compile(r"[0-9a-f]{16}")
_FIRST = TrainingSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What files are to tell."""

    job: Job
    choice: str  # of its `metadata`, or what is left of it where the server writes no graph
    graph: Mapping[str, Any]  # of the host's pictures; for "all" the part that leads to the run
    copies: Path  # the folder of copies in diffusers' names

    @property
    def settings(self) -> dict[str, Any]:
        """What of the job's settings it depends on, with the choice in place of the one that was asked for."""
        values = {name: getattr(self.job.training, name) for name in METADATA_SETTINGS}
        return values | {"asked": values["metadata"], "metadata": self.choice}


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Which files were written again, and which of them lack what was to be told and is nowhere any more."""

    written: list[Path]
    lacking: list[Path]


def note(folder: Path, wanted: Wanted, fields: Mapping[str, object]) -> None:
    """Write metadata.json into a run's folder: files that are saved from now on tell what is wanted.

    Args:
        fields: all that is known but the graph, and what is known only when a file is saved.
    """
    write_json(folder / NAME, {"told": wanted.settings, "fields": as_text(fields)}, indent=1)


def rewrite(record: Record, wanted: Wanted, write: Callable[[Path, Mapping[str, str]], object]) -> Rewritten:
    """Let all saved files of a run tell what is wanted, as far as they do not.

    Their tensors stay as they are, to the byte. Files that the run has taken over from a shorter one keep that one's id and
    settings. The caller holds the locks of the run and of its name.

    Args:
        write: writes other metadata into a file.

    Raises:
        FileError: a file cannot be written; those before it tell what is wanted, and the next call goes on.
    """
    result = Rewritten([], [])
    owners: dict[Path, dict[str, Any]] = {}
    for event in record.saved:
        path = Path(event["path"])
        own = safetensors_metadata(path)
        owner = own.get(RUN_ID, "")
        if not _ID.fullmatch(owner) or not _is_of(event, own):
            continue
        folder = record.folder.parent / owner
        known = owners.setdefault(folder, read_json(folder / NAME, {}))
        if _tells(known, wanted):
            continue
        known["fields"] = fields = _fields(known) or {key: own[key] for key in own if key not in (*GRAPH, *HASHES)}
        late = metadata.at_save(event["step"], event["epoch"], event.get("time", 0.0))
        second = in_run(record.folder)  # names of the same files, which `write` looks after
        for each in with_companions(path, wanted.copies, record.folder):
            if each.parent == second:
                continue
            now = safetensors_metadata(each)
            if now.get(RUN_ID) == owner:
                told = _told(now, fields | late, wanted)
                if told != now:
                    write(each, told)
                    result.written.append(each)
                if wanted.choice != "minimal" and "ss_learning_rate" not in told:
                    result.lacking.append(each)
    for folder, known in owners.items():
        if folder.is_dir() and not _tells(known, wanted):
            write_json(folder / NAME, {"told": wanted.settings, "fields": known["fields"]}, indent=1)
    return result


def _fields(known: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of metadata.json; none where it is missing or damaged."""
    fields = known.get("fields")
    return {key: text for key, text in fields.items() if isinstance(text, str)} if isinstance(fields, dict) else {}


def _had(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what files have told so far; without metadata.json those of an older version, which told everything."""
    first = {name: getattr(_FIRST, name) for name in METADATA_SETTINGS} | {"asked": _FIRST.metadata}
    told = known.get("told")
    return first | (told if isinstance(told, dict) else {})


def _tells(known: Mapping[str, Any], wanted: Wanted) -> bool:
    """Return whether files tell what is wanted; a server that writes no graph does not take one out that was wished for."""
    had, now = _had(known), wanted.settings
    if wanted.choice != now["asked"] == had["asked"]:
        had = had | {"metadata": wanted.choice}
    return all(had.get(name) == now[name] for name in METADATA_SETTINGS)


def _is_of(event: Mapping[str, Any], own: Mapping[str, str]) -> bool:
    """Return whether a file is the one that an event tells of: another run may have written one of that name since."""
    return event["hash"] in (own.get("sshs_model_hash"), own.get("modelspec.hash_sha256", "").removeprefix("0x"))


def _told(own: Mapping[str, str], fields: Mapping[str, str], wanted: Wanted) -> dict[str, str]:
    """Return the whole metadata of a file.

    Args:
        own: that it has.
        fields: what its run knows besides; what the file itself says counts more.
    """
    full = {key: text for key, text in {**fields, **own}.items() if key not in AUTHOR}
    full |= as_text(metadata.said(wanted.job))
    if own[RUN_ID] == wanted.job.run_id and JOB in full:
        full |= as_text({JOB: wanted.job.model_dump()})
    if wanted.graph:  # the one that was queued now, whose node says what is wanted
        full = {key: text for key, text in full.items() if key not in GRAPH} | as_text(wanted.graph)
    hashes = {key: own[key] for key in HASHES if key in own}
    return {**reduced(full, wanted.choice), **hashes}
