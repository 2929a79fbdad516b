"""Texts that give the blocks of a LoRA a strength."""

import random

import pytest
from athanor.training_core import block_strengths, lora_blocks
from athanor.training_core.errors import AthanorError
from athanor.training_core.lora_blocks import Block

FLUX = [
    *(f"lora_unet_double_blocks_{i}_img_attn_qkv" for i in range(19)),
    *(f"lora_unet_single_blocks_{i}_linear1" for i in range(38)),
]
SDXL = [
    *(f"lora_te{n}_text_model_encoder_layers_{i}_mlp_fc1" for n in (1, 2) for i in range(3)),
    *(f"lora_unet_input_blocks_{i}_1_transformer_blocks_0_{a}_to_k" for i in (4, 5, 7, 8) for a in ("attn1", "attn2")),
    "lora_unet_middle_block_1_proj_in",
    *(f"lora_unet_output_blocks_{i}_1_transformer_blocks_0_attn2_to_k" for i in range(6)),
]


def chosen(text: str, layers: list[str] = SDXL) -> dict[str, float]:
    """Block -> its strength; that of the last layer, where they differ."""
    strengths = block_strengths.read(text).strengths(layers, "a.safetensors")
    where = lora_blocks.blocks(layers)
    return {
        Block(where[n].group).name if lora_blocks.is_text(where[n]) else where[n].name: s for n, s in strengths.items()
    }


def on(text: str, layers: list[str] = SDXL) -> str:
    """The blocks that are not off, in words."""
    strengths = block_strengths.read(text).strengths(layers, "a.safetensors")
    return lora_blocks.words(name for name, strength in strengths.items() if strength)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("out", "OUT00-05"),
        ("all but out", "te1, te2, IN04-05, IN07-08, MID"),
        ("all but out, te", "IN04-05, IN07-08, MID"),
        ("all but in and mid", "te1, te2, OUT00-05"),
        ("IN05-08, M00", "IN05, IN07-08, MID"),
        ("in 5 - 7, OUT01-OUT03", "IN05, IN07, OUT01-03"),
        ("te2, up 0-1", "te2, OUT00-01"),
        ("mid 0", "te1, te2, IN04-05, IN07-08, OUT00-05"),
        ("*attn2*", "IN04-05, IN07-08, OUT00-05"),
        ("*.attn1.*, BASE", "te1, te2, IN04-05, IN07-08"),
        ("all 0, in04 0.5", "IN04"),
        ("", "te1, te2, IN04-05, IN07-08, MID, OUT00-05"),
    ],
)
def test_what_a_text_keeps(text, want):
    assert on(text) == want


def test_strengths():
    found = chosen("in 0.5, mid: 0, IN07 = 2, te -1")
    assert (found["IN04"], found["IN07"], found["MID"], found["OUT03"], found["te1"]) == (0.5, 2, 0, 1, -1)
    assert chosen("out, IN04 0.3") == chosen("IN04 0.3\nout") and chosen("out, IN04 0.3")["IN05"] == 0
    assert chosen("all but mid 0.5")["MID"] == 1 and chosen("all but mid 0.5")["OUT00"] == 0.5
    assert (
        on("double 0-7", FLUX) == "double0-7" and on("all but single12", FLUX) == "double0-18, single0-11, single13-37"
    )
    assert on("te1.0-1") == "te1" and sum(block_strengths.read("te1.0-1").strengths(SDXL, "").values()) == 2


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("all", ""),
        ("  IN 0.50 ,Mid=0", "in 0.5, MID 0"),
        ("down 0.5", "in 0.5"),
        ("in04-IN08", "IN04-08"),
        ("all but out, mid", "all but out and MID"),
        ("Double Blocks 0-7 0.25; ", None),
        ("double_blocks 0-7 0.25", "double0-7 0.25"),
        ("block7, single = 2", "layers7, single=2"),
        ("te2.3-1", "te2.1-3"),
        ("*attn2* .5", "*attn2* 0.5"),
        ("IN04 off", "IN04 0"),
        ("te1 Alone", "te1"),
    ],
)
def test_one_spelling(text, canonical):
    if canonical is None:
        with pytest.raises(AthanorError, match="is not understood"):
            block_strengths.read(text)
        return
    assert block_strengths.read(text).text == canonical
    assert block_strengths.read(canonical).text == canonical


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "double 5",
            "blocks: 'double 5' can mean two things; write double5 for the block, or double=5 for a strength of 5.",
        ),
        ("in 0.5, ???=", "blocks: '???=' is not understood; write in 0.5, mid 0"),
        ("mid 200", "blocks: the strength of 'mid 200' is not between -100 and 100."),
        ("x" * 3000, "is longer than 2000 characters"),
    ],
)
def test_texts_that_cannot_be_read(text, words):
    with pytest.raises(AthanorError) as error:
        block_strengths.read(text)
    assert words in str(error.value)


def test_blocks_that_a_file_does_not_have():
    with pytest.raises(AthanorError) as error:
        on("double 0")
    assert str(error.value) == (
        "blocks: a.safetensors has no block 'double'; it has te1, te2, IN04-05, IN07-08, MID, OUT00-05."
    )
    with pytest.raises(AthanorError, match="has no block 'IN03'"):
        on("IN03 0.5")
    assert on("IN03 0") == on("")  # another LoRA of the comparison may have it
    with pytest.raises(AthanorError, match="no layer of a"):
        on("*conv*")
    assert on("te 0", FLUX) == on("all but te", FLUX) == "double0-18, single0-37"  # nothing to switch off
    with pytest.raises(AthanorError, match="has no block 'te1'"):
        on("te1", FLUX)


def test_ready_lists():
    off = block_strengths.series("each off", [SDXL])
    assert list(off)[:4] == ["all", "te1 off", "te2 off", "IN04 off"] and len(off) == 14 and off["all"] == ""
    assert off["OUT03 off"] == "all but OUT03" and on(off["OUT03 off"]).endswith("OUT00-02, OUT04-05")
    alone = block_strengths.series("each alone", [SDXL])
    assert on(alone["IN04 alone"]) == "IN04" and on(alone["te1 alone"]) == "te1"
    groups = block_strengths.series("groups off", [SDXL])
    assert groups["te off"] == "all but te"
    for label, text in (off | alone | groups).items():  # what the grid shows can be written where a text is asked for
        assert on(label) == on(text), label
    without_text = [SDXL, SDXL[6:]]
    assert list(block_strengths.series("each off", without_text)) == list(off)
    assert list(block_strengths.series("each alone", without_text))[:2] == ["all", "IN04 alone"]


def test_keys_by_strength():
    keys = [f"{name}.{piece}" for name in SDXL for piece in ("lora_up.weight", "alpha")] + ["strange"]
    strengths = block_strengths.read("in 0.5, out 0").strengths(lora_blocks.layers_of(keys), "a")
    parts = block_strengths.split(keys, strengths)
    assert {strength: len(part) for strength, part in parts.items()} == {0.5: 16, 1.0: 15}


def test_any_text_is_read_or_told():
    drawn = random.Random(1)
    pieces = [
        "in",
        "IN04",
        "mid",
        " ",
        ",",
        "=",
        "0.5",
        "-",
        "7",
        "all but ",
        "*",
        "te",
        ".",
        "\n",
        "double",
        '"',
        "and",
        "é",
    ]
    read = 0
    for _ in range(2000):
        text = "".join(drawn.choices(pieces, k=drawn.randint(1, 8)))
        try:
            found = block_strengths.read(text)
        except AthanorError as error:
            assert str(error).startswith("blocks") and "\n" not in str(error)
            continue
        read += 1
        assert block_strengths.read(found.text) == found, text
    assert read > 300
