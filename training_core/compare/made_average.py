"""Averages as values of an axis; of DoRA, which is no sum of changes, a file is made, kept below the loras folder, and found again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import AthanorError
from ..files import safetensors_header
from ..history.handle import Checkpoint
from ..host import folders, guard, node_tools
from . import averages
from .averages import Average, plain_name
from .axes import LoraChoice, Value


@dataclass(frozen=True, slots=True)
class MadeAverage:
    """A file that stands for an average, by its name in the host's list, and what is said of it."""

    lora_name: str
    note: str


def value(
    run: str, average: Average, files: Sequence[Checkpoint], weights: Sequence[float], field: str
) -> tuple[Value, str]:
    """Return the value of an average of a run's files, and what is said of it: its files together, each at its part of the strength; or
    a file of its own where they are DoRA, whose parts do not add up.

    Args:
        field: where the average is written, for messages.

    Raises:
        AthanorError: the files have no average.
    """
    kinds = [averages.kind_of(_keys(each.path)) for each in files]
    if {*kinds} == {averages.DORA} and len(files) > 1:
        made = file_of(f"{run.rpartition('/')[2]} {average.label}", files, weights)
        return Value(average.label, (("lora", (LoraChoice(made.lora_name),)),)), made.note
    if {*kinds} != {averages.SUM} and len(files) > 1:
        wrong = averages.OTHER if averages.OTHER in kinds else averages.DORA
        which = files[kinds.index(wrong)].lora_name
        why = (
            f"{which} is OFT, BOFT or of another kind that is no sum of changes, and has no average"
            if wrong == averages.OTHER
            else f"{which} is DoRA, and others are not: take files of one kind"
        )
        raise AthanorError(f"{field}: {average.label} cannot be drawn: {why}.")
    loras = tuple(LoraChoice(file.lora_name, weight=weight) for file, weight in zip(files, weights, strict=True))
    return Value(average.label, (("lora", loras),)), ""


def _keys(path: Path) -> Collection[str]:
    return safetensors_header(path) if path.suffix == ".safetensors" else ()


def parts_of(lora_name: str) -> list[tuple[str, float]]:
    """Return the names of the files that an average was made of, with their weights; [] for a file that is no such average."""
    from ..edit import recipe  # not above: see `file_of`

    if not averages.is_made(lora_name):
        return []
    return recipe.originals_of(folders.existing_lora(lora_name))


def files() -> list[Path]:
    """Return the files that were made of averages, and nothing else that lies in their folder."""
    from ..edit import recipe  # not above: see `file_of`

    folder = folders.lora_path(f"{averages.FOLDER}/x").parent
    return sorted(path for path in folder.glob("*.safetensors") if recipe.is_made(path))


def file_of(label: str, files: Sequence[Checkpoint], weights: Sequence[float]) -> MadeAverage:
    """Return the file of an average of DoRA files, at their own rank; it is made if it is not there yet.

    Its changes are averaged by the rule of LoRA, and its norms apart: that is near to the average of what the files do.

    Raises:
        AthanorError: the files have no average (OFT, BOFT and others), or do not belong together.
    """
    # Not above: LoRA Run Axis is read when ComfyUI starts, and these need torch.
    from ..edit import build, estimate, recipe, told
    from ..edit.build import Source, Wanted
    from ..edit.opened import opened
    from ..edit.svd import RankRule

    pairs = [(file, weight) for file, weight in zip(files, weights, strict=True) if weight]
    sources = tuple(Source(path=file.path, weight=weight, name=file.lora_name) for file, weight in pairs)
    with opened([source.path for source in sources]) as read:
        rank, wide = estimate.own_ranks(read)
    wanted = Wanted(sources=sources, rule=RankRule(rank=rank, conv_rank=wide) if rank else None)
    recipe_of = recipe.recipe(wanted)
    digest = hashlib.sha256(json.dumps(recipe_of, sort_keys=True).encode()).hexdigest()[:8]
    path = folders.lora_path(f"{averages.FOLDER}/{plain_name(label)}-{digest}")
    if not recipe.is_same(path, recipe_of):
        result = build.make(wanted, _shown)
        recipe.write(path, result, wanted, recipe_of)
    return MadeAverage(
        folders.lora_name(path),
        f"{label}: DoRA has no exact average. {path.name} in {averages.FOLDER} is near to it: changes and norms are averaged "
        f"apart (changes at the rank of the files, {told.percent(recipe.difference_of(path))} from their average).",
    )


def _shown(done: int, total: int) -> None:
    """Show on the node that runs how many layers are done, and stop where the user wants it."""
    node_tools.progress_bar(total).update_absolute(done, total)
    guard.stop_if_interrupted()
