"""Widgets of the graph as axes."""

import comparing
import graphs
import numpy as np
import pytest
from answers import failed
from comparing import axis, widget_axis


def stacked(**axes):
    """Checkpoint, LoRA, shift, XYZ Compare."""
    prompt = comparing.lora_before(comparing.comparison("sd3", **axes))
    prompt["shift"] = graphs.node("ModelSamplingSD3", model=["stack", 0], shift=3.0) | {"_meta": {"title": "My shift"}}
    prompt["compare"]["inputs"]["model"] = ["shift", 0]
    return prompt


def test_widgets_of_the_graph_are_axes(server, lora_files):
    """Each cell is what typing the values would give, bit for bit; only the nodes behind a widget are run again."""
    prompt = stacked(
        x=widget_axis("LoraLoader.strength_model", "0, 0.5"),
        y=widget_axis("My shift (shift).shift", "1, 3"),
        seeds="72",
    )
    prompt["show"] = graphs.node("SaveImage", images=["compare", 1], filename_prefix="single")
    entry = server.run(prompt)
    assert len(entry["outputs"]["show"]["images"]) == 4
    lines = comparing.text_of(entry).splitlines()
    assert lines[0] == "4 pictures, 4 drawn now, 0 were on disk" and "5 nodes run again" in lines[1]
    cells = comparing.cells_of(server, entry)
    assert sorted({cell["at"]["My shift.shift"] for cell in cells}) == ["1", "3"]
    for cell, plain in zip(cells, comparing.plain_pictures(server, cells), strict=True):
        loader = next(node["inputs"] for node in cell["graph"].values() if node["class_type"] == "LoraLoader")
        assert f"{loader['strength_model']:g}" == cell["at"]["Load LoRA (Model and CLIP).strength_model"]
        assert np.array_equal(cell["pixels"], plain), cell["at"]
    assert len({cell["pixels"].tobytes() for cell in cells}) == 4

    # Known again, with another value in the widget itself, too; a further value is drawn alone.
    prompt["shift"]["inputs"]["shift"] = 2.0
    prompt["x"]["inputs"]["values"] = "0, 0.5, 0.25"
    plan = prompt | {"compare": prompt["compare"] | {"class_type": "AthanorXYZPlan"}}
    del plan["show"]
    assert "already on disk: 3 of 6" in comparing.text_of(server.run(plan))  # of 4: one was drawn as the graph stood


def test_widgets_before_the_latent_and_loaders_are_axes(server, lora_files):
    words = widget_axis("text.text", "green => red\ngreen => blue")
    prompt = comparing.comparison("sd3", x=widget_axis("start.width", "32, 64"), y=words, denoise=0.5)
    prompt = comparing.noise_before(prompt)
    cells = comparing.cells_of(server, server.run(prompt))
    assert sorted(cell["pixels"].shape for cell in cells) == [(32, 32, 3)] * 2 + [(32, 64, 3)] * 2
    comparing.assert_plain(server, cells)
    assert len({cell["pixels"].tobytes() for cell in cells}) == 4

    loaded = comparing.comparison("sd3", x=widget_axis("ckpt.ckpt_name", "sd15, sd3"), y=axis("LoRA strength", "1"))
    cells = comparing.cells_of(server, server.run(loaded))
    comparing.assert_plain(server, cells)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (("LoraLoader.strenght_model", "1"), "the nearest: LoraLoader.strength_model"),
        (("stack.strength_model", "500"), "takes at least -100 and at most 100, not 500"),
        (
            ("stack.lora_name", "sd3_plan"),
            "there is no lora_name of Load LoRA (Model and CLIP) 'sd3_plan'; the nearest:",
        ),
        (("aside.width", "32, 64"), "is not connected to model, clip, vae or latent"),
    ],
)
def test_wrong_widgets_are_refused_before_the_first_cell(server, lora_files, x, words):
    prompt = stacked(x=widget_axis(*x)) | {"aside": graphs.node("EmptyLatentImage", width=64, height=64, batch_size=1)}
    assert words in failed(server, prompt)


def test_a_widget_before_a_training_is_refused(server, lora_files):
    prompt = stacked(x=widget_axis("stack.strength_model", "0.1, 0.2"))
    training = graphs.training("sd3", train={"output_name": "never"})
    training["train"]["inputs"] |= {"model": ["stack", 0]}
    prompt["name"] = graphs.node("LoraLoaderModelOnly", model=["ckpt", 0], lora_name=["train", 1], strength_model=1.0)
    prompt["compare"]["inputs"] |= {"model": ["name", 0]}
    assert "changes an input of the training of node train" in failed(server, prompt | training)
