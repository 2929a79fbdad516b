"""Pictures of which the VAE makes NaN: left out by all processes alike, or the VAE is at fault."""

from pathlib import Path

import pytest
from athanor.training_core.data.dataset import Dataset, Picture
from athanor.training_core.data.plan import PlannedBatch, epoch_plan, sort_into_buckets
from athanor.training_core.errors import AthanorError
from athanor.training_core.run.left_out import LeftOut
from athanor.training_core.settings import BucketSettings, DatasetSettings, TrainingSettings


@pytest.fixture
def buckets():
    pictures = tuple(
        Picture(path=Path(f"{i}.png"), name=f"{i}.png", content=str(i), size=(64, 64), caption="a", repeats=2)
        for i in range(4)
    )
    settings = BucketSettings(width=64, height=64, min_bucket_reso=64, batch_size=2)
    return sort_into_buckets(Dataset((DatasetSettings(),), pictures), settings)


def test_processes_leave_out_what_any_of_them_has_found(buckets):
    """Each encodes its own part; of few pictures, one may be half of what a process has."""
    plan = epoch_plan(buckets, TrainingSettings(), 0)
    first, second = (LeftOut(buckets, lambda variant, bad=bad: variant.picture == bad) for bad in (2, None))
    (told,) = first.warnings(plan)
    assert told.text.startswith(
        "2.png: the VAE encodes it as NaN or infinity, so it is left out of the training; connect"
    )
    assert not list(first.warnings(plan))

    def agree(*flags):
        return [flag or sample.variant.picture == 2 for flag, sample in zip(flags, samples, strict=True)]

    samples = [sample for batch in plan for sample in batch.samples]
    assert first.usable(plan) == second.usable(plan, agree) != plan == second.usable(plan)
    assert {s.variant.picture for batch in first.usable(plan) for s in batch.samples} == {0, 1, 3}
    assert len(first.usable(plan)) == len(plan)
    assert [event.text for event in second.warnings(plan, agree)] == [told.text]


def test_half_of_the_pictures_is_the_fault_of_the_vae(buckets):
    plan = epoch_plan(buckets, TrainingSettings(), 0)
    with pytest.raises(
        AthanorError, match=r"\.png and 1 more: the VAE encodes it as NaN or infinity, which would ruin"
    ):
        list(LeftOut(buckets, lambda variant: variant.picture < 2).warnings(plan))


def test_one_picture_of_the_few_that_are_left_of_an_epoch_is_no_fault_of_the_vae(buckets):
    """Only what a run still needs is encoded: it goes on, as it did with the whole epoch before it was stopped."""
    samples = {s.variant.picture: s for batch in epoch_plan(buckets, TrainingSettings(), 0) for s in batch.samples}
    rest = [PlannedBatch((64, 64), (samples[1], samples[2]))]
    left_out = LeftOut(buckets, lambda variant: variant.picture == 2)
    assert [event.text[:5] for event in left_out.warnings(rest)] == ["2.png"]
    assert left_out.usable(rest) == [PlannedBatch((64, 64), (samples[1],))]
    with pytest.raises(AthanorError, match=r"2\.png: the VAE encodes it"):
        list(left_out.warnings([PlannedBatch((64, 64), (samples[2],))]))
