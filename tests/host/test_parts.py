"""Micro-batches in pieces, when memory runs out in the middle of a step."""

import pytest
import torch
from family_cases import CASES, load, samples
from one_step import training

pytestmark = pytest.mark.usefixtures("comfy")


ROUNDING = {"sdxl": 5e-5}
"""Largest difference of the gradients: float32's own, which adds up over SDXL's blocks; 1e-5 elsewhere."""


@pytest.mark.parametrize(
    "name", ["sd15", pytest.param("sdxl", marks=pytest.mark.long), "sd3", "flux_dev", "qwen_image"]
)
def test_pieces_give_the_step_of_the_whole(name):
    """Loss, timesteps and gradients, with captions of different length, sizes, weights and masks."""
    from athanor.training_core.objective import Objective
    from athanor.training_core.settings import LossSettings, NoiseSettings
    from stepping import stepper

    model, case, results, most = load(name), CASES[name], [], []
    latents, texts, geometry = samples(case)
    latents, texts = torch.cat([latents, latents.flip(0)[:1]]), [*texts, texts[0]]
    geometry = [*geometry, geometry[1]]
    mask = torch.rand(3, 1, case.size, case.size, generator=torch.Generator().manual_seed(0))
    for room in (3, 2, 1):
        with training(model) as (host_model, network):

            def predict(noised, batch, room=room, host_model=host_model):
                if len(batch.latents) > room:
                    raise torch.OutOfMemoryError("CUDA out of memory.")
                most.append(len(batch.latents))
                return host_model.predict(noised, batch)

            objective = Objective(LossSettings(), NoiseSettings(), host_model.schedule)
            batch = host_model.batch(latents, texts, geometry, [1.0, 0.5, 2.0], mask)
            optimizer = torch.optim.SGD(network.parameters(), lr=0.0)
            outcome = stepper(network, optimizer, predict, objective=objective, seed=0)(0, 0.0, [batch])
            gradients = [p.grad.clone() for p in network.parameters() if p.grad is not None]
            results.append((outcome, gradients))
    assert most == [3, 2, 1, 1, 1, 1]
    (whole, wanted), *others = results
    for outcome, found in others:
        assert torch.equal(outcome.t, whole.t) and torch.allclose(outcome.losses, whole.losses, rtol=1e-5)
        a, b = (torch.cat([g.flatten() for g in gradients]) for gradients in (wanted, found))
        assert (a - b).norm() <= ROUNDING.get(name, 1e-5) * a.norm()
