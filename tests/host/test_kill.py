"""kill -9 at random moments, in the middle of saving included: the run goes on and ends with the same tensors.

ATHANOR_KILLS sets how often (2 by default; for a long night 100).
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import graphs
import same_steps
from device import on_cpu
from host import Host

KILLS = int(os.environ.get("ATHANOR_KILLS", "2"))
PARTS = {
    "network": {"rank": 4, "dropout": 0.1},
    "optimizer": {"optimizer_type": "AdamW8bit", "lr_scheduler": "cosine", "lr_warmup_steps": "10%"},
    "dataset": {"shuffle_caption": True, "flip_aug": True},
}
TRAIN = {"epochs": 15, "save_every_n_steps": 7, "save_every_n_epochs": 4, "save_last_n_steps": 14}
"""60 steps; a file, and with it the state, every few of them."""


def job(name: str) -> dict:
    return graphs.training("sd3", train={"output_name": name, **TRAIN}, **PARTS)


def steps(base: Path, name: str) -> int:
    """How many steps the log of a run tells of."""
    for path in (base / "output" / "athanor" / "runs").glob("*/run.json"):
        if json.loads(path.read_text())["output_name"] == name:
            lines = path.with_name("metrics.jsonl")
            return sum(1 for _ in lines.open()) if lines.exists() else 0
    return 0


def all_readable(loras: Path) -> bool:
    from athanor.training_core.history.run_files import is_whole

    return all(is_whole(path) for path in loras.rglob("*.safetensors"))


def test_killed_and_queued_again_is_never_having_stopped(comfyui, checkpoints, tmp_path):
    graphs.draw_dataset(tmp_path / "input" / "ds" / "2_thing")
    (tmp_path / "models" / "checkpoints").mkdir(parents=True)
    (tmp_path / "models" / "checkpoints" / "sd3.safetensors").symlink_to(checkpoints["sd3"])
    loras = tmp_path / "models" / "loras"
    rng = random.Random(int(os.environ.get("ATHANOR_SEED", "1")))
    with Host(comfyui, tmp_path, cpu=on_cpu()) as host:
        graphs.learn_defaults(host.get("/object_info"))
        host.run(job("whole"))
        want = graphs.metadata(graphs.lora_file(host, "whole"))["sshs_model_hash"]
    for number in range(KILLS):
        name = f"killed_{number}"
        with Host(comfyui, tmp_path, cpu=on_cpu()) as host:
            host.queue(job(name))
            # Every third dies while a file or a state is being written, the others anywhere.
            at = 7 * rng.randint(1, 7) if number % 3 == 0 else rng.randint(0, 57)
            end = time.monotonic() + 120
            while steps(tmp_path, name) < at and time.monotonic() < end:
                time.sleep(0.005)
            time.sleep(rng.random() * 0.1)
            os.kill(host._process.pid, signal.SIGKILL)
            host._process.wait()
        assert all_readable(loras)
        with Host(comfyui, tmp_path, cpu=on_cpu()) as host:
            host.run(job(name))
            same_steps.check(host, job(name), name, 60)
            told = graphs.metadata(graphs.lora_file(host, name))
        assert told["sshs_model_hash"] == want, (number, at)
        assert told["ss_steps"] == "60"
        assert all_readable(loras) and not list(loras.rglob("*.tmp"))
        kept = sorted(path.stem.removeprefix(name) for path in loras.glob(f"{name}*"))
        assert kept == sorted(path.stem.removeprefix("whole") for path in loras.glob("whole*")), (number, at)
