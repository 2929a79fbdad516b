"""What the files of a run are to tell on this server, and how those that are there already come to tell it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import AthanorError
from ..files import is_file, link, write_atomically
from ..history import registry
from ..history.graph import Graph
from ..history.log import write_job
from ..history.registry import Record
from ..history.run_files import second_name
from ..host import disabled, fingerprint, folders
from ..network.metadata_choice import RUN_ID
from ..resume import lock, metadata_rewrite
from ..settings import Job
from ..shared_graph import leading_to
from ..wording import plural


def wanted(job: Job, target: Path, graph: Mapping[str, Any], source: Graph | None) -> metadata_rewrite.Wanted:
    """Return what files are to tell.

    Args:
        target: the file that the run ends with.
        graph: what the host writes into its pictures.
        source: the node of the graph that trains; None if it is not known.
    """
    choice = disabled.allowed(job.training.metadata)
    part = leading_to(graph, [source.node]) if choice == "all" and source else graph
    return metadata_rewrite.Wanted(job=job, choice=choice, graph=part, copies=folders.diffusers_folder(target))


def rewrite(folder: Path, told: metadata_rewrite.Wanted) -> metadata_rewrite.Rewritten:
    """Let the files that the run of a folder has saved tell what is wanted, and with them their second names below folders of runs."""
    record = registry.read(folder)
    if record is None:
        return metadata_rewrite.Rewritten([], [])
    runs = [run.folder for run in registry.summaries(folder.parent, lineage_id=record.lineage_id)]
    return metadata_rewrite.rewrite(record, told, partial(_write, folder, runs))


def _write(folder: Path, runs: Iterable[Path], path: Path, metadata: Mapping[str, str]) -> None:
    """Write other metadata into a file of a run; its second names follow.

    They are in the run's folder, in that of the run which saved it, and in those of longer runs, which have taken it over.

    Args:
        runs: folders of all that differ from the run in their length alone. Another file of the same name there stays.
    """
    own = {second_name(path, run) for run in (folder, folders.run_folder(metadata[RUN_ID]))}
    others = {place for run in runs if is_file(place := second_name(path, run)) and place.samefile(path)}
    fingerprint.write_metadata(path, metadata)
    for place in own | others:
        if is_file(place) and not link(path, place):
            write_atomically(place, lambda temporary: shutil.copyfile(path, temporary))


def rewrite_finished(record: Record, job: Job, graph: Mapping[str, Any], source: Graph | None) -> list[str]:
    """Let the files of a finished run tell what `job` asks for; return sentences about what was done, or could not be."""
    target = record.target
    told = wanted(job, target, graph, source)
    try:
        with lock.held(record.folder, "The run"), lock.held(folders.name_lock(target), "Its name"):
            result = rewrite(record.folder, told)
            if result.written and source:
                write_job(record.folder, job, source)  # else the command line would ask for what was asked for before
    except AthanorError as error:
        return [f"What its files tell could not be changed. {error}"]
    sentences = []
    if result.written:
        count = len(result.written)
        sentences.append(f"metadata {told.choice} was written into {plural(count, 'file')}, without training.")
    if result.lacking:
        names = ", ".join(path.name for path in result.lacking[:3])
        sentences.append(
            f"The settings that a smaller choice has taken out of {names} are not in the run's folder any more; retrain brings them back."
        )
    return sentences
