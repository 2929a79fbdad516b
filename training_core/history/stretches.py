"""An index of a long metrics.jsonl in a few thousand stretches of lines: read once, then only what was added."""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

LENGTH, MOST = 1, 8192
"""Lines of a stretch to begin with; of more stretches than that, two become one."""
KEPT = 16
"""Files whose stretches are remembered, those that were asked for last."""
_SECONDS = re.compile(rb'"seconds": ([0-9.]{1,20}(?:[eE][-+]?[0-9]{1,2})?)[,}]')


@dataclass(slots=True, kw_only=True)
class Stretch:
    """Lines that follow each other in the file, the losses in them, and the time that their steps took."""

    offset: int  # byte offset of its first line
    last_line: int  # and of its last
    first: int  # step
    last: int
    lines: int = 0
    count: int = 0  # finite losses
    total: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    seconds: float = 0.0

    def add(self, at: int, step: int, loss: float, seconds: float) -> None:
        """Add the line at byte `at`; a loss that is not finite does not count."""
        self.last_line, self.last, self.lines = at, step, self.lines + 1
        self.seconds += seconds
        if math.isfinite(loss):
            self.count, self.total = self.count + 1, self.total + loss
            self.low, self.high = min(self.low, loss), max(self.high, loss)

    def join(self, other: Stretch) -> Stretch:
        """Return this stretch and the next one as one."""
        return Stretch(
            offset=self.offset,
            last_line=other.last_line,
            first=self.first,
            last=other.last,
            lines=self.lines + other.lines,
            count=self.count + other.count,
            total=self.total + other.total,
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            seconds=self.seconds + other.seconds,
        )


class _Index:
    """The stretches of one file, and how far it is read."""

    def __init__(self) -> None:
        self.stretches: list[Stretch] = []
        self.read, self.inode, self.length = 0, 0, LENGTH
        self.lock = Lock()

    def grow(self, path: Path) -> list[Stretch]:
        """Read what was added to the file, and return all stretches."""
        with self.lock, path.open("rb") as file:
            size = file.seek(0, 2)
            inode = path.stat().st_ino
            if size < self.read or inode != self.inode:
                self.stretches, self.read, self.inode, self.length = [], 0, inode, LENGTH
            file.seek(self.read)
            for line in file:
                if not line.endswith(b"\n"):  # it is being written
                    break
                step, loss = head(line)
                if step is not None:
                    self._add(step, loss, _seconds(line))
                self.read += len(line)
            return list(self.stretches)

    def _add(self, step: int, loss: float, seconds: float) -> None:
        # Steps that were done again, after a run was cut short, take the place of what was there.
        while self.stretches and self.stretches[-1].first >= step:
            self.stretches.pop()
        now = self.stretches[-1] if self.stretches else None
        if now is None or now.lines >= self.length or now.last >= step:
            if len(self.stretches) >= MOST:
                pairs = zip(self.stretches[::2], self.stretches[1::2], strict=True)
                self.stretches, self.length = [a.join(b) for a, b in pairs], 2 * self.length
            now = Stretch(offset=self.read, last_line=self.read, first=step, last=step)
            self.stretches.append(now)
        now.add(self.read, step, loss, seconds)


def head(line: bytes) -> tuple[int | None, float]:
    """Return step and loss of a line as `log` writes it: they come first, so that the rest need not be parsed."""
    parts = line[:120].split(b", ", 3)
    try:
        if not parts[0].startswith(b'{"step": ') or not parts[2].startswith(b'"loss": '):
            return None, math.nan
        loss = parts[2][8:]
        return int(parts[0][9:]), math.nan if loss == b"null" else float(loss)
    except (ValueError, IndexError):
        return None, math.nan


def _seconds(line: bytes) -> float:
    """Return how long a line's step took; 0 where the line does not say."""
    found = _SECONDS.search(line)
    return float(found[1]) if found else 0.0


_known: OrderedDict[Path, _Index] = OrderedDict()
_lock = Lock()


def stretches(path: Path) -> list[Stretch]:
    """Return the stretches of a metrics.jsonl, in order.

    Raises:
        OSError: it cannot be read.
    """
    with _lock:
        index = _known.setdefault(path, _Index())
        _known.move_to_end(path)
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return index.grow(path)
