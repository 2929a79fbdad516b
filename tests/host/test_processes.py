"""Headless runs, and runs of several processes: the same numbers as in the graph (must-show 3)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import graphs
import pytest
from host import PACK, Host
from safetensors.torch import load_file

PARTS = {
    "network": {"rank": 4, "dropout": 0.1},
    "optimizer": {"lr_scheduler": "cosine", "lr_warmup_steps": "10%", "learning_rate": 1e-3},
    "dataset": {"flip_aug": True},
}
TWO = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1"]
TWO += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]


def run_of(base: Path, name: str) -> Path:
    for path in (base / "output" / "athanor" / "runs").glob("*/job.json"):
        if json.loads(path.read_text())["training"]["output_name"] == name:
            return path.parent
    raise AssertionError(name)


def metrics(folder: Path) -> list[dict]:
    from athanor.training_core.run import registry

    return registry.metrics(folder)


@pytest.fixture(scope="module")
def elsewhere(server, checkpoints, tmp_path_factory):
    """The same models and pictures for processes without a server; nothing is trained there yet."""
    base = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(server.base / "input", base / "input")
    (base / "models" / "checkpoints").mkdir(parents=True)
    (base / "models" / "checkpoints" / "sd3.safetensors").symlink_to(checkpoints["sd3"])
    return base


def command(comfyui: Path, base: Path, job: Path, *launcher: str) -> list[str]:
    start = launcher or (sys.executable,)
    return [*start, "-m", "training_core", "run", str(job), "--comfyui", str(comfyui), "--base-directory", str(base), "--cpu"]


def test_headless_gives_the_same_lora(server, elsewhere, comfyui):
    """From the pack's own folder, whose `nodes` must not hide the host's."""
    train = {"output_name": "headless", "epochs": 3}
    server.run(graphs.training("sd3", train=train, **PARTS))
    want = graphs.metadata(graphs.lora_file(server, "headless"))["sshs_model_hash"]
    job = run_of(server.base, "headless") / "job.json"
    assert "curve" not in json.loads(job.read_text())["graph"]["prompt"]
    done = subprocess.run(command(comfyui, elsewhere, job), cwd=PACK, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert want in done.stdout and "step 12 of 12" in done.stdout
    assert graphs.metadata(elsewhere / "models" / "loras" / "headless.safetensors")["sshs_model_hash"] == want
    assert "Traceback" not in done.stderr
