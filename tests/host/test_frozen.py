"""Layers that fetch their weights twice: equal to plain ones, and nothing of the weights is kept."""

import pytest
import saved
import torch
from family_cases import CASES, load, samples
from one_step import step, training

pytestmark = pytest.mark.usefixtures("comfy")


def layers():
    import comfy.ops

    ops = comfy.ops.manual_cast
    return [
        (ops.Linear(6, 5), (2, 3, 6)),
        (ops.Linear(6, 5, bias=False), (4, 6)),
        (ops.Conv2d(4, 6, 3, padding=1), (2, 4, 9, 7)),
        (ops.Conv2d(4, 6, 3, stride=2, padding=(0, 2), dilation=2, groups=2, bias=False), (2, 4, 9, 7)),
        (ops.Conv1d(4, 6, 3), (2, 4, 9)),
        (ops.Conv3d(4, 6, (1, 3, 3), padding=1), (1, 4, 3, 5, 5)),
    ]


@pytest.mark.parametrize("index", range(6))
@pytest.mark.parametrize("stored", [torch.bfloat16, torch.float8_e4m3fn])
def test_a_layer_equals_the_hosts(index, stored):
    """To the bit, in output and gradient, the weight cast by the host itself; only the input's gradient is made."""
    from athanor.training_core.host import frozen

    layer, shape = layers()[index]
    torch.manual_seed(index)
    for name, p in layer._parameters.items():
        if p is not None:
            layer._parameters[name] = torch.nn.Parameter(torch.randn_like(p).to(stored), requires_grad=False)
    x = torch.randn(shape, requires_grad=True)
    with saved.counted(layer) as before:
        plain = layer(x)
    (wanted,) = torch.autograd.grad(plain.square().sum(), x)
    with frozen.recompute_weights(layer), saved.counted(layer) as kept:
        y = layer(x)
    assert before.bytes > 0 == kept.bytes  # not even the input
    (found,) = torch.autograd.grad(y.square().sum(), x)
    assert torch.equal(y, plain) and torch.allclose(found, wanted, rtol=1e-6, atol=1e-6)
    assert "forward" not in layer.__dict__


def test_layers_that_are_trained_or_not_cast_are_left_to_the_host():
    from athanor.training_core.host import frozen

    layer, shape = layers()[0]
    for p in layer.parameters():
        torch.nn.init.normal_(p)
    x = torch.randn(shape, requires_grad=True)
    with frozen.recompute_weights(layer):
        assert "_Layer" not in type(layer.requires_grad_(False)(x).grad_fn).__name__  # float32, as it is computed
        layer.bfloat16().requires_grad_(True)
        layer(x).sum().backward()
    assert layer.weight.grad is not None


@pytest.mark.parametrize(
    ("name", "how"),
    [("sd15", "all"), ("flux_dev", "off"), ("flux_dev", "all"), pytest.param("sdxl", "off", marks=pytest.mark.long)],
)
def test_a_cast_model_keeps_no_second_copy(name, how, monkeypatch):
    """float32 weights computed in bf16: the same step, and the casts of the weights are not kept."""
    import contextlib

    from athanor.training_core.host import frozen
    from athanor.training_core.network import lean

    model, steps = load(name), []
    with training(model, None, "bf16", gradient_checkpointing=how) as (host_model, network):
        together = step(host_model, network, *samples(CASES[name]))
    monkeypatch.setattr(lean, "WEIGHTS_FOR", "nothing")  # base and network apart, as without `recompute_weights`
    weights = sum(p.numel() * 2 for p in model.model.diffusion_model.parameters())
    for replacement in (frozen.recompute_weights, lambda model: contextlib.nullcontext()):
        monkeypatch.setattr(frozen, "recompute_weights", replacement)
        with training(model, None, "bf16", gradient_checkpointing=how) as (host_model, network):
            steps.append(step(host_model, network, *samples(CASES[name])))
    ours, plain = steps
    assert ours.differs_from(plain) < 1e-2  # bfloat16, where sums are made in another order
    assert together.loss == ours.loss == plain.loss and together.kept == ours.kept
    if how == "off":  # two thirds of the small SDXL's weights read the text, which needs no gradient
        assert plain.kept - ours.kept > (0.2 if name == "sdxl" else 0.5) * weights
    else:
        assert plain.kept >= ours.kept
