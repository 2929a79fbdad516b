"""A plan and its outcome in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..byte_size import format_bytes
from ..drawing import lacks_font
from ..errors import AthanorError
from ..wording import duration, plural
from .axes import Axis
from .cells import Cell
from .pages import Page
from .plan import count_lora_patches
from .prepare import PreparedComparison
from .store import speeds


def plan_text(prepared: PreparedComparison, missing: Sequence[Cell], pages: Sequence[Page], root: Path) -> str:
    """Say what drawing the missing cells would take, line by line: loads, patches, time, disk, pages.

    Args:
        root: the folder of all comparisons, whose speeds tell the time.
    """
    plan = prepared.plan
    counts = [(axis.title, len(axis.values)) for axis in plan.axes if len(axis.values) > 1]
    shape = " x ".join(f"{n} {title}" for title, n in counts) or "one picture"
    different = len(plan.order)
    lines = [
        f"{shape} = {len(plan.cells)} cells" + ("" if different == len(plan.cells) else f", {different} different")
    ]
    lines.append(f"already on disk: {different - len(missing)} of {different}")
    models = len({cell.model for cell in missing})
    lines.append(
        f"{plural(models, 'model')}, {plural(count_lora_patches(missing), 'LoRA patch', 'LoRA patches')}, "
        f"{plural(len({text for cell in missing for text in (cell.positive, cell.negative)}), 'prompt')}"
    )
    parts = {edits for cell in missing for edits in (cell.widgets, cell.start) if edits}
    if parts:
        lines.append(f"nodes before the comparison run again for {plural(len(parts), 'value')}")
    measured = speeds(root, prepared.painter.metadata.model)
    if missing:
        work = sum(cell.steps * cell.width * cell.height for cell in missing) / 1e6
        pixels = sum(cell.width * cell.height for cell in missing)
        time = f"about {duration(work * measured[0])}" if measured else "not known before this model's first grid"
        disk = pixels * (measured[1] if measured else 1.6)
        lines.append(f"time: {time}; disk: about {format_bytes(disk)}")
    lines.append(
        f"{plural(len(pages), 'page')}, the largest {max(p.size[0] for p in pages)} x {max(p.size[1] for p in pages)} px"
    )
    seeds = prepared.document["seeds"]
    if seeds:
        lines.append("random seeds: " + ", ".join(str(seed) for seed in seeds.values()))
    lines += [*_skipped(plan.axes), *prepared.painter.models.warnings]
    for axis in plan.axes:
        if len(axis.values) > 1:
            labels = [value.label for value in axis.values]
            lines.append(f"{axis.title}: {', '.join(labels[:12])}{f', ... {labels[-1]}' if len(labels) > 12 else ''}")
    return "\n".join(lines)


def _skipped(axes: Sequence[Axis]) -> list[str]:
    """Return one line on what SKIP: leaves out; none where nothing is."""
    told = [f"{axis.skipped} of {axis.title}" for axis in axes if axis.skipped]
    return [f"left out by SKIP: {', '.join(told)}"] if told else []


_COUNTED = {
    "models loaded": "model loaded",
    "nodes run again": "node run again",
    "patches": "patch",
    "prompts encoded": "prompt encoded",
}


def outcome_text(prepared: PreparedComparison, missing: int, failed: Sequence[tuple[str, str]]) -> str:
    """Say what was drawn, line by line: pictures, models and patches, and what failed.

    Args:
        missing: how many pictures were not on disk.
        failed: labels of a cell, and why it could not be drawn.

    Raises:
        AthanorError: all pictures failed; says why the first one did.
    """
    different, counts = len(prepared.plan.order), prepared.painter.models.counts
    if len(failed) == different:
        raise AthanorError(f"no picture could be drawn: {failed[0][1]}")
    pictures, drawn, kept = plural(different, "picture"), missing - len(failed), different - missing
    lines = [
        f"{pictures}, {drawn} drawn now, {len(failed)} could not be drawn, {kept} were on disk"
        if failed
        else f"{pictures}, {drawn} drawn now, {kept} were on disk"
    ]
    counted = [f"{plural(counts[many], one, many)}" for many, one in _COUNTED.items() if counts[many]]
    if counted:
        lines.append(", ".join(counted))
    if lacks_font(prepared.title + "".join(v.label for axis in prepared.plan.axes for v in axis.values)):
        lines.append(
            "Chinese, Japanese and Korean names show as boxes: install a font for them, such as Noto Sans CJK."
        )
    lines += [*_skipped(prepared.plan.axes), *prepared.painter.models.warnings]
    lines += [f"failed: {where}: {why}" if where else f"failed: {why}" for where, why in failed][:10]
    return "\n".join(lines)


def places_text(folder: Path, pages: int) -> str:
    """Say in two lines where a comparison's `pages` of the grid and its viewer lie, as paths of this computer."""
    return f"to view in a browser: {folder / 'viewer' / 'index.html'}\n{plural(pages, 'page')} in {folder}"
