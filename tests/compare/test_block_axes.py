"""Axes of a LoRA's blocks and steps: what they mean for cells, and which nodes draw them."""

import dataclasses

import pytest
from athanor.training_core.compare import block_axes, cells, identity, kinds, lora_steps, readers, stock
from athanor.training_core.compare import plan as planning
from athanor.training_core.compare.axes import Axis, LoraChoice, Value
from athanor.training_core.compare.cells import Lora
from athanor.training_core.errors import AthanorError
from cell import base_cell

KNOWN = {"loras": ("char.safetensors", "style.safetensors"), "samplers": (), "schedulers": (), "models": (), "vaes": ()}
LAYERS = {
    "char.safetensors": ["lora_te_text_model_encoder_layers_0_mlp_fc1", "lora_unet_mid_block_attentions_0_proj_in"],
    "style.safetensors": ["lora_unet_mid_block_attentions_0_proj_in", "lora_unet_up_blocks_1_attentions_0_proj_in"],
}


def read(kind: str, text: str) -> Axis:
    return kinds.read(kind, text, KNOWN)


def resolved(*connected: Axis | None, own=()) -> list[str]:
    """The labels of the first axis for the LoRAs of all."""
    first, *_ = block_axes.resolved(connected, own, LAYERS.__getitem__)
    assert first
    return [value.label for value in first.values]


def check(loras: str, blocks: str) -> list[str]:
    cells = planning.plan([read("LoRA", loras), read("LoRA blocks", blocks)], base_cell()).cells
    return block_axes.check(cells, LAYERS.__getitem__)


def test_texts_of_an_axis():
    axis = read("LoRA blocks", "all\nDOWN 0.5, middle 0\neach  OFF")
    assert [v.label for v in axis.values] == ["all", "in 0.5, MID 0", "each off"]
    assert block_axes.is_open(axis) and not block_axes.is_open(read("LoRA blocks", "in 0.5, mid 0"))
    assert len(read("LoRA blocks", "in 0.5, mid 0").values) == 1
    presets = read("LoRA blocks", "NONE:0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0\nALL:1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1")
    assert [(v.label, len(dict(v.changes)["blocks"])) for v in presets.values] == [("NONE", 49), ("ALL", 0)]
    steps = read("LoRA steps", "0-0.5, .3 - 1, 0-1")
    assert [(v.label, dict(v.changes)["lora_steps"]) for v in steps.values] == [
        ("0-0.5", (0.0, 0.5)),
        ("0.3-1", (0.3, 1.0)),
        ("0-1", (0.0, 1.0)),
    ]
    for text in ("0.5", "0.5-0.5", "0-2", "a-b"):
        with pytest.raises(AthanorError, match="is not a part of the steps; write 0-0"):
            read("LoRA steps", text)


def test_ready_lists_are_of_the_loras_that_are_compared():
    blocks = read("LoRA blocks", "each off\nmid 0.5")
    assert resolved(blocks, read("LoRA", "char, style")) == ["all", "te1 off", "MID off", "OUT03 off", "MID 0.5"]
    assert resolved(blocks, None, own=[read("LoRA", "char")]) == ["all", "te1 off", "MID off", "MID 0.5"]
    # One with a strength of its own keeps it: an axis of strengths leaves it alone as well.
    assert resolved(read("LoRA blocks", "groups off"), read("LoRA", "char + style:0.5")) == ["all", "te off", "mid off"]
    for kind, text in (("LoRA blocks", "each off"), ("LoRA blocks", "mid 0"), ("LoRA steps", "0-0.5")):
        with pytest.raises(AthanorError, match=f"an axis {kind} needs a LoRA that is compared: connect a run"):
            resolved(read(kind, text))


def test_cells_with_blocks():
    axes = [read("LoRA", "none, char, char + style:0.5"), read("LoRA blocks", "all\nmid 0")]
    cells = planning.plan(axes, base_cell()).cells
    assert cells[0] == cells[1] == base_cell()
    plain, mid = Lora("char.safetensors", 1, 1), Lora("char.safetensors", 1, 1, "MID 0")
    assert [c.loras for c in cells[2:]] == [
        (plain,),
        (mid,),
        (plain, Lora("style.safetensors", 0.5, 0.5)),
        (mid, Lora("style.safetensors", 0.5, 0.5)),
    ]
    contents = {"model:": "m", "vae:": "v", "lora:char.safetensors": "l"}
    assert identity.identity(cells[2], contents) != identity.identity(cells[3], contents)
    assert 'LoRA blocks: "MID 0"' in identity.parameters(cells[3]) and "LoRA blocks" not in identity.parameters(
        cells[2]
    )
    low = Value("", (("lora_low", (LoraChoice("char.safetensors"),)),))
    (cell,) = planning.plan([Axis("", (low,)), read("LoRA blocks", "mid 0")], base_cell(boundary=0.5)).cells
    assert cell.loras_low == (Lora("char.safetensors", 1, 0.0, "MID 0"),)


def test_blocks_are_checked_before_the_first_picture():
    with pytest.raises(AthanorError, match=r"char.safetensors has no block 'out'; it has te1, MID\."):
        check("char, style", "te 0\nout 0.5")
    check("char, style", "te 0, mid 2.0")


def written(cell) -> dict:
    graph = {"loader": {"class_type": "L", "inputs": {}}}
    links = {name: ["loader", i] for i, name in enumerate(("model", "clip", "vae"))}
    nodes = stock.stock_graph(cell, graph, links, steps_of_text=True)
    assert nodes
    return {key: node for key, node in nodes.items() if key != "loader"}


def test_the_nodes_of_blocks():
    cell = base_cell(loras=(Lora("a.safetensors", 0.8, 0.5, "MID 0"), Lora("b.safetensors", 1, 1)))
    first, second, *_ = written(cell).values()
    assert first["class_type"] == "AthanorLoadLoRABlocks"
    assert first["inputs"] == {
        "model": ["loader", 0], "clip": ["loader", 1], "lora_name": "a.safetensors", "strength_model": 0.8,
        "strength_clip": 0.5, "blocks": "MID 0",
    }  # fmt: skip
    assert second["class_type"] == "LoraLoader" and second["inputs"]["clip"] == ["cell_1", 1]


@pytest.mark.parametrize(
    ("steps", "frames"),
    [
        ((0.0, 0.5), [(1.0, 0.0), (0.0, 0.5)]),
        ((0.3, 1.0), [(0.0, 0.0), (1.0, 0.3)]),
        ((0.2, 0.6), [(0, 0), (1, 0.2), (0, 0.6)]),
    ],
)
def test_the_nodes_of_steps(steps, frames):
    loras = (Lora("a.safetensors", 0.8, 0.5), Lora("b.safetensors", 1, 1))
    nodes = written(base_cell(loras=loras, lora_steps=steps))
    kinds_of = [node["class_type"] for node in nodes.values()]
    assert kinds_of[:2] == ["CreateHookLora"] * 2 and nodes["cell_2"]["inputs"]["prev_hooks"] == ["cell_1", 0]
    found = [node["inputs"] for node in nodes.values() if node["class_type"] == "CreateHookKeyframe"]
    assert [(f["strength_mult"], f["start_percent"]) for f in found] == frames
    set_on = next(node["inputs"] for node in nodes.values() if node["class_type"] == "SetClipHooks")
    assert set_on["clip"] == ["loader", 1] and set_on["schedule_clip"] and set_on["apply_to_conds"]
    sampler = next(node["inputs"] for node in nodes.values() if node["class_type"] == "KSampler")
    assert sampler["model"] == ["loader", 0] and not {"LoraLoader", "LoraLoaderModelOnly"} & set(kinds_of)


def test_all_steps_are_the_plain_lora():
    cells = planning.plan([read("LoRA", "none, char"), read("LoRA steps", "0-1, 0-0.5")], base_cell()).cells
    assert cells[0] == cells[1] == base_cell()
    assert cells[2] == base_cell(loras=(Lora("char.safetensors", 1, 1),)) and not cells[2].hooks
    assert cells[3].hooks and cells[3].weights == base_cell().weights  # the model itself stays as it is
    assert "LoRA steps: 0-0.5" in identity.parameters(cells[3])
    # Hooks are patches, too: they were counted as none, and LoRAs that fail with them as one trouble.
    hooked = planning.plan([read("LoRA", "char, style"), read("LoRA steps", "0-0.5, 0.5-1")], base_cell())
    assert hooked.lora_patches == len({cell.patched for cell in hooked.cells}) == 4


def test_blocks_that_no_lora_has_are_said():
    """A block that is switched off may be missing in one of several LoRAs; in all of them it is a slip of the pen."""
    assert check("style", "OUT03 0") == check("char, style", "MID 0") == []
    said = "LoRA blocks 'OUT04 0, te2 0': no LoRA that is compared has OUT04, te2, so nothing changes by that."
    assert check("style", "mid 0\nout04 0, te2 off") == [said]


def test_what_a_ready_list_will_be_is_said():
    """A node that says "1 value: each off" looks as if one picture came of it."""
    said = kinds.listed(read("LoRA blocks", "each off"))
    assert said == "LoRA blocks, 1 value: each off (all, then each block of the LoRA that is compared off in turn)"
    assert kinds.listed(read("LoRA blocks", "mid 0")) == "LoRA blocks, 1 value: MID 0"


def test_steps_that_cannot_be_had():
    cell = base_cell(loras=(Lora("a.safetensors", 1, 1),), lora_steps=(0.0, 0.5))
    lora_steps.check(cell)
    blocks = dataclasses.replace(cell, loras=(Lora("a.safetensors", 1, 1, "MID 0"),))
    strong = dataclasses.replace(cell, loras=(Lora("a.safetensors", 30, 1),))
    for wrong, words in (
        (dataclasses.replace(cell, boundary=0.5), "LoRA steps is for one model: disconnect model_low"),
        (blocks, "LoRA steps and LoRA blocks cannot be combined"),
        (strong, "takes strengths from -20 to 20"),
    ):
        with pytest.raises(AthanorError, match=words):
            lora_steps.check(wrong)


def test_the_originals_of_a_merge_stand_beside_it_with_its_blocks():
    """LoRA Edit's axis; as a text it had lost the blocks, and names with commas and weights such as 1e-05 were refused."""
    stack = (LoraChoice("a, b.safetensors", 0.5, 0.5), LoraChoice("c + d.safetensors", 1e-5, 1e-5))
    value = readers.stacked(stack, "out, MID 0.5")
    assert value.label == "a, b 0.5 + c + d 1e-05 (out, MID 0.5)"
    drawn = cells.cell(base_cell(), (0.7, 0.7), [value], {})
    assert [(lora.strength_model, lora.blocks) for lora in drawn.loras] == [
        (0.5, "out, MID 0.5"),
        (1e-5, "out, MID 0.5"),
    ]
    assert readers.stacked(stack[:1]).fields == ("lora",)
