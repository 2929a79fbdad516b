"""Out of memory in the middle of a step."""

import pytest
import torch
from athanor.training_core.errors import AthanorError
from athanor.training_core.run.memory_advice import memory_advice
from athanor.training_core.settings import (
    BucketSettings,
    DatasetSettings,
    Job,
    NetworkSettings,
    NoiseSettings,
    TrainingSettings,
)
from stepping import Device, batches


def seen(device):
    """Every sample's noise, timestep and sigma, in order."""
    return [torch.cat(parts) for parts in zip(*device.noisy, strict=True)]


@pytest.mark.parametrize(
    ("sizes", "room", "masked"),
    [
        ((5,), 1, True),
        ((5,), 2, False),
        ((5,), 3, False),
        ((4, 4), 1, False),
        ((4, 4), 4, True),
        ((5, 1), 2, True),
        ((5, 1), 4, False),
    ],
)
def test_split_steps_equal_whole_ones(sizes, room, masked):
    """Losses, gradients, and each sample's noise; the third step is split from the start."""
    plain, small = Device(99), Device(room)
    steps = plain.stepper(), small.stepper()
    for number in range(3):
        small.noisy.clear(), plain.noisy.clear(), small.tried.clear()
        one, two = (take(number, 0.01, batches(*sizes, masked=masked)) for take in steps)
        assert torch.allclose(one.losses, two.losses, rtol=1e-5) and torch.equal(one.t, two.t)
        assert torch.allclose(one.grad_norm, two.grad_norm, rtol=1e-5)
        for a, b in zip(plain.layer.parameters(), small.layer.parameters(), strict=True):
            assert torch.allclose(a.grad, b.grad, rtol=1e-5, atol=1e-7)
            assert torch.allclose(a, b, rtol=1e-5, atol=1e-6)
        found = seen(small)
        assert all(torch.equal(a, b[-len(a) :]) for a, b in zip(seen(plain), found, strict=True))
    assert max(small.tried) <= room
    assert small.freed == len(list(takes(max(sizes), room)))


def takes(size, room):
    """How often a batch is halved until it fits."""
    while size > room:
        size = (size + 1) // 2
        yield size


def test_a_failure_in_the_middle_leaves_nothing_behind():
    """The first of two micro-batches was in the gradients already."""
    plain, broken = Device(99), Device(99)
    broken.fail_at = 2
    outcomes = [d.stepper()(0, 0.01, batches(4, 4)) for d in (plain, broken)]
    assert torch.allclose(outcomes[0].grad_norm, outcomes[1].grad_norm, rtol=1e-5)
    assert broken.tried == [4, 4, 2, 2, 2, 2] and broken.freed == 1


def test_it_is_said_once():
    small = Device(1)
    take = small.stepper()
    assert list(small.split.warnings()) == []
    take(0, 0.01, batches(4))
    (warning,) = small.split.warnings()
    assert "batches are computed 1 at a time" in warning.text and warning.text.endswith("Set batch_size to 1.")
    take(1, 0.01, batches(4))
    assert list(small.split.warnings()) == []


def test_one_picture_too_much_is_one_sentence():
    none = Device(0)
    with pytest.raises(
        AthanorError, match=r"Out of memory with one picture at a time\. Set batch_size to 1\."
    ) as error:
        none.stepper()(0, 0.01, batches(3))
    assert none.tried == [3, 2, 1] and error.value.__context__ is None
    assert all(p.grad is None for p in none.layer.parameters())


def test_noise_that_looks_at_the_whole_batch():
    """Pyramid noise is divided by the standard deviation of the batch, whatever the pieces."""
    noise = NoiseSettings(ip_noise_gamma=0.1)
    plain, small = Device(99), Device(1)
    one, two = (d.stepper(noise, scaled=True)(0, 0.01, batches(3)) for d in (plain, small))
    assert torch.allclose(one.losses, two.losses, rtol=1e-5)


def test_advice_names_what_is_not_in_use():
    def job(batch_size=4, network=None, **training):
        return Job(
            datasets=(DatasetSettings(folder="a"),), buckets=BucketSettings(batch_size=batch_size), dataset_fingerprint="",
            model_fingerprint="", training=TrainingSettings(**training), network=network or NetworkSettings(),
        )  # fmt: skip

    assert memory_advice(job(gradient_checkpointing="off")).startswith(
        "Set gradient_checkpointing to all; or the Bucketer's batch_size to 1"
    )
    assert "gradient_checkpointing to" not in memory_advice(job()) and "gradient_checkpointing to all" in memory_advice(
        job(), "off"
    )
    small = memory_advice(job(1, gradient_checkpointing="all", blocks_to_swap=3))
    assert small == "Set weight_dtype of the model's loader to fp8_e4m3fn; or the Bucketer's width and height lower."
    assert "full_precision to bf16" in memory_advice(job(network=NetworkSettings(algo="finetune")))
    assert "blocks_to_swap" not in memory_advice(job(network=NetworkSettings(dora=True)))
