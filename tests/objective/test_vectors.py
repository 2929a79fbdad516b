"""The published numbers of noise, timesteps and loss weights."""

import math

import pytest
import torch
from athanor.training_core.errors import AthanorError
from athanor.training_core.objective import Objective, in_effect, losses, noise, schedule, timesteps
from athanor.training_core.randomness import generator, keyed
from athanor.training_core.settings import LossSettings, NoiseSettings, parse

BETAS = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
ABAR = torch.cumprod(1 - BETAS, 0)
SIGMAS = ((1 - ABAR) / ABAR).sqrt()
EPS = schedule.Schedule("eps", SIGMAS.float())
V = schedule.Schedule("v", SIGMAS.float())
FLOW = schedule.Schedule("flow")
UNIFORM = ("uniform", 1.0)
"""What timestep_sampling auto means here."""

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
    sigma, t = timesteps.draw(EPS, NoiseSettings(), 20000, (8, 8), generator("t"))
    assert t.min() == 0 and t.max() == 999 and abs(t.mean().item() - 499.5) < 8
    assert torch.equal(sigma, EPS.sigmas[t.long()])
    uniform = NoiseSettings(timestep_sampling="uniform")
    sigma, t = timesteps.draw(FLOW, uniform, 20000, (8, 8), generator("t"))
    assert (
        sigma.min() > 0 and sigma.max() <= 1 and abs(sigma.mean().item() - 0.5) < 0.01 and torch.equal(t, sigma * 1000)
    )


def noise_for(latents, settings, *key):
    return noise.mix(latents, settings, noise.draw(latents.shape, settings, *key))


def test_noise_offset_shifts_channels():
    plain, _ = noise_for(torch.zeros(64, 4, 16, 16), NoiseSettings(), 0)
    shifted, mixed = noise_for(torch.zeros(64, 4, 16, 16), NoiseSettings(noise_offset=0.1), 0)
    shift = shifted - plain
    assert torch.equal(shifted, mixed)
    assert shift.flatten(2).std(2).max() < 1e-6  # one number per channel
    assert shift[..., 0, 0].std().item() == pytest.approx(0.1, rel=0.2)


def test_multires_noise_is_normalised_and_coarse():
    out, _ = noise_for(
        torch.zeros(8, 4, 64, 64), NoiseSettings(multires_noise_iterations=6, multires_noise_discount=0.8), 0
    )
    assert out.std().item() == pytest.approx(1, abs=1e-5)
    pooled = torch.nn.functional.avg_pool2d(out, 16).std().item()
    assert pooled > 2 * torch.nn.functional.avg_pool2d(torch.randn(8, 4, 64, 64), 16).std().item()
    again, _ = noise_for(
        torch.zeros(8, 4, 64, 64), NoiseSettings(multires_noise_iterations=6, multires_noise_discount=0.8), 0
    )
    assert torch.equal(out, again)


def test_ip_noise_leaves_the_target():
    clean, mixed = noise_for(torch.zeros(32, 4, 16, 16), NoiseSettings(ip_noise_gamma=0.1), 0)
    assert torch.equal(clean, noise_for(torch.zeros(32, 4, 16, 16), NoiseSettings(), 0)[0])
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
    loss, noise, warnings = in_effect(loss, NoiseSettings(noise_offset=0.1), "flow", UNIFORM)
    objective = Objective(loss, noise, FLOW)
    assert len(warnings) == 1
    assert all(n in warnings[0] for n in ("min_snr_gamma", "debiased_estimation_loss", "noise_offset"))
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


MORE = [  # t, abar, abar with zero terminal SNR, scale_v, v_like 0.5
    (0, 0.99914998, 0.99914998, 0.999001, 1.500500),
    (1, 0.99829602, 0.99823350, 0.998296, 1.500853),
    (10, 0.99043131, 0.98979372, 0.990431, 1.504831),
    (100, 0.89422315, 0.88676107, 0.894223, 1.559144),
    (250, 0.67379230, 0.65245676, 0.673792, 1.742068),
    (500, 0.27633247, 0.24101864, 0.276332, 2.809414),
    (750, 0.05616980, 0.03279908, 0.056170, 9.901582),
    (900, 0.01415113, 0.00296039, 0.014151, 36.332859),
    (999, 0.00466010, 0, 0.004660, 108.293968),
]


@pytest.mark.parametrize(("t", "abar", "zero", "scale_v", "v_like"), MORE)
def test_the_other_columns_of_the_table(t, abar, zero, scale_v, v_like):
    """abar to 1e-8, its zero-terminal form, and the two weights that turn eps losses into v losses and back."""
    assert ABAR[t].item() == pytest.approx(abar, rel=1e-6)
    assert (1 / (1 + schedule.zero_terminal(SIGMAS)[t] ** 2)).item() == pytest.approx(zero, rel=2e-6, abs=1e-9)
    ratio = schedule.snr(SIGMAS[t : t + 1])
    assert losses.like_eps(ratio).item() == pytest.approx(scale_v, rel=1e-4, abs=1e-6)
    assert losses.v_like(ratio, 0.5).item() == pytest.approx(v_like, rel=1e-4)


def test_huber_follows_zero_terminal_snr():
    t = torch.tensor([0, 100, 250, 500, 750, 999])
    sigmas = schedule.zero_terminal(SIGMAS)[t].float()
    settings = LossSettings(loss_type="huber", huber_schedule="snr", huber_c=0.1)
    want = [0.949709, 0.588493, 0.400767, 0.216911, 0.121766, 0.1]
    assert losses.huber_c(settings, EPS, sigmas, t.float()).tolist() == pytest.approx(want, rel=1e-4)


def test_flow_densities():
    """The vectors of section 7."""
    u = torch.tensor([0, 0.1, 0.25, 0.5, 0.75, 0.9, 1], dtype=torch.float64)
    want = [1, 0.802568, 0.616416, 0.5, 0.383584, 0.197431, 0]
    assert timesteps.mode(u, 1.29).tolist() == pytest.approx(want, abs=1e-6)
    for k, low, high, want in (
        (1.0, 0, 1000, [100, 250, 500, 750, 900]),
        (3.0, 0, 1000, [250, 500, 750, 900, 964]),
        (0.5, 0, 1000, [52, 142, 333, 600, 818]),
        (1.0, 200, 600, [240, 300, 400, 500, 560]),
    ):
        sigma = timesteps.shifted(u[1:6], k)
        assert (low + sigma * (high - low) + 1e-9).long().tolist() == want
    table = torch.tensor([(1000 - i) / 1000 for i in (0, 1, 499, 500, 998, 999)], dtype=torch.float64)
    want = [1000, 999.666, 750.749, 750, 5.97610, 2.99401]
    assert (1000 * timesteps.shifted(table, 3.0)).tolist() == pytest.approx(want, abs=1e-3)
    for size, factor, want in (
        ((64, 64), 1.877611, [0.172612, 0.652489, 0.944129]),
        ((128, 128), 3.158193, [0.259758, 0.759511, 0.966014]),
    ):
        assert timesteps.flux_factor(*size) == pytest.approx(factor, abs=1e-6)
        some = timesteps.shifted(torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64), timesteps.flux_factor(*size))
        assert some.tolist() == pytest.approx(want, abs=1e-6)
    assert math.log(timesteps.flux_factor(104, 152)) == pytest.approx(1.125625)


@pytest.mark.parametrize(
    ("kind", "values", "mean"),
    [
        ("uniform", {}, 0.5),
        ("sigmoid", {}, 0.5),
        ("logit_normal", {"logit_mean": 1.0, "logit_std": 0.5}, 0.722),
        ("mode", {}, 0.5),
        ("cosmap", {}, 0.5),
        ("shift", {}, 0.7140),
        ("shift", {"flow_shift": 1.0}, 0.5),
        ("flux_shift", {}, 0.7228),
        ("uniform", {"flow_shift": 3.0}, 0.676),
        ("uniform", {"min_timestep": 200, "max_timestep": 600}, 0.4),
    ],
)
def test_drawn_densities(kind, values, mean):
    """In (0, 1], at the right place, the same for the same key."""
    settings = NoiseSettings(timestep_sampling=kind, **values)
    sigma, t = timesteps.draw(FLOW, settings, 50_000, (128, 128), generator("x"))
    assert sigma.dtype is torch.float32 and sigma.min() > 0 and sigma.max() <= 1
    assert sigma.mean().item() == pytest.approx(mean, abs=0.005)
    assert torch.equal(t, sigma * 1000)
    assert torch.equal(sigma, timesteps.draw(FLOW, settings, 50_000, (128, 128), generator("x"))[0])
    if "min_timestep" in values:
        assert t.min() >= 200 and t.max() <= 600


def test_cosmap_density_is_the_weight_of_the_same_name():
    """Samples of the density fall as its formula says: 2 / (pi (1 - 2 s + 2 s^2))."""
    sigma = timesteps.cosmap(1 - torch.rand(400_000, generator=generator("c")))
    seen = torch.histc(sigma, 10, 0, 1) / 40_000
    middle = torch.arange(0.05, 1, 0.1)
    assert torch.allclose(seen, losses.flow_weight(middle, "cosmap"), atol=0.02)


def test_flow_weights():
    sigma = torch.tensor([0.1, 0.25, 0.5, 0.9, 1.0])
    want = [0.776366, 1.018592, 1.273239, 0.776366, 0.636620]
    assert losses.flow_weight(sigma, "cosmap").tolist() == pytest.approx(want, abs=1e-5)
    assert losses.flow_weight(sigma, "sigma_sqrt").tolist() == pytest.approx([100, 16, 4, 1.234568, 1])
    assert losses.flow_weight(torch.zeros(1), "sigma_sqrt").isfinite().all()


def test_sigma_scaled_is_the_loss_of_the_clean_picture():
    """sd-scripts' SD3 loss: sigma^2 times the velocity's; sigma_sqrt undoes it. Vector: output 2, x 0.5, sigma 0.25 -> 0."""
    scaled = Objective(LossSettings(model_prediction_type="sigma_scaled"), NoiseSettings(), FLOW)
    undone = Objective(
        LossSettings(model_prediction_type="sigma_scaled", weighting_scheme="sigma_sqrt"), NoiseSettings(), FLOW
    )
    plain = Objective(LossSettings(), NoiseSettings(), FLOW)
    batch = plain.prepare(torch.randn(5, 4, 8, 8), 0, 0)
    prediction = torch.randn(5, 4, 8, 8)
    s = schedule.broadcast(batch.sigma, prediction)
    x0, found = batch.x - s * batch.target, batch.x - s * prediction
    assert torch.allclose(
        scaled.losses(prediction, batch), (found - x0).square().flatten(1).mean(1), rtol=1e-3, atol=1e-6
    )
    assert torch.allclose(undone.losses(prediction, batch), plain.losses(prediction, batch), rtol=1e-4)
    assert 0.5 - 0.25 * 2 == 0


def test_adaptive_noise_scale():
    """The vector of section 5: a plane [[1, 2], [3, -10]] of mean -1, offset 0.1."""
    plane = torch.tensor([[[[1.0, 2], [3, -10]]]])
    assert noise.offset_strength(0.1, 0.5, plane).item() == pytest.approx(0.6)
    assert noise.offset_strength(0.1, -0.5, plane).item() == 0
    assert noise.offset_strength(0.1, 0, plane) == 0.1
    latents = torch.full((64, 4, 8, 8), 3.0)
    settings = NoiseSettings(noise_offset=0.1, adaptive_noise_scale=0.1)
    shift = (noise_for(latents, settings, 0)[0] - noise_for(latents, NoiseSettings(), 0)[0])[..., 0, 0]
    assert shift.std().item() == pytest.approx(0.4, rel=0.15)


def test_random_strengths_are_drawn_once_per_batch():
    fixed = NoiseSettings(noise_offset=0.2, ip_noise_gamma=0.3)
    random = NoiseSettings(
        noise_offset=0.2, ip_noise_gamma=0.3, noise_offset_random_strength=True, ip_noise_gamma_random_strength=True
    )
    latents, ratios = torch.zeros(8, 4, 16, 16), []
    for step in range(40):
        plain = noise_for(latents, NoiseSettings(), step)[0]
        a, b = noise_for(latents, fixed, step), noise_for(latents, random, step)
        offset = ((b[0] - plain) / (a[0] - plain)).flatten()
        ip = ((b[1] - b[0]) / (a[1] - a[0])).flatten()
        assert offset.max() - offset.min() < 1e-2 and 0 <= offset.median() <= 1
        assert 0 <= ip.median() <= 1
        ratios.append((offset.median().item(), ip.median().item()))
    assert len({round(r, 3) for r, _ in ratios}) > 30 and len({round(r, 3) for _, r in ratios}) > 30
    assert noise_for(latents, random, 3)[1].equal(noise_for(latents, random, 3)[1])


def test_settings_that_contradict_each_other_or_the_model():
    for values, words in (
        ({"adaptive_noise_scale": 0.01}, "adaptive_noise_scale needs noise_offset"),
        ({"min_timestep": 500, "max_timestep": 500}, "min_timestep is 500: it must be below max_timestep (500)."),
    ):
        with pytest.raises(AthanorError) as error:
            parse(NoiseSettings, values)
        assert words in str(error.value)
    with pytest.raises(AthanorError, match="scale_v_pred_loss_like_noise_pred is for models that predict v, this one"):
        in_effect(LossSettings(scale_v_pred_loss_like_noise_pred=True), NoiseSettings(), "eps", UNIFORM)
    with pytest.raises(AthanorError, match="v_pred_like_loss is for models that predict eps, this one predicts v"):
        in_effect(LossSettings(v_pred_like_loss=0.5), NoiseSettings(), "v", UNIFORM)

    def warnings(prediction, noise, loss=None):
        return in_effect(loss or LossSettings(), noise, prediction, UNIFORM)[2]

    assert warnings("eps", NoiseSettings(timestep_sampling="shift"), LossSettings(weighting_scheme="cosmap")) == [
        "weighting_scheme, timestep_sampling: no effect on a model that predicts eps; ignored."
    ]
    assert "zero_terminal_snr" in warnings("eps", NoiseSettings(zero_terminal_snr=True))[0]
    assert not warnings("v", NoiseSettings(zero_terminal_snr=True))
    assert warnings("flow", NoiseSettings(timestep_sampling="flux_shift", flow_shift=3))[0].startswith(
        "flow_shift has no"
    )


def test_min_and_max_timestep():
    settings = NoiseSettings(min_timestep=300, max_timestep=302)
    _, t = timesteps.draw(EPS, settings, 1000, (8, 8), generator("m"))
    assert set(t.tolist()) == {300, 301}


def test_all_weights_stack():
    settings = LossSettings(min_snr_gamma=5, debiased_estimation_loss=True, v_pred_like_loss=0.5)
    sigma = SIGMAS[[10, 500]].float()
    ratio = schedule.snr(sigma)
    want = losses.min_snr(ratio, 5, "eps") * losses.v_like(ratio, 0.5) * losses.debiased(ratio, "eps")
    assert torch.allclose(losses.weights(settings, EPS, sigma), want)
    settings = LossSettings(min_snr_gamma=5, debiased_estimation_loss=True, scale_v_pred_loss_like_noise_pred=True)
    want = losses.min_snr(ratio, 5, "v") * losses.like_eps(ratio) * losses.debiased(ratio, "v")
    assert torch.allclose(losses.weights(settings, V, sigma), want)


@pytest.mark.parametrize("kind", [EPS, V, FLOW])
@pytest.mark.parametrize("loss", [{}, {"loss_type": "huber"}, {"loss_type": "smooth_l1"}, {"loss_type": "l1"}])
def test_gradients_equal_a_double_precision_reference(kind, loss):
    """Must-show 3: the gradient of a tiny network, for eps, v and flow and every base loss."""
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(4, 4, 3, padding=1)
    objective = Objective(LossSettings(**loss), NoiseSettings(), kind)
    batch = objective.prepare(torch.randn(3, 4, 8, 8), 1, 1)
    scale = schedule.broadcast((1 + batch.sigma.square()).rsqrt(), batch.x)  # as the host scales its input
    mask = torch.rand(3, 1, 8, 8)
    objective.losses(layer(batch.x * scale), batch, mask).mean().backward()
    exact = torch.nn.Conv2d(4, 4, 3, padding=1).double()
    exact.load_state_dict(layer.state_dict())
    e = exact((batch.x * scale).double()) - batch.target.double()
    c = None
    if loss.get("loss_type") in ("huber", "smooth_l1"):
        c = losses.huber_c(LossSettings(**loss), kind, batch.sigma, batch.t).double().view(-1, 1, 1, 1)
    error = {
        "l2": lambda: e**2,
        "l1": e.abs,
        "huber": lambda: 2 * c * ((e**2 + c**2).sqrt() - c),
        "smooth_l1": lambda: 2 * ((e**2 + c**2).sqrt() - c),
    }[loss.get("loss_type", "l2")]()
    (error * mask.double()).flatten(1).mean(1).mean().backward()
    assert torch.allclose(layer.weight.grad.double(), exact.weight.grad, rtol=1e-4, atol=1e-6)


EVERYTHING = NoiseSettings(
    noise_offset=0.2, noise_offset_random_strength=True, adaptive_noise_scale=0.05, multires_noise_iterations=4,
    multires_noise_discount=0.3, ip_noise_gamma=0.1, ip_noise_gamma_random_strength=True,
)  # fmt: skip


@pytest.mark.parametrize("settings", [NoiseSettings(), EVERYTHING])
def test_what_is_drawn_ahead_gives_the_same_bits(settings):
    """D18: all of it is known from the shape and the key; the latents' own numbers come in afterwards."""
    objective, key = Objective(LossSettings(), settings, EPS), (7, 3, 1)
    x0 = torch.randn(3, 4, 24, 16, generator=generator("x0"))
    want = objective.prepare(x0, *key)
    got = objective.apply(x0, objective.draw(x0.shape, *key).each(lambda value: value.clone()))
    assert all(torch.equal(getattr(got, name), getattr(want, name)) for name in ("x", "sigma", "t", "target"))
    # The numbers that every run so far was trained with.
    clean = torch.randn(3, 4, 24, 16, generator=generator(*key, "noise"))
    if settings is EVERYTHING:
        much = 0.2 * keyed(*key, "offset strength").random() + 0.05 * x0.mean(dim=(-2, -1), keepdim=True).abs()
        clean = clean + much * torch.randn(3, 4, 1, 1, generator=generator(*key, "offset"))
        ratios = keyed(*key, "multires ratio")
        for i in range(4):
            r = 2 + 2 * ratios.random()
            size = max(1, int(24 / r**i)), max(1, int(16 / r**i))
            level = torch.randn(3, 4, *size, generator=generator(*key, "multires", i))
            clean = clean + 0.3**i * torch.nn.functional.interpolate(level, size=(24, 16), mode="bilinear")
            if 1 in size:
                break
        clean = clean / clean.std()
    sigma, _ = timesteps.draw(EPS, settings, 3, (24, 16), generator(*key, "timestep"))
    assert torch.equal(want.target, clean) and torch.equal(want.sigma, sigma)
    mixed = clean
    if settings is EVERYTHING:
        gamma = 0.1 * keyed(*key, "ip strength").random()
        mixed = clean + gamma * torch.randn(3, 4, 24, 16, generator=generator(*key, "ip"))
    assert torch.equal(want.x, x0 + sigma.view(-1, 1, 1, 1) * mixed)


def test_a_models_noise_scale_is_in_its_input_and_in_its_target():
    """As ComfyUI's CONST mixes it (HiDream-O1: 8): x = (1 - sigma) x0 + sigma k n, and the flow is k n - x0."""
    x0, k = torch.randn(2, 3, 4, 4), 8.0
    plain, scaled = (
        Objective(LossSettings(), NoiseSettings(ip_noise_gamma=0.1), s).prepare(x0, 1)
        for s in (FLOW, schedule.Schedule("flow", noise_scale=k))
    )
    assert torch.equal(plain.sigma, scaled.sigma)
    clean, s = plain.target + x0, schedule.broadcast(plain.sigma, x0)
    assert torch.allclose(scaled.target, k * clean - x0, atol=1e-5)
    assert torch.allclose(scaled.x - (1 - s) * x0, k * (plain.x - (1 - s) * x0), atol=1e-5)
    settings, sigma = LossSettings(loss_type="huber", huber_schedule="snr", huber_c=0.1), torch.tensor([0.5, 0.9])
    noisy = sigma / (1 - sigma)
    for one, scale in ((FLOW, 1.0), (schedule.Schedule("flow", noise_scale=k), k)):
        want = 0.9 / (1 + scale * noisy).square() + 0.1
        assert torch.allclose(losses.huber_c(settings, one, sigma, sigma * 1000), want)
