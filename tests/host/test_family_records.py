"""A family's record is complete, its classes are ComfyUI's, and classes of other models that share a bare name are not taken."""

from __future__ import annotations

import importlib
import re
from dataclasses import fields

import marks
import model_page
import pytest
import torch
from athanor.training_core import families
from athanor.training_core.families import FAMILIES, Layers, text_encoders
from family_cases import CASES

pytestmark = pytest.mark.usefixtures("comfy")

LAYERS = [row.layers for row in FAMILIES] + [text_encoders.CLIP, text_encoders.T5]


def found(path: str) -> object:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name, None)


def test_each_family_has_a_case_in_the_tests_of_families():
    assert {row.title for row in FAMILIES} == {case.title for case in CASES.values()}
    assert len({row.title for row in FAMILIES}) == len(FAMILIES)


@pytest.mark.parametrize("row", FAMILIES, ids=lambda row: row.title)
def test_a_record_is_complete(row):
    from athanor.training_core.host import diffusers

    for name in ("title", "model_class", "base_version", "architecture", "implementation", "source"):
        assert getattr(row, name).strip() == getattr(row, name) != ""
    assert row.layers.blocks and row.layers.attentions
    assert row.controls is None or row.controls.source
    assert row.timestep_sampling in ("uniform", "sigmoid", "shift")
    assert (
        row.shift == 1.0 if row.timestep_sampling == "sigmoid" else row.shift != 1.0 or row.timestep_sampling != "shift"
    )
    assert isinstance(found(row.model_class), type)
    if row.diffusers_map not in ("", families.SAME):
        assert row.diffusers_map in diffusers.OWN_MAPS or callable(found(f"comfy.utils.{row.diffusers_map}"))


def test_the_page_of_models_is_not_stale():
    """docs/models.md: its tables are made from the records and from tools/lora_names.json, which test_families.py looks at."""
    page = model_page.PAGE.read_text(encoding="utf-8")
    for table in model_page.tables(FAMILIES, families.refused.REFUSED):
        assert page == marks.rewritten(page, table), "python dev.py docs"
    page = model_page.HELP.read_text(encoding="utf-8")
    assert page == marks.rewritten(page, model_page.listed(FAMILIES)), "python dev.py docs"
    for path, words in model_page.PAIRS.items():
        page = path.read_text(encoding="utf-8")
        assert page == marks.rewritten(page, model_page.editing(FAMILIES, *words)), "python dev.py docs"


def test_the_readme_names_every_family():
    """It was written by hand, and lacked Anima."""
    readme = (model_page.ROOT / "README.md").read_text(encoding="utf-8")
    listed = readme[readme.index("- Supported models") : readme.index("- GGUF")]
    names = {
        row.title.removesuffix(" inpainting").partition(" (")[0].removesuffix(" text-to-video") for row in FAMILIES
    }
    in_words = {
        "SDXL refiner": "its refiner",
        "PixArt Sigma": "and Sigma",
        "Flux.1 dev": "Flux.1",
        "Flux.1 schnell": "Flux.1",
    }
    in_words |= {"KOALA 700M": "KOALA", "KOALA 1B": "KOALA", "Wan 2.2 5B": "2.2", "Z-Image in pixel space": "Z-Image"}
    in_words |= {"SDXL InstructPix2Pix": "InstructPix2Pix (SD1.5, SDXL)"}
    assert [name for name in sorted(names) if in_words.get(name, name) not in listed] == []


def test_the_page_says_what_our_files_call_the_layers():
    """Of Stable Cascade it said lora_unet_, while its files have lora_prior_unet_."""
    for family in FAMILIES:
        ours = model_page.names_in_files(family, [])[1].strip("`")
        assert ours.startswith(f"{family.file_prefix}_unet_")


def test_classes_are_those_of_the_host():
    """A class that ComfyUI has renamed would silently no longer be trained, checkpointed or kept from writing in place."""
    names = {f.name for f in fields(Layers)} - {"lycoris_names", "in_place_readers"}
    paths = {path for layers in LAYERS for name in names for path in getattr(layers, name)}
    assert len(paths) > 30
    for path in paths:
        kind = found(path)
        assert isinstance(kind, type) and issubclass(kind, torch.nn.Module), path
        assert families.class_path(kind) == path
    for layers in LAYERS:
        assert all(callable(found(path)) for path in layers.in_place_readers)
        assert set(layers.in_place) <= set(layers.blocks)
        assert set(layers.lycoris_names.values()) <= {path.rpartition(".")[2] for path in paths}


def test_sizes_and_v_prediction_are_in_the_metadata():
    """What sd-scripts writes of them (reference: its section on metadata)."""
    import comfy.model_base

    def described(model_class, v_prediction=False, **config):
        family = families.identify(model_class, config, v_prediction)
        return family and (family.base_version, family.architecture)

    base, sdxl, sd3 = comfy.model_base.BaseModel, comfy.model_base.SDXL, comfy.model_base.SD3
    assert described(base, context_dim=768) == ("sd_v1", "stable-diffusion-v1")
    assert described(base, True, context_dim=768) == ("sd_v1_v", "stable-diffusion-v1")
    assert described(base, context_dim=1024) == ("sd_v2", "stable-diffusion-v2-512")
    assert described(base, True, context_dim=1024) == ("sd_v2_v", "stable-diffusion-v2-768-v")
    assert described(base, context_dim=512) is None
    assert described(sdxl, True) == ("sdxl_base_v1-0_v", "stable-diffusion-xl-v1-base")
    layers = {"x_block_self_attn_layers": []}
    assert described(sd3, depth=24, **layers) == ("medium", "stable-diffusion-3-medium")
    assert described(sd3, depth=38, **layers) == ("5-large", "stable-diffusion-3-5-large")
    assert described(sd3, depth=24, x_block_self_attn_layers=[0]) == ("5-medium", "stable-diffusion-3-5-medium")


def tiny(build, *sizes, **named):
    import comfy.ops

    return build(*sizes, **named, dtype=torch.float32, device="cpu", operations=comfy.ops.disable_weight_init)


def test_krea_2s_single_stream_block_is_not_taken_for_flux():
    """It has the name of Flux's block, which writes into its inputs; this one returns new tensors."""
    from athanor.training_core.host import patches
    from comfy.ldm.flux.layers import SingleStreamBlock as FluxBlock
    from comfy.ldm.krea2.model import SingleStreamBlock

    other = tiny(SingleStreamBlock, 64, 2, 4)
    flux = tiny(FluxBlock, 64, 2)
    assert type(other).__name__ == type(flux).__name__ == "SingleStreamBlock"
    assert patches.on_copies(other, other.forward) == other.forward
    assert patches.on_copies(flux, flux.forward) != flux.forward
    other.norm, flux.norm = torch.nn.LayerNorm(64), torch.nn.LayerNorm(64)  # Flux's would be run on a copy
    with patches.differentiable(torch.nn.ModuleList([other, flux])):
        assert "forward" not in other.norm.__dict__ and "forward" in flux.norm.__dict__


class Text(torch.nn.Module):
    """A Qwen-Image attention beside the text adapter of Anima, whose attention is of a class of the same name."""

    def __init__(self) -> None:
        from comfy.ldm.anima.model import LLMAdapter
        from comfy.ldm.qwen_image.model import Attention

        super().__init__()
        self.attn = tiny(Attention, 32, 16, 2)
        self.llm_adapter = tiny(LLMAdapter, source_dim=32, target_dim=32, model_dim=32, num_layers=1, num_heads=2)


def test_attn_only_leaves_namesakes_of_attention_alone():
    from athanor.training_core.network import build
    from athanor.training_core.settings import NetworkSettings

    module = Text()
    assert sum(type(m).__name__ == "Attention" for m in module.modules()) == 3
    network = build.create([build.Part(module)], NetworkSettings(rank=2, preset="attn-only"), 0)
    names = {lora.lora_name for lora in network.loras}
    assert names and all(name.startswith("lora_unet_attn_") for name in names)


def test_a_namesake_inside_of_a_block_that_is_trained_is_trained_with_it():
    """A block's Linear layers are all trained, whatever the classes between it and them are called."""
    from athanor.training_core.network import presets
    from comfy.ldm.anima.model import Attention as Other
    from comfy.ldm.qwen_image.model import Attention

    outer, inner = tiny(Attention, 32, 16, 2), tiny(Other, 32, 32, 2, 16)
    outer.inner, alone = inner, tiny(Other, 32, 32, 2, 16)
    alone.good = tiny(Attention, 32, 16, 2)
    module = torch.nn.ModuleDict({"outer": outer, "alone": alone})
    (pattern,) = presets._namesakes(module, presets.PRESETS["attn-only"])
    excluded = [name for name, _ in module.named_modules() if re.match(pattern, name)]
    assert "alone.q_proj" in excluded and not any("good" in name or "outer" in name for name in excluded)
    assert not re.match(pattern, "alone.q_proj.more")
