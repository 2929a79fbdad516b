"""A real ComfyUI seen through a real Chromium."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "host"))

import graphs
from host import Host

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
CHROMIUM = os.environ.get("CHROMIUM_PATH", CHROMIUM)


def missing() -> str:
    """What the browser tests lack, or ''."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "the Python package playwright is missing: pip install playwright"
    return "" if CHROMIUM else "no Chromium: apt install chromium (or set CHROMIUM_PATH)"


def pytest_ignore_collect() -> bool | None:
    return True if missing() else None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if missing():
        terminalreporter.write_line(f"Browser tests (tests/web) were left out: {missing()}")


@pytest.fixture(scope="session")
def site(comfyui: Path, checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    base = tmp_path_factory.mktemp("site")
    graphs.draw_dataset(base / "input" / "ds" / "2_thing", 6)
    extra = ("--front-end-root", os.environ["FRONTEND_PATH"]) if os.environ.get("FRONTEND_PATH") else ()
    with Host(comfyui, base, cpu=True, extra=extra) as host:
        (base / "models" / "checkpoints" / "sd3.safetensors").symlink_to(checkpoints["sd3"])
        graphs.learn_defaults(host.get("/object_info"))
        yield host
    assert "IMPORT FAILED" not in host.log()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Page:
    """The page of a ComfyUI, with what a user would see go wrong."""

    def __init__(self, browser: Any, site: Host, vue: bool, pictures: Path) -> None:
        self.site, self.pictures, self.errors, self.count = site, pictures, [], 0
        site.post("/settings", {"Comfy.TutorialCompleted": True, "Comfy.VueNodes.Enabled": vue})
        self.context = browser.new_context(viewport={"width": 1500, "height": 1000})
        self.page = self.context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))
        self.open()

    def _console(self, message: Any) -> None:
        where = (message.location or {}).get("url", "")
        ours = "/extensions/athanor" in where or "/athanor/" in where or "athanor" in message.text.lower()
        if message.type in ("error", "warning") and ours:
            self.errors.append(f"{message.type}: {message.text} ({where})")

    def open(self) -> None:
        """Load, or load again."""
        self.page.goto(self.site.url)
        self.page.wait_for_function("window.comfyAPI?.app?.app?.extensionManager && window.comfyAPI.app.app.graph")
        self.page.wait_for_timeout(1500)
        self.page.keyboard.press("Escape")

    def load(self, workflow: dict[str, Any]) -> None:
        """Open a workflow, and look at the Train LoRA node."""
        self.page.evaluate("(w) => window.comfyAPI.app.app.loadGraphData(w, true, true, 'test')", workflow)
        self.look()

    def look(self, kind: str = "AthanorTrainLoRA") -> None:
        """Move the canvas so that the node of a type lies in the middle, at its true size."""
        self.page.evaluate(
            """(kind) => { const { app } = window.comfyAPI.app;
                const node = app.canvas.graph.nodes.find((n) => n.type === kind);
                const box = app.canvas.canvas.getBoundingClientRect();
                app.canvas.ds.scale = 0.95;
                app.canvas.ds.offset = [box.width / 2 / 0.95 - node.pos[0] - node.size[0] / 2, 60 - node.pos[1]];
                app.canvas.setDirty(true, true); }""",
            kind,
        )
        self.page.wait_for_timeout(600)

    def queue(self) -> None:
        """As the Run button does it."""
        self.page.evaluate("() => window.comfyAPI.app.app.queuePrompt(0)")

    def points(self) -> int:
        """Points of the curve on the node."""
        return int(self.page.locator(".athanor-panel").first.get_attribute("data-points") or 0)

    def wait_for_points(self, count: int, seconds: float = 90) -> int:
        self.page.wait_for_function(
            "(n) => Number(document.querySelector('.athanor-panel')?.dataset.points) >= n",
            arg=count,
            timeout=seconds * 1000,
        )
        return self.points()

    def picture(self, name: str) -> Path:
        """A screenshot, kept for whoever wants to look."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        path = self.pictures / f"{name}.png"
        self.page.screenshot(path=str(path))
        return path

    def close(self) -> None:
        self.context.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(os.environ.get("ATHANOR_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))


def workflow(name: str, epochs: int, samples: bool = True) -> dict[str, Any]:
    """The quickstart at a tiny size: Train LoRA and its curve, with sample pictures every few steps."""
    found = json.loads((ROOT / "example_workflows" / "quickstart.json").read_text(encoding="utf-8"))
    found["nodes"] = [n for n in found["nodes"] if n["type"] not in ("AthanorXYZCompare", "SaveImage", "PreviewImage")]
    kept = {n["id"] for n in found["nodes"]}
    found["links"] = [link for link in found["links"] if link[1] in kept and link[3] in kept]
    links = {link[0] for link in found["links"]}
    nodes = {}
    for node in found["nodes"]:
        nodes.setdefault(node["type"], node)
        for slot in node.get("inputs", []):
            slot["link"] = slot["link"] if slot.get("link") in links else None
        for slot in node.get("outputs", []):
            slot["links"] = [i for i in slot.get("links") or [] if i in links]
    nodes["CheckpointLoaderSimple"]["widgets_values"][0] = "sd3.safetensors"
    nodes["AthanorDatasetLoader"]["widgets_values"][0] = "ds"
    values = nodes["AthanorBucketer"]["widgets_values"]
    values[0:2], values[3:7] = [64, 64], [32, 128, 32, False]
    values[7] = 2
    train = nodes["AthanorTrainLoRA"]
    defaults = list(graphs.DEFAULTS["AthanorTrainLoRA"])
    train["widgets_values"][0] = name
    train["widgets_values"][defaults.index("epochs")] = epochs
    preview = max(kept) + 1
    found["nodes"].append({"id": preview, "type": "PreviewImage", "pos": [train["pos"][0] + 500, train["pos"][1]], "size": [300, 250],
        "flags": {}, "order": 99, "mode": 0, "inputs": [{"name": "images", "type": "IMAGE", "link": 900}], "outputs": [],
        "properties": {}, "widgets_values": []})  # fmt: skip
    curve = next(i for i, o in enumerate(train["outputs"]) if o["name"] == "loss_curve")
    train["outputs"][curve]["links"] = [900]
    found["links"].append([900, train["id"], curve, preview, 0, "IMAGE"])
    if samples:
        config = graphs.DEFAULTS["AthanorSampleConfig"]
        wanted = {"sample_prompts": "red circle\ngreen cross", "width": 64, "height": 64, "steps": 2, "sample_every_n_epochs": 0,
                  "sample_every_n_steps": 20, "sample_at_first": True}  # fmt: skip
        values = list((config | wanted).values())
        kind = next(i["type"] for i in train["inputs"] if i["name"] == "samples")
        found["nodes"].append({"id": preview + 1, "type": "AthanorSampleConfig", "pos": [train["pos"][0] - 400, train["pos"][1] + 500],
            "size": [320, 320], "flags": {}, "order": 1, "mode": 0, "inputs": [],
            "outputs": [{"name": "samples", "type": kind, "links": [901]}], "properties": {}, "widgets_values": values})  # fmt: skip
        slot = next(i for i, s in enumerate(train["inputs"]) if s["name"] == "samples")
        train["inputs"][slot]["link"] = 901
        found["links"].append([901, preview + 1, 0, train["id"], slot, kind])
    found["last_node_id"], found["last_link_id"] = preview + 2, 902
    return found
