"""Choosing among LoRAs on a card: pictures scored while a run trains and of a comparison, LoRAs for a part of the steps, a sweep."""

from __future__ import annotations

import json
import tempfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import comparing
import drawn
import graphs
import numpy as np
import served
import timing
import torch
import whole_step
from device import on_cpu
from host import Host
from report import gib, row, tried, value
from sameness import content

SMALL = {
    "model_type": "clip_vision_model", "image_size": 56, "patch_size": 14, "num_hidden_layers": 2, "hidden_size": 32, "num_channels": 3,
    "num_attention_heads": 2, "intermediate_size": 48, "hidden_act": "quick_gelu", "projection_dim": 48,
}  # fmt: skip
"""A vision model for a CPU; on a card it is CLIP ViT-L of random weights."""

NODE = '''
import json
import sys

sys.path.insert(0, {folder!r})
import seeing


class SeeingModel:
    """A CLIP_VISION of random weights."""

    RETURN_TYPES, FUNCTION, CATEGORY = ("CLIP_VISION",), "made", "check"

    @classmethod
    def INPUT_TYPES(cls):
        return {{"required": {{}}}}

    def made(self):
        return (seeing.model(json.loads({config!r})),)


NODE_CLASS_MAPPINGS = {{"CheckSeeingModel": SeeingModel}}
'''
HERE = Path(__file__).resolve().parent


def config() -> dict[str, Any]:
    """Of the vision model."""
    if on_cpu():
        return SMALL
    import comfy.clip_vision

    return json.loads(Path(comfy.clip_vision.__file__).with_name("clip_vision_config_vitl.json").read_text())


def in_a_server() -> None:
    """The small SD1.5 trained with and without scores, compared with scores and LoRA steps, and swept."""
    base = served._base()
    node = NODE.format(folder=str(HERE), config=json.dumps(config()))
    (base / "custom_nodes" / "check_seeing_model.py").write_text(node, encoding="utf-8")
    with served._server(base) as host:
        hashes = {}
        for name in ("unscored", "scored"):
            tried(f"trained, {name}", partial(_trained, host, name, hashes))
        if len(hashes) == 2:
            same = len(set(hashes.values())) == 1
            value("choosing.equal", same)
            row("LoRA with and without scores", "EQUAL" if same else "DIFFERENT", *hashes.values())
            tried("comparison", lambda: _compared(host))
        tried("sweep", lambda: _swept(host))


def _seeing(prompt: dict[str, Any]) -> dict[str, Any]:
    """The graph with a Likeness of a vision model, as node "like"."""
    dataset = {} if "dataset" in prompt else {"dataset": graphs.node("AthanorDatasetLoader", folder="ds")}
    like = graphs.node("AthanorLikeness", dataset=["dataset", 0], clip_vision=["seeing", 0])
    return prompt | dataset | {"seeing": graphs.node("CheckSeeingModel"), "like": like}


def _held(host: Host) -> str:
    """What torch holds on the card."""
    card = host.get("/system_stats")["devices"][0]
    held = card["torch_vram_total"] - card["torch_vram_free"]
    return "-" if on_cpu() else gib(held / 2**30)


def _trained(host: Host, name: str, hashes: dict[str, str]) -> None:
    prompt = served._with_samples(served._plain("sd15"))(name)
    if name == "scored":
        prompt = _seeing(prompt)
        prompt["samples"]["inputs"]["likeness"] = ["like", 0]
    host.run(prompt, seconds=served.SECONDS)
    hashes[name] = served._hash(host.base, name)
    events = _events(host.base, name)
    scored = [event["values"]["likeness"]["mean"] for event in events if event["event"] == "scored"]
    trouble = "; ".join(event["text"] for event in events if event["event"] == "warned" and "scored" in event["text"])
    row(f"trained, {name}", f"scores {scored}", trouble, "held on the card", _held(host))


def _events(base: Path, name: str) -> list[dict[str, Any]]:
    runs = (path.parent for path in (base / "output" / "athanor" / "runs").glob("*/job.json"))
    run = next(r for r in runs if json.loads((r / "job.json").read_text())["training"]["output_name"] == name)
    return [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]


def _compared(host: Host) -> None:
    """Every cell is what its own graph draws: with the LoRA on for all steps and for half of them; each has a score."""
    axes = {"x": comparing.axis("LoRA steps", "0-0.5\n0-1"), "y": comparing.axis("LoRA", "scored")}
    prompt = _seeing(comparing.comparison("sd15", likeness=["like", 0], seeds="5", **axes))
    entry = host.run(prompt, seconds=served.SECONDS)
    cells = comparing.cells_of(host, entry)
    folder = host.base / "output" / comparing.outputs(entry)["images"][0]["subfolder"]
    told = json.loads((folder / "scores.json").read_text())
    plain = comparing.plain_pictures(host, cells)
    same = [np.array_equal(cell["pixels"], picture) for cell, picture in zip(cells, plain, strict=True)]
    row("cells with LoRA steps and their own graphs", "EQUAL" if all(same) else "DIFFERENT", f"{len(cells)} cells")
    row("scored", told["scorer"]["title"], f"{len(told['cells'])} cells", "held on the card", _held(host))
    if len(cells) != 2 or len(told["cells"]) != 2:
        row("comparison", "FAILED", comparing.text_of(entry))


def _swept(host: Host) -> None:
    """Two runs that differ by the seed hold as much of the card at most: nothing of the first is left beside the second."""
    prompt = served._plain("sd15")("swept") | {
        "sweep": graphs.node("AthanorSweep", run=["train", 0], settings="seed: 1, 2")
    }
    del prompt["curve"]
    host.run(prompt | {"show": graphs.node("PreviewAny", source=["sweep", 4])}, seconds=served.SECONDS)
    peaks = []
    for path in sorted((host.base / "output" / "athanor" / "runs").glob("*/job.json")):
        if json.loads(path.read_text())["training"]["output_name"].startswith("swept_"):
            lines = (path.parent / "metrics.jsonl").read_text().splitlines()
            peaks.append(max(json.loads(line)["memory"] for line in lines))
    same = len(peaks) == 2 and max(peaks) <= 1.02 * min(peaks)
    row("peaks of a sweep's runs, GB", peaks, "" if on_cpu() else "EQUAL" if same else "DIFFERENT", _held(host))


def between_steps(model: str = "sdxl", count: int = 1, steps: int = 4) -> None:
    """Steps with samples scored in between: the same losses and weights, and as much of the card held as before."""
    import comfy.model_management as mm
    import seeing
    from athanor.training_core.run import scoring
    from athanor.training_core.score.scorer import Scorer
    from athanor.training_core.score.vision_measure import VisionMeasure
    from athanor.training_core.settings import LikenessSettings

    made, folder = drawn.load(model), Path(tempfile.mkdtemp())
    with torch.inference_mode():  # as the host's executor makes it
        vision = seeing.model(config())
    scorer = Scorer(VisionMeasure(vision), _dataset(folder), LikenessSettings(), folder=folder)
    if not on_cpu():  # where the graph's weights lie, unless the server was started with --gpu-only
        made.model.to("cpu")
    rng = np.random.default_rng(0)

    def held() -> float:
        return float("nan") if on_cpu() else torch.cuda.memory_allocated() / 2**30

    def look(host: Any, number: int) -> None:
        pixels = rng.integers(0, 256, (64, 64, 3), np.uint8)
        picture, at = scoring.DrawnSample(0, "", number, pixels), SimpleNamespace(step=number, epoch=1)
        for event in scoring.scored(scorer, [picture], at, host):
            if text := getattr(event, "text", ""):
                row("FAILED", text)
        host.load()

    def run(host: Any, scored: bool) -> tuple[list[float], str]:
        losses, locked = [], mm.TOTAL_PINNED_MEMORY
        with whole_step.attached(host, model, count, exact=True) as whole:
            for number in range(steps):
                losses.append(whole.loss(number))
                if scored:
                    before = held()
                    timing.sync()
                    seconds = timing.running(lambda n: look(host, n), 1, first=number)
                    more = f"pages locked {(mm.TOTAL_PINNED_MEMORY - locked) / 2**20:.0f} MiB more"
                    row(
                        f"scored behind step {number}",
                        f"{seconds:.2f} s",
                        f"held {gib(before)}, then {gib(held())}",
                        more,
                    )
            return losses, content(whole.network)

    with whole_step.loaded(made) as host:
        plain, seen = run(host, False), run(host, True)
    value("scoring.equal", plain == seen)
    row(f"{steps} steps, scored in between", "EQUAL" if plain == seen else "DIFFERENT", plain[1], seen[1], seen[0][-1])


def _dataset(folder: Path) -> Any:
    """Pictures to compare with."""
    from athanor.training_core.data import scan
    from athanor.training_core.settings import DatasetSettings

    graphs.draw_dataset(folder / "ds")
    return scan.scan(DatasetSettings(folder="ds"), folder / "ds", None, folder / "inspected")
