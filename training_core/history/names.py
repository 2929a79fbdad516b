"""Names of LoRA files: one run never writes over another's unless asked."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import chain, count
from pathlib import Path

from ..files import safetensors_metadata


def owner(path: Path) -> str | None:
    """The run id in a LoRA file's metadata, or None (no metadata, another trainer's, unreadable)."""
    return safetensors_metadata(path).get("athanor_run_id")


def family_of(path: Path) -> list[Path]:
    """The files of a run: name.safetensors, name-000001.safetensors, name-step00000001.safetensors, and -ema and -diffusers of
    each.
    """
    stem = path.stem
    if not path.parent.is_dir():
        return []
    found = []
    for other in path.parent.glob("*.safetensors"):
        name = other.stem if other.stem == stem else re.sub(r"-(ema|diffusers)$", "", other.stem)
        tail = name.removeprefix(stem)
        digits = tail.removeprefix("-step") if tail.startswith("-step") else tail.removeprefix("-")
        if name == stem or (name.startswith(stem) and tail.startswith("-") and digits.isdecimal()):
            found.append(other)
    return found


def free_path(path: Path, own: Collection[str], overwrite: bool) -> Path:
    """`path`, or name_2, name_3 ... if files of another run have that name.

    Args:
        own: ids of the runs whose files it may replace: itself, and the one that it continues.
    """
    if overwrite:
        return path
    for number in chain([0], count(2)):
        candidate = path if not number else path.with_name(f"{path.stem}_{number}{path.suffix}")
        if all(owner(other) in own for other in family_of(candidate)):
            return candidate
    raise AssertionError("unreachable: the numbers do not end")
