"""Headless runs, and runs of several processes: the same numbers as in the graph (must-show 3)."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
from pathlib import Path

import graphs
import psutil
import pytest
import torch
from device import on_cpu
from host import PACK, Host, error_message
from safetensors.torch import load_file

PARTS = {
    "network": {"rank": 4, "dropout": 0.1},
    "optimizer": {"lr_scheduler": "cosine", "lr_warmup_steps": "10%", "learning_rate": 1e-3},
    "dataset": {"flip_aug": True},
}


def run_of(base: Path, name: str) -> Path:
    for path in (base / "output" / "athanor" / "runs").glob("*/job.json"):
        if json.loads(path.read_text())["training"]["output_name"] == name:
            return path.parent
    raise AssertionError(name)


def metrics(folder: Path) -> list[dict]:
    from athanor.training_core.history import series

    return series.entries(folder)


@pytest.fixture(scope="module")
def elsewhere(server, checkpoints, tmp_path_factory):
    """The same models and pictures for processes without a server; nothing is trained there yet."""
    base = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(server.base / "input", base / "input")
    (base / "models" / "checkpoints").mkdir(parents=True)
    (base / "models" / "checkpoints" / "sd3.safetensors").symlink_to(checkpoints["sd3"])
    return base


def command(comfyui: Path, base: Path, job: Path) -> list[str]:
    where = ["--comfyui", str(comfyui), "--base-directory", str(base), *(["--cpu"] if on_cpu() else [])]
    return [sys.executable, "-m", "training_core", "run", str(job), *where]


def test_what_is_wrong_is_one_sentence(comfyui, tmp_path):
    (tmp_path / "job.json").write_text("{}")
    for job, words in (("job.json", "holds no job with a graph"), ("none.json", "cannot be read")):
        done = subprocess.run(
            command(comfyui, tmp_path, tmp_path / job), cwd=PACK, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 1 and done.stderr.count("\n") == 1 and words in done.stderr


def test_headless_gives_the_same_lora(server, elsewhere, comfyui, tmp_path):
    """From the pack's own folder, whose `nodes` must not hide the host's."""
    train = {"output_name": "headless", "epochs": 3}
    server.run(graphs.training("sd3", train=train, **PARTS))
    want = graphs.metadata(graphs.lora_file(server, "headless"))["sshs_model_hash"]
    saved = json.loads((run_of(server.base, "headless") / "job.json").read_text())
    prompt = saved["graph"]["prompt"]
    assert "curve" not in prompt
    # As versions saved it that had other inputs: fewer of Train LoRA, one more of Loss Config.
    for name in ("deterministic", "torch_compile", "own_folder"):
        del prompt["train"]["inputs"][name]
    prompt["loss"]["inputs"]["input_of_tomorrow"] = saved["loss"]["setting_of_tomorrow"] = 1
    job = tmp_path / "job.json"
    job.write_text(json.dumps(saved))
    done = subprocess.run(command(comfyui, elsewhere, job), cwd=PACK, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert want in done.stdout and "12 steps" in done.stdout
    assert done.stdout.count("Loss Config has no input 'input_of_tomorrow': its value is ignored.") == 1
    assert graphs.metadata(elsewhere / "models" / "loras" / "headless.safetensors")["sshs_model_hash"] == want
    assert "Traceback" not in done.stderr


def two(server: Host) -> dict[str, psutil.Process]:
    """The processes that train for the server, by their rank."""
    found = {}
    for process in psutil.Process(server._process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "training_core" in process.cmdline() and "RANK" in process.environ():
                found[process.environ()["RANK"]] = process
    return found


def wait_for(step: int, name: str, server: Host, queued: str) -> None:
    """Until the run has done so many steps; what the job said if it has ended before (a loaded machine starts slowly)."""
    end = time.monotonic() + 400
    while time.monotonic() < end:
        with contextlib.suppress(AssertionError):
            if len(metrics(run_of(server.base, name))) >= step:
                return
        with contextlib.suppress(urllib.error.HTTPError):  # until the job is listed
            if server.get(f"/api/jobs/{queued}")["status"] in ("completed", "failed", "cancelled"):
                raise AssertionError(failed(server, queued))
        time.sleep(0.02)
    raise TimeoutError(name)


def failed(server: Host, prompt_id: str) -> str:
    server.finish(prompt_id)
    entry = server.get(f"/history/{prompt_id}")[prompt_id]
    return error_message(entry) or entry["status"]["messages"][-1][0]


@pytest.mark.skipif(not on_cpu() and torch.cuda.device_count() < 2, reason="two processes on cards need two cards")
def test_two_processes_equal_one_and_outlive_a_kill_and_an_interrupt(server):
    """20 steps of 1 or 2 batches, over 2 processes: one process is killed, then all are interrupted, then it goes on to its end."""
    buckets, train = {"batch_size": 3}, {"max_train_steps": 20, "save_precision": "float", "save_every_n_epochs": 0}
    one = {"output_name": "one_process", "gradient_accumulation_steps": 2}
    server.run(graphs.training("sd3", train=train | one, buckets=buckets, **PARTS))
    job = graphs.training(
        "sd3", train=train | {"output_name": "two_processes", "processes": 2}, buckets=buckets, **PARTS
    )

    queued = server.queue(job)
    wait_for(4, "two_processes", server, queued)
    two(server)["1"].send_signal(signal.SIGKILL)
    said = failed(server, queued)
    folder = run_of(server.base, "two_processes")
    assert "processes has ended" in said
    (kept,) = (folder / "state").iterdir()
    assert 4 <= int(kept.stem.removeprefix("step")) == len(metrics(folder)) < 20

    queued, before = server.queue(job), len(metrics(folder))
    wait_for(before + 3, "two_processes", server, queued)
    server.post("/interrupt", {})
    assert failed(server, queued) == "execution_interrupted"
    (kept,) = (folder / "state").iterdir()
    assert before + 3 <= int(kept.stem.removeprefix("step")) == len(metrics(folder)) < 20
    assert not two(server)

    entry = server.run(job)
    assert "two_processes.safetensors: 20 steps" in entry["outputs"]["train"]["text"][0]
    many, alone = metrics(folder), metrics(run_of(server.base, "one_process"))
    assert len(many) == len(alone) == 20 and {len(step["losses"]) for step in many} == {2, 3, 5, 6} & {
        len(step["losses"]) for step in alone
    }
    for ours, theirs in zip(many, alone, strict=True):
        assert ours["pictures"] == theirs["pictures"] and ours["lr"] == theirs["lr"]
        assert ours["losses"] == pytest.approx(theirs["losses"], abs=1e-5)
        assert ours["grad_norm"] == pytest.approx(theirs["grad_norm"], rel=1e-4)
    a, b = (load_file(graphs.lora_file(server, name)) for name in ("two_processes", "one_process"))
    assert all((a[key] - b[key]).abs().max() < 1e-5 for key in b) and a.keys() == b.keys()
    assert graphs.metadata(graphs.lora_file(server, "two_processes"))["ss_total_batch_size"] == "6"
