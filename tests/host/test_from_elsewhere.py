"""A graph that was saved on Windows, and files that the host's own nodes cannot read: what the command line makes of them."""

from __future__ import annotations

from pathlib import Path

import own_loop
import pytest
from routes import comfyui_folders

WINDOWS = {
    "ckpt": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sub\\c.safetensors"}},
    "style": {
        "class_type": "LoraLoader",
        "inputs": {"model": ["ckpt", 0], "clip": ["ckpt", 1], "lora_name": "a\\b/x.safetensors"},
    },
    "text": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["style", 1], "text": "sub\\c.safetensors"}},
    "ds": {"class_type": "AthanorDatasetLoader", "inputs": {"folder": "a\\3_sprout"}},
    "info": {"class_type": "AthanorLoRAInfo", "inputs": {"lora_name": "a\\b\\x.safetensors"}},
}  # fmt: skip


@pytest.fixture
def host(comfy, tmp_path: Path, monkeypatch) -> None:
    import folder_paths
    from athanor.nodes import AthanorExtension
    from athanor.training_core.host.comfy_nodes import host_nodes

    comfyui_folders(tmp_path, monkeypatch)
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    for name in ("checkpoints/sub/c", "loras/a/b/x"):
        path = tmp_path / "models" / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "input" / "a" / "3_sprout").mkdir(parents=True)
    for kind in own_loop.run(AthanorExtension().get_node_list()):
        monkeypatch.setitem(host_nodes.NODE_CLASS_MAPPINGS, kind.GET_SCHEMA().node_id, kind)


def copied(**changes) -> dict:
    return {key: {**node, "inputs": dict(node["inputs"])} for key, node in (WINDOWS | changes).items()}


def test_names_of_files_from_windows(host, tmp_path: Path):
    """The host refused `sub\\x.safetensors`: its list has `sub/x.safetensors`. Texts stay, and so do graphs of others."""
    from athanor.training_core.host import folders, graph_check, saved_prompts

    prompt = copied()
    assert saved_prompts.fit(prompt) == []
    assert prompt["ckpt"]["inputs"]["ckpt_name"] == "sub/c.safetensors"
    assert prompt["style"]["inputs"]["lora_name"] == prompt["info"]["inputs"]["lora_name"] == "a/b/x.safetensors"
    assert prompt["text"]["inputs"]["text"] == "sub\\c.safetensors"
    assert folders.dataset_folder(prompt["ds"]["inputs"]["folder"]) == tmp_path / "input" / "a" / "3_sprout"
    others = {key: node for key, node in copied().items() if not node["class_type"].startswith("Athanor")}
    saved_prompts.fit(others)
    assert others["ckpt"]["inputs"]["ckpt_name"] == "sub\\c.safetensors"
    missing = copied(info={"class_type": "AthanorLoRAInfo", "inputs": {"lora_name": "a\\none.safetensors"}})
    saved_prompts.fit(missing)
    (said,) = own_loop.run(graph_check.problems(missing, "info"))
    assert "has no lora_name 'a\\none.safetensors'" in said and "a/b/x.safetensors" in said


def test_a_node_of_the_host_that_fails_is_named(host):
    """A damaged checkpoint printed 30 lines of traceback, in which neither the node nor the file was named."""
    from athanor.training_core.host import graph_check

    error = {
        "node_id": "ckpt",
        "node_type": "CheckpointLoaderSimple",
        "exception_type": "safetensors_rust.SafetensorError",
        "exception_message": "Error while deserializing header: header too large\n",
        "traceback": [
            '  File "/ComfyUI/execution.py", line 545, in execute\n    x\n',
            '  File "C:\\ComfyUI\\comfy\\utils.py", line 133, in load\n    raise e\n',
        ],
    }  # fmt: skip
    assert graph_check.failure(copied(), error) == (
        "Load Checkpoint ckpt (ckpt_name sub\\c.safetensors) has failed: Error while deserializing header: header too large "
        "(SafetensorError in utils.py, line 133); if that file is damaged, download or copy it again."
    )
    inside = error | {"node_id": "ckpt.0.1", "node_type": "Other", "traceback": [], "exception_message": "no\nroom."}
    assert graph_check.failure(copied(), inside) == "Other has failed: no room (SafetensorError)."
