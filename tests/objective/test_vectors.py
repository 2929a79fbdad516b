"""The published numbers of noise, timesteps and loss weights."""

import math

import pytest
import torch
from athanor.training_core.objective import Objective, losses, noise, schedule, timesteps
from athanor.training_core.settings import LossSettings, NoiseSettings

BETAS = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
ABAR = torch.cumprod(1 - BETAS, 0)
SIGMAS = ((1 - ABAR) / ABAR).sqrt()
EPS = schedule.Schedule("eps", SIGMAS.float())
V = schedule.Schedule("v", SIGMAS.float())
FLOW = schedule.Schedule("flow")

TABLE = [  # t, snr, min-SNR 5 eps, min-SNR 5 v, min-SNR 1 eps, debiased eps, debiased v
    (0, 1175.4406, 0.004254, 0.004250, 0.000851, 0.031623, 0.000999),
    (1, 585.86218, 0.008534, 0.008520, 0.001707, 0.041314, 0.001704),
    (10, 103.50750, 0.048306, 0.047843, 0.009661, 0.098291, 0.009569),
    (100, 8.453866, 0.591445, 0.528884, 0.118289, 0.343932, 0.105777),
    (250, 2.065532, 1, 0.673792, 0.484137, 0.695799, 0.326208),
    (500, 0.381850, 1, 0.276332, 1, 1.618280, 0.723668),
    (750, 0.059513, 1, 0.056170, 1, 4.099166, 0.943830),
    (900, 0.014354, 1, 0.014151, 1, 8.346600, 0.985849),
    (999, 0.004682, 1, 0.004660, 1, 14.614648, 0.995340),
]


@pytest.mark.parametrize(("t", "ratio", "eps5", "v5", "eps1", "debiased_eps", "debiased_v"), TABLE)
def test_snr_weights(t, ratio, eps5, v5, eps1, debiased_eps, debiased_v):
    snr = schedule.snr(SIGMAS[t : t + 1])
    close = {"rel": 2e-4, "abs": 1e-6}
    assert snr.item() == pytest.approx(ratio, rel=5e-5, abs=5e-7)
    assert losses.min_snr(snr, 5, "eps").item() == pytest.approx(eps5, **close)
    assert losses.min_snr(snr, 5, "v").item() == pytest.approx(v5, **close)
    assert losses.min_snr(snr, 1, "eps").item() == pytest.approx(eps1, rel=1e-3, abs=1e-6)
    assert losses.debiased(snr, "eps").item() == pytest.approx(debiased_eps, **close)
    assert losses.debiased(snr, "v").item() == pytest.approx(debiased_v, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(
    ("e", "huber1", "huber5", "smooth1", "smooth5"),
    [
        (0, 0, 0, 0, 0),
        (0.05, 0.002361, 0.002494, 0.023607, 0.004988),
        (0.5, 0.081980, 0.207107, 0.819804, 0.414214),
        (2, 0.380500, 1.561553, 3.804997, 3.123106),
        (-2, 0.380500, 1.561553, 3.804997, 3.123106),
    ],
)
def test_base_losses(e, huber1, huber5, smooth1, smooth5):
    p, t = torch.full((1, 1, 1, 1), float(e)), torch.zeros(1, 1, 1, 1)
    for kind, c, want in (
        ("huber", 0.1, huber1),
        ("huber", 0.5, huber5),
        ("smooth_l1", 0.1, smooth1),
        ("smooth_l1", 0.5, smooth5),
    ):
        got = losses.elementwise(p, t, kind, torch.tensor([c])).item()
        assert got == pytest.approx(want, rel=1e-3, abs=2e-6), (kind, c)
    assert losses.elementwise(p, t, "l2", None).item() == pytest.approx(e * e)
    assert losses.elementwise(p, t, "l1", None).item() == pytest.approx(abs(e))


@pytest.mark.parametrize(
    ("kind", "c", "want"),
    [
        ("exponential", 0.1, [1, 0.794328, 0.562341, 0.316228, 0.177828, 0.100231]),
        ("exponential", 0.3, [1, 0.886568, 0.740083, 0.547723, 0.405360, 0.300361]),
        ("snr", 0.1, [0.949709, 0.598297, 0.412963, 0.231284, 0.134613, 0.103691]),
        ("snr", 0.3, [0.960885, 0.687564, 0.543416, 0.402109, 0.326922, 0.302871]),
        ("constant", 0.25, [0.25] * 6),
    ],
)
def test_huber_schedules(kind, c, want):
    t = torch.tensor([0, 100, 250, 500, 750, 999])
    settings = LossSettings(loss_type="huber", huber_schedule=kind, huber_c=c)
    assert losses.huber_c(settings, EPS, SIGMAS[t].float(), t.float()).tolist() == pytest.approx(want, rel=1e-4)


def test_targets_agree_with_the_variance_preserving_form():
    x0, eps = torch.randn(3, 4, 5, 5, dtype=torch.float64), torch.randn(3, 4, 5, 5, dtype=torch.float64)
    t = torch.tensor([3, 400, 990])
    abar = schedule.broadcast(ABAR[t], x0)
    sigma = SIGMAS[t]
    host = schedule.noised("eps", x0, eps, sigma) / (1 + schedule.broadcast(sigma, x0) ** 2).sqrt()
    assert torch.allclose(host, abar.sqrt() * x0 + (1 - abar).sqrt() * eps)
    assert torch.allclose(schedule.target("v", x0, eps, sigma), abar.sqrt() * eps - (1 - abar).sqrt() * x0)
    assert torch.equal(schedule.target("eps", x0, eps, sigma), eps)
    u = torch.tensor([0.1, 0.5, 1.0], dtype=torch.float64)
    assert torch.allclose(
        schedule.noised("flow", x0, eps, u) - schedule.broadcast(u, x0) * schedule.target("flow", x0, eps, u), x0
    )


def test_timesteps_are_uniform_and_whole():
    sigma, t = timesteps.draw(EPS, 20000, noise.generator("t"))
    assert t.min() == 0 and t.max() == 999 and abs(t.mean().item() - 499.5) < 8
    assert torch.equal(sigma, EPS.sigmas[t.long()])
    sigma, t = timesteps.draw(FLOW, 20000, noise.generator("t"))
    assert (
        sigma.min() > 0 and sigma.max() <= 1 and abs(sigma.mean().item() - 0.5) < 0.01 and torch.equal(t, sigma * 1000)
    )


def test_noise_offset_shifts_channels():
    plain, _ = noise.draw((64, 4, 16, 16), NoiseSettings(), 0)
    shifted, mixed = noise.draw((64, 4, 16, 16), NoiseSettings(noise_offset=0.1), 0)
    shift = shifted - plain
    assert torch.equal(shifted, mixed)
    assert shift.flatten(2).std(2).max() < 1e-6  # one number per channel
    assert shift[..., 0, 0].std().item() == pytest.approx(0.1, rel=0.2)


def test_multires_noise_is_normalised_and_coarse():
    out, _ = noise.draw((8, 4, 64, 64), NoiseSettings(multires_noise_iterations=6, multires_noise_discount=0.8), 0)
    assert out.std().item() == pytest.approx(1, abs=1e-5)
    pooled = torch.nn.functional.avg_pool2d(out, 16).std().item()
    assert pooled > 2 * torch.nn.functional.avg_pool2d(torch.randn(8, 4, 64, 64), 16).std().item()
    again, _ = noise.draw((8, 4, 64, 64), NoiseSettings(multires_noise_iterations=6, multires_noise_discount=0.8), 0)
    assert torch.equal(out, again)


def test_ip_noise_leaves_the_target():
    clean, mixed = noise.draw((32, 4, 16, 16), NoiseSettings(ip_noise_gamma=0.1), 0)
    assert torch.equal(clean, noise.draw((32, 4, 16, 16), NoiseSettings(), 0)[0])
    assert (mixed - clean).std().item() == pytest.approx(0.1, rel=0.05)


def test_objective_multiplies_weights_per_sample():
    objective = Objective(LossSettings(min_snr_gamma=5, debiased_estimation_loss=True), NoiseSettings(), EPS)
    batch = objective.prepare(torch.randn(6, 4, 8, 8), 0, 3)
    loss = objective.losses(torch.zeros(6, 4, 8, 8), batch)
    plain = batch.target.square().flatten(1).mean(1)
    ratio = batch.sigma**-2
    want = plain * losses.min_snr(ratio, 5, "eps") * losses.debiased(ratio, "eps")
    assert loss.shape == (6,) and torch.allclose(loss, want, rtol=1e-5)


def test_flow_leaves_snr_weights_out_and_says_so():
    loss = LossSettings(min_snr_gamma=5, debiased_estimation_loss=True)
    objective = Objective(loss, NoiseSettings(noise_offset=0.1), FLOW)
    assert len(objective.warnings) == 1
    assert all(n in objective.warnings[0] for n in ("min_snr_gamma", "debiased_estimation_loss", "noise_offset"))
    batch = objective.prepare(torch.randn(2, 4, 8, 8), 0, 0)
    plain = Objective(LossSettings(), NoiseSettings(), FLOW).prepare(torch.randn(2, 4, 8, 8), 0, 0)
    assert torch.equal(batch.sigma, plain.sigma)
    assert torch.allclose(objective.losses(batch.target, batch), torch.zeros(2))


def test_gradient_equals_a_double_precision_reference():
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(4, 4, 3, padding=1)
    objective = Objective(LossSettings(min_snr_gamma=5), NoiseSettings(), V)
    batch = objective.prepare(torch.randn(3, 4, 8, 8), 1, 1)
    objective.losses(layer(batch.x), batch).mean().backward()
    exact = torch.nn.Conv2d(4, 4, 3, padding=1).double()
    exact.load_state_dict(layer.state_dict())
    s = batch.sigma.double()
    w = (s**-2).clamp(max=5) / (s**-2 + 1)
    ((exact(batch.x.double()) - batch.target.double()).square().flatten(1).mean(1) * w).mean().backward()
    assert torch.allclose(layer.weight.grad.double(), exact.weight.grad, rtol=1e-4, atol=1e-6)
    assert math.isfinite(layer.weight.grad.norm())
