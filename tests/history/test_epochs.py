"""The one count of epochs."""

import pytest
from athanor.training_core.history import epochs


def event(name: str, /, **values: object) -> dict:
    return {"event": name, **values}


@pytest.mark.parametrize(
    "before",
    [
        [event("started", steps=20, epochs=4, steps_per_epoch=6)],
        # A log of an older version: a file at the end of an epoch tells as much.
        [event("started", steps=20, epochs=4), event("saved", kind="step", step=8, epoch=1),
         event("saved", kind="epoch", step=12, epoch=2), event("resumed", step=12, steps=20, epochs=4)],
    ],
)  # fmt: skip
def test_files_and_pictures_are_of_the_epoch_that_the_page_shows_at_their_step(before):
    """A file of step 8 in the second epoch was of epoch 1 in the table, and "epoch 0" stood at one of the first."""
    epoch_of = epochs.counter(before)
    steps = {0: 0, 1: 1, 6: 1, 7: 2, 8: 2, 12: 2, 13: 3, 20: 4}
    assert {step: epoch_of(event("sampled", step=step, epoch=step // 6)) for step in steps} == steps


def test_where_nobody_knows_it_is_what_the_log_says():
    nothing = [event("started", steps=20, epochs=4), event("saved", kind="step", step=8, epoch=1)]
    assert epochs.counter(nothing)(event("saved", kind="step", step=8, epoch=1)) == 1
