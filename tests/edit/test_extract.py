"""The difference of two models on a device that has no room, or whose library fails: the CPU does the same."""

from __future__ import annotations

import pytest
import torch
from athanor.training_core.edit import extract
from athanor.training_core.edit.svd import RankRule, of_dense, of_factors

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
def test_both_decompositions_are_the_matrix(shape):
    up, down = (
        torch.randn(*size, generator=torch.Generator().manual_seed(1)) for size in ((shape[0], 5), (5, shape[1]))
    )
    for found in (of_dense(up @ down), of_factors(up, down)):
        one, other, error = found.cut(9)
        assert one.shape[1] == len(found.values) and error < 1e-6
        torch.testing.assert_close(one @ other, up @ down, rtol=1e-5, atol=1e-5)
        kept, rest, error = found.cut(2)
        assert kept.shape == (shape[0], 2) and rest.shape == (2, shape[1]) and 0 < error < 1
        assert float((kept @ rest - up @ down).norm() / (up @ down).norm()) == pytest.approx(error, rel=1e-4)
