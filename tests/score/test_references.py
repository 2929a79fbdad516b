"""What is remembered of training pictures: no more than there is room for."""

from __future__ import annotations

import numpy as np
from athanor.training_core.score import references


def test_memory_has_a_limit_in_bytes(monkeypatch):
    """It had one in pictures: 8192 by a vision model took 350 MB."""
    kept = references._Kept(
        np.zeros(1280, np.float32), np.zeros((2, 4096), np.float16), np.zeros((32, 32, 3), np.uint8)
    )
    assert kept.size < 26_000
    monkeypatch.setattr(references, "_MOST", 3 * kept.size)
    memory = references._Memory()
    for number in range(5):
        memory.add({("measure", str(number), None): kept})
    memory.add({("measure", "4", None): kept})  # known: counted once
    keys = [("measure", str(number), None) for number in range(5)]
    assert [key[1] for key in memory.known(keys)] == ["2", "3", "4"]
