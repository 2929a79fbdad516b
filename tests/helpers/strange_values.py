"""Values that no setting has and any file may hold: each has to become a line, or an error in one sentence."""

from __future__ import annotations

from typing import Any

STRANGE: tuple[Any, ...] = (
    None, "", "x", 0, -1, 1e308, 10**40, float("nan"), True, [], [[]], [0], [["a"]], {}, {"a": 1}, [1, 2, 3, 4], "[r'.*']", "((((",
    "💥" * 9,
)  # fmt: skip
