"""Runs on a real ComfyUI that are interrupted, stopped or cancelled at random moments, then go on, or are followed by others: the same
bytes as runs that nobody stopped.
"""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import fuzz
import graphs
import pytest
import runs_on_disk
from device import on_cpu
from host import Host

pytestmark = pytest.mark.skipif(
    not fuzz.FULL, reason="a hundred runs; by default a few on a real server are in host/test_runs.py"
)

SAMPLES = {
    **{"sample_prompts": "a cat", "steps": 1, "width": 64, "height": 64},
    **{"sample_every_n_epochs": 0, "sample_every_n_steps": 2},
}
TRAIN = {"epochs": 2, "save_every_n_steps": 3, "save_precision": "float", "mixed_precision": "no"}
DATASET = {"shuffle_caption": True, "caption_dropout_rate": 0.3, "flip_aug": True}
RECIPES: dict[str, tuple[str, dict[str, dict[str, Any]]]] = {
    "difficult": (
        "sd3",
        {
            "network": {"rank": 4, "dropout": 0.1, "module_dropout": 0.1},
            "optimizer": {
                "optimizer_type": "Prodigy",
                "learning_rate": 1.0,
                "lr_scheduler": "cosine",
                "ema_decay": 0.9,
            },
            "noise": {"noise_offset": 0.05},
            "train": {"gradient_accumulation_steps": 2, **TRAIN, "epochs": 3},
        },
    ),
    "plain": ("sd3", {"train": {"blocks_to_swap": 1, **TRAIN}, "network": {"rank": 2, "dropout": 0.2}}),
    "sd15": ("sd15", {"train": {**TRAIN, "epochs": 1}, "network": {"rank": 1, "dropout": 0.2}}),
}
OFTEN = {"difficult": 5, "plain": 4, "sd15": 1}
KINDS = ("interrupt", "interrupt", "interrupt this", "cancel", "stop", "twice")


def job(recipe: str, name: str) -> dict[str, Any]:
    checkpoint, parts = RECIPES[recipe]
    prompt = graphs.training(
        checkpoint, **{**parts, "dataset": DATASET, "train": {**parts["train"], "output_name": name}}
    )
    prompt["samples"] = graphs.node("AthanorSampleConfig", **SAMPLES)
    prompt["train"]["inputs"]["samples"] = ["samples", 0]
    return prompt


class Server:
    """A ComfyUI whose runs are stopped."""

    def __init__(self, host: Host, rng: random.Random) -> None:
        self.host, self.rng, self.counted = host, rng, Counter[str]()
        self.begun = 0
        self.whole, self.seconds = dict[str, dict[str, object]](), dict[str, float]()
        for recipe in RECIPES:
            start = time.monotonic()
            host.run(job(recipe, f"whole_{recipe}"))
            self.seconds[recipe], self.whole[recipe] = (
                time.monotonic() - start,
                runs_on_disk.made(host.base, f"whole_{recipe}"),
            )

    def stop(self, kind: str, prompt_id: str, name: str) -> None:
        """End a job in one of a client's ways; it may have ended by itself."""
        host = self.host
        if kind == "cancel":
            host.post(f"/api/jobs/{prompt_id}/cancel", {})
        elif kind == "stop":
            runs = [run for run in host.get(f"/athanor/runs?short=1&name={name}") if run["name"] == name]
            host.post(f"/athanor/runs/{runs[0]['run_id']}/stop", {}) if runs else host.post("/interrupt", {})
        else:
            host.post("/interrupt", {"prompt_id": prompt_id} if kind == "interrupt this" else {})
            if kind == "twice":
                time.sleep(self.rng.uniform(0, 0.1))
                host.post("/interrupt", {})

    def broken(self, recipe: str, name: str) -> bool:
        """Queue a run, behind it perhaps one that is deleted, and stop it; whether it was stopped."""
        host, rng, kind = self.host, self.rng, self.rng.choice(KINDS)
        if rng.random() < 0.2:
            shutil.rmtree(host.base / "user" / "athanor" / "cache", ignore_errors=True)
        prompt_id = host.queue(job(recipe, name))
        other = host.queue(job(recipe, f"deleted_{name}")) if rng.random() < 0.2 else ""
        time.sleep(rng.uniform(0, 0.8 * self.seconds[recipe]))
        waits = other in [job[1] for job in host.get("/queue")["queue_pending"]]
        if waits:
            host.post("/queue", {"delete": [other]})
        elif other:  # the run has ended already
            host.finish(other)
        self.stop(kind, prompt_id, name)
        host.finish(prompt_id)
        if waits:
            self.counted["deleted"] += 1
            assert not list((host.base / "models" / "loras").glob(f"deleted_{name}*"))
        try:
            events = [e["event"] for e in runs_on_disk.events(host.base, name)]
        except (AssertionError, FileNotFoundError):
            events = ["interrupted"]  # before it had a folder
        stopped = events[-1] in ("interrupted", "stopped")
        self.counted[kind if stopped else "too late"] += 1
        return stopped

    def check(self, recipe: str, name: str) -> None:
        """Let a run end, and compare all that it has made with the one that nobody stopped."""
        self.host.run(job(recipe, name))
        found, wanted = runs_on_disk.made(self.host.base, name), self.whole[recipe]
        wrong = [key for key in wanted if found.get(key) != wanted[key]]
        assert not wrong, (name, recipe, wrong)
        for path in (self.host.base / "models" / "loras").glob(f"{name}[-.]*"):
            path.unlink()


def resources(base: Path, pid: int) -> dict[str, int]:
    """Memory in MB, threads and open files of a process, and temporary files below a folder."""
    proc = Path("/proc") / str(pid)
    status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    return {
        "MB": int(status["VmRSS"].split()[0]) // 1024,
        "threads": int(status["Threads"]),
        "descriptors": len(list((proc / "fd").iterdir())),
        "temporary": sum(1 for path in base.rglob("*.tmp")),
    }


def test_interrupted_runs_of_a_server(comfyui: Path, checkpoints: dict[str, Path], tmp_path: Path):
    graphs.draw_dataset(tmp_path / "input" / "ds" / "2_thing", count=2)
    rng, most, number = fuzz.generator("interrupted server"), fuzz.cases(100), 0
    with Host(comfyui, tmp_path, cpu=on_cpu()) as host:
        for name, path in checkpoints.items():
            (tmp_path / "models" / "checkpoints" / f"{name}.safetensors").symlink_to(path)
        graphs.learn_defaults(host.get("/object_info"))
        server, process = Server(host, rng), host._process
        assert process is not None
        print(server.seconds, resources(tmp_path, process.pid), flush=True)
        while number < most:
            (recipe,), name = rng.choices(list(OFTEN), OFTEN.values()), f"broken_{server.begun}"
            server.begun += 1
            for _ in range(rng.randint(1, 3)):
                stopped = server.broken(recipe, name)
                number += stopped
                if not stopped:
                    break
                if rng.random() < 0.3:
                    (other,) = rng.choices(list(OFTEN), OFTEN.values())
                    server.check(other, f"after_{number}")
                    server.counted["followed by another"] += 1
            server.check(recipe, name)
            print(number, dict(server.counted), resources(tmp_path, process.pid), flush=True)
    assert not host.trouble()
