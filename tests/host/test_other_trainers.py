"""LoRA files of other trainers are continued with the numbers that ComfyUI's own loader makes of them."""

from __future__ import annotations

import json

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")

ENCODERS = {"lora_te": "clip_l", "lora_te1": "clip_l", "lora_te2": "clip_g", "lora_te3": "t5xxl"}
COMPONENTS = {
    "lora_te": "text_encoder",
    "lora_te1": "text_encoder",
    "lora_te2": "text_encoder_2",
    "lora_te3": "text_encoder_2",
}
ONE_TRAINER = {"lora_te": "clip_l", "lora_te1": "clip_l", "lora_te2": "clip_g", "lora_te3": "t5"}
BUNDLED = {f"bundle_emb.cat.{end}": torch.ones(2, 8) for end in ("clip_l", "clip_l_out", "string_to_param.*")}


def create(parts, **values):
    """(settings, a network on these parts), random as if trained."""
    from athanor.training_core.network import build
    from athanor.training_core.settings import NetworkSettings

    settings = NetworkSettings(**({"rank": 4, "alpha": 2.0} | values))
    network = build.create(parts, settings, 0)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for lora in network.loras:
            for parameter in lora.parameters():
                parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return settings, network


def saved(network):
    """The file's tensors by (prefix, layer with dots, piece)."""
    return {
        (network.parts[lora.lora_name].prefix, network.layers[lora.lora_name], key): value.detach().clone()
        for lora in network.loras
        for key, value in lora.state_dict().items()
    }


def by_the_loader(model, clip, tensors):
    """Weight name -> its change by the stock loader."""
    import comfy.lora
    import comfy.sd

    with torch.inference_mode():
        patched = comfy.sd.load_lora_for_models(model, clip, tensors, 1.0, 1.0)
        sides = [
            (part.patches, whole.state_dict())
            for part, whole in ((patched[0], model and model.model), (patched[1] and patched[1].patcher, clip and clip.cond_stage_model))
            if whole is not None
        ]  # fmt: skip
        return {
            key: comfy.lora.calculate_weight(patches, torch.zeros(state[key].shape), key)
            for all_patches, state in sides
            for key, patches in all_patches.items()
        }


def changes(network, whole):
    """Weight name -> its change by the network."""
    paths = {id(module): name for name, module in whole.named_modules()}
    return {
        f"{paths[id(lora.org_module[0])]}.weight": (lora.lora_up.weight @ lora.lora_down.weight * lora.scale).detach()
        for lora in network.loras
    }


def assert_same(one, other):
    assert one.keys() == other.keys() and one
    for key, value in one.items():
        assert value.norm() > 0 and (other[key] - value).norm() <= 1e-5 * value.norm(), key


def kohya(tensors):
    return {f"{prefix}_{layer.replace('.', '_')}.{piece}": value for (prefix, layer, piece), value in tensors.items()}


def peft(tensors, start, down="lora_A.weight", up="lora_B.weight"):
    """Dotted names; alpha stands in no key, so it goes into the up weight."""
    pieces = {"lora_down.weight": down, "lora_up.weight": up}
    return {
        f"{start(prefix)}.{layer}.{pieces[piece]}": value * 0.5 if "up" in piece else value
        for (prefix, layer, piece), value in tensors.items()
        if piece in pieces
    }


@pytest.mark.parametrize("family", ["sd15", "sdxl", "flux"])
def test_text_encoders_in_every_spelling(family):
    """diffusers' names (PEFT's, the old ones, those of newer transformers), OneTrainer's, ComfyUI's own; all were refused."""
    import comfy.lora
    import tiny_text
    from athanor.training_core import lora_keys
    from athanor.training_core.host import text
    from athanor.training_core.network import weights
    from athanor.training_core.network.parts import Part

    clip = tiny_text.load(family)
    encoders = text.trainable(clip.cond_stage_model, numbered=family != "sd15")
    parts = [Part(encoder, prefix) for prefix, encoder in encoders.items()]
    _, network = create(parts, train="text encoder")
    tensors = saved(network)
    wanted = by_the_loader(None, clip, kohya(tensors))
    assert len(wanted) == len(network.loras)
    theirs = peft(tensors, COMPONENTS.__getitem__)
    old = peft(tensors, COMPONENTS.__getitem__, "lora_linear_layer.down.weight", "lora_linear_layer.up.weight")
    one_trainer = {f"{ONE_TRAINER[prefix]}.{layer}.{piece}": value for (prefix, layer, piece), value in tensors.items()}
    own = peft(tensors, lambda prefix: f"text_encoders.{ENCODERS[prefix]}.transformer")
    spellings = [
        kohya(tensors), theirs, old, {key.replace(".text_model.", "."): value for key, value in theirs.items()},
        one_trainer | BUNDLED, own, {f"base_model.model.{key}": value for key, value in theirs.items()},
        {key.replace("lora_te1_", "lora_te_").replace("lora_te3_", "lora_te2_"): v for key, v in kohya(tensors).items()},
    ]  # fmt: skip
    for spelled in spellings:
        settings, again = create(parts, train="text encoder", alpha=4.0)
        weights.load_into(again, settings, spelled, {}, {})
        assert_same(wanted, changes(again, clip.cond_stage_model))
    names = {
        key: lora.lora_name for key, lora in zip(changes(network, clip.cond_stage_model), network.loras, strict=True)
    }
    for spelled, key in comfy.lora.model_lora_keys_clip(clip.cond_stage_model, {}).items():
        if key in names:
            layer, _ = lora_keys.split(f"{spelled}.lora_up.weight")
            assert weights.module_of(layer, set(encoders)) == names[key], spelled
    # Where the loader knows the spelling, its numbers are these.
    for spelled in (own, *([theirs, old] if family != "flux" else [])):
        assert_same(wanted, by_the_loader(None, clip, spelled))
    told = {
        "text_encoder.lora_alpha": 12,
        "text_encoder_2.lora_alpha": 12,
        "transformer.lora_alpha": 1,
    }
    settings, again = create(parts, train="text encoder")
    weights.load_into(again, settings, theirs, {"lora_adapter_metadata": json.dumps(told)}, {})
    assert_same({key: value * 3 for key, value in wanted.items()}, changes(again, clip.cond_stage_model))


@pytest.fixture(scope="module")
def sd3(comfy):
    import comfy.sd
    import tiny
    from athanor.training_core.host import detection, diffusers

    with torch.inference_mode():
        model = comfy.sd.load_diffusion_model_state_dict(tiny.sd3_unet(), model_options={"dtype": torch.float32})
    return model, diffusers.modules(model, detection.detect(model))


def test_prefixes_and_what_is_not_trained_here(sd3):
    """Keys of text encoders, bundled embeddings and magnitudes beside a U-Net's; the prefixes of two more programs."""
    from athanor.training_core.network import weights
    from athanor.training_core.network.parts import Part

    model, _ = sd3
    parts = [Part(model.model.diffusion_model)]
    _, network = create(parts)
    tensors = saved(network)
    wanted = by_the_loader(model, None, peft(tensors, lambda _: "diffusion_model"))
    others = {"clip_l.text_model.encoder.layers.0.mlp.fc1.lora_down.weight": torch.full((4, 4), torch.nan)} | BUNDLED
    others |= {
        "lora_te1_text_model_encoder_layers_0_mlp_fc1.alpha": torch.ones(()),
        "t5.encoder.block.0.layer.0.SelfAttention.q.alpha": torch.ones(()),
    }
    for start in ("model.diffusion_model", "pipe.dit", "base_model.model.diffusion_model", "dit"):
        file = peft(tensors, lambda _, start=start: start, "lora_A.my_cat.weight", "lora_B.my_cat.weight") | others
        settings, again = create(parts, alpha=4.0)
        weights.load_into(again, settings, file, {}, {})
        assert_same(wanted, changes(again, model.model))
        notes = weights.left_out(file, settings)
        assert len(notes) == 2 and "(cat)" in notes[1] and not any("magnitude" in note for note in notes)


def test_peft_s_magnitudes(sd3):
    """Without dora they are left out, as the stock loader does; with it they are the norms that are trained, q, k and v joined."""
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.network import diffusers_names, weights
    from athanor.training_core.network.parts import Part

    model, named = sd3
    parts = [Part(model.model.diffusion_model)]
    _, network = create(parts)
    file = diffusers_names.split(kohya(saved(network)), named)
    wanted = by_the_loader(model, None, file)
    generator = torch.Generator().manual_seed(5)
    sizes = {key.removesuffix(".lora_B.weight"): len(value) for key, value in file.items() if "lora_B" in key}
    norms = {name: torch.rand(size, generator=generator) for name, size in sizes.items()}
    file |= {f"{name}.lora_magnitude_vector": value for name, value in norms.items()}
    assert_same(wanted, by_the_loader(model, None, file))
    settings, again = create(parts)
    weights.load_into(again, settings, file, {}, {}, named)
    assert_same(wanted, changes(again, model.model))
    assert "magnitudes are left out" in weights.left_out(file, settings)[0]
    settings, again = create(parts, dora=True)
    weights.load_into(again, settings, file, {"athanor_run_id": "of our own copy"}, {}, named)
    assert_same(wanted, changes(again, model.model))
    assert weights.left_out(file, settings) == []
    for lora in again.loras:
        whole = torch.zeros(len(lora.dora_scale))
        for name, rows in named[again.file_name(lora)].items():
            whole[rows] = norms[name]
        assert torch.equal(lora.dora_scale.flatten(), whole)
    for change, words in (
        ({"dora": True, "wd_on_output": False}, r"dora_scale is \[\d+\] in the file"),
        ({"dora": True}, r"have DoRA magnitudes for \d+ of \d+ rows"),
    ):
        settings, again = create(parts, **change)
        some = (
            {k: v for k, v in file.items() if not k.endswith("to_k.lora_magnitude_vector")}
            if len(change) == 1
            else file
        )
        with pytest.raises(AthanorError, match=words):
            weights.load_into(again, settings, some, {}, {}, named)


def test_our_own_copy_of_a_dora_goes_on(sd3):
    """It holds the norms as they are trained; our main file holds those that the stock loader needs."""
    from athanor.training_core.network import diffusers_names, files, portable, weights
    from athanor.training_core.network.parts import Part

    model, named = sd3
    parts = [Part(model.model.diffusion_model)]
    _, network = create(parts, dora=True)
    main = files.tensors_for_file(_state(network), "float", network.renames())
    copy = diffusers_names.split(main, named, portable.magnitudes(network))
    settings, again = create(parts, dora=True, alpha=4.0)
    with torch.no_grad():
        for lora in again.loras:
            lora.dora_scale.zero_()
    weights.load_into(again, settings, copy, {"athanor_run_id": "x"}, network.renames(), named)
    assert_same(changes(network, model.model), changes(again, model.model))
    for one, other in zip(network.loras, again.loras, strict=True):
        assert (one.dora_scale - other.dora_scale).abs().max() < 1e-5


def _state(network):
    return {f"{lora.lora_name}.{key}": value for lora in network.loras for key, value in lora.state_dict().items()}


def test_broken_files_are_said_in_a_sentence(sd3, tmp_path, monkeypatch):
    """A piece missing, NaN, and alpha of two numbers: where a LoRA is continued, and where it is put on a model."""
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import lora as host_lora
    from athanor.training_core.network import weights
    from athanor.training_core.network.parts import Part

    model, _ = sd3
    parts = [Part(model.model.diffusion_model)]
    settings, network = create(parts)
    tensors = kohya(saved(network))
    name = next(iter(tensors)).partition(".")[0]
    half = {key: value for key, value in tensors.items() if key != f"{name}.lora_down.weight"}
    two = tensors | {f"{name}.alpha": torch.ones(2)}
    nan = tensors | {f"{name}.lora_up.weight": tensors[f"{name}.lora_up.weight"] * torch.nan}
    before = [parameter.clone() for parameter in network.parameters()]
    for broken, words in ((half, "lacks a piece"), (two, "has no single alpha"), (nan, "holds NaN or infinity")):
        with pytest.raises(AthanorError, match=rf"^network_weights: 1 of \d+ layers {words} \({name}: "):
            weights.load_into(network, settings, broken, {}, {})
    assert all(torch.equal(x, y) for x, y in zip(before, network.parameters(), strict=True))
    for broken in (half, two):
        with pytest.raises(AthanorError, match=r"x\.safetensors is broken: ComfyUI's loader stops at it"):
            host_lora.apply(model, None, tmp_path / "x.safetensors", 1.0, tensors=(broken, None))
    monkeypatch.setattr("folder_paths.is_within_directory", lambda *_: True)
    (tmp_path / "y.safetensors").write_bytes(b"\x02" + bytes(7) + b"[]")
    with pytest.raises(
        AthanorError, match=r"y.safetensors cannot be read \(y.safetensors does not begin with a safetensors header\)"
    ):
        host_lora.read(tmp_path / "y.safetensors")
