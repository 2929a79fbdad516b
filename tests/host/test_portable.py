"""Every algorithm, trained a little, saved, and applied by the stock loader: the same output (must-show 1)."""

from __future__ import annotations

import logging
from contextlib import nullcontext

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")

ALGOS = {
    "lora": {},
    "lora rs": {"algo": "lora", "rs_lora": True},
    "lora dora": {"algo": "lora", "dora": True},
    "lora dora in": {"algo": "lora", "dora": True, "wd_on_output": False},
    "locon tucker": {"algo": "locon", "use_tucker": True},
    "loha": {},
    "loha dora": {"algo": "loha", "dora": True},
    "lokr": {"factor": 4},
    "lokr whole": {"algo": "lokr", "factor": 4, "rank": 100000, "conv_rank": 100000},
    "lokr both": {"algo": "lokr", "factor": 4, "decompose_both": True},
    "lokr matrix": {"algo": "lokr", "factor": 4, "full_matrix": True},
    "lokr dora": {"algo": "lokr", "factor": 4, "dora": True},
    "glora": {},
    "full": {},
    "diag-oft": {"rank": 8},
    "diag-oft constraint": {"algo": "diag-oft", "rank": 8, "constraint": 1e-4},
    "boft": {"rank": 16, "conv_rank": 16},
    "boft constraint": {"algo": "boft", "rank": 16, "conv_rank": 16, "constraint": 1e-4},
    "ia3": {},
    "dylora": {"rank": 8, "block_size": 2},
}
EXTRAS = {
    "plain": {},
    "norms and convolutions": {"train_norm": True, "conv_rank": 4, "conv_alpha": 2.0},
    "dropouts": {"dropout": 0.2, "rank_dropout": 0.2, "module_dropout": 0.2},
}
SHAPES = {  # channels, width of the text, pooled
    "sd15": (4, 768, None),
    "sdxl": (4, 2048, 1280),
    "sd3": (16, 4096, 2048),
    "flux_dev": (16, 4096, 768),
}


COVERED = [(kind, extra) for kind in ("sd15", "sd3") for extra in EXTRAS]
COVERED += [("sdxl", "norms and convolutions"), ("flux_dev", "plain")]
"""The large layouts once per algorithm: they take seconds each."""


MAIN = ("lora", "loha", "lokr", "full", "lora dora")


def takes_long(kind: str, extra: str, name: str) -> bool:
    """SDXL's layers are SD1.5's and more of them, and Flux's are linear as SD3's are; plain layers of SD1.5 and SD3 are among
    those with norms and convolutions, and dropouts of every algorithm are SD3's, too: on convolutions they are tried with two.
    """
    if kind == "sdxl":  # layers as in SD1.5; its names are in test_family_training.py
        return True
    if kind == "flux_dev":
        return name not in ("lora", "lokr", "lora dora")
    if extra == "plain":
        return True
    if (kind, extra) == ("sd15", "norms and convolutions"):  # a variant of a formula is SD3's as well
        return name not in (*MAIN, "locon tucker", "glora", "diag-oft", "boft", "ia3", "dylora")
    return (kind, extra) == ("sd15", "dropouts") and name not in ("lora", "lokr")


CASES = [
    pytest.param(kind, extra, name, marks=[pytest.mark.long] if takes_long(kind, extra, name) else [])
    for kind, extra in COVERED
    for name in ALGOS
]


@pytest.fixture(scope="module")
def graph(request, comfy):
    """(name, MODEL, text, latents)."""
    import comfy.sd
    import tiny
    import tiny_layouts
    from athanor.training_core.host.text import Text

    channels, width, pooled = SHAPES[request.param]
    with torch.inference_mode():
        if request.param == "sd3":
            model = comfy.sd.load_diffusion_model_state_dict(tiny.sd3_unet(), model_options={"dtype": torch.float32})
        else:
            model = tiny_layouts.load(request.param)
    generator = torch.Generator().manual_seed(0)
    extras = {"pooled_output": torch.randn(1, pooled, generator=generator)} if pooled else {}
    text = Text(torch.randn(1, 77, width, generator=generator), extras)
    return request.param, model, text, torch.randn(1, channels, 8, 8, generator=generator)


@pytest.mark.parametrize(
    ("graph", "extra", "name"), CASES, indirect=["graph"], scope="module"
)  # else loaded anew for each
def test_the_stock_loader_gives_the_trained_output(graph, name, extra, caplog):
    import comfy.sd
    from athanor.training_core.host import detection, guard, selfcheck
    from athanor.training_core.host.model import Geometry, trainable
    from athanor.training_core.network import build, files, portable
    from athanor.training_core.objective import Objective
    from athanor.training_core.settings import LossSettings, NetworkSettings, NoiseSettings

    _, model, text, latents = graph
    values = {"algo": name.split()[0], "rank": 4, "alpha": 4.0, "preset": "full" if extra != "plain" else "attn-mlp"}
    settings = NetworkSettings(**(values | EXTRAS[extra] | ALGOS[name]))
    if settings.algo == "dylora" and settings.conv_rank:
        settings = settings.model_copy(update={"conv_rank": 8})
    generator = torch.Generator().manual_seed(1)

    def batch(host_model):
        return host_model.batch(latents, [text], [Geometry((64, 64), (0, 0), (64, 64))], [1.0])

    with (
        guard.training(),
        trainable(model, "auto", "off") as host_model,
        nullcontext(selfcheck.Check(host_model.patcher.model)) as check,
        build.attached([build.Part(host_model.diffusion_model)], settings, 0, host_model.device) as network,
    ):
        objective = Objective(LossSettings(), NoiseSettings(), host_model.schedule)
        optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
        for step in range(2):
            ready = batch(host_model)
            x = objective.prepare(ready.latents, 0, step)
            torch.manual_seed(step)
            loss = objective.losses(host_model.predict(x, ready), x).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert loss.isfinite()
        with torch.no_grad():  # far enough from the start to be seen
            for parameter in network.parameters():
                parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
            network.eval()
            trained = host_model.predict(x, ready)
            state = portable.state(network)
            tensors = files.tensors_for_file(state, "float", detection.file_names(model, detection.detect(model)))
            before = {k: v.clone() for k, v in host_model.patcher.model.state_dict().items()}
            verdict = check(network, tensors)
            after = host_model.patcher.model.state_dict()
    assert verdict.trouble("float") == "" and verdict.deviation < 1e-3, verdict
    assert all(torch.equal(after[k], v) for k, v in before.items())
    with guard.training(), trainable(model, "auto", "off") as host_model, torch.no_grad():
        plain = host_model.predict(x, batch(host_model))
    with caplog.at_level(logging.WARNING), torch.inference_mode():
        loaded, _ = comfy.sd.load_lora_for_models(model, None, tensors, 1.0, 0.0)
    assert "not loaded" not in caplog.text.lower()
    with guard.training(), trainable(loaded, "auto", "off") as host_model, torch.no_grad():
        again = host_model.predict(x, batch(host_model))
    effect = (trained - plain).norm()
    assert effect > 1e-4 * plain.norm()
    assert (again - trained).norm() < 1e-3 * effect + 1e-5 * plain.norm(), ((again - trained).norm() / effect).item()


@pytest.mark.parametrize("graph", ["sd15", "sd3"], indirect=True)
def test_a_file_that_loads_wrongly_is_noticed(graph):
    """Each fault that users of other trainers meet: unknown names, another scale, a layer that lacks."""
    from athanor.training_core.host import detection, guard, selfcheck
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import build, files, portable
    from athanor.training_core.settings import NetworkSettings

    _, model, _, _ = graph
    generator = torch.Generator().manual_seed(1)
    with (
        guard.training(),
        trainable(model, "auto", "off") as host_model,
        nullcontext(selfcheck.Check(host_model.patcher.model)) as check,
        build.attached(
            [build.Part(host_model.diffusion_model)], NetworkSettings(rank=4), 0, host_model.device
        ) as network,
    ):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
        family = detection.detect(model)
        names = detection.file_names(model, family)

        def verdict(change, precision="float"):
            tensors = files.tensors_for_file(portable.state(network), precision, names)
            change(tensors)
            return check(network, tensors)

        for precision in ("float", "fp16", "bf16"):
            found = verdict(lambda tensors: None, precision)
            assert found.trouble(precision) == "", (precision, found)
            assert found.deviation < 0.5 * selfcheck.TOLERANCE[precision]
        key = next(iter(files.tensors_for_file(network.state_dict(), "float", names)))
        module = key.partition(".")[0]

        def rename(tensors):
            for name in [n for n in tensors if n.startswith(f"{module}.")]:
                tensors[name.replace("lora_unet_", "lora_unit_")] = tensors.pop(name)

        assert "keys of the file, the first is lora_unit_" in verdict(rename).trouble("float")
        scaled = verdict(lambda tensors: tensors.update({f"{module}.alpha": torch.tensor(16.0)}))
        assert scaled.deviation == pytest.approx(
            1, abs=0.01
        ) and "differs from the trained network by 100.0%" in scaled.trouble("fp16")

        def lose(tensors):
            for name in [n for n in tensors if n.startswith(f"{module}.")]:
                del tensors[name]

        lost = verdict(lose)
        assert lost.deviation == pytest.approx(1, abs=0.01) and not lost.unmatched


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["lora", "loha", "lokr", "lora dora"])
def test_a_young_change_of_a_rounded_base_is_no_false_alarm(comfy, dtype, name):
    """A change far below the base weight's last digit: the check must not take rounding for a fault."""
    import comfy.sd
    import tiny
    from athanor.training_core.host import detection, guard, selfcheck
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import build, files, portable
    from athanor.training_core.settings import NetworkSettings

    with torch.inference_mode():
        model = comfy.sd.load_diffusion_model_state_dict(tiny.sd3_unet(), model_options={"dtype": dtype})
    settings = NetworkSettings(**({"algo": name.split()[0], "rank": 4} | ALGOS[name]))
    generator = torch.Generator().manual_seed(1)
    with (
        guard.training(),
        trainable(model, "auto", "off") as host_model,
        nullcontext(selfcheck.Check(host_model.patcher.model)) as check,
        build.attached([build.Part(host_model.diffusion_model)], settings, 0, host_model.device) as network,
    ):
        assert network.loras[0].org_module[0].weight.dtype == dtype
        with torch.no_grad():
            for key, parameter in network.named_parameters():
                if "dora_scale" not in key:
                    parameter += 1e-4 * torch.randn(parameter.shape, generator=generator)
        names = detection.file_names(model, detection.detect(model))
        found = check(network, files.tensors_for_file(portable.state(network), "fp16", names))
    assert found.trouble("fp16") == "", found


def test_a_young_change_of_a_convolution_is_no_false_alarm_on_a_card(comfy, monkeypatch):
    """torch multiplies there with TF32's 11 bits, unless it is told not to."""
    import comfy.sd
    import tiny
    from athanor.training_core.host import detection, guard, selfcheck
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import build, files, portable
    from athanor.training_core.settings import NetworkSettings

    plain = torch.nn.functional.conv2d

    def rounded(value):
        return (value.view(torch.int32) + 0x1000 & ~0x1FFF).view(torch.float32)

    def conv2d(x, weight, *others, **options):
        if torch.backends.cudnn.allow_tf32:
            x, weight = rounded(x.contiguous()), rounded(weight.contiguous())
        return plain(x, weight, *others, **options)

    with torch.inference_mode():
        model = comfy.sd.load_diffusion_model_state_dict(tiny.sd15_unet(), model_options={"dtype": torch.float32})
    settings = NetworkSettings(algo="locon", rank=2, preset="full", conv_rank=2)
    with (
        guard.training(),
        trainable(model, "auto", "off") as host_model,
        nullcontext(selfcheck.Check(host_model.patcher.model)) as check,
        build.attached([build.Part(host_model.diffusion_model)], settings, 0, host_model.device) as network,
    ):
        with torch.no_grad():
            for lora in network.loras:
                torch.nn.init.normal_(lora.lora_up.weight, std=1e-3, generator=torch.Generator().manual_seed(1))
        names = detection.file_names(model, detection.detect(model))
        tensors = files.tensors_for_file(portable.state(network), "float", names)
        monkeypatch.setattr(torch.nn.functional, "conv2d", conv2d)
        found = check(network, tensors)
        assert found.trouble("float") == "", found
        monkeypatch.setattr(selfcheck, "full_float32", nullcontext)
        assert check(network, tensors).deviation > selfcheck.TOLERANCE["fp16"]
