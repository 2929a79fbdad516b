"""Continue from a LoRA file: the first prediction is what the file gives (must-show 2)."""

from __future__ import annotations

import json

import graphs
import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")

ALGOS = {
    "lora": {},
    "locon": {"preset": "full", "conv_rank": 4, "conv_alpha": 2.0, "train_norm": True},
    "loha": {},
    "lokr": {"factor": 4},
    "lokr whole": {"algo": "lokr", "factor": 4, "rank": 100000},
    "glora": {},
    "diag-oft": {"rank": 8},
    "lora dora": {"algo": "lora", "dora": True},
    "loha dora": {"algo": "loha", "dora": True},
    "lora dora in": {"algo": "lora", "dora": True, "wd_on_output": False},
}
FORMATS = ("ours", "comfyui", "peft", "lycoris", "half alpha")
CASES = [(name, "ours") for name in ALGOS] + [("lora", kind) for kind in FORMATS[1:]]
NAMED = [("lora", "ours"), ("locon", "ours"), ("lokr", "ours"), *(("lora", kind) for kind in FORMATS[1:4])]
"""What names of layers matter to, and convolutions: of SD1.5, whose names are others in a file. SD3 has all, at a sixth of the time."""


@pytest.fixture(scope="module", params=["sd15", "sd3"])
def graph(request, comfy):
    import comfy.sd
    import tiny
    import tiny_layouts
    from athanor.training_core.host.text import Text

    sd15 = request.param == "sd15"
    with torch.inference_mode():
        if sd15:
            model = tiny_layouts.load("sd15")
        else:
            model = comfy.sd.load_diffusion_model_state_dict(tiny.sd3_unet(), model_options={"dtype": torch.float32})
    generator = torch.Generator().manual_seed(0)
    extras = {} if sd15 else {"pooled_output": torch.randn(1, 2048, generator=generator)}
    text = Text(torch.randn(1, 77, 768 if sd15 else 4096, generator=generator), extras)
    return model, text, torch.randn(1, 4 if sd15 else 16, 16, 16, generator=generator)


def in_format(kind, tensors, network, module):
    """The file as another trainer writes it."""
    paths = {id(child): name for name, child in module.named_modules()}
    native = {lora.lora_name: paths[id(lora.org_module[0])] for lora in network.loras}
    result = {}
    for key, value in tensors.items():
        name, _, part = key.partition(".")
        if kind == "lycoris":
            result[key.replace("lora_unet_", "lycoris_", 1)] = value
        elif kind == "half alpha":
            result[key] = value / 2 if part == "alpha" else value * 2 if part == "lora_up.weight" else value
        else:
            part = part if kind == "comfyui" else part.replace("lora_down", "lora_A").replace("lora_up", "lora_B")
            if part != "alpha":
                value = value * network.loras[0].scale if "lora_up" in part or "lora_B" in part else value
                result[f"diffusion_model.{native[name]}.{part}"] = value
    return result


@pytest.mark.parametrize(
    ("graph", "name", "kind"),
    [
        pytest.param(family, *case, marks=[pytest.mark.long] * (family == "sd15" and case not in NAMED))
        for family in ("sd15", "sd3")
        for case in CASES
    ],
    indirect=["graph"],
    scope="module",  # else the model is loaded anew for each
)
def test_the_first_prediction_is_that_of_the_file(graph, name, kind):
    from athanor.training_core.host import detection, guard
    from athanor.training_core.host.model import Geometry, trainable
    from athanor.training_core.network import build, files, portable, weights
    from athanor.training_core.objective import Objective
    from athanor.training_core.settings import LossSettings, NetworkSettings, NoiseSettings

    model, text, latents = graph
    settings = NetworkSettings(**({"algo": name.split()[0], "rank": 4, "alpha": 2.0} | ALGOS[name]))
    names = detection.file_names(model, detection.detect(model))
    generator = torch.Generator().manual_seed(1)
    told = {"athanor_run_id": "x"} if kind == "ours" else {}
    seen = []
    for again in (False, True):
        with (
            guard.training(),
            trainable(model, "auto", "off") as host_model,
            build.attached(
                [build.Part(host_model.diffusion_model)], settings, int(again), host_model.device
            ) as network,
            torch.no_grad(),
        ):
            objective = Objective(LossSettings(), NoiseSettings(), host_model.schedule)
            batch = host_model.batch(latents, [text], [Geometry((128, 128), (0, 0), (128, 128))], [1.0])
            x = objective.prepare(batch.latents, 0, 0)
            if not again:
                plain = host_model.predict(x, batch)
                for parameter in network.parameters():
                    parameter += 0.05 * torch.randn(parameter.shape, generator=generator).to(parameter)
                own = files.tensors_for_file(portable.state(network), "float", names)
                plainly = files.tensors_for_file(network.state_dict(), "float", {})
                tensors = (
                    own
                    if kind == "ours"
                    else in_format(kind, own if kind == "half alpha" else plainly, network, host_model.diffusion_model)
                )
            else:
                weights.load_into(network, settings, tensors, told, names)
            network.eval()
            seen.append(host_model.predict(x, batch))
    effect = (seen[0] - plain).norm()
    assert effect > 1e-3 * plain.norm()
    assert (seen[1] - seen[0]).norm() < 1e-3 * effect, ((seen[1] - seen[0]).norm() / effect).item()


@pytest.mark.parametrize("graph", [pytest.param("sd15", marks=pytest.mark.long), "sd3"], indirect=True)
def test_what_does_not_fit_is_listed_and_nothing_changes(graph):
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import detection
    from athanor.training_core.network import build, files, weights
    from athanor.training_core.settings import NetworkSettings

    model, _, _ = graph
    names = detection.file_names(model, detection.detect(model))
    module = model.model.diffusion_model
    settings = NetworkSettings(rank=4)
    first = build.create([build.Part(module)], settings, 0)
    state = {f"{lora.lora_name}.{key}": value for lora in first.loras for key, value in lora.state_dict().items()}
    tensors = files.tensors_for_file(state, "float", names)
    weights.load_into(build.create([build.Part(module)], settings, 1), settings, tensors, {}, names)
    for rank, change, words in (
        (8, {}, "in the file, [8, "),
        (
            4,
            {f"lora_unet_no.lora_{x}.weight": torch.ones(4, 4) for x in ("up", "down")},
            "lora_unet_no is not trained in this run",
        ),
        (4, None, "is not in the file"),
    ):
        network = build.create([build.Part(module)], NetworkSettings(rank=rank), 0)
        before = [p.clone() for lora in network.loras for p in lora.parameters()]
        given = dict(list(tensors.items())[3:]) if change is None else tensors | change
        with pytest.raises(AthanorError) as error:
            weights.load_into(network, settings, given, {}, names)
        assert words in str(error.value) and "\n" not in str(error.value)
        after = [p for lora in network.loras for p in lora.parameters()]
        assert all(torch.equal(x, y) for x, y in zip(before, after, strict=True))
    with pytest.raises(AthanorError, match="a network of algo full cannot be continued"):
        weights.load_into(None, NetworkSettings(algo="full"), {}, {}, {})


def test_continue_and_inspect_in_the_graph(server):
    """Train, read with LoRA Info, feed its network settings to a second training that continues."""
    first = server.run(
        graphs.training("sd3", network={"algo": "lokr", "factor": 4}, train={"output_name": "first", "epochs": 2})
    )
    assert "another run" not in first["outputs"]["train"]["text"][0]  # no warning that is not true
    prompt = graphs.training("sd3", train={"output_name": "second"})
    prompt["info"] = graphs.node("AthanorLoRAInfo", lora_name="first.safetensors")
    prompt["text"] = graphs.node("PreviewAny", source=["info", 0])
    prompt["chart"] = graphs.node("PreviewImage", images=["info", 1])
    prompt["train"]["inputs"]["network"] = ["info", 4]
    entry = server.run(prompt)
    text = entry["outputs"]["text"]["text"][0]
    assert "first.safetensors: lokr" in text and "Network: algo lokr, rank 4, alpha 4.0, factor 4" in text
    second = json.loads(graphs.metadata(graphs.lora_file(server, "second"))["athanor_job"])
    assert second["network"]["algo"] == "lokr" and second["network"]["factor"] == 4
    onward = graphs.training(
        "sd3", network={"algo": "lokr", "factor": 4, "network_weights": "first"}, train={"output_name": "onward"}
    )
    server.run(onward)
    anew = graphs.training("sd3", network={"algo": "lokr", "factor": 4}, train={"output_name": "anew"})
    server.run(anew)
    hashes = {n: graphs.metadata(graphs.lora_file(server, n))["sshs_model_hash"] for n in ("first", "onward", "anew")}
    assert len(set(hashes.values())) == 3
    onward["network"]["inputs"] |= {"rank": 8}
    with pytest.raises(RuntimeError, match="network_weights: the file does not match this network"):
        server.run(onward)
    onward["network"]["inputs"]["network_weights"] = "nowhere"
    with pytest.raises(RuntimeError, match="network_weights 'nowhere' is not in the loras folders"):
        server.run(onward)


def test_a_model_with_a_lora_is_trained_on_top_of_it(server):
    """And says so; the finished LoRA on the patched MODEL is what was trained."""
    server.run(graphs.training("sd3", train={"output_name": "under"}))
    prompt = graphs.training("sd3", train={"output_name": "above"})
    prompt["lora"] = graphs.node(
        "LoraLoaderModelOnly", model=["ckpt", 0], lora_name="under.safetensors", strength_model=1.0
    )
    prompt["train"]["inputs"]["model"] = ["lora", 0]
    text = server.run(prompt)["outputs"]["train"]["text"][0]
    assert "The MODEL has a LoRA patched on" in text and "trained on top of it" in text
    assert "differs from the trained network" not in text and "does not recognise" not in text
