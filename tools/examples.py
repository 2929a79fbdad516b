"""Make example_workflows/ anew: each workflow built, laid out and saved by the real page, and its picture taken there.

    python dev.py test --collect-only -q tests/web      (once: brings ComfyUI and Playwright; Chromium is your system's)
    COMFYUI_PATH=.athanor/ComfyUI .athanor/venv/bin/python tools/examples.py [--pictures run|plain|none] [NAME ...]

Needed after a node got, lost or renamed an input, or a workflow in example_*.py was changed. A picture shows the workflow
after a small run on the demo's model and pictures, with the settings of the saved file.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "demo"))

import assemble
import example_recipes
import example_studies
import example_tools
import prepare
import stand_in
from host import Host, error_message
from PIL import Image
from sheet import Sheet

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "example_workflows"
BASE = ROOT / ".athanor" / "examples"
SHEETS = [*example_recipes.ALL, *example_studies.ALL, *example_tools.ALL]  # the last one needs the first one's LoRA
WINDOW = 2400
PROMPTS = ("red sprout at the left, sky background", "blue sprout in the center, sand background")
TRIPLE = "TripleCLIPLoader"
CARD, QUALITY = 640, 80
"""Width in pixels and JPEG quality of a picture for Templates, which shows it 400 pixels wide; the pack's zip holds all of them."""
README_CARD = "quickstart", 1100
"""The one that README.md shows as well, and its width."""
QUIET = {
    "Comfy.TutorialCompleted": True, "Comfy.VueNodes.Enabled": False, "Comfy.Minimap.Visible": False,
    "Comfy.Graph.CanvasMenu": False, "Comfy.Graph.CanvasInfo": False, "Comfy.NodeBadge.NodeSourceBadgeMode": "None",
}  # fmt: skip


def saved(workflow: dict[str, Any]) -> str:
    """As text: a line for each node and each link."""
    parts = []
    for key, value in workflow.items():
        if key in ("nodes", "links", "groups") and value:
            lines = ",\n".join(f"  {json.dumps(entry, ensure_ascii=False)}" for entry in value)
            parts.append(f" {json.dumps(key)}: [\n{lines}\n ]")
        else:
            parts.append(f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def card(png: bytes, width: int) -> bytes:
    """A screenshot as a picture for Templates, `width` pixels wide."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return file.getvalue()


def make(page: Any, host: Host, sheet: Sheet, object_info: dict[str, Any], picture: str) -> None:
    """One workflow: built, laid out, saved, and, if asked for, run small and photographed."""
    page.evaluate("(w) => window.comfyAPI.app.app.loadGraphData(w, true, true, 'example')", sheet.workflow(object_info))
    page.wait_for_timeout(800)
    page.evaluate("(plan) => window.athanorExamples.arrange(plan)", sheet.plan())
    page.wait_for_timeout(500)
    workflow = page.evaluate("() => window.comfyAPI.app.app.graph.serialize()")
    workflow["extra"] = {"ds": {"scale": 0.6, "offset": [60, 60]}}
    path = TARGET / f"{sheet.name}.json"
    path.write_text(saved(workflow), encoding="utf-8")
    print(f"{path.name}: {len(sheet.nodes)} nodes, {path.stat().st_size // 1000} kB", flush=True)
    if picture == "run":
        small_run(page, host, sheet, workflow)
    if picture == "none":
        return
    page.set_viewport_size({"width": WINDOW, "height": WINDOW})
    page.wait_for_timeout(1500)
    width, height = page.evaluate("() => window.athanorExamples.fit()")
    page.set_viewport_size({"width": WINDOW, "height": round(WINDOW / min(max(width / height, 1.0), 1.7))})
    page.wait_for_timeout(500)
    page.evaluate("() => window.athanorExamples.fit()")
    page.wait_for_timeout(2000)
    width = README_CARD[1] if sheet.name == README_CARD[0] else CARD
    (TARGET / f"{sheet.name}.jpg").write_bytes(card(page.screenshot(), width))


def small_run(page: Any, host: Host, sheet: Sheet, workflow: dict[str, Any]) -> None:
    """Run what the page shows with small values on the demo's model, and put the values back."""
    small = {
        node["id"]: values | _demo(node)
        for node, values in stand_in.smaller(workflow, 128, 6 if any(n.muted for n in sheet.nodes) else 4, 6)
    }
    small |= {node["id"]: _demo(node) for node in workflow["nodes"] if node["id"] not in small}
    before = page.evaluate("(v) => window.athanorExamples.values(v)", small if sheet.name != "quickstart" else {})
    triple = next((node["id"] for node in workflow["nodes"] if node["type"] == TRIPLE), None)
    loader = next((node["id"] for node in workflow["nodes"] if node["type"] == "CheckpointLoaderSimple"), None)
    if triple:  # the host would build T5-XXL whole, whatever the file holds
        page.evaluate("([a, b]) => window.athanorExamples.stand(a, 0, b, 1)", [triple, loader])
    page.set_viewport_size({"width": 300, "height": 300})  # to draw a large page takes as long as to train
    muted = [node.id for node in sheet.nodes if node.muted]
    for mode in (0, 2) if muted else (0,):  # muted groups run first: what stands beside them shows what they leave
        page.evaluate("([ids, mode]) => window.athanorExamples.modes(ids, mode)", [muted, mode])
        _run(page, host, sheet.name)
    page.evaluate("(v) => window.athanorExamples.values(v)", before)
    if triple:
        page.evaluate("([a, b]) => window.athanorExamples.stand(b, 1, a, 0)", [triple, loader])


def _run(page: Any, host: Host, name: str) -> None:
    done = set(host.get("/history"))
    page.evaluate("() => window.comfyAPI.app.app.queuePrompt(0)")
    entry, end = None, time.monotonic() + 1800
    while entry is None and time.monotonic() < end:
        time.sleep(1)
        entry = next((e for key, e in host.get("/history").items() if key not in done), None)
    if entry is None or (why := error_message(entry)):
        sys.exit(f"{name} did not run: {why if entry else 'no end in half an hour'}; see {host.log_path}.")


def _demo(node: dict[str, Any]) -> dict[str, Any]:
    """Words and rates that the demo's model understands."""
    if node["type"] in ("AthanorXYZCompare", "AthanorXYZPlan"):
        return {
            "prompts": "\n".join(PROMPTS),
            "negative": "",
            "cfg": 2.5,
            "sampler_name": "euler",
            "scheduler": "normal",
        }
    if node["type"] == "AthanorSampleConfig":
        return {"sample_prompts": PROMPTS[0], "sample_every_n_epochs": 0}
    if node["type"] == "AthanorOptimizerConfig":
        return {
            "optimizer_type": "AdamW",
            "optimizer_args": "",
            "learning_rate": 0.005,
            "unet_lr": "",
            "lr_warmup_steps": "0",
        }
    if node["type"] == "AthanorNetworkConfig":
        return {"train": "unet"}
    return {}


def main() -> None:
    """All workflows, or those that are named."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument(
        "--pictures", choices=("run", "plain", "none"), default="run", help="of a small run, before any run"
    )
    arguments = parser.parse_args()
    sheets = [make() for make in SHEETS]
    if unknown := set(arguments.names) - {sheet.name for sheet in sheets}:
        sys.exit(f"There is no workflow {', '.join(unknown)}; there are {', '.join(sheet.name for sheet in sheets)}.")
    chromium = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium") or shutil.which("google-chrome")
    prepare.prepare(BASE)
    pictures = BASE / "input" / "few"
    prepare.draw_sprouts(pictures / "2_sprout")
    stand_in.place(BASE, {"": BASE / "models" / "checkpoints" / assemble.NAME}, pictures)
    with Host(Path(os.environ["COMFYUI_PATH"]), BASE, cpu=True) as host, sync_playwright() as playwright:
        host.post("/settings", QUIET)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 800, "height": 600})
        page.goto(host.url)
        page.wait_for_function("window.comfyAPI?.app?.app?.extensionManager && window.comfyAPI.app.app.graph")
        page.wait_for_timeout(2000)
        page.keyboard.press("Escape")
        page.evaluate((Path(__file__).parent / "page.js").read_text(encoding="utf-8"))
        page.evaluate(
            """() => { const { app } = window.comfyAPI.app;
                app.canvas.min_font_size_for_lod = 0;
                app.extensionManager.command.execute("Workspace.ToggleFocusMode"); }"""
        )
        object_info = host.get("/object_info")
        for sheet in sheets:
            if not arguments.names or sheet.name in arguments.names:
                make(page, host, sheet, object_info, arguments.pictures)
        browser.close()


if __name__ == "__main__":
    main()
