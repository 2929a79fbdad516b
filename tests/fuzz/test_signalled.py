"""SIGTERM, Ctrl-C and SIGHUP at random moments of encoding, training, saving and drawing: nothing is lost, and the run that goes on
makes the same bytes as one that nobody stopped. To ComfyUI, and to the command line.

What a signal does is tried without ComfyUI in tests/host/test_signals.py.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fuzz
import graphs
import pytest
import runs_on_disk
from device import on_cpu
from forking import Fork, Forks
from host import Host

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send these signals there"),
    pytest.mark.skipif(
        not fuzz.FULL, reason="each moment starts ComfyUI; by default one does in host/test_compare_killed.py"
    ),
]

STEPS, DRAWS = 16, 3
SAMPLES = {
    **{"sample_prompts": "a cat\na dog", "steps": 1, "width": 64, "height": 64},
    **{"sample_every_n_epochs": 0, "sample_every_n_steps": DRAWS},
}
TRAIN = {"epochs": 4, "save_every_n_steps": 5, "save_every_n_epochs": 2, "save_precision": "float"}
KINDS = ("clock", "encoding", "sampling", "saving", "training")
GRACE = 10.0
"""Seconds that docker stop gives."""


def job(name: str) -> dict[str, Any]:
    """Four steps an epoch, which end apart from the files and the samples."""
    prompt = graphs.training("sd3", train={"output_name": name, **TRAIN}, network={"rank": 4, "dropout": 0.1})
    prompt["samples"] = graphs.node("AthanorSampleConfig", **SAMPLES)
    prompt["train"]["inputs"]["samples"] = ["samples", 0]
    return prompt


class Moment:
    """When to send a signal to the run `name`: seen by what lies in its folders."""

    def __init__(self, rng: random.Random, base: Path, name: str, number: int, seconds: float) -> None:
        """`seconds`: how long the run takes from its job.json on."""
        self.kind, self._base, self._name = KINDS[number % len(KINDS)], base, name
        self._step = (
            rng.randint(1, STEPS // DRAWS - 1) * DRAWS if self.kind == "sampling" else rng.randint(1, STEPS - 6)
        )
        self._delay = rng.uniform(0.0, 0.8 * seconds) if self.kind == "clock" else rng.uniform(0.0, 0.02)
        self.signal = (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[number // 2 % 5]

    def told(self) -> str:
        """The moment and its signal in words."""
        return f"{self.kind}, {self.signal.name}"

    def wait(self, alive: Callable[[], bool]) -> None:
        """Return at the moment, or when the process or the run has ended."""
        while alive() and not self._come() and not self._done():
            time.sleep(0.0005)
        time.sleep(self._delay)

    def _done(self) -> bool:
        return runs_on_disk.steps_done(self._base, self._name) >= STEPS

    def _come(self) -> bool:
        try:
            folder = runs_on_disk.run_folder(self._base, self._name)
        except (AssertionError, FileNotFoundError):
            return False
        if self.kind == "clock":
            return True
        if self.kind == "encoding":
            return any((self._base / "user" / "athanor" / "cache").rglob("*.safetensors"))
        if runs_on_disk.steps_done(self._base, self._name) < self._step:
            return False
        if self.kind == "training":
            return True
        if self.kind == "sampling":
            return any((folder / "samples").glob(f"*_{self._step:06d}_00_*"))
        return any(path.name.startswith(".") for path in (self._base / "models" / "loras").iterdir())


def check_saved(base: Path, name: str) -> str:
    """The run that was stopped is on disk up to its last step, and says why it has stopped; in words."""
    try:
        folder = runs_on_disk.run_folder(base, name)
    except AssertionError:
        return "before the run"
    events = runs_on_disk.json_lines(folder / "events.jsonl") if (folder / "events.jsonl").exists() else []
    steps, states = runs_on_disk.steps_done(base, name), sorted((folder / "state").glob("step*"))
    step = int(states[-1].stem.removeprefix("step")) if states else 0
    assert not runs_on_disk.torn(base) and not (folder / "owner.json").exists()
    last = next((e for e in reversed(events) if e["event"] in ("started", "resumed", "interrupted", "done")), {})
    if last.get("event") == "done":
        return f"done, {steps} steps"
    assert last.get("event") == "interrupted" and "asked to end (SIG" in last["why"], events[-3:]
    assert step == steps, (step, steps)
    if step:
        assert any(Path(e["path"]).exists() for e in events if e["event"] == "saved" and e["step"] == step), step
    return f"step {steps}, state of step {step}"


def stopped(process: Fork, number: int) -> float:
    """Send the signal and wait for the end; the seconds that took."""
    start = time.monotonic()
    process.send_signal(number)
    process.wait(60)
    return time.monotonic() - start


@pytest.fixture
def host(comfyui: Path, checkpoints: dict[str, Path], tmp_path: Path) -> Host:
    """A ComfyUI's folders; it does not run yet."""
    graphs.draw_dataset(tmp_path / "input" / "ds" / "2_thing")
    host = Host(comfyui, tmp_path, cpu=on_cpu())
    (tmp_path / "models" / "checkpoints" / "sd3.safetensors").symlink_to(checkpoints["sd3"])
    return host


@pytest.fixture
def servers(host: Host) -> Iterator[Forks]:
    where = ["--listen", "127.0.0.1", "--base-directory", str(host.base), "--database-url", "sqlite:///:memory:"]
    with Forks(host.comfyui, [*where, "--disable-api-nodes", *(["--cpu"] if on_cpu() else [])], whole=True) as forks:
        yield forks


@contextlib.contextmanager
def serving(host: Host, servers: Forks) -> Iterator[Fork]:
    """Start ComfyUI, and end it if it runs still."""
    fork: Any = servers.start(host.log_path, port=host.port)
    host._process = fork
    while True:
        try:
            host.get("/queue")
            break
        except OSError:
            assert fork.poll() is None, host.log()[-2000:]
            time.sleep(0.05)
    yield fork
    if fork.poll() is None:
        stopped(fork, signal.SIGTERM)


def forget_encodings(base: Path) -> None:
    for path in (base / "user" / "athanor" / "cache").rglob("*.safetensors"):
        path.unlink()


def whole(host: Host) -> tuple[dict[str, object], float]:
    """What a run makes that nobody stops, and the seconds it takes."""
    graphs.learn_defaults(host.get("/object_info"))
    host.run(job("warm_up"))
    forget_encodings(host.base)
    start = time.monotonic()
    host.run(job("whole"))
    return runs_on_disk.made(host.base, "whole"), time.monotonic() - start


def test_comfyui_that_is_asked_to_end_loses_nothing(host, servers):
    rng, count, base = fuzz.generator("signalled server"), fuzz.cases(20), host.base
    name, wanted, seconds = "", {}, 0.0
    for number in range(count + 1):
        with serving(host, servers) as process:
            if number == 0:
                wanted, seconds = whole(host)
            else:
                host.run(job(name))
                check_same(runs_on_disk.made(base, name), wanted, number)
            if number == count:
                break
            forget_encodings(base)
            name = f"signalled_{number:02d}"
            moment = Moment(rng, base, name, number, seconds)
            host.queue(job(name))
            host.queue(job(f"after_{number}"))
            moment.wait(lambda process=process: process.poll() is None)
            took = stopped(process, moment.signal)
            found = check_saved(base, name)
            print(f"{number}: {moment.told()}, {took:.2f} s, code {process.returncode}, {found}", flush=True)
            assert took < GRACE and (found.startswith("done") or not began(base, f"after_{number}"))


def began(base: Path, name: str) -> bool:
    try:
        return bool(runs_on_disk.run_folder(base, name))
    except AssertionError:
        return False


def check_same(found: dict[str, object], wanted: dict[str, object], number: int) -> None:
    """All files are there with the same bytes, and besides them at most the one of the step at which the run was stopped."""
    assert found.keys() >= wanted.keys(), (number, wanted.keys() - found.keys())
    more = found.keys() - wanted.keys()
    assert len(more) <= 1 and all(re.fullmatch(r"-step\d{8}\.safetensors", name) for name in more), (number, more)
    assert not (different := [key for key in wanted if found[key] != wanted[key]]), (number, different)


def test_the_command_line_that_is_asked_to_end_loses_nothing(host, servers):
    rng, count, base = fuzz.generator("signalled command line"), fuzz.cases(20), host.base
    where = ["--comfyui", str(host.comfyui), "--base-directory", str(base), *(["--cpu"] if on_cpu() else [])]
    with serving(host, servers):
        wanted, seconds = whole(host)
    with Forks(host.comfyui, [], whole=False) as command_lines:
        for number in range(count):
            name, log = f"signalled_{number:02d}", base / f"{number}.log"
            path = base / f"{name}.json"
            path.write_text(json.dumps({"graph": {"prompt": job(name), "node": "train"}}))
            forget_encodings(base)
            moment = Moment(rng, base, name, number, seconds)
            process = command_lines.start(log, arguments=["run", str(path), *where])
            if number % 7 == 6:
                moment.kind = "start"  # while it imports, or loads the models
                time.sleep(rng.uniform(0.2, 8))
            else:
                moment.wait(lambda process=process: process.poll() is None)
            took, found, told = stopped(process, moment.signal), check_saved(base, name), log.read_text()
            print(f"{number}: {moment.told()}, {took:.2f} s, code {process.returncode}, {found}", flush=True)
            assert took < GRACE and "Traceback" not in told, told
    with serving(host, servers):  # starts once for all
        for number in range(count):
            host.run(job(f"signalled_{number:02d}"))
            check_same(runs_on_disk.made(base, f"signalled_{number:02d}"), wanted, number)
