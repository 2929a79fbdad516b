"""LoRA Edit as users meet it: in a graph, and measured against what ComfyUI's own loader makes of the files."""

from __future__ import annotations

from typing import Any

import graphs
import pytest
import torch
from athanor.training_core.edit import change
from lora_kinds import KINDS
from safetensors.torch import load_file


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
    assert "Difference to the sum of the originals: none" in text  # halves and quarters round nothing
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
    again = server.run(
        node(**wanted, precision="as in the file") | {"x": graphs.node("PreviewAny", source=["edit", 2])}
    )
    assert "stays as it is" in again["outputs"]["edit"]["text"][0] and path.stat().st_mtime_ns == before
    with pytest.raises(RuntimeError, match="holds something else"):
        server.run(node(**wanted | {"rank": 2}))
    text = server.run(node(**wanted | {"rank": 2, "replace_file": True}))["outputs"]["edit"]["text"][0]
    assert "rank 2" in text and "by SVD" in text
    with pytest.raises(RuntimeError, match="is made of"):
        server.run(node(**wanted | {"output_name": "compared/char-000001", "replace_file": True}))
