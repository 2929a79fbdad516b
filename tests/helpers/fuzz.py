"""What the fuzz tests share: how many cases, from which seed, how bytes are hurt, and what a message may look like.

The default suite tries a small slice of each; `ATHANOR_FUZZ=1 python dev.py test tests/fuzz` tries all, and
ATHANOR_FUZZ_SEED names another seed.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

FULL = os.environ.get("ATHANOR_FUZZ") == "1"
SEED = int(os.environ.get("ATHANOR_FUZZ_SEED", "0"))
SLOWEST = 1.0  # seconds that any single case may take; more is a hang to whoever waits for it
LONGEST = 1000  # characters of a message: whatever was typed is quoted in part

_RAW = re.compile(
    r"Traceback|\b[A-Z]\w*(Error|Exception)\b|object has no attribute|NoneType|not subscriptable|unhashable|"
    r"invalid literal for|codec can't|list index out of range|<class '|\bat 0x[0-9a-f]{6,}"
)


def cases(full: int, slice_of: int = 100) -> int:
    """Return how many cases to try: all `full` of them, or a `slice_of`-th part in the default suite."""
    return full if FULL else max(1, full // slice_of)


def generator(name: str) -> random.Random:
    """Return the random generator of the fuzz test `name`."""
    return random.Random(f"{SEED} {name}")


def hurt(data: bytes, rng: random.Random) -> bytes:
    """Return `data` as a bad disk, a full one or a bad copy leaves it: cut, flipped, emptied, repeated, overwritten."""
    kind = rng.choice(("cut", "flip", "flip", "zeros", "insert", "double", "empty", "text", "delete"))
    if kind == "empty" or not data:
        return b"" if kind == "empty" else rng.randbytes(rng.randrange(1, 64))
    start = rng.randrange(len(data))
    length = min(len(data) - start, rng.choice((1, 2, 8, 64, 512)))
    if kind == "cut":
        return data[:start]
    if kind == "flip":
        changed = bytearray(data)
        for _ in range(rng.choice((1, 1, 1, 4, 32))):
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        return bytes(changed)
    if kind == "zeros":
        return data[:start] + bytes(length) + data[start + length :]
    if kind == "insert":
        return data[:start] + rng.randbytes(length) + data[start:]
    if kind == "double":
        return data[:start] + data[start : start + length] * 2 + data[start + length :]
    if kind == "delete":
        return data[:start] + data[start + length :]
    words = (b"null", b"NaN", b"-1", b"1e999", b"[]", b"{}", b'""', b"\xff\xfe", b"\xed\xa0\x80", b"[" * 5000)
    return data[:start] + rng.choice(words) + data[start + length :]


def check_message(message: str) -> None:
    """Fail unless `message` is a sentence a user can read: one line, not endless, no traceback, nothing of Python's."""
    text = str(message).strip()
    assert text, "an empty message"
    assert "\n" not in text, f"more than one line: {text[:300]!r}"
    assert len(text) <= LONGEST, f"{len(text)} characters: {text[:300]!r}"
    assert not _RAW.search(text), f"Python's own words: {text[:300]!r}"


@contextmanager
def no_hang(case: object) -> Iterator[None]:
    """Fail if what is inside takes longer than a second of this process' own time."""
    start = time.process_time()
    yield
    took = time.process_time() - start
    assert took < SLOWEST, f"{took:.1f} s for {str(case)[:300]!r}"
