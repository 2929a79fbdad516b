"""Take README.md's picture: a template for a first LoRA as it opens, after a run on the demo's model.

    COMFYUI_PATH=.athanor/ComfyUI .athanor/venv/bin/python tools/readme_picture.py

tools/examples.py says what it needs.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import time
from typing import Any

import examples
from host import Host, error_message
from PIL import Image

TEMPLATE = "1 First LoRA - SD1.5"
TARGET = examples.ROOT / "docs" / "first_lora.jpg"
WINDOW, WIDTH, QUALITY = (1600, 900), 1000, 72
SIDE = {"width": 128, "height": 128}
PROMPTS = (
    "red sprout at the left, sky background\nblue sprout in the center, sand background\nyellow sprout, navy background"
)
SMALL: dict[str, dict[str, Any]] = {
    "CheckpointLoaderSimple": {"ckpt_name": examples.assemble.NAME},
    "AthanorDatasetLoader": {"folder": "athanor-demo/3_sprout", "repeats": 4},
    "AthanorBucketer": SIDE | {"min_bucket_reso": 64, "max_bucket_reso": 256, "bucket_reso_steps": 32, "batch_size": 6},
    "AthanorOptimizerConfig": {"learning_rate": 0.005},
    "AthanorSampleConfig": SIDE | {"sample_every_n_epochs": 5, "cfg": 2.5},
    "AthanorTrainLoRA": {"gradient_checkpointing": "off"},
    "AthanorXYZCompare": SIDE | {"prompts": PROMPTS, "cfg": 2.5, "sampler_name": "euler", "scheduler": "normal"},
}
"""What the demo's model needs, by types of nodes."""
OPEN = """async (workflow) => {
    const { app } = window.comfyAPI.app;
    await app.loadGraphData(workflow, true, true, "First LoRA", { openSource: "template" });
}"""
SET = """(small) => {
    for (const node of window.comfyAPI.app.app.graph.nodes)
        for (const widget of node.widgets ?? []) {
            const values = small[node.type] ?? {};
            if (!(widget.name in values)) continue;
            widget.value = values[widget.name];
            widget.callback?.(widget.value);  // a node shows what is in its folder
        }
}"""
FIT = """() => {
    const { canvas } = window.comfyAPI.app.app, { ds, graph } = canvas;
    const [left, top, width, height] = [70, 95, 1520, 795];
    const [x0, y0] = [0, 1].map((i) => Math.min(...graph.groups.map((group) => group.pos[i])));
    const [x1, y1] = [0, 1].map((i) => Math.max(...graph.groups.map((group) => group.pos[i] + group.size[i])));
    ds.scale = Math.min(width / (x1 - x0), height / (y1 - y0));
    ds.offset = [(left + width / 2) / ds.scale - (x0 + x1) / 2, (top + height / 2) / ds.scale - (y0 + y1) / 2];
    canvas.setDirty(true, true);
}"""
"""All groups, in what the page's bars leave free."""


def run(page: Any, host: Host) -> None:
    """Press Run, and wait for the end."""
    page.evaluate("() => window.comfyAPI.app.app.queuePrompt(0)")
    entry, end = None, time.monotonic() + 1800
    while entry is None and time.monotonic() < end:
        time.sleep(1)
        entry = next(iter(host.get("/history").values()), None)
    if entry is None or (why := error_message(entry)):
        sys.exit(f"It did not run: {why if entry else 'no end in half an hour'}; see {host.log_path}.")


def main() -> None:
    """Run the template with what the demo's model needs, and take its picture."""
    workflow = json.loads((examples.TARGET / f"{TEMPLATE}.json").read_text(encoding="utf-8"))
    for made in ("models/loras", "output/athanor"):  # so that the run and its grid are new ones
        shutil.rmtree(examples.BASE / made, ignore_errors=True)
    with examples.open_page(WINDOW) as (host, page):
        page.evaluate(OPEN, workflow)
        page.wait_for_timeout(2000)
        page.evaluate(SET, SMALL)
        run(page, host)
        page.wait_for_timeout(3000)
        page.evaluate(FIT)
        page.wait_for_timeout(3000)
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture = picture.resize((WIDTH, round(WIDTH * picture.height / picture.width)), Image.Resampling.LANCZOS)
    picture.save(TARGET, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    print(f"{TARGET.name}: {TARGET.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
