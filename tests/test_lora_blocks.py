"""Blocks of the layers of LoRA files of all trainers."""

import pytest
from athanor.training_core import lora_blocks

NAMES = {
    "lora_unet_down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_q": "IN02",
    "lora_unet_down_blocks_1_attentions_0_proj_in": "IN04",
    "lora_unet_down_blocks_2_downsamplers_0_conv": "IN09",
    "unet.down_blocks.3.resnets.1.conv1": "IN11",
    "lora_unet_mid_block_attentions_0_proj_in": "MID",
    "unet.up_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_q": "OUT03",
    "lora_unet_up_blocks_1_upsamplers_0_conv": "OUT05",
    "lora_unet_up_blocks_3_attentions_2_proj_out": "OUT11",
    "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k": "IN04",
    "diffusion_model.input_blocks.10.0.in_layers.2": "IN10",
    "lora_unet_middle_block_1_proj_in": "MID",
    "lora_unet_output_blocks_0_1_proj_in": "OUT00",
    "lora_unet_conv_in": "IN00",
    "lora_unet_time_embed_0": "other",
    "lora_unet_out_2": "other",
    "lora_prior_unet_down_blocks_1_3_attention_attn_out_proj": "IN01",
    "lora_unet_double_blocks_11_img_attn_qkv": "double11",
    "lora_unet_single_blocks_37_linear1": "single37",
    "diffusion_model.double_stream_blocks.0.block.attn1.to_q": "double0",
    "lora_unet_double_layers_0_attn_w1q": "double0",
    "transformer.joint_transformer_blocks.1.attn.to_q": "double1",
    "lora_unet_double_stream_layers_0_img_instruct_attn_processor_instruct_to_k": "double0",
    "base_model.model.transformer_blocks.3.attn.to_q": "layers3",
    "lora_unet_joint_blocks_0_x_block_attn_qkv": "layers0",
    "diffusion_model.layers.7.attention.qkv": "layers7",
    "diffusion_model.noise_refiner.1.attention.qkv": "noise_refiner1",
    "lora_unet_blocks_29_cross_attn_k": "layers29",
    "lora_unet_visual_transformer_blocks_1_cross_attention_to_key": "visual1",
    "lora_unet_txt_in_individual_token_refiner_blocks_0_self_attn_qkv": "token_refiner0",
    "lora_unet_language_model_layers_1_mlp_down_proj": "language_model1",
    "lora_unet_llm_adapter_blocks_2_mlp_0": "llm_adapter2",
    "lora_unet_pixel_blocks_0_adaLN_modulation_msa": "pixel0",
    "lora_unet_final_layer_linear": "other",
    "transformer.all_final_layer.2-1.linear": "other",
    "lora_unet_t_block_1": "other",
    "lora_unet_down_downscalers_1_1_blocks_0_weight": "other",
    "transformer.text_fusion.layerwise_blocks.0.attn.to_q": "txtfusion_layerwise0",
    "diffusion_model.video_embeddings_connector.transformer_1d_blocks.0.attn1.to_k": "video_embeddings_connector0",
    "lora_te_text_model_encoder_layers_3_mlp_fc1": "te1.3",
    "text_encoder_2.text_model.encoder.layers.30.mlp.fc1": "te2.30",
    "lora_te3_encoder_block_5_layer_0_SelfAttention_q": "te3.5",
    "lora_te2_text_projection": "te2",
}
FLUX = [
    *(f"lora_unet_double_blocks_{i}_img_attn_qkv" for i in range(19)),
    *(f"lora_unet_single_blocks_{i}_linear1" for i in range(38)),
]
DIFFUSERS = [
    name.replace("lora_unet_double", "transformer.transformer").replace("blocks_", "blocks.") for name in FLUX[:19]
]
DIFFUSERS += [f"transformer.single_transformer_blocks.{i}.attn.to_q" for i in range(38)]
SDXL = [
    *(f"lora_te{n}_text_model_encoder_layers_{i}_mlp_fc1" for n in (1, 2) for i in range(3)),
    *(f"lora_unet_input_blocks_{i}_1_transformer_blocks_0_{a}_to_k" for i in (4, 5, 7, 8) for a in ("attn1", "attn2")),
    "lora_unet_middle_block_1_proj_in",
    *(f"lora_unet_output_blocks_{i}_1_transformer_blocks_0_attn2_to_k" for i in range(6)),
]


@pytest.mark.parametrize(("name", "block"), NAMES.items())
def test_block_of_a_layer(name, block):
    assert lora_blocks.blocks([name])[name].name == block


def test_blocks_of_a_file():
    assert lora_blocks.words(SDXL) == "te1, te2, IN04-05, IN07-08, MID, OUT00-05"
    assert lora_blocks.words(FLUX) == "double0-18, single0-37"
    assert lora_blocks.words(DIFFUSERS) == "double0-18, single0-37"  # diffusers calls the first transformer_blocks
    assert lora_blocks.groups(SDXL) == ["te", "in", "mid", "out"]


KOHYA, WAN = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q", "lora_unet_blocks_0_self_attn_q"
TEXT = ("lora_te1_text_model_encoder_layers_0_mlp_fc1", "lora_te1_text_model_encoder_layers_1_self_attn_q_proj")


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ([KOHYA], [KOHYA, "lora_unet_x"], True),
        ([KOHYA], [TEXT[0]], True),  # no part in common
        ([KOHYA], [KOHYA.replace("4_1", "5_1")], True),  # one block each
        ([KOHYA], [KOHYA.replace("input_blocks_4", "output_blocks_3")], True),
        ([KOHYA, TEXT[0]], ["lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q", TEXT[0]], False),
        ([WAN], ["lora_unet_blocks_0_attn1_to_q"], False),  # as diffusers calls it
        (["lora_unet_double_blocks_0_img_attn_qkv"], ["transformer.transformer_blocks.0.attn.to_q"], False),
        ([WAN, TEXT[0]], [WAN, TEXT[1]], True),
        (["one"], ["two"], False),
    ],
)
def test_files_that_call_their_layers_alike(one, other, alike):
    """Two names of a layer in one file were merged where text encoders fit, and ComfyUI reads one of them."""
    assert lora_blocks.named_alike(one, other) == lora_blocks.named_alike(other, one) == alike
