"""What the pack's nodes use of ComfyUI besides its API."""

import collections
import io
import sys


def test_the_first_progress_bar_finds_an_entry_in_the_log(comfy, monkeypatch):
    """A run from the command line logs errors alone: its first sample "could not be drawn (deque index out of range)"."""
    from app import logger
    from athanor.training_core.host import node_tools

    monkeypatch.setattr(logger, "logs", collections.deque(maxlen=300))
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", logger.LogInterceptor(terminal))
    node_tools.begin_log()
    for bar in ("\r  0%|          | 0/4", "\r 25%|##        | 1/4"):  # as tqdm writes
        sys.stdout.write(bar)
    assert [entry["m"] for entry in logger.logs] == [bar]


def test_processes_train_for_the_job_of_the_server(comfy, monkeypatch):
    """Several processes are of the job that launched them; a job of the command line has no client, so it has no id."""
    from athanor.training_core.history.events import Queued
    from athanor.training_core.host import headless, node_tools
    from comfy_execution.utils import CurrentNodeContext

    def id_of_own_job() -> tuple[str, dict]:
        name, kept = headless._own_job()
        with CurrentNodeContext(name, "7"):
            return node_tools.job_id(), kept

    assert node_tools.job_id() == "" and id_of_own_job() == ("", {})
    for queued, kept in ((Queued("the-job", 5.25), 5250), (Queued("the-job", None), 0)):
        monkeypatch.setattr(headless.os, "environ", headless.passed_on(queued))
        assert id_of_own_job() == ("the-job", {"create_time": kept})
