"""--scale_weight_norms and LoRA+."""

import pytest
import torch
from athanor.training_core.network import build, groups, norms
from athanor.training_core.optim import optimizers
from athanor.training_core.settings import NetworkSettings, OptimizerSettings
from small import CPU, Model


def test_published_vector():
    """up [3, 0]', down [0, 4], alpha 0.5, rank 1, limit 1: N 6 -> up 1.224745, down 1.632993."""
    up, down = torch.tensor([[3.0], [0.0]]), torch.tensor([[0.0, 4.0]])
    norms.limit(up, down, 0.5, 1.0)
    assert up[0, 0].item() == pytest.approx(1.224745, abs=1e-6)
    assert down[0, 1].item() == pytest.approx(1.632993, abs=1e-6)


@pytest.mark.parametrize("most", [0.5, 2.0, 1e6])
def test_the_change_of_a_layer_stays_within_the_limit(most):
    generator = torch.Generator().manual_seed(0)
    up, down = torch.randn(6, 2, 1, 1, generator=generator), torch.randn(2, 3, 3, 3, generator=generator)
    before = (up.flatten(1) @ down.flatten(1) * 0.7).norm().item()
    direction = up.flatten(1) @ down.flatten(1)
    norms.limit(up, down, 0.7, most)
    after = up.flatten(1) @ down.flatten(1)
    assert (after * 0.7).norm().item() == pytest.approx(min(before, most), rel=1e-4)
    assert torch.allclose(after / after.norm(), direction / direction.norm(), atol=1e-5)
    tiny = torch.zeros(2, 1), torch.ones(1, 2)
    norms.limit(*tiny, 1.0, most)
    assert torch.equal(tiny[0], torch.zeros(2, 1)) and tiny[1].isfinite().all()


def test_a_network_is_limited():
    settings = NetworkSettings(rank=2, conv_rank=2, scale_weight_norms=0.1)
    with build.attached([build.Part(Model())], settings, 0, CPU) as network:
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 1
        norms.limiter(network, settings.scale_weight_norms)()
        for lora in network.loras:
            change = lora.lora_up.weight.flatten(1) @ lora.lora_down.weight.flatten(1) * lora.scale
            assert change.norm().item() == pytest.approx(0.1, rel=1e-3)
    assert norms.limiter(network, 0.0) is None


def test_lora_plus_moves_the_up_weights_faster():
    settings = NetworkSettings(rank=2, loraplus_lr_ratio=16)
    with build.attached([build.Part(Model())], settings, 0, CPU) as network:
        parts = groups.parameter_groups(network, settings, 1e-4)
        optimizer = optimizers.choose(OptimizerSettings(learning_rate=1e-3)).build(parts)
        assert [group["lr"] for group in optimizer.param_groups] == [1e-3, pytest.approx(1.6e-2)]
        counted = sum(len(group["params"]) for group in parts)
        assert counted == len(list(network.parameters())) and len(parts[1]["params"]) == len(network.loras)
    plain = NetworkSettings(rank=2)
    with build.attached([build.Part(Model())], plain, 0, CPU) as network:
        assert len(groups.parameter_groups(network, plain, 1e-4)) == 1
