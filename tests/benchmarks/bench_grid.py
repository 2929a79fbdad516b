"""Sixty epochs x five strengths x three prompts: time, and ComfyUI's memory while it runs (Linux).

python dev.py test tests/benchmarks/bench_grid.py -s
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

import graphs
import loras
from device import on_cpu
from host import Host


def test_sixty_epochs(comfyui, checkpoints, tmp_path, capsys):
    host = Host(comfyui, tmp_path, cpu=on_cpu())
    (tmp_path / "models" / "checkpoints" / "sd3.safetensors").symlink_to(checkpoints["sd3"])
    for epoch in range(1, 61):
        path = tmp_path / "models" / "loras" / f"char-{epoch:06d}.safetensors"
        loras.write(path, checkpoints["sd3"], "sd3", epoch, epoch=epoch)
    with host:
        graphs.learn_defaults(host.get("/object_info"))
        prompt = {
            "ckpt": graphs.node("CheckpointLoaderSimple", ckpt_name="sd3.safetensors"),
            "x": graphs.node("AthanorXYZAxis", type="LoRA strength", values="0.2-1(0.2)"),
            "y": graphs.node("AthanorLoRARunAxis", source="char"),
        }
        prompt["compare"] = graphs.node(
            "AthanorXYZCompare", model=["ckpt", 0], clip=["ckpt", 1], vae=["ckpt", 2], x=["x", 0], y=["y", 0],
            prompts="red circle\ngreen cross\nblue", width=32, height=32, steps=1, cfg=1.0,
        )  # fmt: skip
        start, rows = time.monotonic(), []

        def look() -> None:
            count = len(list(tmp_path.glob("output/athanor/compare/*/cells/*.png")))
            status = Path(f"/proc/{host._process.pid}/status").read_text()
            rows.append((count, int(status.split("VmRSS:")[1].split()[0]) // 1024))

        prompt_id = host.queue(prompt)
        host.finish(prompt_id, poll=look)
        text = host.get(f"/history/{prompt_id}")[prompt_id]["outputs"]["compare"]["text"][0]
    with capsys.disabled():
        print(f"\n{time.monotonic() - start:.0f} s; {text}")
        print("pictures, MB:", ", ".join(f"{count} {mb}" for count, mb in rows[:: max(1, len(rows) // 12)]))
    assert "903 pictures, 903 drawn now" in text and "300 patches" in text
