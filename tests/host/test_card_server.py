"""Whole graphs on a real ComfyUI whose models are as on a card with dynamic VRAM: the same LoRAs as on the other one."""

from __future__ import annotations

from pathlib import Path

import forked_host
import graphs
import numpy as np
import pytest
from safetensors.torch import load_file

CARDS = """
import sys
sys.path.insert(0, {folder!r})
import cards
inside = cards.dynamic()
inside.__enter__()
moved = cards.moving()
moved.__enter__()
NODE_CLASS_MAPPINGS = {{}}
"""


@pytest.fixture(scope="module")
def card(comfyui, checkpoints, tmp_path_factory):
    base = tmp_path_factory.mktemp("card")
    graphs.draw_dataset(base / "input" / "ds" / "2_thing")
    (base / "custom_nodes" / "cards").mkdir(parents=True)
    (base / "custom_nodes" / "cards" / "__init__.py").write_text(
        CARDS.format(folder=str(Path(__file__).resolve().parents[1] / "helpers"))
    )
    (base / "models" / "checkpoints").mkdir(parents=True)
    for name, path in checkpoints.items():
        (base / "models" / "checkpoints" / f"{name}.safetensors").symlink_to(path)
    with forked_host.new(comfyui, base, cpu=True) as host:
        yield host


def everything(family, name, **parts):
    """Training with samples and new encodings in every epoch, and a comparison behind it."""
    dataset = {"random_crop": True, "flip_aug": True}
    train = {"output_name": name, "epochs": 2, "save_precision": "float"} | parts.pop("train", {})
    parts |= {"dataset": {"folder": "ds"} | dataset, "validation": {"probe_samples": 2}}
    prompt = graphs.training(family, train=train, **parts)
    prompt["samples"] = graphs.node("AthanorSampleConfig", sample_prompts="red circle", steps=2, width=64, height=64)
    prompt["train"]["inputs"]["samples"] = ["samples", 0]
    return prompt | graphs.compare("ckpt", ["train", 0], prompts="red circle", strengths="1", seeds="7")


@pytest.mark.parametrize(
    ("family", "network"),
    [
        pytest.param("sd15", {"rank": 2, "train": "unet + text encoder"}, marks=pytest.mark.long),
        ("sd3", {"algo": "finetune"}),
    ],
    ids=["text encoder too", "finetune"],
)
def test_the_same_as_without_a_card(server, card, family, network):
    name = f"{family}_{network.get('algo', network.get('train', 'lora'))[:8].strip()}"
    place = "checkpoints" if network.get("algo") == "finetune" else "loras"
    files, cells = [], []
    for host in (server, card):
        before = graphs.saved(host, host.run(drawing(family)), "psave")
        entry = host.run(everything(family, name, network=network, optimizer={"learning_rate": 1e-4}))
        files.append(load_file(host.base / "models" / place / f"{name}.safetensors"))
        cells.append(len(graphs.cells(graphs.folder(host, entry))))
        assert np.array_equal(graphs.saved(host, host.run(drawing(family)), "psave"), before)
    assert card.trouble() == [] and "prepared for dynamic VRAM loading" in card.log()
    one, two = files
    assert one.keys() == two.keys()
    for key in one:
        assert np.allclose(one[key].numpy(), two[key].numpy(), rtol=1e-3, atol=1e-5), key
    assert cells == [3, 3]


def drawing(family):
    """The model's own picture, by stock nodes."""
    ckpt = {"ckpt": graphs.node("CheckpointLoaderSimple", ckpt_name=f"{family}.safetensors")}
    return ckpt | graphs.plain("ckpt", "red circle", None)
