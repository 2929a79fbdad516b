"""Lay out the demo's ComfyUI folder: the demo base, drawn pictures, and a few photographs."""

from __future__ import annotations

import random
import shutil
from importlib.util import find_spec
from pathlib import Path

import assemble
import pictures

ROOT = Path(__file__).resolve().parent.parent
BASE = ROOT / ".athanor" / "comfy"
"""--base-directory of the demo's and `serve`'s ComfyUI."""

QUICKSTART = ROOT / "demo" / "quickstart.json"
"""The demo's workflow, as the page saves it."""
DATASET = "athanor-demo"
SPROUTS, KNOWN = 24, 36
PHOTOGRAPHS = {  # files of the host's template packages, with their captions
    "flux_canny_model_example-1": "photo of a rose",
    "flux_schnell_full_text_to_image-1": "photo of a green car",
    "utility-gan_upscaler-1": "photo of parrots",
    "image_mage_flow_edit_turbo_int8-2": "photo of balloons",
    "video_ltx2_i2v_lora-1": "photo of a puppy",
}


def draw_sprouts(folder: Path) -> None:
    """Captioned sprouts in varied colours, places and on varied backgrounds; the same ones every time."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(7)
    colours, places, backgrounds = (list(d) for d in (pictures.COLOURS, pictures.PLACES, pictures.BACKGROUNDS))
    for n in range(SPROUTS):
        scene = pictures.Scene("sprout", colours[n % len(colours)], places[n % len(places)], rng.choice(backgrounds))
        pictures.draw(scene, rng).save(folder / f"sprout_{n:02}.png")
        (folder / f"sprout_{n:02}.txt").write_text(scene.caption, encoding="utf-8")


def draw_known(folder: Path) -> None:
    """A few shapes that the base knows already, so that it does not forget them (a small regularization set)."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(8)
    for n, scene in enumerate(rng.sample(pictures.world(), KNOWN)):
        pictures.draw(scene, rng).save(folder / f"shape_{n:02}.png")
        (folder / f"shape_{n:02}.txt").write_text(scene.caption, encoding="utf-8")


def copy_photographs(folder: Path) -> int:
    """Photographs that the host's template packages have installed; returns how many were found."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = find_spec("comfyui_workflow_templates_core")
    site = Path(spec.origin).parent.parent if spec and spec.origin else ROOT
    count = 0
    for stem, caption in PHOTOGRAPHS.items():
        found = next(site.glob(f"comfyui_workflow_templates_media_*/templates/{stem}.*"), None)
        if found:
            shutil.copyfile(found, folder / found.name)
            (folder / f"{found.stem}.txt").write_text(caption, encoding="utf-8")
            count += 1
    return count


def prepare(base: Path = BASE) -> Path:
    """Make everything the quickstart workflow needs below `base`; what is there stays."""
    assemble.assemble(base / "models" / "checkpoints" / assemble.NAME)
    dataset = base / "input" / DATASET
    if not dataset.is_dir():
        part = base / "input" / f".{DATASET}.part"
        shutil.rmtree(part, ignore_errors=True)
        draw_sprouts(part / "3_sprout")
        draw_known(part / "2_shapes")
        if not copy_photographs(part / "6_photograph"):
            shutil.rmtree(part / "6_photograph")
        part.rename(dataset)
    workflows = base / "user" / "default" / "workflows"
    workflows.mkdir(parents=True, exist_ok=True)
    if not (workflows / QUICKSTART.name).exists():  # the user's own, once it is there
        shutil.copyfile(QUICKSTART, workflows / QUICKSTART.name)
    return base
