"""The lock of a run's folder."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.history.taken import taken
from athanor.training_core.resume import lock
from filelock import FileLock

HOLD = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_taken_while_it_is_held_and_not_after(tmp_path: Path):
    assert not taken(tmp_path)
    with lock.held(tmp_path, "Run x"):
        assert taken(tmp_path)
        with (
            pytest.raises(AthanorError, match=r"Run x is being trained by process \d+ on"),
            lock.held(tmp_path, "Run x"),
        ):
            raise AssertionError("two hold it")
        assert taken(tmp_path)  # who was refused has not let it go
    assert not taken(tmp_path)
    with lock.held(tmp_path, "Run x"):  # nor does asking keep it
        pass


def test_another_process_that_was_killed_has_let_it_go(tmp_path: Path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        (tmp_path / "owner.json").write_text('{"pid": 1')  # half written: the sentence names nobody
        assert taken(tmp_path)
        with (
            pytest.raises(AthanorError, match="Run x is being trained by another process"),
            lock.held(tmp_path, "Run x"),
        ):
            raise AssertionError("two hold it")
        other.kill()
    end = time.monotonic() + 300
    while taken(tmp_path) and time.monotonic() < end:
        time.sleep(0.01)
    assert (tmp_path / "owner.json").is_file() and not taken(tmp_path)


def test_a_folder_nobody_owns_is_not_taken(tmp_path: Path):
    """A lock file alone: the page asks for every run in its list, and most have ended."""
    (tmp_path / "lock").touch()
    assert not taken(tmp_path) and not taken(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()


def test_folders_in_place_of_its_files_are_told(tmp_path: Path):
    """One sentence to who trains there; the list of all runs, which asks for each, goes on."""
    (tmp_path / "owner.json").mkdir()
    with pytest.raises(AthanorError, match=r"owner\.json"), lock.held(tmp_path, "Run x"):
        raise AssertionError("held")
    (tmp_path / "owner.json").rmdir()
    (tmp_path / "owner.json").write_text("[")
    (tmp_path / "lock").unlink(missing_ok=True)
    (tmp_path / "lock").mkdir()
    assert not taken(tmp_path)
    with pytest.raises(AthanorError, match="lock"), lock.held(tmp_path, "Run x"):
        raise AssertionError("held")


def test_a_look_does_not_refuse_who_wants_to_train(tmp_path: Path, monkeypatch):
    """The list of runs looks at a killed one each time: a run that was queued at that instant was told that another trains it."""
    monkeypatch.setattr(lock, "PATIENCE", 10 * lock.PATIENCE)  # the thread may wait for its turn on a busy machine
    looks = FileLock(tmp_path / "lock", thread_local=False)
    looks.acquire()
    threading.Timer(0.05, looks.release).start()
    with lock.held(tmp_path, "Run x"):
        assert taken(tmp_path)


def test_a_killed_run_is_tried_once(tmp_path: Path, monkeypatch):
    """Thousands of them are listed each second. A process that goes on with one is seen all the same."""
    (tmp_path / "owner.json").write_text('{"pid": 1}')
    tried = []
    monkeypatch.setattr(
        "athanor.training_core.history.taken.FileLock", lambda path: tried.append(path) or FileLock(path)
    )
    assert [taken(tmp_path) for _ in range(3)] == [False] * 3 and len(tried) == 1
    with lock.held(tmp_path, "Run x"):
        assert taken(tmp_path)
    assert not taken(tmp_path) and len(tried) == 2


@pytest.mark.parametrize("damaged", [-1, 0, 1, "7", True, None])
def test_no_process_of_a_damaged_owner_is_anybodys_to_end(tmp_path: Path, damaged):
    """0 and -1 mean groups of processes, down to all that this user may end."""
    with lock.held(tmp_path, "Run x"):
        (tmp_path / "owner.json").write_text(json.dumps({"pid": damaged, "launch": "a"}))
        assert lock.holder(tmp_path, "a") is None
        for text in ("[", "{}"):
            (tmp_path / "owner.json").write_text(text)
            assert lock.holder(tmp_path, "a") is None


def test_the_id_that_a_killed_process_has_left_is_not_signalled(tmp_path: Path, monkeypatch):
    """It may be another program's by now. Nor is who trains the run without having been launched by the one that asks."""
    monkeypatch.setenv(lock.LAUNCH, "a")
    assert lock.holder(tmp_path, "a") is None
    with lock.held(tmp_path, "Run x"):
        left = (tmp_path / "owner.json").read_text()
        assert lock.holder(tmp_path, "a") == os.getpid()
        assert lock.holder(tmp_path, "b") is None
    (tmp_path / "owner.json").write_text(left)
    assert lock.holder(tmp_path, "a") is None
