"""The pictures that may go with a published LoRA, and the strengths that its user liked: read from the run and from comparisons."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..compare import marks
from ..compare.plan_file import read_plan
from ..compare.store import PAGE, newest
from ..errors import AthanorError
from ..files import is_file
from ..history.registry import Record
from ..history.run_files import stamp

CURVE = "curve"
"""Id of the loss curve, which is drawn when it is asked for."""
_TAGS = re.compile(r"<lora:[^<>]*?((?::-?[\d.]+(?:e-?\d+)?){1,2})>(?=$| <lora:)")
_MOST_COMPARISONS, _MOST_PAGES, _MOST_SAMPLES = 3, 12, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture that may be published: a page of a grid, a sample, or the loss curve."""

    id: str
    kind: str  # grid, sample, curve
    label: str  # what it shows, in the words of the description
    path: Path | None = None  # None: it is drawn (the curve)
    chosen: bool = True  # before the user has said anything
    written: str = ""  # what can be read in the picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A comparison with pictures of the file."""

    folder: Path
    written: str  # what its grid shows in words
    strengths: tuple[float, ...]  # of this file, in pictures that the user has given a star


def comparisons(root: Path, content: str) -> list[Comparison]:
    """Return the comparisons that draw a LoRA file: those in which a picture of it has a star first, the newest of both first.

    Args:
        root: the folder of all comparisons.
        content: digest of the file, as plan.json names the files behind its pictures (`fingerprint.file`).
    """
    found = []
    for folder in newest(root):
        words, drawn = _drawn(folder, stamp(folder / "plan.json"))
        if content in drawn:
            starred = [key for key, mark in marks.read(folder).items() if mark.get("star")]
            strengths = {strength for key in starred for strength in drawn[content].get(key, ())}
            found.append(Comparison(folder=folder, written=words, strengths=tuple(sorted(strengths))))
    return sorted(found, key=lambda one: not one.strengths)


@lru_cache(maxsize=64)
def _drawn(folder: Path, _stamp: object) -> tuple[str, dict[str, dict[str, tuple[float, ...]]]]:
    """Return what the grid of a comparison shows in words, and of each LoRA file the strengths in its cells.

    A plan may have megabytes, and the dialog asks again after every change: one that has its old stamp is not read again.
    """
    try:
        plan = read_plan(folder)
    except AthanorError:
        return "", {}
    texts, drawn = plan.get("parameters", {}), defaultdict[str, dict[str, tuple[float, ...]]](dict)
    for key, loras in plan.get("loras", {}).items():
        for content in loras:
            drawn[content][key] = tuple(_strengths(str(texts.get(key, "")), loras, content))
    return _words(plan), dict(drawn)


def _words(plan: dict[str, Any]) -> str:
    """Return what the grid of a plan shows in words: its title, and the labels of its axes."""
    axes = [axis for axis in plan.get("axes", []) if len(axis["values"]) > 1]
    labels = [f"{axis['title']}: {', '.join(axis['values'])}" for axis in axes]
    return "  ·  ".join(filter(None, [plan.get("title", ""), *labels]))


def _strengths(parameters: str, loras: Sequence[str], content: str) -> list[float]:
    """Return the strengths of a file in a cell, by its `parameters`: a tag for each LoRA stands behind the prompt, in order."""
    tags = _TAGS.findall(parameters.partition("\nNegative prompt: ")[0])[-len(loras) :]
    texts = [tag.split(":")[1] for tag in tags] if len(tags) == len(loras) else []
    return [float(text) for text, lora in zip(texts, loras, strict=False) if lora == content and _is_number(text)]


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", text) is not None


def pictures(record: Record, saved: dict[str, Any], compared: Sequence[Comparison]) -> list[Picture]:
    """Return the pictures for a saved file: grids, samples of its step, and the run's loss curve.

    Args:
        saved: the event of the file.
        compared: comparisons that draw it; the pages of the first are chosen, those of others offered.
    """
    return [*_grids(compared), *_samples(record, saved["step"]), *_curve(record, saved["step"])]


def _grids(compared: Sequence[Comparison]) -> Iterator[Picture]:
    for number, comparison in enumerate(compared[:_MOST_COMPARISONS]):
        pages = sorted(path for path in comparison.folder.iterdir() if PAGE.fullmatch(path.name))[:_MOST_PAGES]
        first = [
            path for path in pages if path.name.startswith("redrawn")
        ] or pages  # who has drawn it anew likes it better
        for page, path in enumerate(pages, 1):
            yield Picture(
                id=f"grid/{comparison.folder.name}/{path.name}",
                kind="grid",
                label="Comparison" + (f", page {page}" if len(pages) > 1 else ""),
                path=path,
                chosen=number == 0 and path in first,
                written=comparison.written,
            )


def _samples(record: Record, step: int) -> list[Picture]:
    """Return the samples that were drawn last up to a step, in order of the prompts; none of before training."""
    drawn = [event for event in record.samples if 0 < event["step"] <= step]
    last = [event for event in drawn if event["step"] == drawn[-1]["step"]][:_MOST_SAMPLES]
    paths = [(event, record.folder / "samples" / Path(event["path"]).name) for event in last]
    return [
        Picture(id=f"sample/{path.name}", kind="sample", label=str(event["prompt"]), path=path)
        for event, path in paths
        if is_file(path)
    ]


def _curve(record: Record, step: int) -> list[Picture]:
    there = step > 1 and is_file(record.folder / "metrics.jsonl")
    return [Picture(id=CURVE, kind="curve", label="Loss over the steps of the training")] if there else []
