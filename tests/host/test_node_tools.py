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
