"""What is trained with equals what was asked for, and every name has its formula."""

from itertools import product
from typing import get_args

import pytest
import torch
from athanor.training_core.objective import Objective, in_effect, losses, schedule, timesteps
from athanor.training_core.randomness import generator
from athanor.training_core.settings import LossSettings, NoiseSettings

SIGMAS = torch.linspace(0.03, 14, 1000)
SCHEDULES = {
    "eps": schedule.Schedule("eps", SIGMAS),
    "v": schedule.Schedule("v", SIGMAS),
    "flow": schedule.Schedule("flow"),
}
USUAL = ("shift", 3.1582)


def choices(group, name):
    return get_args(group.model_fields[name].annotation)


def test_every_loss_has_its_formula():
    assert set(losses.FORMULAS) == set(choices(LossSettings, "loss_type"))


@pytest.mark.parametrize("name", choices(LossSettings, "weighting_scheme"))
def test_every_weighting_scheme_has_its_formula(name):
    weights = losses.flow_weight(torch.tensor([0.2, 0.7]), name)
    assert weights.equal(torch.ones(2)) == (name == "none")


@pytest.mark.parametrize("name", [n for n in choices(NoiseSettings, "timestep_sampling") if n != "auto"])
def test_every_density_has_its_formula(name):
    """Another one than uniform's, from the same random numbers."""
    drawn, plain = (
        timesteps.density(NoiseSettings(timestep_sampling=kind), 64, (64, 64), generator("x"))
        for kind in (name, "uniform")
    )
    assert drawn.equal(plain) == (name == "uniform")


@pytest.mark.parametrize("name", choices(LossSettings, "huber_schedule"))
def test_every_huber_schedule_has_its_formula(name):
    settings, t = LossSettings(huber_schedule=name, huber_c=0.2), torch.tensor([100.0, 900.0])
    c = losses.huber_c(settings, SCHEDULES["flow"], t / 1000, t)
    assert (c[0] == c[1]) == (name == "constant")


FLOW = [
    *(
        {"timestep_sampling": kind, "flow_shift": shift, "min_timestep": 100, "sigmoid_scale": 0.7, "logit_mean": 0.4}
        for kind, shift in product(choices(NoiseSettings, "timestep_sampling")[1:], (0.0, 2.5))
    ),
    {"ip_noise_gamma": 0.1, "timestep_sampling": "mode", "mode_scale": 0.9},
]
DISCRETE = [
    {"noise_offset": 0.1, "noise_offset_random_strength": True, "adaptive_noise_scale": 0.01},
    {"multires_noise_iterations": 3, "multires_noise_discount": 0.5, "min_timestep": 30},
    {"ip_noise_gamma": 0.1, "ip_noise_gamma_random_strength": True, "timestep_sampling": "shift", "flow_shift": 4.0},
    {"noise_offset_random_strength": True, "multires_noise_discount": 0.9, "sigmoid_scale": 3.0},
]
LOSSES = [
    {"loss_type": "huber", "huber_schedule": "snr", "huber_scale": 3.0},
    {"loss_type": "smooth_l1", "huber_schedule": "constant", "huber_scale": 3.0, "huber_c": 0.3},
    {"huber_c": 0.7, "min_snr_gamma": 5.0, "debiased_estimation_loss": True},
    {"weighting_scheme": "cosmap", "model_prediction_type": "sigma_scaled"},
]


@pytest.mark.parametrize(
    ("prediction", "noise"), [*(("flow", n) for n in FLOW), *((k, n) for k in ("eps", "v") for n in DISCRETE)]
)
def test_training_is_the_same_as_asked_for(prediction, noise):
    """Inputs, targets and losses to the bit, where the model has a use for what was asked."""
    torch.manual_seed(0)
    latents, asked = torch.randn(3, 4, 8, 8), NoiseSettings(**noise)
    for values in LOSSES:
        loss = LossSettings(**values)
        if prediction != "flow":
            loss = loss.model_copy(update={"weighting_scheme": "none", "model_prediction_type": "raw"})
        trained = in_effect(loss, asked, prediction, USUAL)
        batches, results = [], []
        for one, two in ((loss, asked), trained[:2]):
            objective = Objective(one, two, SCHEDULES[prediction])
            batches.append(objective.prepare(latents, 5, 1))
            results.append(objective.losses(batches[-1].target + 0.1, batches[-1]))
        assert torch.equal(*results)
        assert all(torch.equal(getattr(batches[0], n), getattr(batches[1], n)) for n in ("x", "sigma", "t", "target"))
        assert in_effect(*trained[:2], prediction, USUAL) == (*trained[:2], [])  # once is enough


def test_what_auto_is_and_what_has_no_effect():
    loss = LossSettings(min_snr_gamma=5, huber_c=0.7, weighting_scheme="cosmap")
    noise = NoiseSettings(
        noise_offset=0.1, adaptive_noise_scale=0.01, zero_terminal_snr=True, sigmoid_scale=2, mode_scale=1
    )
    trained, drawn, warnings = in_effect(loss, noise, "flow", USUAL)
    assert trained == LossSettings(weighting_scheme="cosmap")
    assert drawn == NoiseSettings(timestep_sampling="shift", flow_shift=3.1582, sigmoid_scale=2)
    assert warnings == ["min_snr_gamma, noise_offset, zero_terminal_snr: no effect on a rectified-flow model; ignored."]
    for asked, shift in (({}, 3.1582), ({"flow_shift": 2.0}, 2.0), ({"timestep_sampling": "shift"}, 3.0)):
        assert in_effect(LossSettings(), NoiseSettings(**asked), "flow", USUAL)[1].flow_shift == shift
    for asked, shift in (("uniform", 1.0), ("flux_shift", 0.0)):
        settings = NoiseSettings(timestep_sampling=asked, flow_shift=0.0)
        assert in_effect(LossSettings(), settings, "flow", USUAL)[1].flow_shift == shift
    trained, drawn, _ = in_effect(loss, NoiseSettings(flow_shift=3, logit_std=2), "eps", USUAL)
    assert trained == LossSettings(min_snr_gamma=5) and drawn == NoiseSettings()
