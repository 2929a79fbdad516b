"""The two ways of a newcomer to a first LoRA, gone with a mouse in the real page; what they cost, and pictures of every stage.

    python tests/benchmarks/first_hour.py [--vue] [--size 1280x720] [--frontend DIR] [--shots DIR] [nodes|template]

"nodes": empty canvas, four nodes by the search, connected by dragging, Run, a LoRA. "template": a first LoRA's template, own
pictures by upload, Run, the grid, a starred epoch. Everything is clicked, dragged and typed where it stands on the screen:
the page's own functions are only asked where that is. Needs what tests/web needs.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2] / "demo"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "helpers"))

import assemble
import prepare
import torch
from host import Host
from newcomer import NODE, WIDGET, Cost, Newcomer
from playwright.sync_api import sync_playwright
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parents[2]
PICTURES, SIDE = 2, 32
MODEL, OTHER = "my-sd3.safetensors", "another.safetensors"
TEMPLATE = "1 First LoRA - SD3.5"
READY = "window.comfyAPI?.app?.app?.extensionManager && window.comfyAPI.app.app.graph?.nodes"
SET = f"([kind, name, value]) => {{ {NODE}.widgets.find((w) => w.name === name).value = value; }}"
CHOSEN = f"([kind, name, value]) => {NODE}.widgets.find((w) => w.name === name).value === value"


def wait_for(is_so: Callable[[], Any], what: str, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"{what} did not come within {seconds:.0f} s"
        time.sleep(0.5)


def is_training(user: Newcomer, host: Host) -> bool:
    """Whether a curve is seen on the node."""
    failed = [e for e in host.get("/history").values() if e["status"]["status_str"] == "error"]
    assert not failed, failed[-1]["status"]["messages"][-1][1]["exception_message"]
    return int(user.page.locator(".athanor-panel").first.get_attribute("data-points") or 0) >= 1


def is_idle(host: Host) -> bool:
    return not any(host.get("/queue").values())


def blank(user: Newcomer) -> None:
    """An empty canvas: where the way begins, so nothing is counted."""
    user.page.get_by_role("button", name="Create a new blank workflow").click()
    user.page.wait_for_function("!window.comfyAPI.app.app.graph.nodes.length")
    user.page.wait_for_timeout(1000)
    user.begun = time.monotonic()


def by_nodes(user: Newcomer, host: Host) -> None:
    """Nothing -> four nodes -> Run -> a LoRA."""
    width, height = user.size()
    blank(user)
    left, middle, top = width * 0.18, width * 0.44, height * 0.16
    nodes = (
        ("load checkpoint", "Load Checkpoint", (left, top)),
        ("dataset loader", "Dataset Loader", (left, top + height * 0.3)),
        ("bucketer", "Bucketer", (middle, top + height * 0.3)),
        ("train lora", "Train LoRA (Athanor)", (width * 0.7, top)),
    )
    for search, title, at in nodes:
        user.place_node(search, title, at)
        user.look(title)
    user.stage("four nodes")
    user.connect(("CheckpointLoaderSimple", "MODEL"), ("AthanorTrainLoRA", "model"))
    user.connect(("CheckpointLoaderSimple", "CLIP"), ("AthanorTrainLoRA", "clip"))
    user.connect(("CheckpointLoaderSimple", "VAE"), ("AthanorTrainLoRA", "vae"))
    user.connect(("AthanorDatasetLoader", "dataset"), ("AthanorBucketer", "dataset"))
    user.connect(("AthanorBucketer", "buckets"), ("AthanorTrainLoRA", "buckets"))
    user.stage("connected")
    user.choose("CheckpointLoaderSimple", "ckpt_name", MODEL)
    user.stage("checkpoint")
    choose_folder(user)
    user.stage("folder")
    user.run()
    wait_for(lambda: is_training(user, host), "the first step")
    user.stage("training")
    wait_for(lambda: is_idle(host), "the end of the run")
    user.page.locator(".athanor-panel", has_text="is saved").wait_for()
    user.stage("LoRA saved")


def choose_folder(user: Newcomer) -> None:
    """The folder that lies in ComfyUI's input already."""
    user.click(user.page.locator(".athanor-folder").get_by_role("button", name="Choose folder"))
    user.page.locator(".athanor-folders li").first.wait_for()
    user.look("folders")
    user.click(user.page.locator(".athanor-folders li", has_text="my_pictures").first)
    user.page.locator(".athanor-folder .line", has_text="picture").wait_for()


def hurry(user: Newcomer) -> None:
    """Fewer epochs and coarser pictures, behind the user's back: a CPU would take an hour for the template's."""
    user.page.evaluate(SET, ["AthanorTrainLoRA", "epochs", 4])
    for kind in ("AthanorSampleConfig", "AthanorXYZCompare", "AthanorBucketer"):
        values = {"width": 256, "height": 256} | ({"batch_size": 2} if kind == "AthanorBucketer" else {"steps": 6})
        for name, value in values.items():
            user.page.evaluate(SET, [kind, name, value])


DECIDED = """() => { const dialog = document.querySelector(".athanor-upload");
    return dialog?.querySelector(".write:not([disabled])")?.textContent === "Use this folder" || !dialog; }"""
"""The upload's dialog has closed by itself, or asks something."""


def upload(user: Newcomer, own: Path) -> None:
    """A folder of the own computer; its two clicks in the system's dialog count, too."""
    user.click(user.page.locator(".athanor-folder").get_by_role("button", name="Upload pictures"))
    dialog = user.page.locator(".athanor-upload")
    user.look("upload asks")
    with user.page.expect_file_chooser() as chooser:
        user.click(dialog.get_by_role("button", name="Choose a folder"))
    user.cost.clicks += 2
    chooser.value.set_files(str(own))
    user.page.wait_for_function(DECIDED)
    if dialog.count():  # all of it is there already, from the last time
        user.click(dialog.get_by_role("button", name="Use this folder"))
    dialog.wait_for(state="detached")
    user.page.locator(".athanor-folder .line", has_text="picture").wait_for()


def by_template(user: Newcomer, host: Host, own: Path) -> None:
    """Template -> own folder by upload -> Run -> grid -> starred epoch."""
    blank(user)
    user.click(user.page.locator("[aria-label^=Templates]").first)
    user.page.locator("[data-testid^=template-workflow-]").first.wait_for()
    user.click(user.page.locator("nav, [role=dialog]").get_by_text("athanor", exact=True).first)
    card = user.page.locator("[data-testid^=template-workflow-]", has_text=TEMPLATE).first
    card.wait_for()
    user.stage("templates")
    user.click(card)
    user.page.wait_for_function("window.comfyAPI.app.app.graph.nodes.length > 5")
    user.page.wait_for_timeout(2000)
    user.page.wait_for_function(CHOSEN, arg=["CheckpointLoaderSimple", "ckpt_name", MODEL])  # of the template's family
    user.stage("template open")
    upload(user, own)
    user.stage("uploaded")
    hurry(user)
    user.run()
    user.page.wait_for_timeout(1000)
    user.look("run pressed")
    wait_for(lambda: is_training(user, host), "the first step")
    user.stage("training")
    wait_for(lambda: is_idle(host), "the grid", 900)
    user.page.wait_for_timeout(2000)
    user.stage("grid")
    star(user)
    user.stage("starred")


def star(user: Newcomer) -> None:
    """Mark an epoch in the viewer of the grid."""
    if user.vue:
        user.click(user.page.get_by_role("button", name="Open viewer").first)
    else:
        user.show("AthanorXYZCompare")
        user.click(tuple(user.page.evaluate(WIDGET, ["AthanorXYZCompare", "Open viewer"])))
    user.page.locator(".athanor-compare .cell").first.wait_for()
    user.look("viewer")
    user.click(user.page.locator(".athanor-compare tr", has_text="epoch").locator(".cell").first)  # not the base model
    user.look("picture")
    user.click(user.page.locator(".athanor-compare").get_by_role("button", name="star").first)


@contextmanager
def a_page(host: Host, options: argparse.Namespace):
    width, height = (int(n) for n in options.size.split("x"))
    host.post("/settings", {"Comfy.TutorialCompleted": True, "Comfy.VueNodes.Enabled": options.vue})
    chromium = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(120_000)  # of what is waited for: a busy machine
        page.goto(host.url)
        page.wait_for_function(READY)
        page.wait_for_timeout(4000)  # the host's own start
        yield page
        browser.close()


def measure(way: str, host: Host, options: argparse.Namespace) -> Newcomer:
    with a_page(host, options) as page:
        name = "_".join((way, "vue" if options.vue else "canvas", options.size, "given" if options.frontend else "own"))
        user = Newcomer(page, options.vue, options.shots, f"path_{name}")
        try:
            if way == "nodes":
                by_nodes(user, host)
            else:
                by_template(user, host, host.base / "own" / "my sprouts")
        except BaseException:
            user.look("stuck")
            raise
        return user


def table(way: str, costs: dict[str, Cost]) -> str:
    head = f"{way:<16}{'clicks':>7}{'drags':>7}{'scrolls':>8}{'keys':>6}{'by hand s':>11}{'passed s':>10}"
    lines = [
        f"{name:<16}{c.clicks:>7}{c.drags:>7}{c.scrolls:>8}{c.keys:>6}{c.by_hand():>11.0f}{c.waited:>10.0f}"
        for name, c in costs.items()
    ]
    return "\n".join([head, *lines])


def model_for_512(path: Path) -> None:
    """The demo's model, whose positions end at 256 pixels, with positions for the templates' 512."""
    assemble.assemble(path)
    state = load_file(path)
    name = next(key for key in state if key.endswith("pos_embed"))
    side = math.isqrt(state[name].shape[1])
    square = state[name].float().reshape(1, side, side, -1).movedim(-1, 1)
    square = torch.nn.functional.interpolate(square, (SIDE, SIDE), mode="bilinear")
    state[name] = square.movedim(1, -1).reshape(1, SIDE * SIDE, -1).to(state[name].dtype).contiguous()
    save_file(state, path)


def furnish(base: Path) -> Path:
    """A ComfyUI's folder with models, pictures in input, and others on "the user's computer"."""
    model_for_512(base / "models" / "checkpoints" / MODEL)
    save_file(
        {"weight": torch.zeros(1)}, base / "models" / "checkpoints" / OTHER
    )  # of another family, first in the list
    prepare.draw_sprouts(base / "drawn")
    drawn = sorted((base / "drawn").iterdir())
    for index, folder in enumerate((base / "input" / "my_pictures", base / "own" / "my sprouts")):
        folder.mkdir(parents=True, exist_ok=True)
        for path in drawn[2 * PICTURES * index : 2 * PICTURES * (index + 1)]:
            shutil.copy(path, folder)
    return base


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("ways", nargs="*", default=["nodes", "template"], metavar="nodes|template")
    parser.add_argument("--vue", action="store_true", help="Vue nodes in the place of the canvas")
    parser.add_argument("--size", default="1280x720", help="of the window")
    parser.add_argument("--frontend", type=Path, help="folder of another frontend")
    parser.add_argument("--shots", type=Path, help="folder for a picture of every stage")
    options = parser.parse_args()
    if options.shots:
        options.shots.mkdir(parents=True, exist_ok=True)
    extra = ("--front-end-root", str(options.frontend)) if options.frontend else ()
    comfyui = Path(os.environ.get("COMFYUI_PATH") or ROOT / ".athanor" / "ComfyUI")
    with (
        tempfile.TemporaryDirectory() as folder,
        Host(comfyui, furnish(Path(folder)), cpu=True, extra=extra) as host,
    ):
        for way in options.ways:
            print(table(way, measure(way, host, options).costs), flush=True)


if __name__ == "__main__":
    main()
