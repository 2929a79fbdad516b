"""The arithmetic of LoRA files: a layer's change, and sums of several, against the dense matrices."""

from __future__ import annotations

import pytest
import torch
from athanor.training_core.edit import change, kronecker, svd
from athanor.training_core.edit.change import dense
from athanor.training_core.edit.sums import summed
from athanor.training_core.edit.svd import RankRule
from lora_kinds import KINDS, lokr, lora, numbers


def exact(kind: str, pieces: dict) -> torch.Tensor:
    """The change by its definition, element by element where that is another way."""
    if kind in ("lora", "lora without alpha"):
        return (2 / 3 if "alpha" in pieces else 1.0) * pieces["lora_up.weight"] @ pieces["lora_down.weight"]
    if kind == "locon":
        return 2 / 3 * torch.einsum("orab,rixy->oixy", pieces["lora_up.weight"], pieces["lora_down.weight"])
    if kind == "tucker":
        up, mid, down = (pieces[f"lora_{name}.weight"] for name in ("up", "mid", "down"))
        return 0.5 * torch.einsum("omab,mnxy,nicd->oixy", up, mid, down)
    if kind == "loha":
        return 0.5 * (pieces["hada_w1_a"] @ pieces["hada_w1_b"]) * (pieces["hada_w2_a"] @ pieces["hada_w2_b"])
    if kind == "loha with a core":
        halves = [
            torch.einsum("ijxy,io,jn->onxy", pieces[f"hada_t{h}"], pieces[f"hada_w{h}_a"], pieces[f"hada_w{h}_b"])
            for h in "12"
        ]
        return halves[0] * halves[1]
    if kind.startswith("lokr"):
        second = pieces["lokr_w2"] if "lokr_w2" in pieces else 0.5 * pieces["lokr_w2_a"] @ pieces["lokr_w2_b"]
        product = torch.einsum("ab,cd...->acbd...", pieces["lokr_w1"], second)
        return product.reshape(12, 10, *second.shape[2:])
    return pieces["diff"]


def near(one: torch.Tensor, other: torch.Tensor, most: float = 1e-6) -> bool:
    return bool((one.double() - other.double().reshape(one.shape)).norm() <= most * other.double().norm())


@pytest.mark.parametrize("kind", KINDS)
def test_the_dense_change_is_the_definition(kind: str):
    pieces = KINDS[kind]
    assert near(dense(pieces), exact(kind, pieces))
    assert near(dense(change.scaled(pieces, -0.3)), -0.3 * exact(kind, pieces))
    if (parts := change.factors(pieces)) and "diff" not in pieces:
        assert near(parts.scale * parts.up @ parts.down, exact(kind, pieces).flatten(1))


@pytest.mark.parametrize("kind", KINDS)
def test_three_files_of_a_kind_add_up(kind: str):
    pieces = KINDS[kind]
    others = [{k: v if k == "alpha" else v.flip(0) + 0.1 for k, v in pieces.items()} for _ in range(2)]
    terms = [(0.5, pieces), (1.5, others[0]), (-0.25, others[1])]
    want = sum(weight * exact(kind, part) for weight, part in terms)
    result = summed(terms)
    if result.how == "kronecker":
        error = float((dense(result.pieces) - want).norm() / want.norm())
        assert result.error == pytest.approx(error, abs=1e-5)
    else:
        assert near(dense(result.pieces), want)
    rank = summed(terms, RankRule(rank=4))
    error = float((dense(rank.pieces).reshape(want.shape) - want).norm() / want.norm())
    assert rank.pieces["lora_down.weight"].shape[0] == 4
    assert rank.error == pytest.approx(error, abs=1e-5)
    best = torch.linalg.svdvals(want.flatten(1))
    assert error == pytest.approx(float(best[4:].norm() / best.norm()), abs=1e-5)


def test_equal_files_stay_bit_for_bit():
    """A mean of files that share alpha / rank changes no trained number: the weights go into alpha."""
    result = summed([(0.5, lora(1)), (0.5, lora(5))])
    assert torch.equal(result.pieces["lora_up.weight"], torch.cat([lora(s)["lora_up.weight"] for s in (1, 5)], 1))
    assert torch.equal(result.pieces["lora_down.weight"], torch.cat([lora(s)["lora_down.weight"] for s in (1, 5)]))
    assert result.pieces["alpha"] == pytest.approx(0.5 * 2 / 3 * 6)
    assert result.error == 0


def test_ranks_beyond_the_layer_are_cut_without_loss():
    terms = [(1.0, lora(seed, rank=6)) for seed in (1, 3, 5)]
    result = summed(terms)
    assert result.pieces["lora_down.weight"].shape[0] == 10
    assert near(dense(result.pieces), sum(dense(pieces) for _, pieces in terms))


def test_lokr_with_the_same_factor_is_exact():
    first = numbers(3, 2, seed=1)
    terms = [(0.5, lokr(seed, first, second_rank=2)) for seed in (2, 5)]
    result = summed(terms)
    assert (result.how, result.error) == ("kronecker", 0.0)
    assert near(dense(result.pieces), sum(0.5 * dense(pieces) for _, pieces in terms))
    assert kronecker.terms_of([(1.0, lokr(1)), (1.0, lokr(1, numbers(6, 2, seed=3)))]) is None


def test_norms_and_biases_add_up():
    terms = [(0.5, {"w_norm": torch.ones(3), "b_norm": torch.ones(3)}), (2.0, {"w_norm": torch.ones(3)})]
    result = summed(terms, RankRule(rank=1)).pieces
    assert torch.equal(result["w_norm"], torch.full((3,), 2.5))
    assert torch.equal(result["b_norm"], torch.full((3,), 0.5))
    bias = summed([(2.0, lora(1) | {"diff_b": torch.ones(12)}), (1.0, lora(3))], RankRule(rank=2)).pieces
    assert torch.equal(bias["diff_b"], torch.full((12,), 2.0))


def test_what_is_not_added_up_says_why():
    oft = {"oft_blocks": numbers(2, 3, 3, seed=1)}
    assert summed([(1.0, oft)]).how == "copied"
    for terms in ([(0.5, oft)], [(1.0, oft), (1.0, lora(1))]):
        with pytest.raises(change.NotAdditive, match="rotates"):
            summed(terms)
    with pytest.raises(change.NotAdditive, match="weights"):
        change.scaled({"set_weight": torch.ones(2)}, 0.5)


def test_dora_is_averaged_by_its_parts():
    terms = [(0.25, lora(1) | {"dora_scale": torch.ones(12, 1)}), (0.75, lora(3) | {"dora_scale": torch.zeros(12, 1)})]
    result = summed(terms)
    assert result.how == "dora"
    assert torch.equal(result.pieces["dora_scale"], torch.full((12, 1), 0.25))
    plain = {piece: value for piece, value in result.pieces.items() if piece != "dora_scale"}
    assert near(dense(plain), 0.25 * dense(lora(1)) + 0.75 * dense(lora(3)))
    with pytest.raises(change.NotAdditive, match="sum to 1"):
        summed([(1.0, pieces) for _, pieces in terms])


def test_distances_make_no_layer():
    one = [(0.5, change.factors(lora(1))), (2.0, change.factors(lora(3)))]
    other = [(1.0, change.factors(lora(5)))]
    far, norm = svd.distance(one, other)
    want = 0.5 * dense(lora(1)) + 2 * dense(lora(3))
    assert norm == pytest.approx(float(want.norm()), rel=1e-5)
    assert far == pytest.approx(float((want - dense(lora(5))).norm()), rel=1e-5)


@pytest.mark.parametrize("written", [torch.float16, torch.bfloat16, torch.float32])
def test_distances_of_rounding_alone(written: torch.dtype):
    one = [(0.5, change.factors(lora(1))), (-2.0, change.factors(lora(3)))]
    result = {piece: value.to(written) for piece, value in summed([(0.5, lora(1)), (-2.0, lora(3))]).pieces.items()}
    far, norm = svd.distance(one, [(1.0, change.factors(result))])
    want = 0.5 * dense(lora(1)) - 2 * dense(lora(3))
    assert norm == pytest.approx(float(want.norm()), rel=1e-5)
    assert far == pytest.approx(float((want - dense(result)).norm()), rel=1e-2, abs=1e-6 * norm)


def test_distances_of_numbers_whose_squares_are_none():
    """float32 ends at 3e38: the rounding of 1e30 had no number, and the file had NaN for its difference."""
    large = {piece: value * (1.0 if piece == "alpha" else 1e12) for piece, value in lora(1).items()}
    far, norm = svd.distance([(0.5, change.factors(large))], [(0.5, change.factors(large))])
    assert far == 0 and norm == pytest.approx(0.5 * float(dense(large).double().norm()), rel=1e-5)


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        (RankRule(rank=8, method="sv_ratio", target=3.0), 4),
        (RankRule(rank=8, method="sv_ratio", target=1.0), 2),
        (RankRule(rank=8, method="sv_ratio", target=1e6), 8),
        (RankRule(rank=8, method="sv_cumulative", target=0.8), 4),
        (RankRule(rank=8, method="sv_cumulative", target=0.999), 8),
        (RankRule(rank=8, method="sv_fro", target=0.9), 3),
        (RankRule(rank=8, method="sv_fro", target=0.99), 5),
        (RankRule(rank=2, method="sv_fro", target=0.9), 2),
        (RankRule(rank=5), 5),
        (RankRule(rank=64), 8),
    ],
)
def test_rank_rules(rule: RankRule, count: int):
    """What sd-scripts' rank_resize gave for the same values (commit 48d368fa of 16 February 2026)."""
    assert rule.count(torch.tensor([10.0, 6.0, 4.0, 2.0, 1.0, 0.5, 0.1, 0.01]), (8, 12)) == count


def test_a_change_of_zero_has_rank_one():
    rule = RankRule(rank=8, method="sv_fro", target=0.9)
    assert rule.count(torch.zeros(8), (8, 12)) == 1
    nothing = {"lokr_w1": torch.zeros(3, 2), "lokr_w2": torch.zeros(4, 5)}
    for pieces in (nothing, {piece: torch.zeros_like(value) for piece, value in lora(1).items()}):
        result = summed([(1.0, pieces), (0.5, pieces)], rule).pieces
        assert result["lora_down.weight"].shape[0] == 1 and not dense(result).any()
