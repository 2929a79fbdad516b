"""Every family through a whole graph on a real ComfyUI: stock loader, Train LoRA, stock Load LoRA, a comparison. U-Nets, which take
minutes, are trained so as checkpoints in other files."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import comparing
import graphs
import pytest
import small_models
import tiny
import tiny_layouts
from comparing import axis
from device import on_cpu
from host import Host, link
from safetensors.torch import save_file

pytestmark = [pytest.mark.usefixtures("comfy"), pytest.mark.long]
KEEP = os.environ.get("ATHANOR_SCREENSHOTS")


@pytest.fixture(scope="module")
def small(comfyui, tmp_path_factory):
    """A ComfyUI of its own that takes the families' small models."""
    base = tmp_path_factory.mktemp("families")
    graphs.draw_dataset(base / "input" / "ds" / "20_thing")
    (base / "models" / "diffusion_models").mkdir(parents=True)
    host = Host(comfyui, base, cpu=on_cpu())
    link(Path(small_models.__file__).parent, base / "custom_nodes" / "small_models")
    with host:
        graphs.learn_defaults(host.get("/object_info"))
        yield host
    assert not host.trouble()


def write_model(base, name):
    """The small model of a family with random weights, where Load Diffusion Model looks for it."""
    layout = tiny_layouts.LAYOUTS[name]
    with layout.small_parts():
        state = layout.named(tiny._fill(layout.build("cpu", **layout.small), 11))
    save_file(
        {key: value.contiguous() for key, value in state.items()},
        base / "models" / "diffusion_models" / f"{name}.safetensors",
    )


@pytest.mark.parametrize(
    "name", [name for name, layout in tiny_layouts.LAYOUTS.items() if "openaimodel" not in layout.module]
)
def test_trained_loaded_and_compared(small, name):
    """The pictures of the trained network are those of the stock Load LoRA, and others than the base model's."""
    write_model(small.base, name)
    began = time.monotonic()
    loaders = {
        "model": graphs.node("UNETLoader", unet_name=f"{name}.safetensors", weight_dtype="default"),
        "parts": graphs.node("SmallParts", model=["model", 0], case=name),
    }
    case = tiny_layouts.CASES[name]
    large = case.size > 16 and case.channels != 3  # latents that some models cannot have smaller, not pixels
    size = {"width": 288, "height": 288} if large else {}
    prompt = graphs.training(
        "ckpt",
        buckets=size and size | {"max_bucket_reso": 512},
        train={"output_name": name, "epochs": 1},
        optimizer={"learning_rate": 3e-3},
    )
    prompt |= graphs.compare("ckpt", ["train", 0], prompts="red circle\na blue cross (left)", seeds="1", **size)
    prompt |= {"x": axis("LoRA strength", "0, 1")}
    prompt["compare"]["inputs"]["x"] = ["x", 0]
    prompt = {key: value for key, value in prompt.items() if key != "ckpt"} | loaders
    for node in prompt.values():
        for port, value in node["inputs"].items():
            if isinstance(value, list) and value[0] == "ckpt":
                node["inputs"][port] = [["model", 0], ["parts", 0], ["parts", 1]][value[1]]
    entry = small.run(prompt)
    print(f"\nSECONDS {name} {time.monotonic() - began:.1f}")
    cells = comparing.cells_of(small, entry)
    if KEEP:
        shutil.copy(graphs.folder(small, entry) / "grid.png", Path(KEEP) / f"llm_{name}.png")
    assert len(cells) == 4 and len({cell["pixels"].tobytes() for cell in cells}) == 4
    comparing.assert_plain(small, cells[:1])
