"""Comparisons on a ComfyUI of their own: killed in the middle, and with LoRA files that are broken."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import comparing
import graphs
import loras
import psutil
import pytest
from comparing import axis
from device import on_cpu
from host import Host
from PIL import Image
from safetensors.torch import load_file, save_file
from waiting import until

EPOCHS = 12


@pytest.fixture(scope="module")
def own_server(comfyui, checkpoints, tmp_path_factory) -> Iterator[Host]:
    """A ComfyUI that may be killed."""
    base = tmp_path_factory.mktemp("own")
    host = Host(comfyui, base, cpu=on_cpu())
    (base / "models" / "checkpoints" / "sd3.safetensors").symlink_to(checkpoints["sd3"])
    for epoch in range(1, EPOCHS + 1):
        name = f"char-{epoch:06d}.safetensors"
        loras.write(base / "models" / "loras" / name, checkpoints["sd3"], "sd3", epoch, epoch=epoch)
    with host:
        graphs.learn_defaults(host.get("/object_info"))
        yield host


def resident(host: Host) -> float:
    """Megabytes of main memory that the host has."""
    return psutil.Process(host._process.pid).memory_info().rss / 2**20


def test_killed_and_resumed(own_server):
    """A kill costs one cell at most; memory stays flat; patches are what the plan says."""
    grid = comparing.comparison(
        "sd3", x=axis("LoRA strength", "0.5, 1"), y=graphs.node("AthanorLoRARunAxis", source="char"), width=32, height=32,
        steps=1, cfg=1.0,
    )  # fmt: skip
    cells = 1 + 2 * EPOCHS
    root = own_server.base / "output" / "athanor" / "compare"
    before = set(root.glob("*"))

    def there() -> list[Path]:
        return [path for path in root.glob("*/cells/*.png") if path.parents[1] not in before]

    own_server.queue(grid)
    until(lambda: len(there()) >= 6, every=0.02)
    os.kill(own_server._process.pid, 9)
    own_server._process.wait()
    drawn = {path.stem for path in there()}  # of the last one, cells.jsonl may not tell yet
    done = len(drawn)
    assert 6 <= done < cells
    (folder,) = set(root.iterdir()) - before
    lines = [json.loads(line) for line in (folder / "cells.jsonl").read_text().splitlines()]
    assert done - 1 <= len(lines) <= done
    for path in there():
        graphs.pixels(path)  # whole
    own_server.start()
    memory: list[tuple[int, float]] = []
    prompt_id = own_server.queue(grid)
    own_server.finish(prompt_id, poll=lambda: memory.append((len(there()), resident(own_server))))
    memory.append((len(there()), resident(own_server)))
    entry = own_server.get(f"/history/{prompt_id}")[prompt_id]
    assert (
        comparing.text_of(entry).splitlines()[0] == f"{cells} pictures, {cells - done} drawn now, {done} were on disk"
    )
    document = json.loads((folder / "plan.json").read_text())
    assert document["counts"] == {"models": 1, "patches": 2 * EPOCHS}
    loras_left = {
        (cell["at"]["checkpoint of char"], cell["at"]["LoRA strength"])
        for cell in graphs.cells(folder)
        if cell["path"].stem not in drawn and cell["graph"] and graphs.settings_of(cell["graph"])["loras"]
    }
    patches = next(
        part for part in comparing.text_of(entry).replace("\n", ", ").split(", ") if part.endswith("patches")
    )
    assert len(loras_left) <= int(patches.split()[0]) <= len(loras_left) + 1
    tail = [mb for count, mb in memory if count >= done + 4]
    assert max(tail) - tail[0] < 40, memory[:: max(1, len(memory) // 20)]
    for page in entry["outputs"]["compare"]["images"]:
        width, height = Image.open(folder / page["filename"]).size
        assert max(width, height) <= 16383 and width * height <= 16e6
    labels = document["axes"][1]["values"]
    assert labels[:3] == ["base model", "epoch 1", "epoch 2"] and labels[-1] == f"epoch {EPOCHS}"


def test_a_lora_that_does_not_fit_makes_tiles_and_the_rest_goes_on(own_server, checkpoints):
    root = own_server.base / "models" / "loras"
    loras.write(root / "foreign.safetensors", checkpoints["sd15"], "sd15", 1)
    (root / "broken.safetensors").write_bytes(b"no safetensors at all")
    own = loras.write(root / "partly.safetensors", checkpoints["sd3"], "sd3", 3)
    count = len(load_file(own)) // 3
    save_file(load_file(own) | load_file(root / "foreign.safetensors"), own)
    seeds = axis("seed", "21-24")
    entry = own_server.run(comparing.comparison("sd3", x=axis("LoRA", "none, foreign, broken, partly"), y=seeds))
    lines = comparing.text_of(entry).splitlines()
    assert lines[0] == "16 pictures, 8 drawn now, 8 could not be drawn, 0 were on disk"
    said = [re.fullmatch(rf"{count} of (\d+) weights of partly.safetensors fit this model; .*", line) for line in lines]
    assert sum(bool(match and int(match[1]) > count) for match in said) == 1
    assert "failed: foreign, 21: The LoRA foreign.safetensors does not match this model" in comparing.text_of(entry)
    assert "failed: broken, 24: broken.safetensors cannot be read" in comparing.text_of(entry)
    folder = graphs.folder(own_server, entry)
    assert len(graphs.cells(folder)) == 8
    lines = [json.loads(line) for line in (folder / "cells.jsonl").read_text().splitlines()]
    assert sum(line["status"] == "failed" for line in lines) == 8
    ports = {"model": ["ckpt", 0], "clip": ["ckpt", 1]}
    looked = {"info": graphs.node("AthanorLoRAInfo", lora_name="partly.safetensors", **ports)}
    looked |= {key: node for key, node in comparing.comparison("sd3").items() if key == "ckpt"}
    looked["text"] = graphs.node("PreviewAny", source=["info", 0])
    assert f"{count} of " in own_server.run(looked)["outputs"]["text"]["text"][0]
    # Queued again, it tries again what failed, and only that.
    loras.write(root / "broken.safetensors", checkpoints["sd3"], "sd3", 5)
    fewer = comparing.comparison("sd3", x=axis("LoRA", "none, broken, partly"), y=seeds)
    again = comparing.text_of(own_server.run(fewer))
    assert again.startswith("12 pictures, 4 drawn now, 8 were on disk") and "failed" not in again
