"""Networks beside a base of few bits: their delta is what it would be in float64."""

import pytest
import torch
from athanor.training_core.network import lycoris
from athanor.training_core.settings import NetworkSettings
from young import effect

ALGOS = ("lora", "loha", "lokr", "glora", "diag-oft", "boft", "ia3", "dylora", "dora")


def settings(algo):
    dora = {"algo": "lora", "dora": True} if algo == "dora" else {"algo": algo}
    return NetworkSettings(rank=8, alpha=8.0, preset="full", **dora)


@pytest.mark.parametrize("stored", [torch.bfloat16, torch.float8_e4m3fn])
@pytest.mark.parametrize("algo", ALGOS)
def test_a_young_delta_is_not_rounded_away(algo, stored):
    """It changes a weight by 1/3000 of it: less than half of what bfloat16, or fp8, can tell apart."""
    seen = effect(settings(algo), 3e-4, stored)
    assert seen.error < 0.02


@pytest.mark.parametrize("algo", ALGOS)
def test_later_it_is_in_the_output(algo):
    assert effect(settings(algo), 3e-2, torch.bfloat16).kept == pytest.approx(1, abs=0.03)


def test_lycoris_own_form_loses_it(monkeypatch):
    """What this is for; once it fails, `in_float32` can go."""
    monkeypatch.setattr(lycoris, "in_float32", lambda adapter: None)
    assert effect(settings("diag-oft"), 3e-4, torch.bfloat16).error > 0.5
    with pytest.raises(RuntimeError, match="same dtype"):
        effect(settings("dora"), 3e-4, torch.bfloat16)
