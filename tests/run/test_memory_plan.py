"""gradient_checkpointing auto: what is tried, and what is taken."""

import pytest
from athanor.training_core.resume.compute_plan import MemoryPlan
from athanor.training_core.run.memory_plan import OutOfRoom, Trial, candidates, explanation, next_swap, search

GB = 2**30


def card(room, batch, base=5.0, per_picture=6.0, saved=(0.0, 0.45, 0.9), slower=(1.0, 1.18, 1.4)):
    """A GPU with `room` GB: gradient_checkpointing saves a part of each picture's memory and costs time."""
    tried = []

    def attempt(way):
        tried.append(way)
        how = ("off", "part", "all").index(way.checkpointing)
        most = way.max_samples or batch
        peak = base + most * per_picture * (1 - saved[how])
        pieces = -(-batch // most)
        seconds = pieces * max(0.09, 0.04 * most) * slower[how]  # 0.09 s is what launching takes
        return None if peak > room else Trial(seconds, int(peak * GB))

    attempt.tried = tried
    return attempt


def taken(room, batch, **shape):
    attempt = card(room, batch, **shape)
    return search(batch, int(room * GB), GB // 4, attempt), attempt.tried


def test_what_fits_is_computed_the_plain_way_after_one_trial():
    found, tried = taken(80, 8)
    assert (
        tried == [MemoryPlan("off")]
        and found.plan == MemoryPlan("off")
        and explanation(found, "8 of 64x64", room=80 * GB, reserve=0) == ""
    )


def test_pieces_that_keep_the_gpu_busy_are_cheaper_than_checkpointing():
    found, tried = taken(40, 8)
    assert found.plan == MemoryPlan("off", 4)
    assert tried == [MemoryPlan("off"), MemoryPlan("off", 4), MemoryPlan("part"), MemoryPlan("all")]


@pytest.mark.parametrize(
    ("room", "batch", "way"),
    [
        (24, 4, MemoryPlan("part")),
        (16, 4, MemoryPlan("all")),
        (9, 8, MemoryPlan("all", 4)),
        (6.3, 2, MemoryPlan("all", 1)),
    ],
)
def test_less_room(room, batch, way):
    assert taken(room, batch)[0].plan == way


def test_the_fastest_is_taken_whatever_was_thought():
    """Where a computed block costs little (a small batch that waits for the CPU), measured numbers decide."""
    found, _ = taken(40, 8, slower=(1.0, 0.9, 0.8))
    assert found.plan == MemoryPlan("all")


def test_the_optimizers_state_and_a_margin_are_counted():
    attempt = card(29.5, 4)  # 29 GB
    assert search(4, int(29.5 * GB), 0, attempt).plan == MemoryPlan("part")
    assert search(4, 31 * GB, 0, attempt).plan == MemoryPlan("off")
    assert search(4, 31 * GB, GB, attempt).plan == MemoryPlan("part")


def test_nothing_fits():
    with pytest.raises(OutOfRoom):
        taken(5.2, 4)
    assert [way for tier in candidates(1) for way in tier] == [MemoryPlan("off"), MemoryPlan("part"), MemoryPlan("all")]


def test_one_sentence():
    found, _ = taken(24, 4)
    said = explanation(found, "4 of 1024x1024", room=24 * GB, reserve=GB // 4)
    assert said == (
        "gradient_checkpointing auto: a batch of 4 of 1024x1024 needs more than available (of 24.0 GB) without saving memory, so "
        "every second block is computed twice (gradient_checkpointing part): 18.4 GB, 0.19 s a batch. The training result is the same."
    )


def test_blocks_are_swapped_in_quarters():
    seen, now = [], 0
    while (now := next_swap(now, 57)) is not None:
        seen.append(now)
    assert seen == [15, 29, 43, 57] and next_swap(0, 0) is None and next_swap(3, 2) is None
