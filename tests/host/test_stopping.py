"""ComfyUI is asked to end while a run trains in it: the run is interrupted, and no other job begins."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.usefixtures("comfy")


@pytest.fixture
def queue(comfy, monkeypatch):
    """ComfyUI's own queue, in a server that is not there."""
    from athanor.nodes import stopping
    from athanor.training_core.host import guard
    from execution import PromptQueue

    queue = PromptQueue(SimpleNamespace(queue_updated=lambda: None))
    monkeypatch.setattr(guard, "_reason", "")  # that of this test is none of another
    clock = SimpleNamespace(
        monotonic=time.monotonic, sleep=lambda seconds: None
    )  # as a worker is told to wait for a minute
    monkeypatch.setattr(stopping, "time", clock)
    monkeypatch.setattr(stopping.PromptServer, "instance", SimpleNamespace(prompt_queue=queue), raising=False)
    return queue


def test_nothing_is_waited_for_where_nothing_trains(queue):
    from athanor.nodes import stopping
    from athanor.training_core.host import guard

    queue.put((0, "first", {}, {}, [], {}))
    stopping._save("SIGTERM")
    assert not guard.interrupted() and queue.get(0)[0][1] == "first"


def test_the_run_is_interrupted_and_the_next_job_does_not_begin(queue):
    from athanor.nodes import stopping
    from athanor.training_core.host import guard
    from athanor.training_core.run import control

    done, begun, trains = [], [], threading.Event()

    def work() -> None:
        """As ComfyUI's worker: the first job trains until it is interrupted, and takes a while to save."""
        while job := queue.get(1):
            (_, name, *_), number = job
            begun.append(name)
            with control.listening("run"):
                trains.set()
                while not guard.interrupted():
                    threading.Event().wait(0.01)
                with pytest.raises(BaseException, match=r"^$"):
                    guard.stop_if_interrupted()
                threading.Event().wait(0.3)
                done.append(guard.reason())
            queue.task_done(number, {}, None)

    for name in ("first", "second"):
        queue.put((0, name, {}, {}, [], {}))
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    assert trains.wait(60)
    stopping._save("SIGTERM")
    worker.join(60)  # it would take the other job in the middle of another test
    assert not worker.is_alive()
    assert begun == ["first"] and done == ["ComfyUI was asked to end (SIGTERM)"] and len(queue.queue) == 1
    assert not guard.interrupted()
