"""Latents of models in pixel space take a quarter of the room, and come back as they were."""

import pytest
import torch
from athanor.training_core.data import eight_bit


def test_every_colour_comes_back_exactly():
    colours = torch.arange(256).view(1, 1, 16, 16).repeat(1, 3, 1, 1).float() / 255 * 2 - 1
    parts = eight_bit.packed({"mean": colours})
    assert {name: value.dtype for name, value in parts.items()} == {"bytes": torch.uint8}
    assert torch.equal(eight_bit.unpacked(parts)["mean"], colours)


@pytest.mark.parametrize(
    "parts",
    [
        {"mean": torch.zeros(1, 3, 2, 2)},  # between two colours
        {"mean": torch.ones(1, 4, 2, 2)},
        {"mean": torch.ones(1, 3, 1, 2, 2)},
        {"mean": torch.ones(1, 3, 2, 2), "std": torch.ones(1, 3, 2, 2)},
    ],
)
def test_others_stay_as_they_are(parts):
    assert eight_bit.packed(parts) is parts and eight_bit.unpacked(parts) is parts
