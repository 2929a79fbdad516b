"""Attention while training."""

import logging

import pytest
import torch
from family_cases import CASES, load, samples
from one_step import step, training

pytestmark = pytest.mark.usefixtures("comfy")


@pytest.mark.parametrize("name", ["sd15", "flux_dev", "pixart_alpha", "hunyuan_dit_1"])
def test_what_is_used_is_logged_once(name, caplog):
    with caplog.at_level(logging.INFO, "athanor"), training(load(name)) as (host_model, network):
        for _ in range(2):
            assert step(host_model, network, *samples(CASES[name])).gradients
    (line,) = [r.getMessage() for r in caplog.records if "attention" in r.getMessage()]
    assert "torch's scaled_dot_product_attention (on cpu, float32) instead of ComfyUI's attention_" in line


@pytest.mark.parametrize("masked", [False, True])
def test_it_gives_what_the_host_gives_and_a_gradient(masked):
    from athanor.training_core.host.attention import Attention
    from comfy.ldm.modules.attention import attention_basic, attention_sub_quad

    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 9, 24, requires_grad=i == 0) for i in range(3))
    mask = torch.randn(2, 9, 9) if masked else None
    ours = Attention()(attention_sub_quad, q, k, v, 3, mask=mask)
    with torch.no_grad():
        wanted = attention_basic(q, k, v, 3, mask=mask)
    assert torch.allclose(ours, wanted, atol=1e-5)
    ours.square().sum().backward()
    assert q.grad.abs().sum() > 0
