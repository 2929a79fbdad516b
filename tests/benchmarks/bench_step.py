"""Time of a training step against the bare forward and backward of the same frozen model, side by side.

python dev.py test tests/benchmarks/bench_step.py -s
"""

from __future__ import annotations

import statistics
import time

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy")


def median_seconds(step, rounds: int = 7) -> float:
    step()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@pytest.mark.parametrize(("batch", "side"), [(1, 32), (4, 32)])
def test_step_time(batch, side, capsys):
    import comfy.sd
    import tiny
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import Geometry, trainable
    from athanor.training_core.host.text import Text
    from athanor.training_core.network import build, groups
    from athanor.training_core.objective import Objective
    from athanor.training_core.optim import optimizers
    from athanor.training_core.run.step import Stepper
    from athanor.training_core.settings import LossSettings, NetworkSettings, NoiseSettings, OptimizerSettings

    with torch.inference_mode():
        model = comfy.sd.load_diffusion_model_state_dict(tiny.sd15_unet(), model_options={"dtype": torch.float32})
    texts = [Text(torch.randn(1, 77, 768)) for _ in range(batch)]
    geometry = [Geometry((256, 256), (0, 0), (256, 256))] * batch
    latents = torch.randn(batch, 4, side, side)
    rows = []
    with guard.training(), trainable(model, "auto", "off") as host_model:
        objective = Objective(LossSettings(), NoiseSettings(), host_model.schedule)
        ready = host_model.batch(latents, texts, geometry, [1.0] * batch)
        x = objective.prepare(ready.latents, 0, 0)

        def bare() -> None:
            noisy = x.x.clone().requires_grad_(True)
            host_model.predict(type(x)(noisy, x.sigma, x.t, x.target), ready).square().mean().backward()

        base = median_seconds(bare)
        for algo in ("lora", "lokr", "loha"):
            settings = NetworkSettings(algo=algo, rank=16)
            with build.attached([build.Part(host_model.diffusion_model)], settings, 0, host_model.device) as network:
                optimizer = optimizers.build(OptimizerSettings(), groups.parameter_groups(network, settings, 1e-4))
                scaler = torch.amp.GradScaler("cpu", enabled=False)
                step = Stepper(host_model.predict, objective, network, optimizer, 1.0, 0, scaler)
                seconds = median_seconds(
                    lambda step=step: step(0, 1e-4, [host_model.batch(latents, texts, geometry, [1.0] * batch)])
                )
                rows.append(f"{algo:<5} {seconds * 1000:7.0f} ms  {seconds / base:5.2f} x bare")
    with capsys.disabled():
        print(f"\nbatch {batch}, latent {side}x{side}, bare forward + backward {base * 1000:.0f} ms")
        print("\n".join(rows))
