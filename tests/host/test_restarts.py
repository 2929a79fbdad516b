"""kill -9 at random moments, in the middle of saving included, and servers that are started again under another cache
policy: the run goes on and ends with the same tensors, and a finished one is used again.

ATHANOR_KILLS sets how often (once by default; for a long night 100). Left to -m long: tests/fuzz/test_killed.py kills without
servers, test_compare_killed.py a server, and test_runs.py uses a finished run again.
"""

from __future__ import annotations

import os
import random
import signal
import time

import graphs
import pytest
import runs_on_disk
import same_steps
from device import on_cpu
from host import Host
from waiting import until

KILLS = int(os.environ.get("ATHANOR_KILLS", "1"))
PARTS = {
    "network": {"rank": 4, "dropout": 0.1},
    "optimizer": {"optimizer_type": "AdamW8bit", "lr_scheduler": "cosine", "lr_warmup_steps": "10%"},
    "dataset": {"shuffle_caption": True, "flip_aug": True},
}
TRAIN = {"epochs": 8, "save_every_n_steps": 7, "save_every_n_epochs": 3, "save_last_n_steps": 14}
STEPS = 32
"""A file, and with it the state, every few of them."""
POLICIES = ("--cache-none", "--cache-classic")


def job(name: str) -> dict:
    return graphs.training("sd3", train={"output_name": name, **TRAIN}, **PARTS)


def files(base, name: str) -> list[str]:
    """What follows the run's name in the names of its LoRAs."""
    return sorted(path.stem.removeprefix(name) for path in (base / "models" / "loras").glob(f"{name}*"))


def kill(host: Host, name: str, at: int, delay: float) -> None:
    """Queue the job, and kill the server so many seconds after the run's step number `at`."""
    host.queue(job(name))
    until(lambda: runs_on_disk.steps_done(host.base, name) >= at, every=0.005)
    time.sleep(delay)
    os.kill(host._process.pid, signal.SIGKILL)
    host._process.wait()


def trained(base, name: str) -> int:
    """How often the run has been begun or gone on with."""
    return sum(event["event"] in ("started", "resumed") for event in runs_on_disk.events(base, name))


@pytest.mark.long
def test_killed_and_queued_again_is_never_having_stopped(server, comfyui, checkpoints, tmp_path):
    graphs.draw_dataset(tmp_path / "input" / "ds" / "2_thing")
    (tmp_path / "models" / "checkpoints").mkdir(parents=True)
    (tmp_path / "models" / "checkpoints" / "sd3.safetensors").symlink_to(checkpoints["sd3"])
    rng = random.Random(int(os.environ.get("ATHANOR_SEED", "1")))
    server.run(job("unkilled"))
    want = graphs.metadata(graphs.lora_file(server, "unkilled"))["sshs_model_hash"]
    at = 0
    for number in range(KILLS + 1):
        with Host(comfyui, tmp_path, cpu=on_cpu(), extra=(POLICIES[number % 2],)) as host:
            if number:
                name = f"killed_{number - 1}"
                host.run(job(name))
                same_steps.check(host, job(name), name, STEPS)
                metadata = graphs.metadata(graphs.lora_file(host, name))
                assert metadata["sshs_model_hash"] == want, (number, at)
                assert metadata["ss_steps"] == str(STEPS)
                assert files(tmp_path, name) == files(server.base, "unkilled"), (number, at)
                assert not runs_on_disk.torn(tmp_path) and not list(tmp_path.rglob("models/loras/**/*.tmp"))
                # Finished runs are used again: that of this life, and from the third on one of an earlier life.
                for again in {name, "killed_0"}:
                    before = trained(tmp_path, again)
                    host.run(job(again))
                    assert trained(tmp_path, again) == before
            if number < KILLS:
                # Every third dies while a file or a state is being written, the others anywhere.
                at = 7 * rng.randint(1, 4) if number % 3 == 0 else rng.randint(0, STEPS - 3)
                kill(host, f"killed_{number}", at, rng.random() * 0.1)
                assert not runs_on_disk.torn(tmp_path)
