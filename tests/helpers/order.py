"""In which order test files run: the slow ones first, so that no worker is left alone with one at the end; or shuffled."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

SECONDS: dict[str, int] = {}
"""Processor seconds of the files that take longest; a new one that takes more than ten belongs here."""


def by_file(items: list[Any]) -> dict[Path, list[Any]]:
    """Test items by their file, in their order."""
    files: dict[Path, list[Any]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    return files


def slow_first(items: list[Any]) -> list[Any]:
    """Files by their measured seconds; all others after them, as they come."""
    files = by_file(items)
    order = sorted(files, key=lambda path: -SECONDS.get(f"{path.parent.name}/{path.name}", 0))
    return [item for path in order for item in files[path]]


def shuffled(items: list[Any], seed: int) -> list[Any]:
    """Files, and the tests in each, in an order that `seed` decides."""
    rng, files = random.Random(seed), by_file(items)
    order = sorted(files)
    rng.shuffle(order)
    return [item for path in order for item in rng.sample(files[path], len(files[path]))]
