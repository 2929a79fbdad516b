"""What a signal does to a process that the pack has made ready for it: real processes, without ComfyUI."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from athanor.training_core.host import signals
from host import PACK

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send these signals there")

AS_EVER = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""
"""nohup and a script's `&` ignore these signals for all that they start, and so for the tests as well."""
SERVER = """
import signal, time
from training_core.host import signals
def save(name):
    print("saving for", name, flush=True)
    time.sleep({seconds})
    print("saved", flush=True)
signals.SavesFirst(save).install()
print("ready", flush=True)
try:
    while True:
        time.sleep(30)
except KeyboardInterrupt:
    print("Stopped server", flush=True)
"""
COMMAND_LINE = """
import time
from training_core.host import signals
signals.end_at_once()
print("ready", flush=True)
if {begun}:
    asked = signals.Asked(lambda name: print("interrupted by", name, flush=True))
    print("runs", flush=True)
    while not asked.by:
        time.sleep(0.02)
    time.sleep({seconds})
    print("saved", flush=True)
else:
    time.sleep(30)
"""


class Process:
    """A Python that runs one of the above; its lines are read one by one."""

    def __init__(self, code: str, *before: str, same: float = signals.SAME) -> None:
        code = AS_EVER + code.replace("import signals\n", f"import signals\nsignals.SAME = {same}\n")
        self._process = subprocess.Popen(
            [*before, sys.executable, "-c", code], cwd=PACK, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout
        self.line = lambda out=self._process.stdout: out.readline().strip()
        assert self.line() == "ready"

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def rest(self) -> str:
        """What else it prints until it ends."""
        return self._process.communicate(timeout=300)[0].strip()

    @property
    def code(self) -> int:
        return self._process.returncode


@POSIX
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_server_saves_first_and_then_ends_as_ever(name):
    server = Process(SERVER.format(seconds=0.3))
    server.send(getattr(signal, name))
    lines = server.rest().splitlines()
    assert lines[:2] == [f"saving for {name}", "saved"]
    assert lines[2:] == (["Stopped server"] if name == "SIGINT" else [])
    assert server.code == (0 if name == "SIGINT" else -getattr(signal, name))


@POSIX
def test_a_main_thread_that_was_not_woken_is_woken_again():
    """A signal that comes while the handler of another one ends is noted, but a main thread that waits goes on waiting."""
    lost = """
sent, send = [], signals._to_main_thread
def _to_main_thread(number):
    sent.append(number)
    if len(sent) > 1:
        send(number)
signals._to_main_thread = _to_main_thread
print("ready", flush=True)
"""
    server = Process(SERVER.format(seconds=0).replace('print("ready", flush=True)', lost))
    server.send(signal.SIGTERM)
    assert server.rest() == "saving for SIGTERM\nsaved" and server.code == -signal.SIGTERM


@POSIX
def test_a_second_signal_ends_at_once_and_one_that_comes_with_the_first_does_not():
    # One that comes while the handler of the first still runs is noted, but wakes nobody: a server's loop turns by itself.
    server = Process(SERVER.format(seconds=60).replace("sleep(30)", "sleep(0.1)"), same=0.0)
    server.send(signal.SIGTERM)
    assert server.line() == "saving for SIGTERM"
    server.send(signal.SIGTERM)
    assert server.rest() == "" and server.code == -signal.SIGTERM
    server = Process(SERVER.format(seconds=0.5), same=1e9)
    server.send(signal.SIGTERM)
    assert server.line() == "saving for SIGTERM"
    server.send(signal.SIGINT)  # from the terminal, and again from a launcher
    assert server.rest().startswith("saved")  # and then ends by the one or the other


@POSIX
def test_the_command_line_is_interrupted_once_it_runs_and_ends_at_once_before():
    early = Process(COMMAND_LINE.format(begun=False, seconds=0))
    early.send(signal.SIGINT)
    assert early.rest() == "" and early.code == -signal.SIGINT
    running = Process(COMMAND_LINE.format(begun=True, seconds=0.1), same=1e9)
    assert running.line() == "runs"
    running.send(signal.SIGTERM)
    assert running.line() == "interrupted by SIGTERM"
    running.send(signal.SIGTERM)
    assert running.rest() == "saved" and running.code == 0
    hanging = Process(COMMAND_LINE.format(begun=True, seconds=60), same=0.0)
    assert hanging.line() == "runs"
    hanging.send(signal.SIGTERM)
    assert hanging.line() == "interrupted by SIGTERM"
    hanging.send(signal.SIGTERM)
    assert hanging.rest() == "" and hanging.code == -signal.SIGTERM


def test_a_process_of_a_launcher_is_not_ended_by_one_signal_that_comes_in_many_ways(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(signals, "SAME", 0.0)
    monkeypatch.setattr(signals, "wanted", list)
    asked, ended = [], []
    monkeypatch.setattr(signals, "end", ended.append)
    here = signals.Asked(asked.append)
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
        here._handle(number, None)
    assert asked == ["SIGTERM"] and not ended


def as_pid_1() -> list[str]:
    """A command line's beginning by which what follows is PID 1, as in a container; [] where that is not allowed."""
    before = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]
    try:
        return before if subprocess.run([*before, "true"], capture_output=True, timeout=60).returncode == 0 else []
    except FileNotFoundError:
        return []


@pytest.mark.skipif(not as_pid_1(), reason="no namespace of PIDs can be made here")
@pytest.mark.parametrize(
    ("code", "told"), [(SERVER.format(seconds=0), "saving for SIGTERM\nsaved"), (COMMAND_LINE.format(begun=False, seconds=0), "")]
)  # fmt: skip
def test_pid_1_of_a_container_ends_too(code, told):
    """The kernel takes no default action there, so that docker stop would wait for its 10 seconds and kill."""
    ready = 'print("ready", flush=True)\n'
    kill = "import os, signal, threading\nthreading.Timer(0.2, os.kill, (1, signal.SIGTERM)).start()\n"
    process = Process(code.replace(ready, ready + kill), *as_pid_1())
    assert process.rest() == told and process.code == 128 + signal.SIGTERM


@pytest.fixture
def handlers(monkeypatch) -> dict[int, Callable]:
    """Handlers that are installed, by their signal, on a system that has CTRL_BREAK and ignores SIGINT."""
    found: dict[int, Callable] = {}
    before = {signal.SIGINT: signal.SIG_IGN}
    fake = SimpleNamespace(
        SIGINT=signal.SIGINT, SIGTERM=signal.SIGTERM, SIGBREAK=21, SIG_DFL=signal.SIG_DFL, SIG_IGN=signal.SIG_IGN,
        Signals=lambda number: SimpleNamespace(name="SIGBREAK" if number == 21 else signal.Signals(number).name),
        getsignal=lambda number: before.get(number, signal.SIG_DFL),
        signal=lambda number, handler: found.update({number: handler}) or before.get(number, signal.SIG_DFL),
        raise_signal=lambda number: found[number](number, None),
    )  # fmt: skip
    monkeypatch.setattr(signals, "signal", fake)
    return found


def test_windows_ctrl_break_is_handled_and_what_is_ignored_stays_ignored(handlers, monkeypatch):
    ended, saved = threading.Event(), []
    monkeypatch.setattr(signals.os, "kill", lambda pid, number: ended.set())
    signals.SavesFirst(saved.append).install()
    assert handlers.keys() == {signal.SIGTERM, 21}
    handlers[21](21, None)
    assert ended.wait(60) and saved == ["SIGBREAK"]
    asked = []
    signals.Asked(asked.append)
    handlers[21](21, None)
    handlers[signal.SIGTERM](signal.SIGTERM, None)  # the same wish
    assert asked == ["SIGBREAK"]


def test_outside_of_the_main_thread_nothing_is_handled(handlers):
    thread = threading.Thread(target=lambda: signals.SavesFirst(print).install())
    thread.start()
    thread.join()
    assert not handlers
