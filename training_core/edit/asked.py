"""What the widgets of LoRA Edit mean: files with weights, and the rule that ranks follow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from .. import block_strengths
from ..errors import AthanorError, quoted
from ..lists import lines_of
from ..names import is_pattern, match_names, nearest
from ..settings.edit import EditSettings, Method
from .build import Source, Wanted
from .svd import RankRule

_NO_LIMIT = 2**20
_MOST = 64
"""Files that one result is made of."""


class Named(NamedTuple):
    """A file as the user names it, which may be a pattern."""

    name: str
    weight: float = 1.0
    blocks: str = ""


def named(text: str) -> list[Named]:
    """Return what each line of a text names: "style.safetensors: 0.5", or 1/3; without a weight it is 1. Behind the weight the
    strengths of its own blocks: "style.safetensors: 0.5; all but out".

    Raises:
        AthanorError: a weight is no number, or blocks cannot be read.
    """
    found = []
    for line in lines_of(text):
        line = line if ":" in line else line.replace("：", ":")
        whole, _, blocks = line.partition(";")
        if ":" not in whole:
            whole, blocks = line, ""
        name, colon, weight = whole.rpartition(":")
        if not colon:
            name, weight = line, "1"
        over, _, under = weight.partition("/")
        try:
            value = float(over) / float(under or 1)
        except (ValueError, ZeroDivisionError):
            value = math.nan
        if not math.isfinite(value) or not name.strip():
            raise AthanorError(
                f"more_loras: {quoted(line)} is not of the form name: weight, such as style.safetensors: 0.5."
            )
        found.append(Named(name.strip(), value, block_strengths.read(blocks, "more_loras").text))
    return found


def matched(all_named: Sequence[Named], known: Sequence[str]) -> list[Named]:
    """Return files with each pattern (my_lora-*) replaced by the files that it fits, all of its weight.

    Args:
        known: the files that there are.

    Raises:
        AthanorError: a pattern fits none.
    """
    found = []
    for one in all_named:
        name = one.name
        if not is_pattern(name) or name in known:
            found.append(one)
            continue
        files = match_names(name, known)
        if not files:
            raise AthanorError(
                f"more_loras: no LoRA fits the pattern {quoted(name)}; {nearest(name.strip('*?'), known)}."
            )
        found += [one._replace(name=file) for file in files]
    return found


def sources(all_named: Sequence[Named], find: Callable[[str], Path]) -> tuple[Source, ...]:
    """Return the files that are named, without those of weight 0.

    Args:
        find: name -> file; raises an AthanorError for one that is not there.

    Raises:
        AthanorError: none is left, or there are too many.
    """
    found = tuple(
        Source(path=find(one.name), weight=one.weight, name=one.name, blocks=one.blocks)
        for one in all_named
        if one.weight
    )
    if not found:
        raise AthanorError("lora_name is none: choose a LoRA, and give it a weight that is not 0.")
    if len(found) > _MOST:
        raise AthanorError(f"{len(found)} LoRAs are given, {_MOST} are possible: merge some of them first.")
    return found


def rule(rank: int, conv_rank: int, method: Method, target: float) -> RankRule | None:
    """Return the rule that ranks follow; None where they stay as they come.

    Raises:
        AthanorError: the target is none of the method's.
    """
    if method == "fixed":
        return RankRule(rank=rank or _NO_LIMIT, conv_rank=conv_rank) if rank or conv_rank else None
    if method == "sv_ratio" and target <= 1:
        raise AthanorError(f"rank_target is {target:g}: for sv_ratio it is a ratio above 1, such as 10.")
    if method != "sv_ratio" and target > 1:
        raise AthanorError(f"rank_target is {target:g}: for {method} it is a share of at most 1, such as 0.95.")
    return RankRule(rank=rank or _NO_LIMIT, conv_rank=conv_rank, method=method, target=target)


def wanted(settings: EditSettings, files: tuple[Source, ...]) -> Wanted:
    """Return what LoRA Edit is to make of these files."""
    return Wanted(
        sources=files,
        rule=rule(settings.rank, settings.conv_rank, settings.rank_method, settings.rank_target),
        precision=settings.precision,
        blocks=settings.blocks,
    )
