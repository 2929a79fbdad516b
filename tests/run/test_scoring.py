"""Samples that are scored as they are drawn: told as an event, and no failure ends a run."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from athanor.training_core.errors import AthanorError

AT: Any = SimpleNamespace(step=20, epoch=2)


def events(scorer, monkeypatch):
    from athanor.training_core.host import sampling
    from athanor.training_core.run import scoring

    monkeypatch.setattr(sampling, "interlude", lambda _model: nullcontext())
    drawn = [scoring.DrawnSample(i, f"prompt {i}", i, np.zeros((8, 8, 3), np.uint8)) for i in (0, 2)]
    model: Any = None
    return list(scoring.scored(scorer, drawn, AT, model))


def scorer(score) -> Any:
    score = (lambda inner: lambda asked, say=None: inner(asked))(score)
    measure = SimpleNamespace(title="a measure", weak=True)
    made = SimpleNamespace(score=score, id="an id", measure=measure, given_back=0, reads_prompts=True)

    def give_back():
        made.given_back += 1

    made.give_back = give_back
    return made


def test_what_is_measured_is_told_and_read_back(comfy, monkeypatch):
    from athanor.training_core.history import events as kinds
    from athanor.training_core.history import lines, log, scores
    from athanor.training_core.score.cache import PictureScore

    whole = np.ones(1, np.float32)
    made = [
        PictureScore(values={"likeness": v}, nearest="a.png", nearest_value=0.9, copy=v > 0.6, whole=whole)
        for v in (0.5, 0.7)
    ]
    seeing = scorer(lambda asked: made)
    phase, event = events(seeing, monkeypatch)
    assert seeing.given_back == 1  # steps were tried without a vision model beside them
    assert phase.what == "comparing the samples with the training pictures"
    line = {"event": "scored", "time": 1.0, **log.dataclasses.asdict(event)}
    line["scores"] = list(line["scores"])
    assert lines.is_event(line) and kinds.from_line(line) is not None
    (found,) = scores.of_events([line])
    assert (found.step, found.epoch, found.scorer, found.copies) == (20, 2, "an id", 1)
    assert found.values["likeness"] == scores.Measured(0.6, 0.1, 2) and [p.index for p in found.pictures] == [0, 2]


@pytest.mark.parametrize("error", [AthanorError("no picture can be read"), ValueError("anything"), MemoryError()])
def test_a_failure_is_a_warning(comfy, monkeypatch, error):
    def fails(_asked):
        raise error

    seeing = scorer(fails)
    _, warning = events(seeing, monkeypatch)
    assert warning.text.startswith("The samples of step 20 could not be scored (") and seeing.given_back == 1


def test_prompts_are_read_before_the_model_is_loaded(comfy, tmp_path):
    """A text encoder in mid-run took the room of steps (T5 comes with the CLIP-L of Flux), and could be the one that is trained."""
    from athanor.training_core.run import prompts, samples
    from athanor.training_core.settings import SamplingSettings

    two = [prompts.Prompt(text=t, negative="", width=8, height=8, seed=1, steps=2, cfg=1.0) for t in ("cat", "dog")]

    def told(seeing):
        return list(samples.Samples(two, SamplingSettings(), tmp_path, "name", None, scorer=seeing).prepare_scores())

    seeing, read = scorer(lambda asked: []), []
    seeing.read_prompts = read.extend
    (phase,) = told(seeing)
    assert phase.what == "encoding the sample prompts for their scores" and read == ["cat", "dog"]
    seeing.read_prompts = lambda _prompts: 1 / 0
    assert told(seeing)[1].text.startswith(
        "The sample prompts could not be encoded for their scores (ZeroDivisionError"
    )
    seeing.reads_prompts = False
    assert told(seeing) == told(None) == []


def test_without_a_scorer_nothing_happens_and_an_interrupt_is_passed_on(comfy, monkeypatch):
    def interrupted(_asked):
        raise KeyboardInterrupt

    assert events(None, monkeypatch) == []
    with pytest.raises(KeyboardInterrupt):
        events(scorer(interrupted), monkeypatch)


def test_samples_that_are_gone_do_not_make_the_log_longer_each_time(comfy, tmp_path, monkeypatch):
    """A step whose pictures were deleted has no score: all steps were told again whenever the graph was queued."""
    from athanor.training_core.files import read_lines
    from athanor.training_core.history import registry, report
    from athanor.training_core.run.scored_later import score_later
    from athanor.training_core.score.cache import PictureScore
    from PIL import Image

    monkeypatch.setattr(report, "write", lambda folder: None)
    Image.new("RGB", (8, 8)).save(tmp_path / "there.png")
    drawn = [
        {
            "event": "sampled",
            "time": 1.0,
            "step": step,
            "epoch": 1,
            "index": 0,
            "prompt": "a",
            "path": str(tmp_path / name),
        }
        for step, name in ((10, "there.png"), (20, "gone.png"))
    ]
    made = PictureScore(
        values={"likeness": 0.5}, nearest="a", nearest_value=0.5, copy=False, whole=np.ones(1, np.float32)
    )
    some = scorer(lambda asked: [made] * len(asked))
    for _ in range(3):
        events = (*drawn, *read_lines(tmp_path / "events.jsonl"))
        record = registry.Record(
            folder=tmp_path, run_id="r", lineage_id="l", output_name="n", target=tmp_path / "n", steps=20, events=events
        )
        assert score_later(record, some) == []
    assert [each["step"] for each in read_lines(tmp_path / "events.jsonl")] == [10]
