"""LoRA Edit as users meet it: in a graph, and measured against what ComfyUI's own loader makes of the files."""

from __future__ import annotations

from typing import Any

import graphs
import pytest
import torch
from athanor.training_core.edit import change
from lora_kinds import KINDS
from safetensors.torch import load_file, save_file


def node(**inputs: Any) -> dict[str, Any]:
    return {"edit": graphs.node("AthanorLoRAEdit", **inputs)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_is_what_the_hosts_loader_adds(comfy, kind: str):
    import comfy.lora

    pieces = KINDS[kind]
    want = change.dense(pieces)
    patches = comfy.lora.load_lora({f"x.{piece}": value for piece, value in pieces.items()}, {"x": "a.weight"})
    weight = torch.zeros(12, 10, *([3, 3] if want.ndim == 4 else []))
    got = comfy.lora.calculate_weight([(1.0, patches["a.weight"], 1.0, None, None)], weight, "a.weight")
    torch.testing.assert_close(got, want.reshape(got.shape), rtol=1e-5, atol=1e-5)


def test_a_result_that_is_deleted_is_made_again_each_time(comfy, tmp_path):
    """ComfyUI's cache had held a result that was there before, and one that was deleted twice."""
    from athanor.nodes import lora_results

    path = tmp_path / "mix.safetensors"
    assert lora_results.lost(path) == 0
    for times in (1, 2):
        path.touch()
        lora_results.made(path)
        assert lora_results.lost(path) == times - 1
        path.unlink()
        assert lora_results.lost(path) == lora_results.lost(path) == times


def test_two_loras_become_one(server, lora_files):
    """Merged in a graph, read by LoRA Info and Load LoRA, made once, and never over another file without a word."""
    names = [f"compared/char-00000{epoch}.safetensors" for epoch in (1, 2)]
    wanted = {
        "lora_name": names[0],
        "weight": 0.5,
        "lora_name_2": names[1],
        "weight_2": 0.25,
        "output_name": "edited/mix",
    }
    graph = node(**wanted) | {
        "info": graphs.node("AthanorLoRAInfo", lora_name=["edit", 0]),
        "shown": graphs.node("PreviewAny", source=["edit", 1]),
    }
    text = server.run(graph)["outputs"]["edit"]["text"][0]
    path = server.base / "models" / "loras" / "edited" / "mix.safetensors"
    assert "rank 4" in text and "edited/mix.safetensors" in text.replace("\\", "/")
    assert "Equal to the sum of the originals." in text  # halves and quarters round nothing
    files = [load_file(server.base / "models" / "loras" / name) for name in names]
    result = load_file(path)
    for layer in {key.partition(".")[0] for key in result}:
        parts = [
            {key.removeprefix(f"{layer}."): value for key, value in file.items() if key.startswith(f"{layer}.")}
            for file in (*files, result)
        ]
        one, other, both = (change.dense(part) for part in parts)
        torch.testing.assert_close(both, 0.5 * one + 0.25 * other, rtol=0, atol=2e-3)
    before = path.stat().st_mtime_ns
    again = server.run(node(**wanted, more_loras="\n") | {"x": graphs.node("PreviewAny", source=["edit", 2])})
    assert "stays as it is" in again["outputs"]["edit"]["text"][0] and path.stat().st_mtime_ns == before
    with pytest.raises(RuntimeError, match="holds something else"):
        server.run(node(**wanted | {"rank": 2}))
    text = server.run(node(**wanted | {"rank": 2, "replace_file": True}))["outputs"]["edit"]["text"][0]
    assert "rank 2" in text and "by SVD" in text
    with pytest.raises(RuntimeError, match="is made of"):
        server.run(node(**wanted | {"output_name": "compared/char-000001", "replace_file": True}))


def test_a_lora_comes_back_from_the_model_it_was_put_on(server, lora_files):
    """Of a checkpoint file and the same model with a LoRA on it, text encoder included, in the names that SD1's files have."""
    name = "compared/sd15_few.safetensors"
    root = server.base / "models" / "loras"
    whole = load_file(root / "compared" / "sd15_te.safetensors")
    layers = list(dict.fromkeys(key.partition(".")[0] for key in whole))
    few = {next(n for n in layers if part in n) for part in ("_te_", "_attn1_", "_attn2_")}
    save_file({key: value for key, value in whole.items() if key.partition(".")[0] in few}, root / name)
    graph = {
        "ckpt": graphs.node("CheckpointLoaderSimple", ckpt_name="sd15.safetensors"),
        "lora": graphs.node(
            "LoraLoader", model=["ckpt", 0], clip=["ckpt", 1], lora_name=name, strength_model=1.0, strength_clip=1.0
        ),
        "extract": graphs.node(
            "AthanorLoRAExtract",
            base_checkpoint="sd15.safetensors",
            tuned_model=["lora", 0],
            tuned_clip=["lora", 1],
            rank=2,
            output_name="edited/back",
            precision="float",
        ),
    }
    text = server.run(graph)["outputs"]["extract"]["text"][0]
    result = load_file(server.base / "models" / "loras" / "edited" / "back.safetensors")
    original = load_file(server.base / "models" / "loras" / name)
    changed = {key.partition(".")[0] for key in original}
    assert "rank 2" in text and "that the models have alike" in text and "convolutions larger than 1x1" in text
    assert "Equal to the models' difference." in text or "by 0" in text
    assert {key.partition(".")[0] for key in result if key.startswith("lora_te_")} == {
        n for n in changed if "_te_" in n
    }
    assert any(key.startswith("lora_unet_down_blocks_") for key in result)
    layer = next(name for name in changed if "_te_" in name)
    parts = [
        {k.removeprefix(f"{layer}."): v for k, v in file.items() if k.startswith(f"{layer}.")}
        for file in (original, result)
    ]
    want, got = map(change.dense, parts)
    torch.testing.assert_close(got, want, rtol=0, atol=1e-3 * float(want.abs().max()))
    alike = {"tuned_checkpoint": "sd15.safetensors", "base_checkpoint": "sd15.safetensors"}
    with pytest.raises(RuntimeError, match="does not differ from itself"):  # said before it is read twice
        server.run({"extract": graphs.node("AthanorLoRAExtract", **alike)})
    with pytest.raises(RuntimeError, match="tuned_checkpoint: choose a file"):
        server.run({"extract": graphs.node("AthanorLoRAExtract")})


def test_other_names_fit_the_model_whole(server, lora_files):
    """ComfyUI's and kohya's names, from a file in ComfyUI's underscored ones: LoRA Info counts what of them fits."""
    name = "compared/sd15_te.safetensors"
    graph = {"ckpt": graphs.node("CheckpointLoaderSimple", ckpt_name="sd15.safetensors")}
    for names in ("kohya", "ComfyUI"):
        graph[names] = graphs.node(
            "AthanorLoRAEdit", lora_name=name, names=names, model=["ckpt", 0], output_name=f"edited/{names}"
        )
        graph[f"{names} info"] = graphs.node(
            "AthanorLoRAInfo", lora_name=[names, 0], model=["ckpt", 0], clip=["ckpt", 1]
        )
    outputs = server.run(graph)["outputs"]
    original = load_file(server.base / "models" / "loras" / name)
    for names, key in (("kohya", "lora_unet_down_blocks_"), ("ComfyUI", "diffusion_model.input_blocks.")):
        file = load_file(server.base / "models" / "loras" / "edited" / f"{names}.safetensors")
        count = len({k.partition(".")[0] for k in original})
        assert f"{count} of {count} weights of" in outputs[f"{names} info"]["text"][0]
        assert any(k.startswith(key) for k in file) and len(file) == len(original)
        assert sum(v.double().norm() for v in file.values()) == pytest.approx(
            sum(float(v.double().norm()) for v in original.values())
        )
    with pytest.raises(RuntimeError, match="connect model"):
        server.run({"edit": graphs.node("AthanorLoRAEdit", lora_name=name, names="kohya", output_name="edited/none")})
    both = {"lora_name": "edited/ComfyUI.safetensors", "lora_name_2": "edited/kohya.safetensors", "precision": "float"}
    both["output_name"] = "edited/both"
    with pytest.raises(RuntimeError, match="connect that model to LoRA Edit"):
        server.run(node(**both))
    text = server.run({"ckpt": graph["ckpt"]} | node(**both, model=["ckpt", 0]))["outputs"]["edit"]["text"][0]
    file = load_file(server.base / "models" / "loras" / "edited" / "both.safetensors")
    assert f"{count} layers, lora, rank 4" in text and "Before: 2 files of rank 2" in text
    assert all(key.startswith(("lora_unet_down", "lora_unet_mid", "lora_unet_up", "lora_te_")) for key in file)
