"""Headless runs, and runs of several processes: the same numbers as in the graph (must-show 3)."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import graphs
import psutil
import pytest
import torch
from device import on_cpu
from host import PACK, Host
from runs_on_disk import run_folder
from safetensors.torch import load_file
from served_runs import ending, wait_for

PARTS = {
    "network": {"rank": 4, "dropout": 0.1},
    "optimizer": {"lr_scheduler": "cosine", "lr_warmup_steps": "10%", "learning_rate": 1e-3},
    "dataset": {"flip_aug": True},
}


def metrics(folder: Path) -> list[dict]:
    from athanor.training_core.history import series

    return series.sampled(folder)


@pytest.fixture(scope="module")
def elsewhere(server, checkpoints, tmp_path_factory):
    """The same models and pictures for processes without a server; nothing is trained there yet."""
    base = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(server.base / "input" / "ds", base / "input" / "ds")  # beside it stands what other tests have left
    (base / "models" / "checkpoints").mkdir(parents=True)
    (base / "models" / "checkpoints" / "sd3.safetensors").symlink_to(checkpoints["sd3"])
    return base


def command(comfyui: Path, base: Path, job: Path) -> list[str]:
    where = ["--comfyui", str(comfyui), "--base-directory", str(base), *(["--cpu"] if on_cpu() else [])]
    return [sys.executable, "-m", "training_core", "run", str(job), *where]


def test_what_is_wrong_is_one_sentence(comfyui, tmp_path):
    """Exit code 2, before ComfyUI is started; COMFYUI_PATH counts, and so does a pack that is started as a folder."""
    (tmp_path / "job.json").write_text("{}")
    (tmp_path / "a.json").write_text('{"8": {"class_type": "AthanorTrainLoRA", "inputs": {}}}')
    nowhere = {**os.environ, "COMFYUI_PATH": str(tmp_path)}
    as_folder = [sys.executable, str(PACK / "training_core"), "run"]
    for line, env, words in (
        (command(comfyui, tmp_path, tmp_path / "job.json"), None, "job.json holds no graph"),
        (command(comfyui, tmp_path, tmp_path / "none.json"), None, "cannot be read"),
        ([*as_folder, "a.json"], nowhere, "which COMFYUI_PATH names"),
    ):
        cwd = PACK if env is None else tmp_path
        done = subprocess.run(line, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and words in done.stderr


def test_headless_gives_the_same_lora(server, elsewhere, comfyui, tmp_path):
    """From the pack's own folder, whose `nodes` must not hide the host's."""
    train = {"output_name": "headless", "epochs": 3}
    server.run(graphs.training("sd3", train=train, **PARTS))
    want = graphs.metadata(graphs.lora_file(server, "headless"))["sshs_model_hash"]
    saved = json.loads((run_folder(server.base, "headless") / "job.json").read_text())
    prompt = saved["graph"]["prompt"]
    assert "curve" not in prompt
    # As versions saved it that had other inputs: fewer of Train LoRA, one more of Loss Config.
    for name in ("deterministic", "torch_compile", "own_folder"):
        del prompt["train"]["inputs"][name]
    prompt["loss"]["inputs"]["input_of_tomorrow"] = saved["loss"]["setting_of_tomorrow"] = 1
    # What is edited in job.json counts over its graph, and --set over both.
    del saved["graph"]["settings"]
    prompt["train"]["inputs"]["epochs"], saved["network"]["dropout"] = 5, 0.3
    job = tmp_path / "job.json"
    job.write_text(json.dumps(saved))
    line = [*command(comfyui, elsewhere, job), "--set", "Network Config.dropout=0.1"]
    done = subprocess.run(line, cwd=PACK, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S", line) for line in lines) and "\r" not in done.stdout
    assert done.stdout.count(want) == 1 and "it/s]" not in done.stderr
    assert want in done.stdout and "12 steps" in done.stdout
    assert re.findall("edited in job.json: (.*)", done.stdout) == ["training.epochs 3", "network.dropout 0.3"]
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


def killed(server: Host, queued: str) -> None:
    two(server)["1"].send_signal(signal.SIGKILL)
    assert "processes has ended" in ending(server, queued)


def interrupted(server: Host, queued: str) -> None:
    server.post("/interrupt", {})
    assert ending(server, queued) == "execution_interrupted"
    assert not two(server)


def asked(server: Host, queued: str) -> None:
    """By *Stop and keep*: no process of it has failed, and what stands behind the node runs."""
    server.post(f"/athanor/runs/{run_folder(server.base, 'two_asked').name}/stop", {})
    assert ending(server, queued) == "execution_success"


@pytest.mark.skipif(not on_cpu() and torch.cuda.device_count() < 2, reason="two processes on cards need two cards")
@pytest.mark.parametrize(
    "stop",
    [
        # Each start of processes takes long. What the others say when one of them is gone: run/test_ranks.py; what a run
        # that fails in a step has saved: test_whole_run.py.
        pytest.param(killed, marks=pytest.mark.long),
        # The same over the exchange alone is in run/test_ranks.py, one process that goes on in test_runs.py.
        pytest.param(interrupted, marks=pytest.mark.long),
        pytest.param(asked, marks=pytest.mark.long),
    ],
)
def test_two_processes_that_were_stopped_equal_one(server, stop):
    """20 steps of 1 or 2 batches, over 2 processes, which are stopped in mid-run and go on to their end."""
    many, alone = f"two_{stop.__name__}", f"one_{stop.__name__}"
    buckets, train = {"batch_size": 3}, {"max_train_steps": 20, "save_precision": "float", "save_every_n_epochs": 0}
    one = train | {"output_name": alone, "gradient_accumulation_steps": 2}
    server.run(graphs.training("sd3", train=one, buckets=buckets, **PARTS))
    job = graphs.training("sd3", train=train | {"output_name": many, "processes": 2}, buckets=buckets, **PARTS)

    queued = server.queue(job)
    wait_for(server, many, 4, queued)
    stop(server, queued)
    folder = run_folder(server.base, many)
    (kept,) = (folder / "state").iterdir()
    assert 4 <= int(kept.stem.removeprefix("step")) == len(metrics(folder)) < 20

    entry = server.run(job)
    assert f"{many}.safetensors: 20 steps" in entry["outputs"]["train"]["text"][0]
    ours, theirs = metrics(folder), metrics(run_folder(server.base, alone))
    sizes = [{len(step["losses"]) for step in steps} for steps in (ours, theirs)]
    assert len(ours) == len(theirs) == 20 and sizes[0] == {2, 3, 5, 6} & sizes[1]
    for mine, other in zip(ours, theirs, strict=True):
        assert mine["pictures"] == other["pictures"] and mine["lr"] == other["lr"]
        assert mine["losses"] == pytest.approx(other["losses"], abs=1e-5)
        assert mine["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-4)
    a, b = (load_file(graphs.lora_file(server, name)) for name in (many, alone))
    assert all((a[key] - b[key]).abs().max() < 1e-5 for key in b) and a.keys() == b.keys()
    assert graphs.metadata(graphs.lora_file(server, many))["ss_total_batch_size"] == "6"


@pytest.mark.long
@pytest.mark.skipif(not on_cpu() and torch.cuda.device_count() < 2, reason="two processes on cards need two cards")
def test_two_processes_stop_by_themselves(server):
    """Rank 0 alone looks at the probe; all of them end after the same step, and the run is finished."""
    from athanor.training_core.history import registry

    train = {"output_name": "two_itself", "max_train_steps": 30, "processes": 2}
    look = {"probe_samples": 2, "validate_every_n_steps": 1, "patience": 3}
    parts = {"network": {"rank": 4}, "optimizer": {"learning_rate": 0.02}}
    server.run(graphs.training("sd3", train=train, validation=look, **parts))
    record = registry.read(run_folder(server.base, "two_itself"))
    assert record and record.done and record.why.startswith("Stopped by itself at step ")
    assert record.saved[-1]["step"] < record.saved[-1]["reached"] < 30
