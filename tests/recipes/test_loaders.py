"""Loaders of an imported model: which ones each family has, and what is asked for."""

from __future__ import annotations

import pytest
from athanor.training_core.families import FAMILIES
from athanor.training_core.recipes import loaders
from athanor.training_core.recipes.recipe import ROLES, Model
from athanor.training_core.recipes.sheet import Link, Sheet

TITLES = {family.title for family in FAMILIES}


def loaded(model: Model, *, zero_terminal_snr: bool = False):
    """(kinds of the nodes, questions as (kind, input, role, said), ports)."""
    sheet = Sheet()
    sheet.begin("Model")
    ports = loaders.load(sheet, model, zero_terminal_snr=zero_terminal_snr)
    kinds = {node.id: node.kind for node in sheet.nodes}
    asked = [(kinds[each.node], each.input, each.role, each.said) for each in sheet.questions]
    return sheet, asked, ports


def test_every_name_is_a_family():
    assert loaders.FILES.keys() <= TITLES


def test_every_family_has_loaders_that_lead_to_all_three():
    for title in sorted(TITLES):
        sheet, asked, ports = loaded(Model(family=title))
        kinds = {node.id: node.kind for node in sheet.nodes}
        assert {link.node for link in ports.inputs().values()} <= kinds.keys(), title
        assert all(role in ROLES for _, _, role, _ in asked), title
        empty = {(node.kind, name) for node in sheet.nodes for name, value in node.inputs.items() if value == ""}
        left = empty - {("CLIPLoader", "type"), ("DualCLIPLoader", "type")}
        assert left == {(kind, name) for kind, name, _, _ in asked}, title
        whole = title not in loaders.FILES or loaders.FILES[title].in_checkpoint
        assert ("CheckpointLoaderSimple" in kinds.values()) == whole, title


def test_one_checkpoint():
    sheet, asked, ports = loaded(Model(family="SDXL", files={"checkpoint": "D:\\m\\base.safetensors"}))
    assert asked == [("CheckpointLoaderSimple", "ckpt_name", "checkpoint", "D:\\m\\base.safetensors")]
    assert sheet.questions[0].text == "Choose the checkpoint: the recipe used 'base.safetensors'."
    assert [link.slot for link in (ports.model, ports.clip, ports.vae)] == [0, 1, 2]


def test_unknown_family_without_a_name():
    sheet, asked, _ = loaded(Model())
    assert [kind for kind, *_ in asked] == ["CheckpointLoaderSimple"]
    assert sheet.questions[0].text == "Choose the checkpoint, which the recipe does not name."


def test_vae_and_clip_skip_and_v_prediction():
    model = Model(family="SDXL", files={"checkpoint": "a", "vae": "b.pt"}, clip_skip=2, v_prediction=True)
    sheet, asked, ports = loaded(model, zero_terminal_snr=True)
    by_kind = {node.kind: node for node in sheet.nodes}
    assert [kind for kind, *_ in asked] == ["CheckpointLoaderSimple", "VAELoader"]
    assert by_kind["CLIPSetLastLayer"].inputs == {"clip": Link("2", 1), "stop_at_clip_layer": -2}
    assert by_kind["ModelSamplingDiscrete"].inputs == {
        "model": Link("2", 0), "sampling": "v_prediction", "zsnr": True,
    }  # fmt: skip
    assert ports.vae == Link(by_kind["VAELoader"].id, 0)
    assert ports.clip.node == by_kind["CLIPSetLastLayer"].id
    assert ports.model.node == by_kind["ModelSamplingDiscrete"].id


def test_fp8_base_of_a_checkpoint():
    """As the study workflows: Load Checkpoint for text encoders and VAE, Load Diffusion Model for the same file in fp8."""
    sheet, asked, ports = loaded(Model(family="SDXL", files={"checkpoint": "a"}, weight_dtype="fp8_e4m3fn"))
    assert [(kind, role, said) for kind, _, role, said in asked] == [
        ("CheckpointLoaderSimple", "checkpoint", "a"), ("UNETLoader", "diffusion_model", "a"),
    ]  # fmt: skip
    unet = sheet.nodes[1]
    assert unet.inputs["weight_dtype"] == "fp8_e4m3fn"
    assert ports.model == Link(unet.id, 0) and ports.clip.node == ports.vae.node == "2"


def test_flux_of_a_file_that_is_called_a_checkpoint():
    files = {"checkpoint": "flux1-dev.sft", "clip_l": "l", "t5xxl": "t", "vae": "ae.sft"}
    sheet, asked, _ = loaded(Model(family="Flux.1 dev", files=files))
    assert asked == [
        ("UNETLoader", "unet_name", "diffusion_model", "flux1-dev.sft"),
        ("DualCLIPLoader", "clip_name1", "clip_l", "l"),
        ("DualCLIPLoader", "clip_name2", "t5xxl", "t"),
        ("VAELoader", "vae_name", "vae", "ae.sft"),
    ]
    assert sheet.nodes[1].inputs["type"] == "flux"


def test_encoders_beside_a_checkpoint():
    files = {"checkpoint": "sd3.safetensors", "clip_l": "l", "clip_g": "g", "t5xxl": "t"}
    sheet, _, ports = loaded(Model(family="SD3", files=files))
    assert sheet.nodes[1].kind == "TripleCLIPLoader" and ports.clip == Link("3", 0) and ports.vae == Link("2", 2)
    two = {name: files[name] for name in ("checkpoint", "clip_l", "clip_g")}
    sheet, _, _ = loaded(Model(family="SD3", files=two))
    assert sheet.nodes[1].kind == "DualCLIPLoader" and sheet.nodes[1].inputs["type"] == "sd3"


def test_four_encoders_and_a_checkpoint_with_an_encoder_of_its_own():
    _, asked, _ = loaded(Model(family="HiDream-I1", files={"text_encoder": "llama"}))
    assert ("QuadrupleCLIPLoader", "clip_name4", "text_encoder", "llama") in asked
    _, asked, _ = loaded(Model(family="LTX-2 (still pictures, no sound)", files={"checkpoint": "ltx"}))
    assert [kind for kind, *_ in asked] == [
        "CheckpointLoaderSimple",
        "LTXAVTextEncoderLoader",
        "LTXAVTextEncoderLoader",
    ]


def test_two_encoders_of_one_role_are_asked_for_apart():
    sheet, asked, _ = loaded(Model(family="HunyuanImage 2.1", files={"text_encoder": "qwen"}))
    assert [said for kind, _, _, said in asked if kind == "DualCLIPLoader"] == ["qwen", ""]
    assert len({question.text for question in sheet.questions}) == len(sheet.questions)


@pytest.mark.parametrize(
    "said, shown",
    [
        ("D:\\train\\cat\\", "cat"), ("/home/x/cat.safetensors", "cat.safetensors"), ("cat", "cat"),
        ("stabilityai/stable-diffusion-xl-base-1.0", "stabilityai/stable-diffusion-xl-base-1.0"),
        ("models/cat.safetensors", "cat.safetensors"), ("./cat", "cat"), ("models/x/cat", "cat"),
    ],
)  # fmt: skip
def test_last_part_of_a_path(said, shown):
    assert loaders.last_part(said) == shown
