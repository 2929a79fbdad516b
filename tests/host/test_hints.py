"""What an open graph tells of quiet mistakes before it is queued, node by node; a sound one nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import graphs
import pytest
import tiny_layouts


@pytest.fixture
def prompt(server) -> dict[str, Any]:
    folder = server.base / "input" / "hinted"
    if not folder.exists():
        graphs.draw_dataset(folder, count=4)
    return graphs.training("sd3", "hinted", dataset={"repeats": 60}, train={"epochs": 2}) | {
        "samples": graphs.node("AthanorSampleConfig")
    }


def write_header_only(path: Path, layout: str) -> None:
    """Write a model's file whose header says what one of a family has, and whose numbers are holes."""
    kind = tiny_layouts.LAYOUTS[layout]
    header, end = {}, 0
    for key, value in kind.named(kind.build("meta").state_dict()).items():
        header[key] = {
            "dtype": "F16",
            "shape": list(value.shape),
            "data_offsets": [end, end := end + 2 * value.numel()],
        }
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)


def said(server, prompt: dict[str, Any]) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for entry in server.post("/athanor/hints", {"prompt": prompt}):
        told.setdefault(entry["node"], []).append(entry["text"])
    return told


def test_a_sound_graph_is_told_nothing(server, prompt):
    prompt["train"]["inputs"]["samples"] = ["samples", 0]
    assert said(server, prompt) == {}


def test_many_mistakes_at_once(server, prompt):
    """Each is told in the node that has the setting."""
    lonely = server.base / "input" / "hinted_bare"
    if not lonely.exists():
        graphs.draw_dataset(lonely, count=3)
        for text in lonely.glob("*.txt"):
            text.rename(text.with_suffix(".TXT"))
    turbo = server.base / "models" / "checkpoints" / "some_turbo.safetensors"
    if not turbo.exists():
        turbo.symlink_to(turbo.with_name("sd3.safetensors").resolve())
    prompt["dataset"]["inputs"].update(folder="hinted_bare", repeats=1)
    prompt["ckpt"]["inputs"]["ckpt_name"] = "some_turbo.safetensors"
    prompt["optimizer"]["inputs"]["learning_rate"] = 10.0
    prompt["samples"]["inputs"]["sample_every_n_epochs"] = 50
    prompt["train"]["inputs"].update(samples=["samples", 0], epochs=20, save_every_n_epochs=40)
    told = said(server, prompt)
    assert set(told) == {"dataset", "train", "samples", "optimizer"}
    assert told["dataset"][0].startswith("3 pictures, 0 captions: ") and "3 captions not read: " in told["dataset"][1]
    few, saving, distilled = told["train"]
    assert (
        "about 40 steps in all" in few
        and "save_every_n_epochs is 40" in saving
        and "some_turbo.safetensors" in distilled
    )
    assert "sample_every_n_epochs is 50, the run has 20 epochs" in told["samples"][0]
    assert told["optimizer"] == [
        "Optimizer Config: learning_rate 10 is far from what AdamW is used with, 1e-6 to 1e-3: start with 1e-4."
    ]
    # A file that its name does not tell: its header does, before any model is loaded.
    folder = server.base / "models" / "checkpoints"
    write_header_only(folder / "mine.safetensors", "flux_schnell")
    prompt["ckpt"]["inputs"]["ckpt_name"] = "mine.safetensors"
    assert "(it is Flux.1 schnell)" in said(server, prompt)["train"][2]
    prompt["ckpt"]["inputs"]["ckpt_name"] = "sd3.safetensors"
    prompt["sampling"] = graphs.node("ModelSamplingDiscrete", model=["ckpt", 0], sampling="lcm", zsnr=False)
    prompt["train"]["inputs"]["model"] = ["sampling", 0]
    assert "(it is sampled as LCM)" in said(server, prompt)["train"][2]
    # An adapter for training on the way, and an optimizer that finds its rate.
    prompt["adapter"] = graphs.node("LoraLoaderModelOnly", model=["ckpt", 0], lora_name="x", strength_model=1.0)
    prompt["train"]["inputs"]["model"] = ["adapter", 0]
    prompt["optimizer"]["inputs"].update(optimizer_type="Prodigy", learning_rate=1e-4)
    told = said(server, prompt)
    assert len(told["train"]) == 2 and "the given rate should be about 1" in told["optimizer"][0]
    # Edit pairs for a model that takes none, and control pictures that are missing: told in the loader.
    (lonely / "control").mkdir(exist_ok=True)
    prompt["dataset"]["inputs"]["control_folder"] = "control"
    text = "\n".join(said(server, prompt)["dataset"])
    assert "3 pictures without a control picture: " in text and "SD3 takes no control pictures: " in text


def test_what_a_run_has_found_in_the_files_is_told_until_they_change(server, prompt):
    folder = server.base / "input" / "hinted_twice"
    graphs.draw_dataset(folder, count=3)
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "broken.txt").write_text("x", encoding="utf-8")
    loader = {"dataset": graphs.node("AthanorDatasetLoader", folder="hinted_twice")}
    assert said(server, loader) == {}
    server.run(loader | {"shown": graphs.node("PreviewAny", source=["dataset", 1])})
    (found,) = said(server, loader)["dataset"]
    assert found.startswith("broken.png cannot be read and is left out: ")
    (folder / "0.txt").unlink()
    assert said(server, loader) == {"dataset": ["1 picture without a .txt file, trained on an empty text: 0.png."]}


def test_what_a_stranger_sends_is_passed_over(server, prompt):
    """Links in place of values, loops, and what is no node."""
    for name in ("folder", "repeats"):
        prompt["dataset"]["inputs"][name] = ["nowhere", 0]
    prompt["buckets"]["inputs"]["dataset"] = ["dataset", 0]
    prompt["optimizer"]["inputs"].update(optimizer_type="none such", learning_rate="much")
    prompt |= {
        "loop": graphs.node("AthanorCaptionEdit", dataset=["loop", 0]),
        "loop2": graphs.node("AthanorBucketer", dataset=["loop", 0]),
        "train2": graphs.node("AthanorTrainLoRA", buckets=["loop2", 0], model=["train2", 2]),
        "text": "no node",
        "empty": {"class_type": "AthanorTrainLoRA"},
    }
    for folder in ("../..", "/etc", "nobody's"):
        prompt[folder] = graphs.node("AthanorDatasetLoader", folder=folder)
    assert said(server, prompt) == {}
