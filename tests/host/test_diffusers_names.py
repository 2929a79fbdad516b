"""LoRA files in diffusers' names, both ways: written beside ours, and continued from."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import graphs
import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")

ALL = [
    "sd15", "sdxl", "sd3", "flux_dev", "flux2", "chroma", "z_image", "qwen_image", "auraflow", "hidream", "longcat_image",
    "kandinsky5_image", "mage_flow", "krea2", "ernie_image", "pixart_sigma",
]  # fmt: skip
OWN = ["lumina2", "z_image_omni"]
"""Families whose names in diffusers the host does not know, but we do."""
FUSED = {
    "sd15": 1, "sdxl": 1, "sd3": 3, "flux_dev": 4, "flux2": 3, "chroma": 4, "z_image": 3, "lumina2": 3, "longcat_image": 4,
    "z_image_omni": 3, "pixart_sigma": 3,
}  # fmt: skip
"""How many modules of diffusers the most divided layer of a family is; one in the others."""
SHAPES = {"sd15": (4, 768, None), "sdxl": (4, 2048, 1280), "sd3": (16, 4096, 2048), "flux_dev": (16, 4096, 768)}


@pytest.fixture(scope="module", params=ALL + OWN)
def family(request, comfy):
    """(name, MODEL, its names in our files, in diffusers')."""
    import comfy.sd
    import tiny
    import tiny_layouts
    from athanor.training_core.host import detection, diffusers

    with torch.inference_mode():
        if request.param == "sd3":
            model = comfy.sd.load_diffusion_model_state_dict(tiny.sd3_unet(), model_options={"dtype": torch.float32})
        else:
            model = tiny_layouts.load(request.param)
    found = detection.detect(model)
    return request.param, model, detection.file_names(model, found), diffusers.modules(model, found)


def make(model, rank=4, alpha=2.0, seed=None, **values):
    """(settings, a network that is not attached; random as if trained, if there is a seed)."""
    from athanor.training_core.network import build
    from athanor.training_core.settings import NetworkSettings

    settings = NetworkSettings(rank=rank, alpha=alpha, **values)
    network = build.create([build.Part(model.model.diffusion_model)], settings, 0)
    if seed is not None:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for lora in network.loras:
                for parameter in lora.parameters():
                    parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return settings, network


def kohya(network, names, precision="float"):
    from athanor.training_core.network import files

    state = {f"{lora.lora_name}.{key}": v for lora in network.loras for key, v in lora.state_dict().items()}
    return files.tensors_for_file(state, precision, names)


def as_the_loader_has_it(tensors):
    """The host knows a U-Net's attentions by the names of diffusers' old attention processors alone."""
    if not any(key.startswith("unet.") for key in tensors):
        return tensors
    return {k.replace(".to_", ".processor.to_").replace(".to_out.0.", ".to_out."): v for k, v in tensors.items()}


def changes(model, tensors, caplog):
    """Every weight's change by the stock loader, which must know every key."""
    import comfy.lora
    import comfy.sd

    with caplog.at_level(logging.WARNING), torch.inference_mode():
        loaded, _ = comfy.sd.load_lora_for_models(model, None, tensors, 1.0, 0.0)
        assert "not loaded" not in caplog.text.lower()
        return {
            key: comfy.lora.calculate_weight(patches, torch.zeros(model.model.state_dict()[key].shape), key)
            for key, patches in loaded.patches.items()
        }


def assert_same(one, other, tolerance=1e-5):
    assert one.keys() == other.keys() and one
    for key, value in one.items():
        assert value.norm() > 0 and (other[key] - value).norm() <= tolerance * value.norm(), key


def deltas(network, model):
    """Weight name -> what the network adds to it."""
    paths = {id(module): name for name, module in model.model.named_modules()}
    return {
        f"{paths[id(lora.org_module[0])]}.weight": (
            lora.lora_up.weight.flatten(1) @ lora.lora_down.weight.flatten(1) * lora.scale
        )
        .view(lora.org_module[0].weight.shape)
        .detach()
        for lora in network.loras
    }


@pytest.mark.parametrize(
    "family",
    # SDXL: its second file is continued from in test_continue.py, and its layers' kinds are SD1.5's.
    [pytest.param(n, marks=[pytest.mark.long] * (n == "sdxl")) for n in ALL],
    indirect=True,
)
def test_the_second_file_changes_the_same_weights(family, caplog):
    from athanor.training_core.host import lora_fit
    from athanor.training_core.network import diffusers_names

    kind, model, names, named = family
    convolutions = {"conv_rank": 3, "conv_alpha": 1.5} if kind in ("sd15", "sdxl") else {}
    _, network = make(model, seed=1, **convolutions)
    tensors = kohya(network, names)
    second = diffusers_names.split(tensors, named)
    prefix = "unet." if kind in ("sd15", "sdxl") else "transformer."
    assert all(key.startswith(prefix) and key.endswith((".lora_A.weight", ".lora_B.weight")) for key in second)
    assert_same(changes(model, tensors, caplog), changes(model, as_the_loader_has_it(second), caplog))
    fit = fit_of(model, second)  # of real ones: 64 of 192 weights of SD1.5, 162 of 722 of SDXL
    assert fit == lora_fit.by_names(second) and fit.of - fit.fits == {"sd15": 32, "sdxl": 72}.get(kind, 0)
    spans = Counter(id(value) for value in second.values())
    assert len(spans) == len(second)  # safetensors refuses tensors that share memory
    half = diffusers_names.split(kohya(network, names, "fp16"), named)
    assert {value.dtype for value in half.values()} == {torch.float16}


def fit_of(model, tensors):
    import comfy.sd
    from athanor.training_core.host import lora_fit

    with torch.inference_mode():
        loaded, _ = comfy.sd.load_lora_for_models(model, None, tensors, 1.0, 0.0)
        return lora_fit.compared((model, None), (loaded, None), tensors)


@pytest.mark.parametrize("family", ["sd15"], indirect=True)
def test_how_much_of_a_file_fits(family):
    """Every form of file fits whole; unknown layers, and weights of another shape, which the loader skips too, are told."""

    _, model, names, _ = family
    for values in (
        {"conv_rank": 4},
        {"algo": "loha"},
        {"algo": "lokr", "factor": 4},
        {"algo": "full"},
        {"dora": True},
        {"train_norm": True},
        {"preset": "full", "conv_rank": 4, "use_tucker": True},
    ):
        tensors = kohya(make(model, **values)[1], names)
        fit = fit_of(model, tensors)
        assert fit.fits == fit.of >= 48 and fit.trouble("x", "y") == "", values
    tensors = kohya(make(model)[1], names)
    up = next(key for key in tensors if "lora_up" in key)
    text = {"lora_te_text_model_encoder_layers_0_mlp_fc1.alpha": torch.ones(())}  # no CLIP is looked at
    wrong = {up: torch.zeros(5, 4), "lora_unet_strange.alpha": torch.ones(()), "bundle_emb.x": torch.ones(1)}
    fit = fit_of(model, tensors | text | wrong)
    assert (fit.fits, fit.of) == (47, 49)
    assert fit.trouble("x.st", "it") == "47 of 49 weights of x.st fit it; ComfyUI leaves the others out."


def test_an_axis_says_which_of_its_loras_are_read_in_part(comfy, tmp_path, monkeypatch):
    from athanor.training_core.compare import runs
    from athanor.training_core.compare.axes import Axis, LoraChoice, Value
    from athanor.training_core.host import folders
    from athanor.training_core.network import files

    layer = "unet.down_blocks.0.attentions.0.transformer_blocks.0.{}.lora_A.weight"
    for name, modules in (("copy", ("attn1.to_q", "attn2.to_out.0", "ff.net.2")), ("whole", ("ff.net.2",))):
        files.save_lora(tmp_path / name, {layer.format(module): torch.ones(1) for module in modules}, {})
    monkeypatch.setattr(folders, "existing_lora", lambda name: tmp_path / name)
    values = [Value(name, (("lora", (LoraChoice(name), LoraChoice("copy"))),)) for name in ("copy", "whole", "gone")]
    assert runs.read_in_part(Axis("LoRA", tuple(values))) == [
        "1 of 3 weights of copy fit ComfyUI's names; ComfyUI leaves the others out."
    ]


# SD1.5 has SDXL's kinds of layers.
@pytest.mark.parametrize("family", [name for name in ALL + OWN if name != "sdxl"], indirect=True)
def test_dora_s_magnitudes_are_those_that_peft_computes_with(family):
    """PEFT: (W + BA) m / |W + BA| by rows of each of its modules; the file for the host has another scale. And back again."""
    from athanor.training_core.network import diffusers_names, portable, weights

    kind, model, names, named = family
    convolutions = {"conv_rank": 3, "conv_alpha": 1.5} if kind == "sd15" else {}
    settings, network = make(model, seed=1, dora=True, **convolutions)
    norms = {names.get(name, name): value for name, value in portable.magnitudes(network).items()}
    copy = diffusers_names.split(kohya(network, names), named, norms)
    shapes = set()
    with torch.no_grad():
        for lora in network.loras:
            weight = lora.org_weight.float()
            trained = lora.get_merged_weight(shape=weight.shape)[0].flatten(1)
            for theirs, rows in named[names.get(lora.lora_name, lora.lora_name)].items():
                if f"{theirs}.lora_A.weight" not in copy:
                    continue
                a, b = (copy[f"{theirs}.lora_{part}.weight"].float().flatten(1) for part in "AB")
                magnitude = copy[f"{theirs}.lora_magnitude_vector"]
                changed = weight.flatten(1)[rows] + b @ a
                peft = changed * (magnitude.flatten() / changed.norm(dim=1))[:, None]
                assert (peft - trained[rows]).norm() < 1e-5 * trained[rows].norm(), theirs
                shapes.add(tuple(magnitude.shape[:1] + magnitude.shape[2:]) if magnitude.ndim > 1 else magnitude.ndim)
    assert shapes == ({1, (1, 1, 1)} if kind == "sd15" else {1})
    _, again = make(model, dora=True, **convolutions)
    weights.load_into(again, settings, copy, {}, names, named)
    for lora, other in zip(network.loras, again.loras, strict=True):
        assert torch.allclose(lora.dora_scale, other.dora_scale, rtol=1e-5), lora.lora_name


@pytest.mark.parametrize("family", ["lumina2"], indirect=True)
def test_names_that_the_host_lacks(family):
    """Those of diffusers 0.42's Lumina2Transformer2DModel, into which it was loaded; fewer heads of k and v than of q."""
    _, _, _, named = family
    found = {
        ours.removeprefix("lora_unet_"): list(theirs)
        for ours, theirs in named.items()
        if ours.startswith("lora_unet_") and "layers_1" not in ours and "refiner" not in ours
    }
    qkv = [f"transformer.layers.0.attn.to_{part}" for part in "qkv"]
    assert found == {
        "x_embedder": ["transformer.x_embedder"],
        "t_embedder_mlp_0": ["transformer.time_caption_embed.timestep_embedder.linear_1"],
        "t_embedder_mlp_2": ["transformer.time_caption_embed.timestep_embedder.linear_2"],
        "cap_embedder_1": ["transformer.time_caption_embed.caption_embedder.1"],
        "layers_0_attention_qkv": qkv,
        "layers_0_attention_out": ["transformer.layers.0.attn.to_out.0"],
        **{f"layers_0_feed_forward_w{i}": [f"transformer.layers.0.feed_forward.linear_{i}"] for i in (1, 2, 3)},
        "layers_0_adaLN_modulation_1": ["transformer.layers.0.norm1.linear"],
        "final_layer_adaLN_modulation_1": ["transformer.norm_out.linear_1"],
        "final_layer_linear": ["transformer.norm_out.linear_2"],
    }
    rows = named["lora_unet_layers_0_attention_qkv"]
    assert [rows[name] for name in qkv] == [slice(0, 288), slice(288, 384), slice(384, 480)]
    refiners = {theirs for of_layer in named.values() for theirs in of_layer if "refiner.1." in theirs}
    assert len(refiners) == 7 + 8 and "transformer.noise_refiner.1.norm1.linear" in refiners


@pytest.mark.parametrize("family", ["z_image_omni"], indirect=True)
def test_layers_for_siglip_are_named_as_those_for_the_caption(family):
    _, model, _, named = family
    layers = [name for name, m in model.model.diffusion_model.named_modules() if isinstance(m, torch.nn.Linear)]
    siglip = ["lora_unet_" + name.replace(".", "_") for name in layers if name.startswith("siglip")]
    assert len(siglip) == 1 + 2 * 5 and set(siglip) <= named.keys()
    for ours in siglip:
        theirs = [name.replace("siglip_refiner", "context_refiner") for name in named[ours]]
        assert theirs == list(named.get(ours.replace("siglip_refiner", "context_refiner"), named[ours]))
    assert named["lora_unet_siglip_refiner_1_attention_qkv"]["transformer.siglip_refiner.1.attention.to_v"] == slice(
        512, 768
    )


def test_no_name_of_diffusers_is_another_layer_current(family):
    """Names are compared with dots as underscores."""
    _, model, _, named = family
    own = {"lora_unet_" + name.replace(".", "_") for name, _ in model.model.diffusion_model.named_modules()}
    for ours, theirs in named.items():
        for name in theirs:
            flat = "lora_unet_" + name.partition(".")[2].replace(".", "_")
            assert flat == ours or flat not in own, (ours, name)


@pytest.mark.parametrize(
    "family", ALL, indirect=True
)  # of Lumina 2 the loader knows Z-Image's names, with wrong widths
def test_every_name_that_the_stock_loader_knows_is_known(family):
    """All its spellings of a layer, which follow a dozen trainers; but for a part of a layer that one program has."""
    import comfy.lora
    from athanor.training_core import lora_keys
    from athanor.training_core.network import diffusers_names, weights

    _, model, names, named = family
    _, network = make(model)
    targets = {key: lora for lora, key in zip(network.loras, deltas(network, model), strict=True)}
    back = {theirs: ours for ours, theirs in names.items()}
    known = list(comfy.lora.model_lora_keys_unet(model.model, {}).items())
    for spelled, target in known[:: len(known) // 300 + 1]:
        key = target if isinstance(target, str) else target[0]
        if key in targets and not spelled.endswith(".linear1_qkv"):
            layer, _ = lora_keys.split(f"{spelled}.lora_up.weight")
            module = weights.module_of(layer, ())
            pieces = {module: {"alpha": torch.ones(())}}
            joined, _, wrong = diffusers_names.join(pieces, {module: layer}, named, {})
            (module,) = joined
            assert back.get(module, module) == targets[key].lora_name, (spelled, wrong)


def test_continue_from_our_second_file(family):
    """Equal down weights: the rank is the file's."""
    from athanor.training_core.network import diffusers_names, weights

    _, model, names, named = family
    _, network = make(model, seed=1)
    second = diffusers_names.split(kohya(network, names), named)
    settings, again = make(model, alpha=4.0)
    weights.load_into(again, settings, second, {}, names, named)
    assert_same(deltas(network, model), deltas(again, model))


@pytest.mark.parametrize(
    ("family", "spelling"),
    [pytest.param(n, "plain", marks=[pytest.mark.long] * (n == "sdxl")) for n in ALL]  # SDXL: test_other_trainers.py
    + [(n, s) for n in ("sd15", "sd3", "flux_dev") for s in ("default", "no prefix", "adapter", "alpha keys")],
    indirect=["family"],
    scope="module",  # else a model is loaded anew for each
)
def test_continue_from_a_peft_file(family, spelling, caplog):
    """Its q, k and v have weights, and alphas, of their own: ranks add up, and too small a rank says so."""
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.network import diffusers_names, weights

    kind, model, names, named = family
    _, network = make(model)
    generator = torch.Generator().manual_seed(3)
    apart = {
        key: 0.05 * torch.randn(value.shape, generator=generator)
        for key, value in diffusers_names.split(kohya(network, names), named).items()
    }
    where = next(key for key in apart if "lora_B" in key).removesuffix(".lora_B.weight")
    scale = {"adapter": lambda key: 3.0 if key.startswith(f"{where}.") else 0.5, "alpha keys": lambda key: 0.25}
    told, given = {}, dict(apart)
    if spelling == "adapter":
        component, _, path = where.partition(".")
        adapter = {f"{component}.r": 4, f"{component}.lora_alpha": 2, f"{component}.alpha_pattern": {path: 12}}
        told = {"lora_adapter_metadata": json.dumps(adapter)}
    elif spelling == "alpha keys":
        given |= {key.replace("lora_B.weight", "alpha"): torch.tensor(1.0) for key in apart if "lora_B" in key}
    elif spelling == "default":
        given = {f"base_model.model.{k.replace('.weight', '.default.weight')}": v for k, v in given.items()}
    elif spelling == "no prefix":
        given = {key.partition(".")[2]: value for key, value in given.items()}
    given["text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight"] = torch.ones(4, 4)
    by = scale.get(spelling, lambda key: 1.0)
    wanted = changes(
        model, as_the_loader_has_it({k: v * by(k) if "lora_B" in k else v for k, v in apart.items()}), caplog
    )
    rank = 4 * FUSED.get(kind, 1)
    settings, network = make(model, rank=rank)
    before = [lora.lora_down.weight.detach().clone() for lora in network.loras]
    weights.load_into(network, settings, given, told, names, named)
    assert_same(wanted, deltas(network, model))
    for lora, fresh in zip(network.loras, before, strict=True):
        unused = lora.lora_up.weight.flatten(1).abs().sum(0) == 0  # further ranks can learn: their down is not zero
        assert torch.equal(lora.lora_down.weight[unused], fresh[unused])
    if rank > 4:
        for other in (4, rank + 4):
            settings, network = make(model, rank=other)
            with pytest.raises(AthanorError, match=f"set rank to {rank} instead of {other}"):
                weights.load_into(network, settings, given, told, names, named)
    settings, network = make(model, rank=rank)
    first = next(iter(apart))
    for wrong, words in (
        (
            {f"transformer.strange.lora_{x}.weight": torch.ones(4, 4) for x in "AB"},
            "lora_unet_strange is not trained in this run",
        ),
        (
            {"transformer.strange.lora_A.weight": torch.ones(4, 4)},
            r"1 of \d+ layers lacks a piece \(transformer.strange: no lora_up",
        ),
        ({first.replace("lora_A.weight", "dora_scale"): torch.ones(4)}, "dora_scale|plain LoRA"),
    ):
        with pytest.raises(AthanorError, match=words):
            weights.load_into(network, settings, apart | wrong, {}, names, named)


def test_other_trainers_names_of_a_unet(family):
    """diffusers' old attention processors; sd-scripts' LoRA of an SDXL in diffusers' names."""
    from athanor.training_core.network import diffusers_names, weights

    kind, model, names, named = family
    if kind not in ("sd15", "sdxl"):
        named_current = [name for theirs in named.values() for name in theirs]
        assert not any(name.startswith("unet.") for name in named_current)
        return
    _, network = make(model, seed=1)
    second = diffusers_names.split(kohya(network, names), named)

    def old(key):
        path, _, part = key.rpartition(".lora_")
        part = {"A.weight": "down.weight", "B.weight": "up.weight"}[part]
        head, _, tail = path.rpartition(".to_")
        return f"{head}.processor.to_{tail.removesuffix('.0')}_lora.{part}" if head else f"{path}.lora.{part}"

    def underscores(key):
        path, _, part = key.partition(".")[2].rpartition(".lora_")
        return f"lora_unet_{path.replace('.', '_')}.lora_{ {'A': 'down', 'B': 'up'}[part[0]] }.weight"

    for spelling in (old, underscores):
        settings, again = make(model)
        weights.load_into(again, settings, {spelling(k): v for k, v in second.items()}, {}, names, named)
        assert_same(deltas(network, model), deltas(again, model))


@pytest.mark.parametrize("family", SHAPES, indirect=True)
def test_the_output_goes_on(family):
    """The whole model's prediction with the network continued is the one it was saved with."""
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import Geometry, trainable
    from athanor.training_core.host.text import Text
    from athanor.training_core.network import build, diffusers_names, files, portable, weights
    from athanor.training_core.objective import Objective
    from athanor.training_core.settings import LossSettings, NetworkSettings, NoiseSettings

    kind, model, names, named = family
    channels, width, pooled = SHAPES[kind]
    generator = torch.Generator().manual_seed(0)
    extras = {"pooled_output": torch.randn(1, pooled, generator=generator)} if pooled else {}
    text, latents = (
        Text(torch.randn(1, 77, width, generator=generator), extras),
        torch.randn(1, channels, 8, 8, generator=generator),
    )
    settings = NetworkSettings(rank=4, alpha=2.0)
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
            batch = host_model.batch(latents, [text], [Geometry((64, 64), (0, 0), (64, 64))], [1.0])
            x = objective.prepare(batch.latents, 0, 0)
            if not again:
                plain = host_model.predict(x, batch)
                for parameter in network.parameters():
                    parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
                tensors = files.tensors_for_file(portable.state(network), "float", names)
                second = diffusers_names.split(tensors, named)
            else:
                weights.load_into(network, settings, second, {}, names, named)
            network.eval()
            seen.append(host_model.predict(x, batch))
    effect = (seen[0] - plain).norm()
    assert effect > 1e-3 * plain.norm()
    assert (seen[1] - seen[0]).norm() < 1e-3 * effect


@pytest.mark.parametrize("family", ["sd15"], indirect=True)
def test_what_has_no_form_in_a_peft_file_is_refused(family):
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.network import diffusers_names, portable

    _, model, names, named = family
    for values in (
        {"algo": "loha"},
        {"algo": "lokr", "factor": 4},
        {"train_norm": True},
        {"preset": "full", "conv_rank": 4, "use_tucker": True},
    ):
        tensors = kohya(make(model, **values)[1], names)
        with pytest.raises(AthanorError, match=r"save_diffusers_copy: lora_unet_\S+ cannot be stored in a PEFT file"):
            diffusers_names.split(tensors, named)
    columns = make(model, dora=True, wd_on_output=False)[1]
    with pytest.raises(
        AthanorError, match="save_diffusers_copy: a PEFT file has DoRA's magnitudes of output rows alone"
    ):
        diffusers_names.split(kohya(columns, names), named, portable.magnitudes(columns))
    with pytest.raises(AthanorError, match="lora_unet_nothing has no layer name in diffusers"):
        diffusers_names.split({"lora_unet_nothing.alpha": torch.ones(())}, named)
    with pytest.raises(AthanorError, match="reads no LoRA of T5; set train to unet, or switch save_diffusers_copy off"):
        diffusers_names.check(["lora_te3_encoder_block_0_layer_0_SelfAttention_q.alpha"], named)


def bare(name):
    """A MODEL of the released widths, without memory."""
    import comfy.model_detection
    import comfy.model_patcher
    import tiny_layouts

    state = tiny_layouts.LAYOUTS[name].build("meta").state_dict()
    state = {
        key: torch.zeros(value.shape) if value.ndim == 1 else value for key, value in state.items()
    }  # it looks at some
    config: Any = comfy.model_detection.model_config_from_unet(state, "")
    base = config.get_model(state, "", device="meta")
    return comfy.model_patcher.ModelPatcher(base, torch.device("cpu"), torch.device("cpu"))


UNETS = {"sdxl_refiner": "add", "ssd1b": "add", "koala_700m": "add", "koala_1b": "add", "sd2_unclip_h": "class"}


@pytest.mark.parametrize("name", UNETS)
def test_every_layer_of_other_unets_has_one_name(comfy, name):
    """Without a middle or with other depths, too; what reads sizes is add_embedding in SDXL and class_embedding in unCLIP."""
    from athanor.training_core.host import detection, diffusers

    model = bare(name)
    found = detection.detect(model)
    named = diffusers.modules(model, found)
    spelling = detection.file_names(model, found)
    layers = [
        n for n, m in model.model.diffusion_model.named_modules() if isinstance(m, (torch.nn.Linear, torch.nn.Conv2d))
    ]
    ours = [f"lora_unet_{layer.replace('.', '_')}" for layer in layers]
    theirs = [list(named[spelling.get(n, n)]) for n in ours]
    assert all(len(one) == 1 for one in theirs) and len({one[0] for one in theirs}) == len(layers)
    assert [f"unet.{UNETS[name]}_embedding.linear_1"] in theirs
    assert len({spelling.get(n, n) for n in ours}) == len(layers)


@pytest.mark.parametrize("name", ["wan"])
def test_families_without_a_table_are_refused(comfy, name):
    import tiny_layouts
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import detection, diffusers
    from athanor.training_core.network import diffusers_names

    with torch.inference_mode():
        model = tiny_layouts.load(name)
    named = diffusers.modules(model, detection.detect(model))
    assert named == {}
    with pytest.raises(AthanorError, match="save_diffusers_copy is not supported for this kind of model"):
        diffusers_names.check([], named)


def test_the_second_file_in_the_graph(server):
    """Written with each file, outside of the folders of LoRAs; read by LoRA Info, continued from; refused before anything is trained."""
    from athanor.training_core.network import info

    train = {"output_name": "doubled", "save_diffusers_copy": True, "epochs": 3, "save_last_n_epochs": 1}
    server.run(graphs.training("sd3", train=train))
    folder, copies = server.base / "models" / "loras", server.base / "output" / "athanor" / "diffusers"
    assert {p.stem for p in folder.glob("doubled*") if "_on" not in p.stem} == {"doubled", "doubled-000002"}
    assert {p.stem for p in copies.iterdir()} == {"doubled-diffusers", "doubled-000002-diffusers"}
    older = shutil.copy(copies / "doubled-diffusers.safetensors", folder)  # where older versions wrote it
    found, ours = info.read(Path(older)), info.read(folder / "doubled.safetensors")
    base = (server.base / "models" / "checkpoints" / "sd3.safetensors").read_bytes()
    assert {info.metadata["ss_new_sd_model_hash"] for info in (found, ours)} == {hashlib.sha256(base).hexdigest()}
    assert found.algo == "lora" and not found.strange and {layer.part for layer in found.layers} == {"unet"}
    assert {layer.rank for layer in found.layers} == {layer.rank for layer in ours.layers}
    assert {layer.block for layer in found.layers} == {"transformer_blocks_0", "transformer_blocks_1"}
    onward = graphs.training(
        "sd3", network={"network_weights": "doubled-diffusers"}, train={"output_name": "doubled_on"}
    )
    assert server.run(onward)["status"]["status_str"] == "success"
    prompt = graphs.training(
        "sd3", network={"algo": "loha"}, train={"output_name": "no_peft_form", "save_diffusers_copy": True}
    )
    with pytest.raises(RuntimeError, match=r"save_diffusers_copy: .* cannot be stored in a PEFT file"):
        server.run(prompt)
    assert not list(folder.glob("no_peft_form*"))
