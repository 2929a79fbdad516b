"""Train a job in several processes of `python -m training_core run`, and follow their events."""

from __future__ import annotations

import contextlib
import importlib.util
import math
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import packages
from ..errors import AthanorError, Fault
from ..files import make_folder, parse_lines
from ..history.damage import check_places
from ..history.events import Event, Phase, Probed, Queued, from_line
from ..history.graph import Graph
from ..history.log import write_job
from ..host import devices, folders, guard, headless
from ..resume import lock
from ..settings import Job
from ..wording import plural
from . import control

SECONDS = 300.0
"""How long an interrupted run may take to save what it has."""


def launch(job: Job, source: Graph | None, queued: Queued | None = None) -> Generator[Event, None, None]:
    """Train `job` in `job.training.processes` processes and yield their events, read from the run's folder.

    An interrupt of this process, commands to the run and the host's job that it belongs to are passed on to them.

    Raises:
        AthanorError: accelerate or GPUs are missing, or the graph is not known; as Fault: the processes have failed.
    """
    count, gpus = job.training.processes, devices.gpu_count()
    if importlib.util.find_spec("accelerate") is None:
        raise AthanorError(
            f"processes {count} needs the package accelerate: '{packages.pip('accelerate')}', or set processes to 1."
        )
    if gpus is not None and gpus < count:
        raise AthanorError(f"processes is {count}, but ComfyUI sees {plural(gpus, 'GPU')}: lower it.")
    if source is None:
        raise AthanorError(
            f"processes {count} runs the graph in every process, but this node is not in the graph: set processes to 1."
        )
    folder = folders.run_folder(job.run_id)
    make_folder(folder)
    check_places(folder)
    path = write_job(folder, job, source)
    followed, launch = _Followed(folder, time.time()), secrets.token_hex(8)
    yield Phase("starting the processes")
    devices.unload_models()
    with control.listening(job.run_id) as commands, (folder / "processes.log").open("wb") as output:
        launched = subprocess.Popen(
            _command(count, path),
            cwd=headless.PACK,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**headless.passed_on(queued), lock.LAUNCH: launch},
            # A terminal's Ctrl-C is for this process alone, which passes it on.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        try:
            while launched.poll() is None:
                guard.stop_if_interrupted()
                for command in ("stop", "save", "sample"):
                    if commands.take(command):
                        control.leave(folder, command)
                for event in followed.new():
                    if isinstance(event, Probed):
                        commands.measured(event.step)
                    yield event
                time.sleep(0.2)
        except BaseException:
            _end(launched, lock.holder(folder, launch))
            raise
    yield from followed.new()
    if launched.returncode:
        raise Fault(_why(folder / "processes.log"))


def _command(count: int, job: Path) -> list[str]:
    """Return accelerate's command line. `--multi_gpu` also starts processes where there is no GPU; `--cpu` would start only one."""
    launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(count), "--num_machines", "1"]
    plain = ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    return [sys.executable, *launch, *plain, "-m", "training_core", "run", str(job), *headless.arguments()]


def _end(launched: subprocess.Popen[bytes], first: int | None) -> None:
    """Interrupt the processes and wait until they have saved what the run has reached; `first` is the id of rank 0, if it trains."""
    _interrupt(launched, first)
    try:
        launched.wait(SECONDS)
    except subprocess.TimeoutExpired:
        launched.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            launched.wait(60)
        launched.kill()


def _interrupt(launched: subprocess.Popen[bytes], first: int | None) -> None:
    """Interrupt rank 0, which tells the other processes; on Windows all of them, where SIGTERM is no signal but the end."""
    if sys.platform == "win32":
        launched.send_signal(signal.CTRL_BREAK_EVENT)
        return
    try:
        if first is None:
            raise ProcessLookupError
        os.kill(first, signal.SIGTERM)  # SIGINT is ignored below a script's `&`
    except (OSError, OverflowError):  # it does not train yet, or no more
        launched.terminate()


def _why(log: Path) -> str:
    """Return the first failure in the output of the processes."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    for line in lines:
        if line.startswith("Athanor stopped"):
            return line.partition(": ")[2]
    return f"The processes ended before training started ({' '.join(lines[-3:])[:500]}); see {log}."


class _Tail:
    """Follows a .jsonl file: returns the objects that are appended after it was made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._stat()
        self._at = self._file[1]

    def _stat(self) -> tuple[int, int]:
        """Return the file's inode and size; (0, 0) if there is none."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return 0, 0
        return stat.st_ino, stat.st_size

    def new(self) -> list[dict[str, Any]]:
        """Return the objects of whole lines since the last call; from the start if the file was replaced."""
        before, self._file = self._file, self._stat()
        if self._file[0] != before[0]:
            self._at = 0
        if not self._file[0]:
            return []
        with self._path.open("rb") as file:
            file.seek(self._at)
            whole = file.read().rpartition(b"\n")[0]
        self._at += len(whole) + bool(whole)
        return list(parse_lines(whole))


class _Followed:
    """The events of a run's session, without those that the run takes over from a shorter one when the session begins."""

    def __init__(self, folder: Path, begin: float) -> None:
        """`folder`: of the run; `begin`: of the session, seconds since 1970."""
        self._metrics, self._events = (_Tail(folder / name) for name in ("metrics.jsonl", "events.jsonl"))
        self._begin, self._resumed_at = begin, math.inf

    def new(self) -> Iterator[Event]:
        """Yield new events. Steps are read first and yielded last, so that none comes before the event that starts it."""
        steps = self._metrics.new()
        for line in [*self._events.new(), *steps]:
            event = None
            with contextlib.suppress(KeyError, TypeError):  # of the line alone, not of who shows the event
                event = from_line(line) if self._is_of_the_session(line) else None
            if event is not None:
                yield event

    def _is_of_the_session(self, line: Mapping[str, Any]) -> bool:
        if "time" not in line:  # a step
            return line["step"] > self._resumed_at
        if line["time"] < self._begin:
            return False
        if line["event"] in ("started", "resumed"):
            self._resumed_at = line.get("step", 0)
        return True
