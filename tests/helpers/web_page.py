"""The page of a ComfyUI in a browser, and a workflow to load into it."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import graphs
from host import Host

ROOT = Path(__file__).resolve().parents[2]
SETTING = "([name, value]) => window.comfyAPI.app.app.extensionManager.setting.set(name, value)"
TAB = "[class*=athanor-tab], [aria-label^=Athanor], [data-testid*=athanor]"


class Page:
    """The page of a ComfyUI, with what a user would see go wrong."""

    def __init__(
        self,
        browser: Any,
        site: Host,
        *,
        vue: bool,
        pictures: Path,
        settings: dict[str, Any] | None = None,
        answers: dict[str, Callable[..., Any]] | None = None,
    ) -> None:
        """Open it: `settings` of the host; `answers`: a pattern of addresses -> what answers instead of the server."""
        self.site, self.pictures, self.errors = site, pictures, []
        site.post("/settings", {"Comfy.TutorialCompleted": True, "Comfy.VueNodes.Enabled": vue, **(settings or {})})
        self.context = browser.new_context(viewport={"width": 1280, "height": 800})
        self.context.set_default_timeout(120_000)  # of what is waited for: machines of CI are slow at times
        # ComfyUI's own subgraphs are a quarter of what the page reads, and used by no test.
        none = {"**/api/global_subgraphs": lambda route: route.fulfill(json={})}
        for addresses, answer in (none | (answers or {})).items():
            self.context.route(addresses, answer)
        self.page = self._tab()
        self.open()

    def _tab(self) -> Any:
        tab = self.context.new_page()
        tab.on("console", self._console)
        tab.on("pageerror", self._thrown)
        return tab

    @contextlib.contextmanager
    def another_tab(self) -> Iterator[None]:
        """`page` is an empty tab of the same browser for as long, in which what a user would see go wrong counts as well."""
        first, self.page = self.page, self._tab()
        try:
            yield
        finally:
            self.page.close()
            self.page = first

    def _console(self, message: Any) -> None:
        where = (message.location or {}).get("url", "")
        ours = "/extensions/athanor" in where or "/athanor/" in where or "athanor" in message.text.lower()
        refused = "PromptExecutionError" in message.text  # the host's own line, with our scripts in its stack
        if message.type in ("error", "warning") and ours and not refused:
            self.errors.append(f"{message.type}: {message.text} ({where})")

    def _thrown(self, error: Any) -> None:
        """An exception that nobody caught; the host has some of its own when a page is closed."""
        if "/extensions/athanor" in (error.stack or ""):
            self.errors.append(f"page error: {error.stack}")

    def open(self) -> None:
        """Load, or load again."""
        self.page.goto(self.site.url)
        self.page.wait_for_function("window.comfyAPI?.app?.app?.extensionManager && window.comfyAPI.app.app.graph")
        self.page.wait_for_selector(TAB)  # extensions are set up, and then the last workflow is loaded
        self.page.wait_for_function("window.comfyAPI.app.app.graph.nodes.length")
        self.settle()
        self.page.keyboard.press("Escape")

    def put_away(self) -> None:
        """What a test has left: messages, the tab at the side, a graph in Vue nodes, answers in the server's place."""
        self.page.unroute_all()
        if self.page.locator(".athanor-board").count():
            self.page.locator(TAB).first.click()
        self.page.wait_for_selector(".athanor-board", state="detached")
        self.page.evaluate(
            """() => { const { toast } = window.comfyAPI.app.app.extensionManager;
                (toast.removeAll ?? toast.dismissAll)(); }"""  # its name in frontends until 1.57, and after
        )
        self.renderer(False)
        self.page.evaluate("() => window.comfyAPI.app.app.graph.clear()")
        self.empty_queue()

    def settle(self, frames: int = 30) -> None:
        """Let the page draw itself so many times: half a second on a fast machine, and as long as it takes on a busy one."""
        self.page.evaluate("async (n) => { while (n--) await new Promise(requestAnimationFrame); }", frames)

    def load(self, workflow: dict[str, Any]) -> None:
        """Open a workflow, and look at the Train LoRA node.

        Out of a subgraph first: its id stands in the page's address then, and a page that is used again may follow it back to the
        workflow that it came from, after another one was opened.
        """
        self.page.evaluate(
            """async () => { const { app } = window.comfyAPI.app, isInside = app.canvas.graph !== app.rootGraph;
                if (isInside) app.canvas.setGraph(app.rootGraph);
                for (let i = 0; isInside && i < 12; i++) await new Promise(requestAnimationFrame); }"""
        )
        self.page.evaluate("(w) => window.comfyAPI.app.app.loadGraphData(w, true, true, 'test')", workflow)
        self.look()

    def look(self) -> None:
        """Move the canvas so that the chart of the Train LoRA node lies in the middle, near its true size."""
        self.page.evaluate(
            """async () => { const { app } = window.comfyAPI.app, { ds } = app.canvas;
                const node = app.canvas.graph.nodes.find((n) => n.type === "AthanorTrainLoRA");
                const frames = async (n) => { while (n--) await new Promise(requestAnimationFrame); };
                const box = app.canvas.canvas.getBoundingClientRect();
                ds.scale = 0.95;
                ds.offset = [box.width / 2 / 0.95 - node.pos[0] - node.size[0] / 2, box.height / 0.95 - 40 - node.pos[1] - node.size[1]];
                app.canvas.setDirty(true, true);
                await frames(8);
                const panel = document.querySelector(".athanor-panel").getBoundingClientRect();
                ds.offset[1] += (box.top + box.height / 2 + 80 - panel.top - panel.height / 2) / 0.95;
                app.canvas.setDirty(true, true);
                await frames(8); }"""
        )
        self.settle(8)

    def setting(self, name: str, value: Any) -> None:
        """Change a setting of the host, as its dialog does."""
        self.page.evaluate(SETTING, [name, value])

    def renderer(self, vue: bool) -> None:
        """Draw the open graph by Vue nodes, or on the canvas."""
        self.setting("Comfy.VueNodes.Enabled", vue)
        self.page.wait_for_function(f"Boolean(document.querySelector('[data-node-id]')) === {str(vue).lower()}")

    def queue(self) -> None:
        """As the Run button does it."""
        self.page.evaluate("() => window.comfyAPI.app.app.queuePrompt(0)")

    def sidebar(self) -> None:
        """Open the tab Athanor."""
        self.page.locator(TAB).first.click()
        self.page.wait_for_selector(".athanor-runs li")

    def row(self, name: str) -> Any:
        """A run in the sidebar's list."""
        return self.page.locator(".athanor-runs li", has=self.page.get_by_text(name, exact=True))

    def points(self) -> int:
        """Points of the curve on the node."""
        return int(self.page.locator(".athanor-panel").first.get_attribute("data-points") or 0)

    def wait_for_points(self, count: int, seconds: float = 180) -> int:
        self.page.wait_for_function(
            "(n) => Number(document.querySelector('.athanor-panel')?.dataset.points) >= n",
            arg=count,
            timeout=seconds * 1000,
        )
        return self.points()

    def picture(self, name: str) -> None:
        """A screenshot, if somebody wants to look at it."""
        if os.environ.get("ATHANOR_SCREENSHOTS"):
            self.page.screenshot(path=str(self.pictures / f"{name}.png"))

    def close(self) -> None:
        self.context.close()
        self.empty_queue()

    def empty_queue(self) -> None:
        """Leave nothing queued: a test that failed must not keep the next one waiting."""
        self.site.post("/queue", {"clear": True})
        while any(self.site.get("/queue").values()):
            self.site.post("/interrupt", {})
            time.sleep(0.3)


def workflow(name: str, epochs: int, samples: bool = True) -> dict[str, Any]:
    """The quickstart at a tiny size: Train LoRA and its curve, with sample pictures every few steps."""
    found = json.loads((ROOT / "demo" / "quickstart.json").read_text(encoding="utf-8"))
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
    found["extra"]["ds"] = {
        "scale": 1,
        "offset": [0, 0],
    }  # as if saved by a page: of one as shipped the page moves the view
    return found
