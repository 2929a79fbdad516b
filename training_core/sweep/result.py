"""The run of a combination as a row of the ranking, read from the run's folder."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..history import handle, heads, patience, run_facts
from ..history.registry import Record, RunSummary
from ..history.run_files import stamp
from ..history.verdict import MEASUREMENTS, noise_of
from .combinations import Combination
from .ranking import Row


def row(combination: Combination, name: str, record: Record | None, note: str = "", left_out: bool = False) -> Row:
    """Return what a run's folder tells of it.

    Args:
        name: its output_name.
        record: None where the run was not begun.
        note: why it failed, was ended or left out; "" leaves that to the run.
        left_out: a budget has no room for it.
    """
    if record is None:
        status = "left out" if left_out else "failed" if note else ""
        return Row(
            label=combination.label,
            told=combination.told,
            values=combination.values,
            name=name,
            status=status,
            note=note,
        )
    probes = handle.probes(record)
    found, losses = patience.best(probes), heads.read(record.folder).losses
    files, looks = record.saved, record.probes
    scores = record.scores[-1].values.get("likeness") if record.scores else None
    return Row(
        label=combination.label,
        told=combination.told,
        values=combination.values,
        name=name,
        status="failed" if note and record.status not in ("done", "stopped") else record.status,
        note=note or record.why,
        step=RunSummary.of(record).step,
        steps=record.steps,
        best=found[1] if found else None,
        best_step=found[0] if found else None,
        last=probes[-1][1] if probes and probes[-1][0] else None,
        noise=noise_of([percent for _, percent in probes]) if len(probes) >= MEASUREMENTS else None,
        held_out=bool(looks) and str(looks[-1].get("label", "")).startswith("held-out"),
        loss=_mean(losses[-max(1, len(losses) // 20) :]),
        minutes=(run_facts.times(record)["seconds"] or 0.0) / 60,
        bytes=(stamp(files[-1]["path"]) or (None,))[0] if files else None,
        likeness=(scores.mean, scores.error) if scores else None,
    )


def _mean(losses: Sequence[float]) -> float | None:
    known = [loss for loss in losses if math.isfinite(loss)]
    return sum(known) / len(known) if known else None


def seconds_per_step(record: Record) -> float | None:
    """Return how long a step of a run took, saving and looking included; None where it does not tell."""
    seconds, step = run_facts.times(record)["seconds"], RunSummary.of(record).step
    return seconds / step if seconds and step else None
