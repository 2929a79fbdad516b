"""Sentences at ComfyUI's page and at a terminal."""

from __future__ import annotations

import re

import pytest
from athanor.training_core import advice
from host import PACK

OF_TRAININGS = ("run", "resume", "history", "optim", "data", "network", "objective", "host")
"""Rooms whose sentences a terminal shows; comparisons are drawn by the page's queue alone."""
OF_THE_PAGE = re.compile(r"\b[Qq]ueue (it |the graph |its graph )?again|[Ss]witch retrain on")
BOTH = ("registry.py",)
"""What it advises about a run is for the axes of a comparison."""


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(advice, "_terminal", True)


def test_the_same_advice_in_other_words(terminal, monkeypatch):
    assert (advice.again(), advice.switch_on("retrain")) == ("run the same command again", "add --set retrain=true")
    advice.at_a_terminal(False)
    assert (advice.again(), advice.switch_on("retrain")) == ("queue the graph again", "switch retrain on")


def test_no_sentence_about_a_training_knows_the_page_alone():
    paths = [path for room in OF_TRAININGS for path in (PACK / "training_core" / room).rglob("*.py")]
    paths += [PACK / "nodes" / "display.py"]
    found = [path.name for path in paths if path.name not in BOTH and OF_THE_PAGE.search(path.read_text("utf-8"))]
    assert found == []
