"""Per-block ranks and learning rates, with sd-scripts' numbers."""

import pytest
import torch
from athanor.training_core.errors import AthanorError
from athanor.training_core.network import blocks
from athanor.training_core.network.build import Part, attached, create
from athanor.training_core.network.groups import parameter_groups
from athanor.training_core.settings import BlockSettings, NetworkSettings, parse
from small import CPU, Model


def settings(**values) -> NetworkSettings:
    return NetworkSettings(rank=4, alpha=2.0, blocks=BlockSettings(**values))


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("lora_unet_down_blocks_0_resnets_0_conv1", (1, 25)),
        ("lora_unet_down_blocks_0_attentions_1_proj_in", (2, 25)),
        ("lora_unet_down_blocks_0_downsamplers_0_conv", (3, 25)),
        ("lora_unet_mid_block_attentions_0_proj_in", (12, 25)),
        ("lora_unet_up_blocks_3_attentions_2_proj_out", (24, 25)),
        ("lora_unet_up_blocks_0_upsamplers_0_conv", (15, 25)),
        ("lora_unet_time_embedding_linear_1", (0, 25)),
        ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k", (5, 23)),
        ("lora_unet_middle_block_1_proj_in", (11, 23)),
        ("lora_unet_output_blocks_0_1_proj_in", (13, 23)),
        ("lora_unet_time_embed_0", (0, 23)),
        ("lora_unet_out_2", (22, 23)),
        ("lora_unet_double_blocks_0_img_attn_qkv", None),
        ("lora_unet_output_blocks_11_0_in_layers_2", None),  # SDXL's refiner has 12, which nobody counts
        ("lora_unet_input_blocks_9_0_op", None),
    ],
)
def test_index(name, where):
    assert blocks.index(name) == where


def test_published_vector():
    chosen = settings(
        down_lr_weight="cosine", mid_lr_weight=".5,1", up_lr_weight="linear+0.25", block_lr_zero_threshold=0.1
    )
    want = [1, 1, 0.980785, 0.923880, 0.831470, 0.707107, 0.555570, 0.382683, 0.195090, 0, 0.5, 1, 1]
    want += [0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 1.125, 1.25, 1]
    assert blocks.lr_weights(chosen, 23) == pytest.approx(want, abs=1e-6)


def test_lists_are_cut_and_filled():
    weights = blocks.lr_weights(settings(down_lr_weight="0.5", up_lr_weight=",".join(["0.1"] * 20)), 25)
    assert weights == [1.0, 0.5] + [1.0] * 12 + [0.1] * 11 + [0.1]
    assert blocks.lr_weights(settings(down_lr_weight="zeros", up_lr_weight="reverse_linear"), 23)[1:10] == [0.0] * 9


def test_share():
    dims = ",".join(str(i) for i in range(23))
    chosen = settings(block_dims=dims, block_alphas=",".join(["3"] * 23), reg_dims="attn2=9", reg_lrs="attn1=5e-4")
    name = "lora_unet_input_blocks_4_1_transformer_blocks_0_"
    assert blocks.share(chosen, f"{name}attn1_to_q", False, 1e-3) == blocks.Share(5, 3.0, 0.5)
    assert blocks.share(chosen, f"{name}attn2_to_q", False, 1e-3) == blocks.Share(9, 3.0, 1.0)
    assert blocks.share(chosen, f"{name}conv", True, 1e-3) == blocks.Share(0, 1.0, 1.0)  # conv_rank is 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"block_dims": "1,2,x"}, "block_dims: 'x' is not a number from 0"),
        ({"reg_dims": "attn"}, "reg_dims: 'attn' is not of the form expression=number"),
        ({"reg_lrs": "(=1"}, "reg_lrs: '(' is not a valid regular expression"),
        ({"reg_lrs": "a=-1"}, "reg_lrs: '-1' is not a number from 0"),
    ],
)
def test_wrong_settings(values, words):
    with pytest.raises(AthanorError) as error:
        parse(BlockSettings, values)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("values", "name", "words"),
    [
        ({"block_dims": "1,2"}, "lora_unet_mid_block_x", "block_dims has 2 numbers: this model has 25 blocks"),
        ({"down_lr_weight": "1"}, "lora_unet_joint_blocks_0_x", "are for SD1, SD2 and SDXL; use reg_dims and reg_lrs"),
        ({"down_lr_weight": "sinus"}, "lora_unet_mid_block_x", "down_lr_weight is 'sinus': give numbers with commas"),
        ({"mid_lr_weight": "sine"}, "lora_unet_mid_block_x", "mid_lr_weight: a curve needs several blocks"),
    ],
)
def test_what_does_not_fit_a_model(values, name, words):
    with pytest.raises(AthanorError) as error:
        blocks.share(settings(**values), name, False, 1.0)
    assert words in str(error.value)


def test_a_network_with_ranks_and_rates_by_name():
    chosen = settings(reg_dims="to_q=2, proj_in=0", reg_lrs="to_q=5e-4")
    loras = create([Part(Model())], chosen, 0).loras
    assert [lora.lora_name for lora in loras] == ["lora_unet_attn_to_q"]
    assert loras[0].lora_down.weight.shape[0] == 2 and loras[0].scale == 2.0 / 2
    both = settings(reg_dims="to_q=2", reg_lrs="to_q=5e-4")
    with attached([Part(Model())], both, 0, CPU) as network:
        groups = parameter_groups(network, both, 1e-3)
        assert sorted((g["lr_scale"], len(g["params"])) for g in groups) == [(0.5, 2), (1.0, 2)]
        assert {g["part"] for g in groups} == {"unet"}
        assert sum(len(g["params"]) for g in groups) == len(list(network.parameters()))
    with pytest.raises(AthanorError, match="Block Config: it leaves no layer to train"):
        create([Part(Model())], settings(reg_dims="attn=0"), 0)


def test_the_same_network_whatever_is_said_of_ranks_that_do_not_change():
    plain = create([Part(Model())], NetworkSettings(rank=4, alpha=2.0), 0)
    named = create([Part(Model())], settings(reg_dims="to_q=4"), 0)
    for a, b in zip(plain.loras, named.loras, strict=True):
        assert torch.equal(a.lora_down.weight, b.lora_down.weight)
