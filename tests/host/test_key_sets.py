"""Files have the keys of sd-scripts' and LyCORIS' own, on models of the released sizes (must-shows 3 and 4)."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import real_layouts
import tiny_layouts
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

pytestmark = pytest.mark.usefixtures("comfy")

ATTENTIONS = ["attn1_to_q", "attn1_to_k", "attn1_to_v", "attn1_to_out_0", "attn2_to_q", "attn2_to_k", "attn2_to_v"]
ATTENTIONS += ["attn2_to_out_0", "ff_net_0_proj", "ff_net_2"]


def transformer(path: str, depth: int) -> list[str]:
    blocks = [f"{path}_transformer_blocks_{i}_{name}" for i in range(depth) for name in ATTENTIONS]
    return [f"{path}_proj_in", f"{path}_proj_out", *blocks]


def sd15() -> tuple[list[str], list[str]]:
    places = [f"down_blocks_{i}_attentions_{j}" for i in range(3) for j in range(2)] + ["mid_block_attentions_0"]
    places += [f"up_blocks_{i}_attentions_{j}" for i in range(1, 4) for j in range(3)]
    resnets = [f"down_blocks_{i}_resnets_{j}" for i in range(4) for j in range(2)]
    resnets += [f"mid_block_resnets_{j}" for j in range(2)]
    ups = [f"up_blocks_{i}_resnets_{j}" for i in range(4) for j in range(3)]
    wider = ["down_blocks_1_resnets_0", "down_blocks_2_resnets_0", *ups]
    convolutions = [f"{r}_{name}" for r in resnets + ups for name in ("conv1", "conv2", "time_emb_proj")]
    convolutions += [f"{r}_conv_shortcut" for r in wider]
    convolutions += [f"down_blocks_{i}_downsamplers_0_conv" for i in range(3)]
    convolutions += [f"up_blocks_{i}_upsamplers_0_conv" for i in range(3)]
    return [name for place in places for name in transformer(place, 1)], convolutions


def sdxl() -> tuple[list[str], list[str]]:
    depths = {f"input_blocks_{i}_1": 2 if i < 6 else 10 for i in (4, 5, 7, 8)} | {"middle_block_1": 10}
    depths |= {f"output_blocks_{i}_1": 10 if i < 3 else 2 for i in range(6)}
    resnets = [f"input_blocks_{i}_0" for i in (1, 2, 4, 5, 7, 8)] + ["middle_block_0", "middle_block_2"]
    ups = [f"output_blocks_{i}_0" for i in range(9)]
    convolutions = [f"{r}_{name}" for r in resnets + ups for name in ("in_layers_2", "emb_layers_1", "out_layers_3")]
    convolutions += [f"{r}_skip_connection" for r in ("input_blocks_4_0", "input_blocks_7_0", *ups)]
    convolutions += ["input_blocks_3_0_op", "input_blocks_6_0_op", "output_blocks_2_2_conv", "output_blocks_5_2_conv"]
    return [name for place, depth in depths.items() for name in transformer(place, depth)], convolutions


def sd3() -> tuple[list[str], list[str]]:
    parts = ["attn_qkv", "adaLN_modulation_1", "attn_proj", "mlp_fc1", "mlp_fc2"]
    names = [
        f"joint_blocks_{i}_{block}_{p}" for i in range(24) for block in ("context_block", "x_block") for p in parts
    ]
    return [n for n in names if not n.startswith("joint_blocks_23_context_block") or n.endswith(("qkv", "_1"))], []


def flux() -> tuple[list[str], list[str]]:
    parts = ["attn_qkv", "attn_proj", "mlp_0", "mlp_2", "mod_lin"]
    names = [f"double_blocks_{i}_{stream}_{p}" for i in range(19) for stream in ("img", "txt") for p in parts]
    return names + [f"single_blocks_{i}_{p}" for i in range(38) for p in ("linear1", "linear2", "modulation_lin")], []


SETS = {"sd15": (sd15, 192, 278), "sdxl": (sdxl, 722, 788), "sd3": (sd3, 237, 237), "flux_dev": (flux, 304, 304)}
"""Modules of sd-scripts' networks.lora, without and with conv_dim (reference: its sections on targets and key names)."""


def shapes(model, **values):
    """Key in the file -> shape."""
    from athanor.training_core.host import detection
    from athanor.training_core.network import build
    from athanor.training_core.settings import NetworkSettings

    with torch.device("meta"):
        network = build.create([build.Part(model.model.diffusion_model)], NetworkSettings(**values), 0)
    names = detection.file_names(model, detection.detect(model))
    return {
        f"{names.get(lora.lora_name, lora.lora_name)}.{key}": tuple(value.shape)
        for lora in network.loras
        for key, value in lora.state_dict().items()
    }


@pytest.mark.parametrize("name", SETS)
def test_keys_are_those_of_sd_scripts(name):
    names, plain, with_convolutions = SETS[name]
    model = real_layouts.load(name)
    for conv_rank, count in ((0, plain), (4, with_convolutions)):
        attentions, convolutions = names()
        modules = attentions + convolutions * bool(conv_rank)
        assert len(set(modules)) == len(modules) == count
        wanted = {f"lora_unet_{m}.{part}" for m in modules for part in ("lora_down.weight", "lora_up.weight", "alpha")}
        found = shapes(model, rank=16, conv_rank=conv_rank)
        assert found.keys() == wanted
        for key, shape in found.items():  # 1x1 convolutions take the rank of Linear layers
            if key.endswith("lora_down.weight"):
                assert shape[0] == (4 if shape[2:] == (3, 3) else 16)
                assert len(shape) == 2 or shape[2:] in ((1, 1), (3, 3))


@contextmanager
def called_as_in_sd_scripts():
    """LyCORIS picks blocks by the names of their classes; those of the host stand for the same layers."""
    from comfy.ldm.modules import attention
    from comfy.ldm.modules.diffusionmodules import openaimodel
    from lycoris import kohya

    theirs = {
        attention.SpatialTransformer: "Transformer2DModel",
        openaimodel.ResBlock: "ResnetBlock2D",
        openaimodel.Downsample: "Downsample2D",
        openaimodel.Upsample: "Upsample2D",
    }
    network = kohya.LycorisNetworkKohya
    names = {kind: kind.__name__ for kind in theirs}
    preset = {field: value for field, value in vars(network).items() if field.isupper()}
    try:
        for kind, name in theirs.items():
            kind.__name__ = name
        yield
    finally:
        for kind, name in names.items():
            kind.__name__ = name
        for field, value in preset.items():
            setattr(network, field, value)


def lycoris_own(module, network_dim, network_alpha, **values):
    """Key -> shape of the network that LyCORIS makes with its own preset, as sd-scripts calls it."""
    from lycoris import kohya

    with called_as_in_sd_scripts(), torch.device("meta"):
        network = kohya.create_network(1.0, network_dim, network_alpha, None, [], module, False, **values)
    return {
        f"{lora.lora_name}.{k}": tuple(v.shape) for lora in network.unet_loras for k, v in lora.state_dict().items()
    }


def count(found) -> int:
    return sum(torch.Size(shape).numel() for key, shape in found.items() if not key.endswith(".alpha"))


def test_recipe_a1_has_the_parameters_of_lycoris():
    """A published style LoKr of SDXL: every layer, full dimension, norms (recipe A1)."""
    model = real_layouts.load("sdxl")
    wanted = lycoris_own(
        model.model.diffusion_model,
        network_dim=100000,
        network_alpha=100000,
        conv_dim="100000",
        conv_alpha="100000",
        algo="lokr",
        dropout="0",
        factor=8,
        train_norm="True",
        preset="full",
    )
    found = shapes(
        model,
        algo="lokr",
        rank=100000,
        alpha=100000.0,
        conv_rank=100000,
        conv_alpha=100000.0,
        factor=8,
        train_norm=True,
        preset="full",
    )
    assert found == wanted
    assert count(found) == count(wanted) > 40e6


@pytest.mark.parametrize(
    "preset", ["full", "full-lin", "attn-mlp", "attn-only", "unet-transformer-only", "unet-convblock-only"]
)
def test_presets_are_those_of_lycoris(preset):
    with torch.inference_mode():  # of every kind of layer; the released size and depth are looked at above
        model = tiny_layouts.load("sdxl")
    wanted = lycoris_own(model.model.diffusion_model, 8, 4, algo="locon", conv_dim=4, conv_alpha=2, preset=preset)
    ours = {"conv_rank": 0 if preset == "attn-mlp" else 4, "conv_alpha": 2.0}  # with it, sd-scripts' own LoRA is meant
    assert shapes(model, algo="locon", rank=8, alpha=4.0, preset=preset, **ours) == wanted


def test_the_ends_of_a_unet_in_diffusers_names():
    """LyCORIS' preset full names them, and sd-scripts' U-Net of SD1 has those names."""
    found = shapes(real_layouts.load("sd15"), preset="full", conv_rank=4)
    modules = {key.partition(".")[0] for key in found}
    ends = {"lora_unet_conv_in", "lora_unet_conv_out", "lora_unet_time_embedding_linear_1"}
    assert ends < modules and len(modules) == 278 + 4


class Allocations(TorchDispatchMode):
    """Counts the bytes of every new tensor, kept or not: more than any peak."""

    def __init__(self):
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        given = {t.untyped_storage()._cdata for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)}
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata not in given:
                self.bytes += tensor.untyped_storage().nbytes()
        return result


@pytest.mark.parametrize(
    ("name", "family", "size"), [("lora", "sd15", 0.8e9), ("locon", "sd15", 0.8e9), ("recipe A1", "sdxl", 2.5e9)]
)
def test_building_takes_no_copy_of_the_base(name, family, size):
    """Must-show 6: all that is ever made while building is little more than the network itself."""
    from athanor.training_core.network import build
    from athanor.training_core.settings import NetworkSettings

    everything = {"preset": "full", "conv_rank": 8}
    values = {
        "lora": {},
        "locon": {"algo": "locon"} | everything,
        "recipe A1": {
            "algo": "lokr",
            "factor": 8,
            "train_norm": True,
            "preset": "full",
            "rank": 100000,
            "conv_rank": 100000,
        },
    }
    module = real_layouts.load(family).model.diffusion_model
    base = sum(p.numel() for p in module.parameters())
    assert base > size
    meta = torch.device("meta")
    with (
        meta,
        Allocations() as made,
        build.attached([build.Part(module)], NetworkSettings(**values[name]), 0, meta) as network,
    ):
        size = 4 * sum(p.numel() for p in network.parameters())
    assert size <= made.bytes < 2 * size < base
