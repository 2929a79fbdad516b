"""A result in words: its layers, ranks and size, and how far it is from the sum of the originals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..byte_size import format_bytes
from ..errors import shortened
from ..wording import plural
from . import recipe
from .build import Layer, Made, Wanted
from .change import rank_by
from .opened import opened

_HOW = {
    "kronecker": "as the nearest Kronecker product",
    "svd": "at a lower rank, by SVD",
    "joined": "with their ranks added up",
    "added": "as whole differences",
    "dora": "as DoRA, whose changes and norms are averaged apart",
}
_ROUNDING = 1e-6
"""Below it a difference is that of the arithmetic."""


_SMALL = 0.005
"""A difference below it is what fp16 (0.0003) and bf16 (0.002) make of the numbers, or as little as that."""


FAR = 0.1
"""A difference from which on another rank is advised; of 4 to 8 epochs of a run, averaged at their rank of 16, it was 0.0001 to 0.024."""


def percent(share: float) -> str:
    """Return a share as a percentage of two digits: 0.31 %, 12 %; 0 % where it is rounding of the arithmetic."""
    return f"{share * 100:.2g} %" if share > _ROUNDING else "0 %"


ORIGINALS, MODELS = "the sum of the originals", "the models' difference"
"""What a result is compared with."""


def summary(name: str, made: Made, size: int, original: str = ORIGINALS) -> list[str]:
    """Return lines about a result: its layers, how they came about, and how far it is from what it stands for.

    Args:
        name: of the file.
        size: bytes of the file.
        original: what it stands for.
    """
    count, kinds = len(made.layers), Counter(layer.kind for layer in made.layers)
    said = ", ".join(f"{kind} ({n})" if len(kinds) > 1 else kind for kind, n in kinds.most_common(4))
    lines = [
        f"{name}: {plural(count, 'layer')}, {said}{_ranks(made.layers)}, {made.precision}, {format_bytes(size)}",
        *_compared(recipe.check(made), original),
    ]
    hows = Counter(layer.how for layer in made.layers if layer.how in _HOW and original == ORIGINALS)
    lines += [f"{n} of {count} layers {_HOW[how]}" for how, n in hows.most_common()]
    if made.of_model:
        lines.append("The originals name the layers differently: under the connected model's names they are one.")
    if hows["added"]:
        lines.append(
            "Whole differences are as large as the model's own weights: with a rank they become LoRA, and the file small."
        )
    if hows["dora"]:
        lines.append(
            "An average of DoRA is not exactly the average of what the files do, since each divides by its own norm: compare it with them."
        )
    return lines


def originals(wanted: Wanted) -> str:
    """Return a line about the files that a result is made of: how many, their ranks and sizes."""
    paths = [source.path for source in wanted.sources]
    size = format_bytes(sum(path.stat().st_size for path in paths))
    with opened(paths) as files:
        ranks = {rank for file in files for layer in file.layers if (rank := rank_by(file.shapes(layer)))}
    count = f"{len(paths)} files of " if len(paths) > 1 else ""
    return f"Before: {count}{f'rank {_span(ranks)}, ' if ranks else ''}{size}{' in all' if len(paths) > 1 else ''}."


def again(path: Path, original: str = ORIGINALS) -> list[str]:
    """Return lines about a file that was made before by the same recipe."""
    check = recipe.told_by(path).get("check")
    return [
        f"{path.name} ({format_bytes(path.stat().st_size)}) was made from these files and settings before, and stays as it is.",
        *(_compared(check, original) if isinstance(check, Mapping) else []),
    ]


def _compared(check: Mapping[str, Any], original: str) -> list[str]:
    """Return what the self-check has measured, the number first."""
    values = (check.get(key) for key in ("difference", "largest"))  # of a file, so perhaps anything
    whole, largest = (float(v) if isinstance(v, int | float) and 0 < v < 1e6 else 0.0 for v in values)
    if largest <= _ROUNDING:
        return [f"Equal to {original}."]
    if largest < _SMALL:
        return [f"Equal to {original} but for rounding ({percent(largest)} at most)."]
    where = shortened(check.get("layer", ""), 120)
    return [
        f"Differs from {original} by {percent(whole)}, at most {percent(largest)}.",
        f"It differs most in {where}.",
    ]


def _ranks(layers: Sequence[Layer]) -> str:
    ranks = {layer.rank for layer in layers if layer.rank}
    return f", rank {_span(ranks)}" if ranks else ""


def _span(ranks: Collection[int]) -> str:
    low, high = min(ranks), max(ranks)
    return str(low) if low == high else f"{low} to {high}"
