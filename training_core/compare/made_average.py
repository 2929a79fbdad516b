"""Averages that are no sum of changes (DoRA): a LoRA file is made of each, kept below the loras folder, and found again by content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from ..edit import build, estimate, recipe, told
from ..edit.build import Source, Wanted
from ..edit.opened import opened
from ..edit.svd import RankRule
from ..files import safetensors_metadata
from ..history.handle import Checkpoint
from ..host import fingerprint, folders, guard
from ..json_text import parse_json
from .averages import plain_name

FOLDER = "athanor-averages"
"""Below the first loras folder: the host's loader must find the file by its name, as the graph in a picture has it."""


@dataclass(frozen=True, slots=True)
class MadeAverage:
    """A file that stands for an average, by its name in the host's list, and what is said of it."""

    lora_name: str
    note: str


def made(label: str, files: Sequence[Checkpoint], weights: Sequence[float]) -> MadeAverage:
    """Return the file of an average of DoRA files, at their own rank; it is made if it is not there yet.

    Its changes are averaged by the rule of LoRA, and its norms apart: that is near to the average of what the files do.

    Raises:
        AthanorError: the files have no average (OFT, BOFT and others), or do not belong together.
    """
    pairs = [(file, weight) for file, weight in zip(files, weights, strict=True) if weight]
    sources = tuple(Source(path=file.path, weight=weight, name=file.lora_name) for file, weight in pairs)
    with opened([source.path for source in sources]) as read:
        rank, wide = estimate.own_ranks(read)
    wanted = Wanted(sources=sources, rule=RankRule(rank=rank, conv_rank=wide) if rank else None)
    recipe_of = recipe.recipe(wanted)
    # Files without a hash in their metadata are told apart by size, time and header.
    known = [
        part.get("hash") or fingerprint.file(each.path) for part, each in zip(recipe_of["from"], sources, strict=True)
    ]
    digest = hashlib.sha256(json.dumps([recipe_of, known], sort_keys=True).encode()).hexdigest()[:8]
    path = folders.lora_path(f"{FOLDER}/{plain_name(label)}-{digest}")
    if not (path.is_file() and recipe.is_same(path, recipe_of)):
        result = build.make(wanted, lambda _done, _total: guard.stop_if_interrupted())
        recipe_of["check"] = told.difference(result)
        recipe.write(path, result, recipe.metadata(result, wanted, path.stem, recipe_of))
    kept = parse_json(safetensors_metadata(path).get(recipe.KEY, ""))
    far = kept["check"]["difference"] if isinstance(kept, dict) and isinstance(kept.get("check"), dict) else 0.0
    return MadeAverage(
        folders.lora_name(path),
        f"{label}: DoRA has no exact average. {path.name} in {FOLDER} is near to it: changes and norms are averaged apart (changes at the "
        f"rank of the files, {told.percent(far)} from their average).",
    )
