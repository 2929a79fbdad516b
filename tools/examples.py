"""Make example_workflows/ anew: each workflow built, laid out and saved by the real page.

    python dev.py test --collect-only -q tests/web      (once: brings ComfyUI and Playwright; Chromium is your system's)
    COMFYUI_PATH=.athanor/ComfyUI .athanor/venv/bin/python tools/examples.py [NAME ...]

Needed after a node got, lost or renamed an input, or a workflow in example_*.py was changed. tools/cards.py draws the pictures
beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "demo"))

import assemble
import example_first
import example_recipes
import example_studies
import example_sweep
import example_tools
import prepare
import stand_in
from host import Host
from sheet import Sheet

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "example_workflows"
BASE = ROOT / ".athanor" / "examples"
SHEETS = [
    *example_first.ALL, *example_tools.ALL, *example_sweep.ALL, *example_recipes.ALL, *example_studies.ALL,
]  # fmt: skip
DEMO = "quickstart"
"""Lies in demo/: it needs the demo's model, which dev.py alone has."""
RENDERER = "(vue) => window.comfyAPI.app.app.extensionManager.setting.set('Comfy.VueNodes.Enabled', vue)"
QUIET = {
    "Comfy.TutorialCompleted": True, "Comfy.VueNodes.Enabled": False, "Comfy.Minimap.Visible": False,
    "Comfy.NodeBadge.NodeSourceBadgeMode": "HideBuiltIn",
}  # fmt: skip
"""The page's settings; the badge of a node's pack is the default, and a row of a Vue node's height."""


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


def tidy(workflow: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """What the page has saved, without what it adds needlessly.

    A null that should be a number or a list is what the page itself complains of; and where any file of the user's will do, the
    name of one of this machine's does not belong into the file.
    """
    wanted = {node["id"]: node["widgets_values"] for node in given["nodes"]}
    for node in workflow["nodes"]:
        for part in (node, *node.get("inputs", []), *node.get("outputs", [])):
            for key in [key for key, value in part.items() if value is None and key != "link"]:
                del part[key]
        values = node.get("widgets_values", [])
        for index, value in enumerate(wanted[node["id"]][: len(values)]):
            values[index] = None if value is None else values[index]
    kept = {key: value for key, value in workflow.items() if value is not None}
    return kept | {"extra": {"ds": {"scale": 0.6, "offset": [60, 60]}}}


def make(page: Any, sheet: Sheet, object_info: dict[str, Any]) -> None:
    """One workflow: built, laid out, saved."""
    given = workflow = sheet.workflow(object_info)
    width = height = 0.0
    for _ in range(2):  # only what is opened as it was saved has its heights
        tall = {}
        for vue in (True, False):
            page.evaluate(RENDERER, vue)
            page.evaluate("(w) => window.comfyAPI.app.app.loadGraphData(w, true, true, 'example')", workflow)
            page.wait_for_timeout(1500)
            tall = page.evaluate("() => window.athanorExamples.tall()") if vue else tall
        width, height = page.evaluate(
            "([plan, tall]) => window.athanorExamples.arrange(plan, tall)", [sheet.plan(), tall]
        )
        page.wait_for_timeout(500)
        workflow = page.evaluate("() => window.comfyAPI.app.app.graph.serialize()")
        workflow["groups"], workflow["extra"] = [], {}
    workflow = tidy(page.evaluate("() => window.comfyAPI.app.app.graph.serialize()"), given)
    path = (ROOT / "demo" if sheet.name == DEMO else TARGET) / f"{sheet.name}.json"
    path.write_text(saved(workflow), encoding="utf-8")
    print(
        f"{path.name}: {len(sheet.nodes)} nodes, {width:.0f} x {height:.0f}, {path.stat().st_size // 1000} kB",
        flush=True,
    )


def prepared(base: Path) -> Path:
    """A ComfyUI's folder with a file or folder under every name that the workflows use, all of the demo's."""
    prepare.prepare(base)
    pictures = base / "input" / "few"
    prepare.draw_sprouts(pictures / "2_sprout")
    stand_in.place(base, {"": base / "models" / "checkpoints" / assemble.NAME}, pictures)
    return base


@contextmanager
def open_page(size: tuple[int, int]) -> Iterator[tuple[Host, Any]]:
    """A ComfyUI, and its page in a window of that size."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium") or shutil.which("google-chrome")
    with Host(Path(os.environ["COMFYUI_PATH"]), prepared(BASE), cpu=True) as host, sync_playwright() as playwright:
        host.post("/settings", QUIET)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.goto(host.url)
        page.wait_for_function(
            "window.comfyAPI?.app?.app?.extensionManager && window.comfyAPI.app.app.graph?.nodes.length"
        )
        page.wait_for_timeout(2000)  # the host has opened its own workflow: it would take the place of ours
        page.keyboard.press("Escape")
        yield host, page
        browser.close()


def main() -> None:
    """All workflows, or those that are named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    sheets = [make_sheet() for make_sheet in SHEETS]
    if unknown := set(arguments.names) - {sheet.name for sheet in sheets}:
        sys.exit(f"There is no workflow {', '.join(unknown)}; there are {', '.join(sheet.name for sheet in sheets)}.")
    with open_page((800, 600)) as (host, page):
        page.evaluate((Path(__file__).parent / "page.js").read_text(encoding="utf-8"))
        object_info = host.get("/object_info")
        for sheet in sheets:
            if not arguments.names or sheet.name in arguments.names:
                make(page, sheet, object_info)


if __name__ == "__main__":
    main()
