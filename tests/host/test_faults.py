"""Faults, produced for real on a real ComfyUI: the sentence, what is kept, the next prompt, the model unchanged."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys

import graphs
import numpy as np
import psutil
import pytest
import runs_on_disk
from served_runs import ending, final, folder, run_named, runs, wait_for

LONG = {"epochs": 3000, "save_every_n_epochs": 0}
SHORT = {"epochs": 8, "save_every_n_epochs": 6}


def failure(server, prompt_id: str) -> str:
    """The sentence of a job that failed."""
    assert server.finish(prompt_id)["status"] == "failed"
    return ending(server, prompt_id)


def picture(server) -> np.ndarray:
    """What the plain model draws."""
    ckpt = {"ckpt": graphs.node("CheckpointLoaderSimple", ckpt_name="sd3.safetensors")}
    return graphs.saved(server, server.run(ckpt | graphs.plain("ckpt", "red circle", None)), "psave")


@pytest.fixture(scope="module")
def whole(server) -> str:
    """The hash of the LoRA of a run of 32 steps to which nothing happened."""
    server.run(graphs.training("sd3", train={"output_name": "no_fault", **SHORT}))
    return final(server, "no_fault")


@pytest.fixture
def unchanged(server):
    """The next prompt works and the model draws what it drew; earlier runs are listed; nothing half-written lies in the loras folder."""
    before, earlier = picture(server), {run["run_id"] for run in runs(server)}
    yield
    assert earlier <= {run["run_id"] for run in runs(server)}
    assert np.array_equal(picture(server), before)
    assert not list((server.base / "models" / "loras").rglob("*.tmp"))
    assert not runs_on_disk.torn(server.base)


def test_nan(server, unchanged):
    """A learning rate beyond all reason: skipped, counted, then stopped with the last good LoRA."""
    train = {"output_name": "nan", "epochs": 3000, "save_every_n_epochs": 1, "save_precision": "float"}
    optimizer = {"optimizer_type": "SGD", "learning_rate": 10.0, "max_grad_norm": 0.0}
    network = {"rank": 4, "alpha": 4000.0}
    said = failure(server, server.queue(graphs.training("sd3", network=network, train=train, optimizer=optimizer)))
    assert "Loss or gradient were NaN or infinite in 20 steps in a row" in said and "lower learning_rate" in said
    assert run_named(server, "nan")["status"] == "failed" and "NaN" in run_named(server, "nan")["why"]
    text = (folder(server, "nan") / "metrics.jsonl").read_text()
    assert "NaN" not in text and "Infinity" not in text and "null" in text
    for line in text.splitlines():
        json.loads(line)
    saved = list((server.base / "models" / "loras").glob("nan*.safetensors"))
    from safetensors.torch import load_file

    assert saved and all(v.isfinite().all() for path in saved for v in load_file(path).values())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a small disk needs root")
@pytest.mark.parametrize("full", ["loras", "output"])
def test_disk_full(server, whole, unchanged, full):
    """A disk of 64 MB fills up in mid-run: one sentence, nothing half-written; with room again it goes on."""
    name = f"full_{full}"
    place = server.base / "models" / "loras" / name if full == "loras" else server.base / "output" / "athanor"
    kept = None
    if full == "output":
        kept = server.base / "kept_athanor"
        place.mkdir(parents=True, exist_ok=True)
        place.rename(kept)
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)], check=True)
    try:
        output = f"{name}/{name}" if full == "loras" else name
        prompt = graphs.training("sd3", train={"output_name": output, **SHORT})
        prompt_id = server.queue(prompt)
        wait_for(server, output, 12)
        filler = place / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        said = failure(server, prompt_id)
        assert f"The disk is full ({place}" in said and "queue the graph again, it resumes from step" in said
        filler.unlink()
        server.run(prompt)
        assert graphs.metadata(graphs.lora_file(server, output))["ss_steps"] == "32"
        assert final(server, output) == whole
    finally:
        # Lazily: the server may still have mapped a file of it, and the disk would stay mounted when the tests are over.
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        if kept:
            shutil.rmtree(place, ignore_errors=True)
            kept.rename(place)


def test_nothing_can_be_written_to_the_loras_folder(server, unchanged):
    """Found before anything is encoded."""
    (server.base / "models" / "loras" / "afile").write_text("in the way")
    said = failure(server, server.queue(graphs.training("sd3", train={"output_name": "afile/x"})))
    assert "output_name: nothing can be written to" in said
    (server.base / "models" / "loras" / "afile").unlink()


def test_the_cache_folder_goes_away_in_mid_run(server, whole, unchanged):
    """It is filled again, and the result is the same."""
    cache = server.base / "user" / "athanor" / "cache"
    prompt_id = server.queue(graphs.training("sd3", train={"output_name": "uncached", **SHORT}))
    wait_for(server, "uncached", 2)
    cache.rename(gone := cache.with_name("gone"))  # at once: the run may be writing into it
    shutil.rmtree(gone)
    assert server.finish(prompt_id)["status"] == "completed"
    assert final(server, "uncached") == whole


def test_a_picture_is_deleted_in_mid_run(server, unchanged):
    """What is encoded needs no file; what is not, names it."""
    source, target = server.base / "input" / "ds", server.base / "input" / "vanishing"
    shutil.copytree(source, target)
    dataset = {"flip_aug": True, "random_crop": True}
    prompt = graphs.training(
        "sd3", folder="vanishing", dataset=dataset | {"folder": "vanishing"}, train={"output_name": "vanishing", **LONG}
    )
    prompt_id = server.queue(prompt)
    run_id = wait_for(server, "vanishing", 2)
    for path in target.rglob("*.png"):
        path.unlink()
    cache = server.base / "user" / "athanor" / "cache"
    cache.rename(gone := cache.with_name("gone"))
    shutil.rmtree(gone)
    said = failure(server, prompt_id)
    assert ".png" in said and "vanish" in said
    assert run_named(server, "vanishing")["run_id"] == run_id
    assert list((server.base / "models" / "loras").glob("vanishing-step*.safetensors"))


LOCKER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from filelock import FileLock
import json, os
folder = Path(sys.argv[2])
with FileLock(folder / "lock"):
    (folder / "owner.json").write_text(json.dumps({"pid": os.getpid(), "computer": "there", "since": "noon"}))
    print("locked", flush=True)
    time.sleep(60)
"""


def test_two_processes_do_not_train_the_same_run(server, unchanged):
    prompt = graphs.training("sd3", train={"output_name": "shared", "epochs": 1})
    server.run(prompt)
    prompt["train"]["inputs"]["retrain"] = True
    where = folder(server, "shared")
    other = subprocess.Popen([sys.executable, "-c", LOCKER, "", str(where)], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline().strip() == b"locked"
        said = failure(server, server.queue(prompt))
        assert f"is being trained by process {other.pid} on there since noon; wait until it is done" in said
    finally:
        other.kill()
        other.wait()
    server.run(prompt)  # the lock is gone with its owner


def test_interrupt_is_quick_and_gives_memory_back(server, unchanged):
    """Within a step and the save, in seconds of a processor; the process holds what it held before, within 5 per cent."""
    process = psutil.Process(server._process.pid)

    def used() -> float:
        return sum(process.cpu_times()[:2])

    def stopped(name: str) -> float:
        prompt_id = server.queue(graphs.training("sd3", train={"output_name": name, **LONG}))
        wait_for(server, name, 10)
        asked = used()
        server.post("/interrupt", {})
        assert server.finish(prompt_id)["status"] == "cancelled"
        return used() - asked

    stopped("warm_up")
    held = process.memory_info().rss
    taken = [stopped(f"quick_{i}") for i in range(3)]
    assert process.memory_info().rss < 1.05 * held
    assert sorted(taken)[1] < 5  # a step takes some 0.05 s
