"""A graph from another computer: what it names that is not here is said, node by node, and nothing else."""

from __future__ import annotations

from typing import Any

import graphs
import pytest


def said(server, prompt: dict[str, Any]) -> dict[tuple[str, str], str]:
    answer = server.post("/athanor/missing", {"prompt": prompt})
    return {(entry["node"], entry["input"]): entry["text"] for entry in answer}


@pytest.fixture
def prompt() -> dict[str, Any]:
    found = graphs.training("sd3", network={"rank": 2})
    return found | graphs.compare("ckpt", ["train", 0], prompts="red circle")


def test_what_is_here_is_not_named(server, prompt):
    assert said(server, prompt) == {}
    prompt["dataset"]["inputs"] |= {"mask_folder": "nobodys_masks", "control_folder": "nobodys_pairs"}
    for (_, field), text in said(server, prompt).items():
        assert text.startswith(
            f"{field} 'nobodys_{'masks' if field == 'mask_folder' else 'pairs'}' is not in ComfyUI's"
        )
    assert len(said(server, prompt)) == 2


@pytest.mark.parametrize("folder", ["dingos", "D:\\pics\\dingos", "/home/ann/pics/dingos", "elsewhere/dingos"])
def test_files_folders_and_choices_with_what_is_there_instead(server, prompt, folder):
    # Names that no other test makes: those of other tests on this server may be nearer.
    checkpoint = server.base / "models" / "checkpoints" / "quokka.safetensors"
    if not checkpoint.exists():
        checkpoint.symlink_to(checkpoint.with_name("sd3.safetensors").resolve())
        (server.base / "input" / "dingo").mkdir()
        (server.base / "input" / "dingo" / "1.txt").touch()  # an empty folder is not named instead
    prompt["ckpt"]["inputs"]["ckpt_name"] = "models\\quokka_v2.safetensors"
    prompt["dataset"]["inputs"]["folder"] = folder
    prompt["network"]["inputs"]["network_weights"] = "nobodys_lora"
    (compare,) = [key for key, node in prompt.items() if node["class_type"] == "AthanorXYZCompare"]
    prompt[compare]["inputs"]["sampler_name"] = "eulr"
    prompt["axis"] = graphs.node("AthanorLoRARunAxis", source="nobodys_run")
    # Not ours, and leading to nothing of ours.
    prompt["other"] = graphs.node("VAELoader", vae_name="nobodys.safetensors")
    told = said(server, prompt)
    assert set(told) == {
        ("ckpt", "ckpt_name"), ("dataset", "folder"), ("network", "network_weights"), (compare, "sampler_name"), ("axis", "source"),
    }  # fmt: skip
    assert "the nearest: quokka.safetensors" in told["ckpt", "ckpt_name"] and "euler" in told[compare, "sampler_name"]
    assert told["dataset", "folder"].startswith("folder ") and "nearest: dingo" in told["dataset", "folder"]
    assert str(server.base) not in "".join(told.values())


def test_what_a_stranger_sends_is_passed_over(server, prompt):
    prompt["dataset"]["inputs"]["folder"] = ["nowhere", 0]  # a link, known only when the graph runs
    prompt |= {
        "loop": graphs.node("AthanorBucketer", dataset=["loop", 0]),
        "text": "no node",
        "empty": {"class_type": "AthanorTrainLoRA"},
    }
    prompt["unknown"] = graphs.node("AthanorOfTomorrow", folder="x")
    assert said(server, prompt) == {}
