"""Lists of block weights by place, as presets of the WebUI's extension have them."""

import pytest
from athanor.training_core import block_lists, block_strengths, lora_blocks
from athanor.training_core.errors import AthanorError

SD1 = [
    "lora_te_text_model_encoder_layers_0_mlp_fc1",
    *(f"lora_unet_down_blocks_{i}_attentions_{j}_proj_in" for i in range(3) for j in range(2)),
    "lora_unet_mid_block_attentions_0_proj_in",
    *(f"lora_unet_up_blocks_{i}_attentions_{j}_proj_in" for i in (1, 2, 3) for j in range(3)),
]
SDXL = [f"lora_unet_input_blocks_{i}_1_proj_in" for i in (4, 5, 7, 8)]
SDXL += ["lora_unet_middle_block_1_proj_in", *(f"lora_unet_output_blocks_{i}_1_proj_in" for i in range(6))]


FLUX = [
    *(
        "lora_te1_text_model_encoder_layers_0_mlp_fc1",
        "lora_te3_encoder_block_0_layer_0_SelfAttention_q",
        "lora_unet_img_in",
    ),
    *(f"lora_unet_double_blocks_{i}_img_attn_qkv" for i in range(19)),
    *(f"lora_unet_single_blocks_{i}_linear1" for i in range(38)),
    "lora_unet_final_layer_linear",
]


def found(text: str, layers: list[str]) -> list[float]:
    return list(block_strengths.read(text).strengths(layers, "a.safetensors").values())


def test_numbers_stand_for_blocks_by_their_place():
    numbers = [i / 100 for i in range(17)]
    assert found(",".join(map(str, numbers)), SD1) == numbers
    assert found(", ".join(map(str, numbers[:12])), SDXL) == numbers[1:12]
    wide = found(",".join(str(i / 100) for i in range(26)), SD1)
    assert wide == [0, 0.02, 0.03, 0.05, 0.06, 0.08, 0.09, 0.13, *(i / 100 for i in range(17, 26))]
    assert [block.name for block in block_lists.LISTS[20]][-1] == "OUT08"
    numbers = [i / 100 for i in range(61)]
    assert found(",".join(map(str, numbers)), FLUX) == numbers
    assert found(",".join(map(str, numbers[:58])), FLUX) == [0, 0, 0, *numbers[1:58], 0]


def test_blocks_that_a_short_list_has_no_place_for_are_off():
    """As in the WebUI, which fills 17 numbers up to 26 with zeros; they were on, so that NONE left the convolutions of a LoCon in."""
    convolutions = [
        "lora_unet_down_blocks_0_downsamplers_0_conv",
        "lora_unet_up_blocks_0_resnets_0_conv1",
    ]  # IN03, OUT00
    locon = [*SD1, *convolutions, "lora_unet_time_embedding_linear_1"]
    assert found("1,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1", locon)[-3:] == [0, 0, 1]
    assert found(",".join("1" * 17), locon) == [1] * len(locon)  # ALL is the whole file


def test_presets_have_names():
    preset = "OUTS:1,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1"
    assert block_lists.read(preset, "blocks") == ("OUTS", (1.0, *[0.0] * 11, *[1.0] * 5))
    text = block_strengths.read(preset).text
    assert text == "1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1" == block_strengths.read(text).text
    on = lora_blocks.words(n for n, s in zip(SD1, found(preset, SD1), strict=True) if s)
    assert on == "te1, OUT07-11"
    assert block_strengths.read("ALL:" + ",".join("1" * 26)).text == ""
    assert block_lists.read("in 0.5, mid 0", "blocks") is None and block_lists.read("1, 0, 1", "blocks") is None


@pytest.mark.parametrize(
    ("count", "layers", "words"),
    [
        (
            15,
            SD1,
            r"has 15 numbers: lists of block weights have 17 or 26 \(SD1, SD2\), 12 or 20 \(SDXL\), 58 or 61 \(Flux\)",
        ),
        (12, SD1, "a list of 12 numbers is for LoRAs of SDXL, and a.safetensors is of SD1 and SD2"),
        (17, SDXL, "a list of 17 numbers is for LoRAs of SD1 and SD2, and a.safetensors is of SDXL"),
        (17, FLUX, "a list of 17 numbers is for LoRAs of SD1 and SD2, and a.safetensors is of Flux"),
        (61, SDXL, "a list of 61 numbers is for LoRAs of Flux, and a.safetensors is of SDXL"),
        (58, [*FLUX, "lora_unet_double_blocks_19_img_attn_qkv"], "a.safetensors is neither of a U-Net nor of Flux"),
        (
            12,
            ["lora_unet_layers_0_attention_q"],
            "is neither of a U-Net nor of Flux, for which lists of 12 numbers are",
        ),
    ],
)
def test_lists_of_another_model_are_said(count, layers, words):
    with pytest.raises(AthanorError, match=words):
        found(",".join("0" * count), layers)
