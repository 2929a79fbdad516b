"""Training in a real ComfyUI on this machine's device, as users have it."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import graphs
import numpy as np
from device import ROOT, on_cpu, short_clip
from host import Host
from report import row, tried, value

TELLING = (
    "Device:",
    "DynamicVRAM",
    "Athanor: training uses",
    "loaded completely",
    "loaded partially",
    "gradient_checkpointing auto",
    "a step takes",
)
"""Lines of the log that say which way ComfyUI and the pack have taken."""

MARKS = re.compile(r"\x1b\[\d*m|\[[A-Z]+\]")


SECONDS = 100 * float(os.environ.get("GPU_SLOW", "1"))
"""For a graph at most."""


@contextmanager
def _server(base: Path, options: Sequence[str] = ()) -> Iterator[Host]:
    """A ComfyUI over `base`; at the end what its log tells is said."""
    with Host(Path(os.environ["COMFYUI_PATH"]), base, cpu=on_cpu(), extra=tuple(options)) as host:
        graphs.learn_defaults(host.get("/object_info"))
        try:
            yield host
        finally:
            log = [MARKS.sub("", line).strip() for line in host.log().splitlines()]
            for line in dict.fromkeys(line for line in log if any(words in line for words in TELLING)):
                row("log", line[:220]) if line.startswith(("Device:", "Athanor: training uses")) else print(
                    "  log:", line
                )
            for line, times in Counter(host.trouble()).items():
                row("trouble", MARKS.sub("", line).strip()[:220], f"{times} times")
            print("\n".join(log[-120:]))


def _hash(base: Path, name: str) -> str:
    newest = max((base / "models" / "loras").rglob(f"{name}*.safetensors"), key=lambda path: path.stat().st_mtime)
    return graphs.metadata(newest)["sshs_model_hash"][:12]


def quickstart(options: Sequence[str] = ()) -> None:
    """The demo's graph as the page saves it, twice: it trains, compares, and gives the same bytes."""
    import prepare
    import workflow

    base = prepare.prepare(Path(tempfile.mkdtemp()))
    saved = json.loads((ROOT / "demo" / "quickstart.json").read_text(encoding="utf-8"))
    hashes: list[str] = []
    with _server(base, options) as host:
        prompt = workflow.to_prompt(saved, host.get("/object_info"))

        def run(number: int) -> None:
            for inputs in workflow.nodes_of(prompt, "AthanorTrainLoRA"):
                inputs |= {"output_name": f"again_{number}", "retrain": True, "epochs": 1 if on_cpu() else 4}
            start = time.perf_counter()
            host.run(prompt, seconds=SECONDS)
            hashes.append(_hash(base, f"again_{number}"))
            row("quickstart", f"run {number}", f"{time.perf_counter() - start:.1f} s", hashes[-1])

        for number in (1, 2):
            if not tried("quickstart", partial(run, number)):
                break
    if len(hashes) == 2:
        value("server.equal", len(set(hashes)) == 1)
        row("LoRA of two runs", "EQUAL" if len(set(hashes)) == 1 else "DIFFERENT")


def _fp32(path: Path) -> None:
    """A copy in float32, which ComfyUI computes in another format."""
    from safetensors.torch import load_file, save_file

    tensors = {key: value.float() if value.is_floating_point() else value for key, value in load_file(path).items()}
    save_file(tensors, path.with_name(f"{path.stem}_fp32.safetensors"))


MADE = '''
class MadeModel:
    """A MODEL that knows no file, as custom loaders and some merges give it."""

    RETURN_TYPES, FUNCTION, CATEGORY = ("MODEL",), "made", "check"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"model": ("MODEL",)}}

    def made(self, model):
        result = model.clone()
        result.cached_patcher_init = None
        return (result,)


NODE_CLASS_MAPPINGS = {"CheckMadeModel": MadeModel}
'''


def _base() -> Path:
    """Small random SD1.5 and SD3 in their real layouts, also in float32; four pictures; the node above."""
    import tiny

    short_clip()
    base = Path(tempfile.mkdtemp())
    checkpoints = base / "models" / "checkpoints"
    checkpoints.mkdir(parents=True)
    for name, make in (("sd15", tiny.sd15), ("sd3", tiny.sd3)):
        _fp32(make(checkpoints / f"{name}.safetensors"))
    graphs.draw_dataset(base / "input" / "ds" / "2_thing")
    (base / "custom_nodes").mkdir()
    (base / "custom_nodes" / "check_made_model.py").write_text(MADE, encoding="utf-8")
    return base


Prompt = dict[str, Any]
SAMPLES = {
    "sample_prompts": "red circle",
    "width": 64,
    "height": 64,
    "steps": 2,
    "cfg": 3.0,
    "sample_every_n_epochs": 1,
}
BOTH = {"network": {"train": "unet + text encoder", "rank": 2}}
TWO = {"train": {"epochs": 2}}
TUNED = {"network": {"algo": "finetune"}, "optimizer": {"learning_rate": 1e-4}}


def _plain(checkpoint: str, **parts: Any) -> Callable[[str], Prompt]:
    """name of the run -> a training of four pictures; of one epoch on a CPU, unless `parts` say how many."""
    train = {"epochs": 1 if on_cpu() else 2} | parts.pop("train", {})
    return lambda name: graphs.training(checkpoint, train=train | {"output_name": name}, **parts)


def _with_samples(made: Callable[[str], Prompt]) -> Callable[[str], Prompt]:
    def build(name: str) -> Prompt:
        prompt = made(name) | {"samples": graphs.node("AthanorSampleConfig", **SAMPLES)}
        prompt["train"]["inputs"]["samples"] = ["samples", 0]
        return prompt

    return build


def _made_model(made: Callable[[str], Prompt]) -> Callable[[str], Prompt]:
    def build(name: str) -> Prompt:
        prompt = made(name) | {"made": graphs.node("CheckMadeModel", model=["ckpt", 0])}
        prompt["train"]["inputs"]["model"] = ["made", 0]
        return prompt

    return build


KINDS: dict[str, Callable[[str], Prompt]] = {
    "lora, SD1.5": _plain("sd15"),
    "lora, SD1.5, float32 file": _plain("sd15_fp32"),
    "lora, SD3, float32 file": _plain("sd3_fp32"),
    "text encoder too, SD1.5": _plain("sd15", **BOTH),
    "text encoder too, SD1.5, float32 file": _plain("sd15_fp32", **BOTH),
    "whole model with samples, SD1.5": _with_samples(_plain("sd15", **TWO, **TUNED)),
    "whole model, new encodings in epoch 2, SD3": _plain(
        "sd3", dataset={"flip_aug": True, "random_crop": True}, **TWO, **TUNED
    ),
    "lora with samples, SD3": _with_samples(_plain("sd3", **TWO)),
    "a MODEL without a file, SD1.5": _made_model(_plain("sd15")),
    "blocks swapped, checkpointing, SD3": _plain("sd3", train={"blocks_to_swap": 1, "gradient_checkpointing": "all"}),
    "bf16 weights, SD3": _plain("sd3", train={"mixed_precision": "bf16", "full_precision": "bf16"}),
    "torch_compile, SD1.5": _plain("sd15", train={"torch_compile": True}),
}


def kinds(options: Sequence[str] = (), only: Sequence[str] = tuple(KINDS)) -> None:
    """Each kind for an epoch or two; then the graph's own MODELs still draw the pictures that they drew before."""
    base = _base()
    with _server(base, options) as host:
        before = {name: _picture(host, name) for name in ("sd15", "sd3")}
        for number, (label, made) in enumerate(KINDS.items()):
            if label in only:
                tried(label, partial(_kind, host, label, f"kind_{number}", made))
        for name, picture in before.items():
            same = np.array_equal(picture, _picture(host, name))
            row(f"picture of {name} before and after", "EQUAL" if same else "DIFFERENT")


def _picture(host: Host, checkpoint: str) -> np.ndarray:
    loader = graphs.node("CheckpointLoaderSimple", ckpt_name=f"{checkpoint}.safetensors")
    entry = host.run({"ckpt": loader} | graphs.plain("ckpt", "red circle", None))
    return graphs.saved(host, entry, "psave")


def _kind(host: Host, label: str, name: str, made: Callable[[str], Prompt]) -> None:
    start = time.perf_counter()
    host.run(made(name), seconds=SECONDS)
    seconds = time.perf_counter() - start
    runs = (path.parent for path in (host.base / "output" / "athanor" / "runs").glob("*/job.json"))
    run = next(r for r in runs if json.loads((r / "job.json").read_text())["training"]["output_name"] == name)
    losses = [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    events = map(json.loads, (run / "events.jsonl").read_text().splitlines())
    warned = [event["text"] for event in events if event["event"] == "warned"]
    row(
        label,
        f"{seconds:.1f} s",
        f"{len(losses)} steps",
        f"loss {losses[0]:.4f} .. {losses[-1]:.4f}",
        "; ".join(warned)[:200],
    )
