"""The files that LoRA Edit and LoRA Extract make: their names, whether they are still there, and how far one is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from ..training_core.errors import AthanorError, quoted
from ..training_core.host import guard
from .progress import Progress

_THERE: set[Path] = set()
"""Results that ComfyUI has got since it was started."""
_LOST: Counter[Path] = Counter()
"""How often each of them was not there any more."""


def made(path: Path) -> None:
    """Note that ComfyUI gets a result, whether it was made now or before by the same recipe."""
    _THERE.add(path)


def lost(path: Path) -> int:
    """Return how often a result that ComfyUI had got was deleted since: as this number grows, its cache is old."""
    if path in _THERE and not path.is_file():
        _THERE.remove(path)
        _LOST[path] += 1
    return _LOST[path]


def free(path: Path, replace: bool, used: list[Path]) -> None:
    """Check that a result may have its name.

    Raises:
        AthanorError: it is that of a file it is made of, or of another one that is not to be replaced.
    """
    if path.resolve() in [other.resolve() for other in used]:
        raise AthanorError(
            f"output_name {quoted(path.stem)} is one of the files that the result is made of: choose another name."
        )
    if path.exists() and not replace:
        raise AthanorError(
            f"output_name {quoted(path.stem)}: {path.name} is in the loras folder already, and holds something else: choose another "
            "name, or switch replace_file on."
        )


def shown(node_id: str) -> Callable[[int, int], None]:
    """Return a function that shows how many layers are done on a node, and stops where the user has asked for it."""
    progress = Progress(node_id)

    def show(done: int, total: int) -> None:
        guard.stop_if_interrupted()
        progress.bar(done, total)

    return show
