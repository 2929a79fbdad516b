"""A comparison of a model that is shown control pictures, on a real ComfyUI."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import comparing
import graphs
import numpy as np
import pytest
import tiny
from answers import failed
from PIL import Image, ImageDraw

COLOURS = ("red", "blue")


@pytest.fixture(scope="module")
def ip2p(server) -> None:
    """An InstructPix2Pix in SD1.5's layout, and a picture per colour in ComfyUI's input folder."""
    path = server.base / "models" / "checkpoints" / "ip2p.safetensors"
    parts = {"model.diffusion_model.": tiny._unet(1, context_dim=768, in_channels=8)}
    parts |= {"first_stage_model.": tiny._vae(4, 2), "cond_stage_model.transformer.": tiny._text_encoder()}
    tiny._write(path, parts)
    for colour in COLOURS:
        picture = Image.new("RGB", (96, 64), "white")
        ImageDraw.Draw(picture).ellipse((8, 8, 56, 56), fill=colour)
        picture.save(Path(server.base) / "input" / f"{colour}.png")


def shown(*colours: str, **values: object) -> dict[str, dict[str, object]]:
    """A comparison with these pictures in control_1."""
    prompt = comparing.comparison("ip2p", **values)
    prompt |= {colour: graphs.node("LoadImage", image=f"{colour}.png") for colour in colours}
    last = [colours[0], 0]
    for colour in colours[1:]:
        prompt["batch"] = graphs.node("ImageBatch", image1=last, image2=[colour, 0])
        last = ["batch", 0]
    prompt["compare"]["inputs"]["control_1"] = last
    return prompt


def test_cells_are_what_a_user_would_draw_with_the_pictures(server, ip2p):
    prompt = shown(*COLOURS, prompts="make it a cross", seeds="1, 2", columns="seed", rows="prompt", steps=1)
    entry = server.run(prompt)
    cells = comparing.cells_of(server, entry)
    assert len(cells) == 4 and len({cell["pixels"].tobytes() for cell in cells}) == 4
    comparing.assert_plain(server, cells)
    page = comparing.outputs(entry)["images"][0]
    folder = server.base / "output" / page["subfolder"]
    grid = np.asarray(Image.open(folder / page["filename"]).convert("RGB")).astype(int)
    for colour in COLOURS:  # beside its row
        assert (np.abs(grid - Image.new("RGB", (1, 1), colour).getpixel((0, 0))).sum(-1) < 30).sum() > 100
    assert "4 were on disk" in comparing.text_of(server.run(prompt))
    refused = comparing.comparison("sd3") | {name: prompt[name] for name in COLOURS}
    refused["compare"]["inputs"] |= {"control_1": ["red", 0], "control_2": ["blue", 0]}
    assert "control_1 and control_2: this kind of model takes none; disconnect them" in failed(server, refused)
    more = shown("red") | {"blue": prompt["blue"]}
    more["compare"]["inputs"]["control_2"] = ["blue", 0]
    assert "control_2: this kind of model takes at most 1, not 2; disconnect it" in failed(server, more)
    varied = shown("red", x=comparing.widget_axis("LoadImage.image", "red.png, blue.png"))
    assert "varies a widget before control_1, which stays as it is: connect a batch" in failed(server, varied)
    if target := os.environ.get("ATHANOR_SCREENSHOTS"):
        shutil.copy(folder / page["filename"], Path(target) / "grid_with_controls.png")
