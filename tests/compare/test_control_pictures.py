"""Control pictures of a comparison: which prompt is shown which, the nodes that show them, and their place in the grid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from athanor.training_core.compare import control_pictures, grid_controls, stock
from athanor.training_core.compare.identity import identity
from athanor.training_core.compare.pages import grid
from athanor.training_core.errors import AthanorError
from athanor.training_core.pictures import save_png
from cell import base_cell
from PIL import Image, ImageDraw

PORTS = {port: [port] for port in ("model", "clip", "vae", "control_1", "control_2")}


def batch(*values: float) -> torch.Tensor:
    return torch.stack([torch.full((4, 6, 3), value) for value in values])


def test_each_prompt_has_its_own_or_all_have_one():
    shown = control_pictures.of_inputs({"control_1": batch(0, 0.5), "control_2": batch(1), "control_3": None})
    assert [[(p.port, p.index) for p in pictures] for pictures in shown] == [
        [("control_1", 0), ("control_2", None)],
        [("control_1", 1), ("control_2", None)],
    ]
    assert len({picture.key for pictures in shown for picture in pictures}) == 3
    values = control_pictures.prompt_values(["red", "blue"], shown)
    assert [value.label for value in values] == ["red", "blue"]
    assert [dict(value.changes)["controls"] for value in values] == [tuple(p.key for p in each) for each in shown]
    one = control_pictures.of_inputs({"control_1": batch(0)})
    assert [value.fields for value in control_pictures.prompt_values(["red", "blue"], one)] == [("positive",)] * 2
    assert control_pictures.of_inputs({}) == []


def test_one_prompt_is_drawn_with_each():
    values = control_pictures.prompt_values(["red"], control_pictures.of_inputs({"control_1": batch(0, 1, 0)}))
    assert [value.label for value in values] == ["red (1)", "red (2)", "red (3)"]


def test_a_skipped_prompt_skips_its_picture(comfy):
    from athanor.training_core.compare.request import ComparisonRequest, resolve_axes
    from athanor.training_core.settings import CompareSettings

    shown = control_pictures.of_inputs({"control_1": batch(0, 0.5, 1)})
    settings = CompareSettings(prompts="red\nSKIP: blue\ngreen", strengths="1, SKIP: 2", seeds="SKIP: x1, x1")
    more = {
        "sampler": "euler",
        "scheduler": "normal",
        "columns": "prompt",
        "rows": "seed",
        "models": (None, None, None),
    }
    axes, base = resolve_axes(ComparisonRequest(settings=settings, shown=shown, **more))
    keys = [tuple(picture.key for picture in pictures) for pictures in (shown[0], shown[2])]
    assert [(v.label, dict(v.changes)["controls"]) for v in axes[0].values] == list(
        zip(["red", "green"], keys, strict=True)
    )
    assert base.positive == "red" and [v.label for axis in axes for v in axis.values if "random" in v.label] == [
        "random 2"
    ]


def test_numbers_that_do_not_go_together_are_said():
    with pytest.raises(AthanorError, match=r"^control_2 holds 2 pictures and another control input 3"):
        control_pictures.of_inputs({"control_1": batch(0, 1, 0), "control_2": batch(0, 1)})
    with pytest.raises(AthanorError, match=r"^control_1 holds 3 pictures for 2 prompts"):
        control_pictures.prompt_values(["a", "b"], control_pictures.of_inputs({"control_1": batch(0, 1, 0)}))
    shown = control_pictures.of_inputs({"control_1": batch(0), "control_2": batch(0, 1, 0)})
    with pytest.raises(AthanorError, match=r"^control_2 holds 3 pictures for 2 prompts"):  # control_1 holds one for all
        control_pictures.prompt_values(["a", "b"], shown)


def drawn(encoder: str = "", form: str = "reference_latents") -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """The nodes that are added for a cell with two control pictures, the second cut."""
    from athanor.training_core.families import Controls
    from athanor.training_core.host import controls

    taken = Controls(size="same", encoder=encoder, form=form)  # pyright: ignore[reportArgumentType]
    cut = {"upscale_method": "area", "width": 64, "height": 64, "crop": "center"}
    pictures = (("control_1", 1, None), ("control_2", None, cut))[: 1 if form != "reference_latents" else 2]
    encode = controls.encoder_of(taken)
    shown = control_pictures.Shown(pictures=pictures, encode=encode, concat=form != "reference_latents")
    nodes: list[tuple[str, dict[str, Any], dict[str, Any]]] = []

    def add(kind: str, inputs: Any, widgets: Any) -> list[Any]:
        nodes.append((kind, dict(inputs), dict(widgets)))
        return [kind, len(nodes)]

    stock.add_nodes(base_cell(controls=("a", "b")), PORTS, [], add, shown=shown)
    return nodes


@pytest.mark.usefixtures("comfy")
def test_the_nodes_are_those_that_a_user_would_connect():
    nodes = drawn()
    assert [kind for kind, *_ in nodes] == [
        *("ImageFromBatch", "ImageScale", "CLIPTextEncode", "CLIPTextEncode"),
        *("VAEEncode", "ReferenceLatent", "ReferenceLatent", "VAEEncode", "ReferenceLatent", "ReferenceLatent"),
        *("EmptyLatentImage", "KSampler", "VAEDecode"),
    ]
    assert nodes[0][1:] == ({"image": ["control_1"]}, {"batch_index": 1, "length": 1})
    assert nodes[1][1] == {"image": ["control_2"]}
    sampler = {kind: inputs for kind, inputs, _ in nodes}["KSampler"]
    assert sampler["positive"] == ["ReferenceLatent", 9] and sampler["negative"] == ["ReferenceLatent", 10]
    encodes = [each for each in drawn("TextEncodeQwenImageEditPlus") if each[0] == "TextEncodeQwenImageEditPlus"]
    assert [inputs["image2"] for _, inputs, _ in encodes] == [["ImageScale", 2]] * 2
    assert [widgets["prompt"] for *_, widgets in encodes] == ["a red cat, 1girl", "blurry"]
    both = [inputs for kind, inputs, _ in drawn(form="concat_latent_image") if kind == "InstructPixToPixConditioning"]
    assert [each["positive"] for each in both] == [["CLIPTextEncode", 2], ["CLIPTextEncode", 3]]


@pytest.mark.usefixtures("comfy")
def test_a_group_of_inputs_is_written_as_the_api_has_it():
    writer = stock._Writer()
    writer.add("TextEncodeJoyImageEdit", {"clip": ["1", 0], "images": {"image0": ["2", 0]}}, {"prompt": "a"})
    (node,) = writer.nodes.values()
    assert node["inputs"] == {"clip": ["1", 0], "images.image0": ["2", 0], "prompt": "a"}


def test_a_cell_without_is_the_cell_that_it_was():
    contents = {"model:": "m", "vae:": "v"}
    plain = base_cell()
    assert identity(plain, contents) != identity(replace(plain, controls=("a",)), contents)
    assert plain.controls == ()


DOCUMENT = {
    "title": "t",
    "axes": [{"title": "strength", "values": ["0", "1"]}, {"title": "prompt", "values": ["a", "b"]}],
    "cells": ["1", "2", "3", "4"],
    "sizes": {key: [40, 20] for key in "1234"},
}


@pytest.mark.parametrize(
    ("of", "side", "head"), [("abab", True, False), ("aabb", False, True), ("aaaa", True, False), ("", False, False)]
)
def test_they_stand_beside_rows_or_above_columns(tmp_path, of, side, head):
    """`of`: the picture of the cells; columns change first."""
    for key in "ab":
        save_png(control_pictures.file(tmp_path, key), torch.full((8, 8, 3), 0.2 if key == "a" else 1.0), {})
    document = DOCUMENT | {"controls": {str(i + 1): [key] for i, key in enumerate(of)}}
    placed = grid_controls.GridControls(document, tmp_path, grid(document))
    assert (placed.side(4) > 0, placed.head(4) > 0) == (side, head)
    sheet = Image.new("RGB", (200, 100))
    pen = ImageDraw.Draw(sheet)
    placed.draw_row(sheet, pen, Strip(1, 40), (0, 0), 4)
    placed.draw_column(sheet, pen, (0,), 1, (100, 40, 90), 4)
    values = {value for _, value in sheet.getcolors() or []} - {(0, 0, 0)}
    assert ((255,) * 3 in values or (51,) * 3 in values) == bool(of)


class Strip:
    """What of a page's strip is looked at."""

    def __init__(self, row: int, height: int) -> None:
        self.row, self.height, self.block = row, height, (0,)
