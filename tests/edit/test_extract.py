"""The difference of two models as a LoRA: ranks, what is left out, and a device that has no room, or whose library fails."""

from __future__ import annotations

import pytest
import torch
from athanor.training_core.edit import extract
from athanor.training_core.edit.change import dense
from athanor.training_core.edit.extract import Difference
from athanor.training_core.edit.svd import RankRule, of_dense, of_factors
from athanor.training_core.errors import AthanorError
from lora_kinds import numbers

CARD = torch.device("cuda")


def layers(asked: list[str], fails: bool):
    def layer(number: int, rows: int, columns: int) -> extract.Difference:
        drawn = torch.randn(rows, columns, generator=torch.Generator().manual_seed(number))

        def read(device: torch.device) -> torch.Tensor:
            asked.append(device.type)
            if fails and device == CARD:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return drawn

        return extract.Difference(name=f"lora_unet_{number}", shape=(rows, columns), read=read)

    return [layer(0, 12, 20), layer(1, 20, 12)]


def same(one: extract.Extracted, other: extract.Extracted) -> bool:
    keys = one.made.tensors.keys()
    return keys == other.made.tensors.keys() and all(
        torch.equal(one.made.tensors[key], other.made.tensors[key]) for key in keys
    )


def test_a_full_card_costs_no_layer():
    """Models of the graph lie on the card: two of them and a large layer were more than it has."""
    asked: list[str] = []
    plain = extract.make(layers([], False), RankRule(rank=4), "fp16")
    found = extract.make(layers(asked, True), RankRule(rank=4), "fp16", device=CARD)
    assert same(found, plain) and asked == ["cuda", "cpu"] * 2
    assert extract.told(found) == [
        "Computed on the CPU, as the GPU had no room for 2 layers or failed: it is slower, and the same."
    ]
    assert not extract.told(plain) and extract.needs(layers([], False)) == 36 * 240 + 40 * 144


def test_eigenvectors_that_a_library_does_not_find(monkeypatch):
    """cuSOLVER gives up on matrices with many equal values, as a merged LoRA leaves them; the CPU's own error is passed on."""
    eigh, failed = torch.linalg.eigh, []

    def fails_once(matrix):
        if not failed:
            failed.append(True)
            raise torch.linalg.LinAlgError("linalg.eigh: The algorithm failed to converge")
        return eigh(matrix)

    plain = extract.make(layers([], False), RankRule(rank=4), "fp16")
    monkeypatch.setattr(torch.linalg, "eigh", fails_once)
    found = extract.make(layers([], False), RankRule(rank=4), "fp16", device=CARD)
    assert same(found, plain) and found.on_cpu == 1
    failed.clear()
    with pytest.raises(torch.linalg.LinAlgError):
        extract.make(layers([], False), RankRule(rank=4), "fp16")


@pytest.mark.parametrize("shape", [(12, 20), (20, 12), (9, 9)])
def test_all_decompositions_are_the_matrix(shape):
    up, down = (
        torch.randn(*size, generator=torch.Generator().manual_seed(1)) for size in ((shape[0], 5), (5, shape[1]))
    )
    for found in (of_dense(up @ down), of_factors(up, down)):
        one, other, error = found.cut(9)
        assert one.shape[1] == len(found.values) and error < 1e-6
        torch.testing.assert_close(one @ other, up @ down, rtol=1e-5, atol=1e-5)
        check_cut(found, up @ down)
    found = of_dense(up @ down, 2)  # of which only what was asked for is known
    assert len(found.values) == 2 and found.rest > 0
    check_cut(found, up @ down)


def check_cut(found, matrix):
    kept, rest, error = found.cut(2)
    assert kept.shape == (len(matrix), 2) and rest.shape == (2, matrix.shape[1]) and 0 < error < 1
    assert float((kept @ rest - matrix).norm() / matrix.norm()) == pytest.approx(error, rel=1e-4)


def layer(name: str, value: torch.Tensor) -> Difference:
    return Difference(name=name, shape=tuple(value.shape), read=lambda _: value)


LINEAR = numbers(12, 3, seed=1) @ numbers(3, 10, seed=2)
CONV = numbers(6, 4, 3, 3, seed=3)
LAYERS = [layer("lora_unet_a", LINEAR), layer("lora_unet_b", CONV), layer("lora_unet_c", torch.full((4, 4), 1e-5))]


def test_what_the_rank_allows_is_exact_and_the_rest_is_told():
    found = extract.make(LAYERS, RankRule(rank=3, conv_rank=2), "float", 1e-4)
    pieces = {key.removeprefix("lora_unet_a."): v for key, v in found.made.tensors.items() if "unet_a" in key}
    torch.testing.assert_close(dense(pieces), LINEAR, rtol=0, atol=1e-5)
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
