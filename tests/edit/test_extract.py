"""The difference of two models as a LoRA: ranks, what is left out, and what is told of it."""

from __future__ import annotations

import pytest
import torch
from athanor.training_core.edit import extract
from athanor.training_core.edit.change import dense
from athanor.training_core.edit.extract import Difference
from athanor.training_core.edit.svd import RankRule
from athanor.training_core.errors import AthanorError
from lora_kinds import numbers


def layer(name: str, value: torch.Tensor) -> Difference:
    return Difference(name=name, shape=tuple(value.shape), read=lambda: value)


LINEAR = numbers(12, 3, seed=1) @ numbers(3, 10, seed=2)
CONV = numbers(6, 4, 3, 3, seed=3)
LAYERS = [layer("lora_unet_a", LINEAR), layer("lora_unet_b", CONV), layer("lora_unet_c", torch.full((4, 4), 1e-5))]


def pieces(made, name: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(f"{name}."): value for key, value in made.tensors.items() if key.startswith(f"{name}.")}


def test_what_the_rank_allows_is_exact_and_the_rest_is_told():
    found = extract.make(LAYERS, RankRule(rank=3, conv_rank=2), "float", 1e-4)
    torch.testing.assert_close(dense(pieces(found.made, "lora_unet_a")), LINEAR, rtol=0, atol=1e-5)
    one, other = found.made.layers
    assert (one.rank, other.rank, other.kernel, found.equal, found.convolutions) == (3, 2, 3, 1, 0)
    best = torch.linalg.svdvals(CONV.flatten(1))
    assert other.error == pytest.approx(float(best[2:].norm() / best.norm()), abs=1e-5)
    assert extract.told(found) == ["Left out: 1 layer that the models have alike."]


def test_convolutions_are_left_out_without_a_rank_for_them():
    found = extract.make(LAYERS, RankRule(rank=2), "fp16", 0.0)
    assert [each.name for each in found.made.layers] == ["lora_unet_a", "lora_unet_c"] and found.convolutions == 1
    assert "1 convolution larger than 1x1" in extract.told(found)[0]
    assert found.made.layers[0].rank == 2 and found.made.tensors["lora_unet_a.lora_up.weight"].dtype == torch.float16


def test_what_gives_no_lora_is_refused():
    with pytest.raises(AthanorError, match="do not differ by more than min_diff"):
        extract.make(LAYERS[2:], RankRule(rank=2), "fp16", 1e-4)
    with pytest.raises(AthanorError, match="lora_unet_x holds NaN or infinity"):
        extract.make([layer("lora_unet_x", torch.full((2, 2), torch.nan))], RankRule(rank=2), "fp16")


def test_the_user_may_stop_it():
    def stop(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract.make(LAYERS, RankRule(rank=2), "fp16", 0.0, stop)
