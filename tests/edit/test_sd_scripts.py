"""The numbers of sd-scripts' tools on the same layers (commit 48d368fa of 16 February 2026, run with these formulas).

Each is [rank, alpha, |change|, change[0, 0], change[3, 4], change[8, last]]. svd_merge_lora.py ran with its clamping of values at
their 0.99 quantile switched off: that is a loss of its own (15 to 50 % of the change at a rank of 8 on layers of 320 to 1280), and
not taken over. merge_lora.py --concat multiplies ups and downs by the ratio, and keeps alpha for the ranks of all files: its result
is the sum with weights ratio |ratio| alpha / base alpha * base alpha / all ranks / scale.
"""

from __future__ import annotations

import pytest
import torch
from athanor.training_core.edit import change
from athanor.training_core.edit.sums import summed
from athanor.training_core.edit.svd import RankRule

RESIZED = [
    (1, "fixed", 0.0, 2, [2, 1.0, 2.12667, 0.04751, 0.15687, 0.2244]),
    (1, "sv_ratio", 4.0, 6, [3, 1.5, 2.16918, -0.00589, 0.24322, 0.2093]),
    (1, "sv_cumulative", 0.8, 6, [3, 1.5, 2.16918, -0.00589, 0.24322, 0.2093]),
    (1, "sv_fro", 0.9, 6, [2, 1.0, 2.12667, 0.04751, 0.15687, 0.2244]),
    (3, "fixed", 0.0, 2, [2, 1.0, 6.69563, 0.47871, 0.21516, -0.3642]),
    (3, "sv_ratio", 4.0, 6, [3, 1.5, 6.85398, 0.39479, 0.23924, -0.33158]),
    (3, "sv_cumulative", 0.8, 6, [4, 2.0, 6.87041, 0.40301, 0.23539, -0.33625]),
    (3, "sv_fro", 0.9, 6, [3, 1.5, 6.85398, 0.39479, 0.23924, -0.33158]),
]
MERGED = [(1, [3, 3.0, 3.07954, -0.0945, -0.05143, 0.05944]), (3, [3, 3.0, 9.58426, 0.14071, 0.26958, -0.30145])]
JOINED = [(1, [10, 3.0, 1.02807, -0.03716, 0.05911, 0.06312]), (3, [10, 3.0, 3.14082, 0.1466, 0.11888, -0.15999])]


def wave(*shape: int, step: float) -> torch.Tensor:
    return torch.sin(torch.arange(1, 1 + torch.Size(shape).numel()).double().pow(1.5) * step).float().reshape(shape)


def layer(step: float, rank: int = 6, alpha: float = 3.0, kernel: int = 1) -> dict[str, torch.Tensor]:
    tail, ones = ((), ()) if kernel == 1 else ((kernel, kernel), (1, 1))
    falling = torch.logspace(0, -1.5, rank).reshape(1, rank, *ones)
    return {
        "lora_up.weight": wave(9, rank, *ones, step=step) * falling,
        "lora_down.weight": wave(rank, 7, *tail, step=step + 0.1),
        "alpha": torch.tensor(alpha),
    }


def shown(pieces: dict[str, torch.Tensor]) -> list[float]:
    whole = change.dense(pieces)
    assert whole is not None
    whole = whole.flatten(1)
    entries = [whole.norm(), whole[0, 0], whole[3, 4], whole[8, -1]]
    return [change.rank_of(pieces), float(pieces["alpha"]), *(round(float(entry), 5) for entry in entries)]


def two(kernel: int) -> list[dict[str, torch.Tensor]]:
    return [layer(0.7, 6, 3.0, kernel), layer(0.45, 4, 4.0, kernel)]


@pytest.mark.parametrize(("kernel", "method", "target", "rank", "want"), RESIZED)
def test_resize_lora(kernel: int, method, target: float, rank: int, want: list[float]):
    rule = RankRule(rank=rank, method=method, target=target)
    assert shown(summed([(1.0, layer(0.7, kernel=kernel))], rule).pieces) == pytest.approx(want, abs=2e-5)


@pytest.mark.parametrize(("kernel", "want"), MERGED)
def test_svd_merge_lora(kernel: int, want: list[float]):
    one, other = two(kernel)
    result = shown(summed([(0.5, one), (-0.75, other)], RankRule(rank=3)).pieces)
    assert [result[0], *result[2:]] == pytest.approx([want[0], *want[2:]], abs=2e-5)


@pytest.mark.parametrize(("kernel", "want"), JOINED)
def test_merge_lora_joins_with_other_weights(kernel: int, want: list[float]):
    one, other = two(kernel)
    weights = [
        ratio * abs(ratio) * alpha / 10 / change.scale_of(p) for ratio, alpha, p in ((0.8, 3, one), (-0.6, 4, other))
    ]
    result = shown(summed(list(zip(weights, (one, other), strict=True))).pieces)
    assert result[2:] == pytest.approx(want[2:], abs=2e-5)  # of 10 ranks, a layer as narrow as this keeps 7 or 9
