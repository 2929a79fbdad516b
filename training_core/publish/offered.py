"""The pictures that may go with a published LoRA, and the strengths that its user liked: read from the run and from comparisons."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..compare import marks
from ..compare.plan_file import read_plan
from ..compare.store import newest
from ..errors import AthanorError
from ..history import heads
from ..history.registry import Record

CURVE = "curve"
"""Id of the loss curve, which is drawn when it is asked for."""
_PAGE = re.compile(r"(grid|redrawn)(-\d+)?\.(png|jpg|webp)")
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
    """Return the comparisons that draw a LoRA file, the newest first.

    Args:
        root: the folder of all comparisons.
        content: digest of the file, as plan.json names the files behind its pictures (`fingerprint.file`).
    """
    found = []
    for folder in newest(root):
        try:
            plan = read_plan(folder)
        except AthanorError:
            continue
        cells = {key: loras for key, loras in plan.get("loras", {}).items() if content in loras}
        if not cells:
            continue
        starred = [key for key, mark in marks.read(folder).items() if mark.get("star") and key in cells]
        texts = plan.get("parameters", {})
        strengths = {
            strength for key in starred for strength in _strengths(str(texts.get(key, "")), cells[key], content)
        }
        found.append(Comparison(folder=folder, written=_words(plan), strengths=tuple(sorted(strengths))))
    return found


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
        compared: comparisons that draw it; the pages of the newest are chosen, those of others offered.
    """
    return [*_grids(compared), *_samples(record, saved["step"]), *_curve(record)]


def _grids(compared: Sequence[Comparison]) -> Iterator[Picture]:
    for number, comparison in enumerate(compared[:_MOST_COMPARISONS]):
        pages = sorted(path for path in comparison.folder.iterdir() if _PAGE.fullmatch(path.name))[:_MOST_PAGES]
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
        if path.is_file()
    ]


def _curve(record: Record) -> list[Picture]:
    has_steps = len(heads.read(record.folder).steps) > 1
    return [Picture(id=CURVE, kind="curve", label="Loss over the steps of the training")] if has_steps else []
