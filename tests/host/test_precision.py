"""Number formats of the base, of the arithmetic and of what is trained."""

from itertools import product

import pytest
import torch
from family_cases import CASES, load, samples
from one_step import step, training

pytestmark = pytest.mark.usefixtures("comfy")

ALGOS = {
    "lora": {},
    "locon": {"algo": "locon", "preset": "full", "conv_rank": 2},
    "loha": {"algo": "loha", "preset": "full", "conv_rank": 2},
    "lokr": {"algo": "lokr", "preset": "full", "conv_rank": 2, "train_norm": True},
    "dora": {"dora": True},
}


def network(name):
    from athanor.training_core.settings import NetworkSettings

    return NetworkSettings(**{"rank": 2, "alpha": 2.0} | ALGOS[name])


KEPT = [("lora",), ("lora", "fp16")]
"""SDXL's cases in the default suite."""


def cases(names, algos, *others):
    """All of them; those on SDXL's blocks take long, and other families have the same layers, but for one."""
    return [
        pytest.param(*case, marks=[pytest.mark.long] if case[0] == "sdxl" and case[1:] not in KEPT else [])
        for case in product(names, algos, *others)
    ]


NEAR = {"sd3": 0.99, "sdxl": 0.5}
"""Cosine of the gradients."""


@pytest.mark.parametrize(("name", "algo", "precision"), cases(NEAR, ALGOS, ["bf16", "fp16"]))
def test_networks_in_16_bits(name, algo, precision):
    """Finite gradients of that type, near those of a float32 network; alpha is not rounded.

    The random SDXL has many blocks, which make much of any rounding: its own in bfloat16 turns gradients as far.
    """
    from athanor.training_core.host.precision import COMPUTE

    model, dtype = load(name), COMPUTE[precision]
    with training(model, network(algo), precision, dtype) as (host_model, made):
        seen = step(host_model, made, *samples(CASES[name]))
        assert {p.dtype for p in made.parameters()} == {p.grad.dtype for p in made.parameters()} == {dtype}
        assert not any(b.dtype is dtype for b in made.buffers())
    with training(model, network(algo), precision) as (host_model, made):
        plain = step(host_model, made, *samples(CASES[name]))
    assert seen.loss == pytest.approx(plain.loss, rel=0.02)
    a, b = (torch.cat([g.flatten() for g in s.gradients.values()]) for s in (seen, plain))
    assert a.isfinite().all() and torch.nn.functional.cosine_similarity(a, b, 0) > NEAR[name]


def test_finetune_in_bfloat16():
    """Copies in that type learn by small steps; the model's own weights are back afterwards."""
    from athanor.training_core.host import checkpoint, guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import finetune
    from athanor.training_core.objective import Objective
    from athanor.training_core.settings import LossSettings, NetworkSettings, NoiseSettings
    from stepping import stepper

    model, learnt = load("sd3"), {}
    module = model.model.diffusion_model
    before = {name: p.clone() for name, p in module.named_parameters()}
    settings, cast = NetworkSettings(algo="finetune", include="joint_blocks"), checkpoint.compute_in_input_format
    for dtype in (torch.float32, torch.bfloat16):
        with (
            guard.training(),
            trainable(model, "bf16") as host_model,
            finetune.attached(module, settings, host_model.device, cast, dtype) as weights,
        ):
            objective = Objective(LossSettings(), NoiseSettings(), host_model.schedule)
            objective.prepare = lambda x0, *key, prepare=objective.prepare: prepare(
                x0, 0, 0, 0
            )  # always the same noise
            batch = host_model.batch(*(part[:1] for part in samples(CASES["sd3"])), [1.0])
            optimizer = torch.optim.AdamW(weights.parameters(), lr=2e-5, weight_decay=0.0)
            take = stepper(weights, optimizer, host_model.predict, objective=objective, max_grad_norm=1.0, seed=0)
            losses = [take(i, 2e-5, [batch]).losses.mean().item() for i in range(30)]
            assert {p.dtype for p in weights.parameters()} == {dtype}
        learnt[dtype] = 1 - losses[-1] / losses[0]
    assert learnt[torch.float32] > 0.005
    assert learnt[torch.bfloat16] == pytest.approx(learnt[torch.float32], rel=0.25)
    assert all(torch.equal(p, before[name]) for name, p in module.named_parameters())


def test_16_bit_weights_need_16_bit_arithmetic():
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.run import checks
    from athanor.training_core.settings import TrainingSettings

    model = load("sd3")
    for mixed in ("no", "fp16"):
        with pytest.raises(AthanorError, match=r"full_precision is bf16.*set mixed_precision to bf16"):
            checks.check_precision(TrainingSettings(full_precision="bf16", mixed_precision=mixed), model)
    checks.check_precision(TrainingSettings(full_precision="bf16", mixed_precision="bf16"), model)
    checks.check_precision(TrainingSettings(full_precision="fp16", mixed_precision="auto"), model)  # auto follows
    checks.check_precision(TrainingSettings(mixed_precision="fp16"), model)


EVERY = ("lora", "locon", "loha", "lokr", "glora", "diag-oft", "boft", "ia3", "dylora")


def at_8_bits(name):
    import comfy.sd
    import quantised
    import tiny

    if name != "comfy_quant":
        return quantised.fp8(name)
    with torch.inference_mode():
        return comfy.sd.load_diffusion_model_state_dict(quantised.scaled_fp8(tiny.sd3_unet(), "joint_blocks"))


def values(module):
    return [*module.named_parameters(), *module.named_buffers()]


@pytest.mark.parametrize(("name", "algo"), cases(["sd3", "sdxl", "comfy_quant"], EVERY))
def test_a_base_of_8_bits_is_trained_as_its_values_in_float32(name, algo):
    """The same loss and gradients as on a float32 model of the same values; nothing of the base is kept as casts."""
    from athanor.training_core.settings import NetworkSettings

    model, case = at_8_bits(name), CASES["sdxl" if name == "sdxl" else "sd3"]
    module = model.model.diffusion_model
    settings, steps = NetworkSettings(algo=algo, rank=8, alpha=4.0, preset="full", conv_rank=8), []
    kinds = [type(m) for m in module.modules()]
    with training(model, settings) as (host_model, made):
        steps.append(step(host_model, made, *samples(case)))
        assert {p.grad.dtype for p in made.parameters() if p.grad is not None} == {torch.float32}
    assert [type(m) for m in module.modules()] == kinds
    assert any(p.dtype.itemsize == 1 or hasattr(p, "_qdata") for p in module.parameters())
    plain = load("sdxl" if name == "sdxl" else "sd3")
    with torch.inference_mode():
        own = {n: p.dequantize() if hasattr(p, "_qdata") else p.float() for n, p in values(module)}
        for key, value in values(plain.model.diffusion_model):
            value.copy_(own[key])
    with training(plain, settings) as (host_model, made):
        steps.append(step(host_model, made, *samples(case)))
    ours, wanted = steps
    assert ours.loss == pytest.approx(wanted.loss, rel=1e-5) and ours.differs_from(wanted) < 2e-3
    if algo in ("lora", "locon", "lokr"):
        assert ours.kept <= 1.01 * wanted.kept  # norms and biases


@pytest.mark.parametrize("name", ["sd3", "comfy_quant"])
def test_learning_on_8_bits_and_the_stock_host(name, caplog):
    """Training lowers the loss, the check of the file finds nothing, and the stock loader applies every layer."""
    import logging

    import comfy.sd
    from athanor.training_core.host import detection, selfcheck
    from athanor.training_core.network import files, portable
    from athanor.training_core.objective import Objective
    from athanor.training_core.settings import LossSettings, NoiseSettings

    model = at_8_bits(name)
    with training(model, network("lora"), "bf16") as (host_model, made):
        check = selfcheck.Check(host_model.patcher.model)
        objective = Objective(LossSettings(), NoiseSettings(), host_model.schedule)
        batch = host_model.batch(*samples(CASES["sd3"]), [1.0, 1.0])
        x = objective.prepare(batch.latents, 0, 0, 0)
        optimizer = torch.optim.AdamW(made.parameters(), lr=5e-3)
        losses = []
        for _ in range(20):
            optimizer.zero_grad()
            loss = objective.losses(host_model.predict(x, batch), x).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        names = detection.file_names(model, detection.detect(model))
        tensors = files.tensors_for_file(portable.state(made), "float", names)
        verdict = check(made, tensors)
        layers = len(made.loras)
    assert losses[-1] < 0.95 * losses[0]
    assert not verdict.unmatched and verdict.deviation < 2e-3
    with caplog.at_level(logging.WARNING), torch.inference_mode():
        loaded, _ = comfy.sd.load_lora_for_models(model, None, dict(tensors), 1.0, 0.0)
    assert len(loaded.patches) == layers and "not loaded" not in caplog.text


def test_full_needs_more_than_8_bits():
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.settings import NetworkSettings

    for name in ("sd3", "comfy_quant"):
        with (
            pytest.raises(AthanorError, match="algo full needs a model in fp32"),
            training(at_8_bits(name), NetworkSettings(algo="full")),
        ):
            pass


def test_float32_with_all_of_its_digits():
    """On a card torch rounds convolutions to TF32 by itself, and products if another node has asked for it."""
    from athanor.training_core.host.precision import full_float32

    before = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with full_float32():
            assert not torch.backends.cudnn.allow_tf32 and torch.get_float32_matmul_precision() == "highest"
        assert (torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()) == (before[0], "medium")
    finally:
        torch.set_float32_matmul_precision(before[1])
    conv = torch.backends.cudnn.conv.fp32_precision
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # by its newer name: the older cannot be read any more
    try:
        with full_float32():
            assert torch.backends.cudnn.conv.fp32_precision == "ieee"
    finally:
        torch.backends.cudnn.conv.fp32_precision = conv
    assert torch.backends.cudnn.allow_tf32 == before[0]
