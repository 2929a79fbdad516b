import threading

import pytest
from athanor.training_core.data.prefetch import prefetched


def test_order_and_wait():
    """The next one is prepared while this one is used, and none is waited for that is ready."""
    ready = [threading.Event() for _ in range(6)]

    def prepare(x):
        if x == 0:
            threading.Event().wait(0.5)
        ready[x].set()
        return x * x

    results = []
    for value, waited in prefetched(range(6), prepare, ahead=2):
        results.append((value, waited))
        assert all(event.wait(60) for event in ready[: len(results) + 1])
    assert [v for v, _ in results] == [0, 1, 4, 9, 16, 25]
    assert results[0][1] > 0.25 > max(w for _, w in results[1:])


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
