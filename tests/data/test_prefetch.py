import threading
import time

import pytest
from athanor.training_core.data.prefetch import prefetched


def test_order_and_wait():
    def slow(x):
        time.sleep(0.02)
        return x * x

    results = []
    for value, waited in prefetched(range(6), slow, ahead=2):
        results.append((value, waited))
        time.sleep(0.05)  # the next two are ready meanwhile
    assert [v for v, _ in results] == [0, 1, 4, 9, 16, 25]
    assert results[0][1] > 0.01 and max(w for _, w in results[2:]) < 0.01


def test_an_exception_comes_in_its_turn_and_the_thread_ends():
    def prepare(x):
        if x == 2:
            raise ValueError("two")
        return x

    got = []
    with pytest.raises(ValueError, match="two"):
        for value, _ in prefetched(range(5), prepare):
            got.append(value)
    assert got == [0, 1]
    assert not [t for t in threading.enumerate() if t.name.startswith("athanor-prefetch")]


def test_stopping_early_ends_the_thread():
    made = []
    items = prefetched(range(100), lambda x: made.append(x) or x)
    next(items)
    items.close()
    assert len(made) <= 4
    assert not [t for t in threading.enumerate() if t.name.startswith("athanor-prefetch")]
