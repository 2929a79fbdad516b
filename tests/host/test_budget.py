"""What a step costs in operations, on a small model: it may not grow. A GPU waits for the CPU to tell it each."""

import pytest
from family_cases import CASES, load, samples
from operations import Counted

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")

BUDGET = {"lora": 5.8, "lokr": 10.6, "loha": 15.5, "full": 1.5}
"""Operations of a step for each layer with a network, beside those of the bare model; views are not counted."""

FEW = 40
"""And for the step as a whole: noise, loss, clipping, AdamW."""


@pytest.fixture(scope="module")
def model():
    return load("sd15")


@pytest.mark.parametrize("algo", BUDGET)
def test_operations_of_a_step(model, algo):
    """Two of three: what the network adds is within its budget, and nothing waits for the device."""
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import build, groups
    from athanor.training_core.objective import Objective
    from athanor.training_core.optim import optimizers
    from athanor.training_core.settings import LossSettings, NetworkSettings, NoiseSettings, OptimizerSettings
    from stepping import stepper

    latents, texts, geometry = samples(CASES["sd15"])
    settings = NetworkSettings(algo=algo, rank=2, alpha=1.0)
    with guard.training(), trainable(model, "auto", "off") as host_model:
        objective = Objective(LossSettings(), NoiseSettings(), host_model.schedule)
        batch = host_model.batch(latents, texts, geometry, [1.0, 1.0])
        x = objective.prepare(batch.latents, 0, 0)
        with Counted() as bare:
            noisy = type(x)(x.x.clone().requires_grad_(True), x.sigma, x.t, x.target)
            host_model.predict(noisy, batch).square().mean().backward()
        with build.attached([build.Part(host_model.diffusion_model)], settings, 0, host_model.device) as network:
            optimizer = optimizers.choose(OptimizerSettings()).build(groups.parameter_groups(network, settings, 1e-4))
            step = stepper(
                network,
                optimizer,
                host_model.predict,
                objective=objective,
                max_grad_norm=1.0,
                seed=0,
                around=lambda: network.formed(host_model.compute_dtype),
            )
            step(0, 1e-4, [batch])  # the optimizer makes its state
            with Counted() as own:
                step(1, 1e-4, [batch])
            more = (own.calls.total() - bare.calls.total() - FEW) / len(network.loras)
    assert own.syncs == {}
    assert more <= BUDGET[algo], f"{more:.2f} operations for each layer; {own.calls.most_common(12)}"
    assert more > BUDGET[algo] - 1.5, f"{more:.2f}: better than the budget, which can be lowered"
