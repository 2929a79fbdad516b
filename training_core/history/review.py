"""Look back on a run: loss by noise level and by picture, its files, and a verdict."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import damage, epochs, registry, score_curves, score_verdict, series, warned
from .handle import probes
from .marks import stars
from .registry import Record
from .run_files import stamp
from .verdict import Sentence, judge

BANDS = 5
"""Equal parts of the timesteps 0..1000."""
SLICES = 40
"""Points of a band's curve."""
WORST = 24
"""Pictures that `worst` lists at most."""
SEEN = 3
"""Samples that a picture needs in the second half of the run before its loss is compared with those of others."""


def review(record: Record) -> dict[str, Any]:
    """Return all that this module knows of a run, ready for JSON."""
    points, entries = series.points(record.folder), series.sampled(record.folder)
    looks = record.probes
    return {
        "trouble": damage.of(record),
        "verdict": [asdict(sentence) for sentence in verdict(record, points)],
        "probes": [list(look) for look in probes(record)],
        "probe_label": looks[-1].get("label", "") if looks else "",
        "bands": bands(entries),
        "pictures": worst(entries, registry.dataset(record.folder)),
        "checkpoints": checkpoints(record, points),
        "scores": score_curves.as_json(record.scores),
        "steps_read": len(entries),
    }


def verdict(record: Record, points: Sequence[dict[str, Any]]) -> list[Sentence]:
    """Return the sentences of `judge` on a run, those on its scores, and all that it was warned of; `points` as `series.points` gives them.

    One point alone does not tell that nothing is learned: the rate of a warm-up's first step is 0.
    """
    looks, epoch_of = record.probes, epochs.counter(record.events)
    judged = judge(
        warned.looks(looks),
        bool(looks) and looks[-1].get("label", "").startswith("held-out"),
        [series.loss(e) for e in points if not series.is_left_out(e)],
        [(e["step"], epoch_of(e)) for e in record.saved],
        still=len(points) > 1 and (_all_zero(points, "grad_norm") or _all_zero(points, "lr")),
    )
    ended = [record.why] if record.state == "done" and record.why else []  # by itself: patience
    return [
        *(Sentence("note", text) for text in ended),
        *judged,
        *score_verdict.judge(record.scores),
        *(Sentence("note", text) for text in warned.warnings(record.events)),
    ]


def _all_zero(points: Sequence[dict[str, Any]], name: str) -> bool:
    """Return whether a value is 0 in every step; the learning rate of all parts, where they have their own."""
    return all(point.get(name) == 0 and not any(point.get("lrs") or () if name == "lr" else ()) for point in points)


def _samples(entries: Sequence[dict[str, Any]]) -> list[tuple[int, int, float, float]]:
    """Return (step, number of the picture, timestep, loss) of every sample whose loss is finite."""
    return [
        (entry["step"], picture, timestep, loss)
        for entry in entries
        for picture, timestep, loss in zip(
            entry.get("pictures") or (), entry.get("timesteps") or (), entry.get("losses") or (), strict=False
        )
        if timestep is not None and loss is not None and math.isfinite(loss)
    ]


def _band(timestep: float) -> int:
    return min(BANDS - 1, int(timestep * BANDS / 1000))


def bands(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean loss per fifth of the timesteps, over the steps: one part can get worse while the mean falls.

    Returns:
        steps: the middle of each slice of the run; bands: from, to (timesteps, 1000 is pure noise), count of samples, means
        (None where a slice has no sample), first and last: means of the first and the last third.
    """
    samples = _samples(entries)
    if not samples:
        return {"steps": [], "bands": []}
    low, high = samples[0][0], samples[-1][0] + 1
    count = max(1, min(SLICES, (high - low) // 4, len(samples) // (4 * BANDS)))
    cells: dict[tuple[int, int], list[float]] = defaultdict(list)
    thirds: dict[tuple[int, int], list[float]] = defaultdict(list)
    for step, _, timestep, loss in samples:
        part = (step - low) / (high - low)
        cells[_band(timestep), int(part * count)].append(loss)
        thirds[_band(timestep), int(part * 3)].append(loss)
    return {
        "steps": [round(low + (high - low) * (i + 0.5) / count) for i in range(count)],
        "bands": [
            {
                "from": round(1000 * band / BANDS),
                "to": round(1000 * (band + 1) / BANDS),
                "count": sum(len(cells[band, i]) for i in range(count)),
                "means": [_mean(cells[band, i]) for i in range(count)],
                "first": _mean(thirds[band, 0]),
                "last": _mean(thirds[band, 2]),
            }
            for band in range(BANDS)
        ],
    }


def worst(entries: Sequence[dict[str, Any]], pictures: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the pictures with the highest loss in the second half of the run, the worst first, at most `WORST`.

    A loss depends on its timestep more than on its picture, so each sample counts as a multiple of the mean of its band.
    """
    samples = _samples(entries)
    samples = samples[len(samples) // 2 :]
    by_band: dict[int, list[float]] = defaultdict(list)
    for _, _, timestep, loss in samples:
        by_band[_band(timestep)].append(loss)
    means = {band: _mean(losses) or 1.0 for band, losses in by_band.items()}
    relative: dict[int, list[float]] = defaultdict(list)
    plain: dict[int, list[float]] = defaultdict(list)
    for _, picture, timestep, loss in samples:
        relative[picture].append(loss / max(means[_band(timestep)], 1e-12))
        plain[picture].append(loss)
    rows = [
        {
            "picture": number,
            "name": str(pictures[number].get("name", number)),
            "caption": str(pictures[number].get("caption", "")),
            "relative": sum(values) / len(values),
            "loss": _mean(plain[number]),
            "seen": len(values),
        }
        for number, values in relative.items()
        if len(values) >= SEEN and 0 <= number < len(pictures)
    ]
    return sorted(rows, key=lambda row: -row["relative"])[:WORST]


def checkpoints(record: Record, points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the whole files of a run: path, step, kind, epoch (and finished ones), bytes, mean loss before it, probe, norm, star."""
    looks, starred, epoch_of = probes(record), stars(record.folder), epochs.counter(record.events)
    table = []
    for event in record.saved:
        near = [p["mean"] for p in points if p["step"] <= event["step"] and p["mean"] is not None]
        seen = [look for look in looks if look[0] <= event["step"]]
        table.append(
            {
                **{name: event[name] for name in ("path", "step", "kind")},
                "epoch": epoch_of(event),
                "finished": event["epoch"],  # as filters of checkpoints count
                "bytes": (stamp(Path(event["path"])) or (0,))[0],
                "loss": _mean(near[-max(1, len(points) // 20) :]),
                "probe": seen[-1][1] if seen else None,
                "probe_step": seen[-1][0] if seen else None,
                "trouble": event.get("trouble", ""),
                "norm": event.get("norm") or None,
                "starred": event["path"] in starred,
            }
        )
    return table


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
