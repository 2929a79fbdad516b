"""Pictures that are drawn while training."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from athanor.training_core.settings import SamplingSettings


@pytest.mark.parametrize("live", [True, False])
def test_text_encoders_that_are_trained_are_there_for_every_prompt(comfy, monkeypatch, tmp_path, live):
    """Sampler and VAE may push them out, on a card that has no room for all: no picture but the first was drawn then."""
    from athanor.training_core.host import sampling
    from athanor.training_core.run import prompts, samples

    class Model:
        text = SimpleNamespace(clip=None) if live else None
        there, loads = True, 0

        def load(self):
            self.there = True
            self.loads += 1

    model = Model()

    def encoded(_clip, words):
        assert model.there or not live
        return words

    def sampled(*_args, **_values):
        model.there = False
        return torch.zeros(1, 8, 8, 3)

    monkeypatch.setattr(samples, "eval_mode", lambda *_: nullcontext())
    monkeypatch.setattr(sampling, "interlude", lambda _model: nullcontext())
    monkeypatch.setattr(sampling, "encode_prompt", encoded)
    monkeypatch.setattr(sampling, "sample", sampled)
    three = [prompts.Prompt(text=str(i), negative="", width=8, height=8, seed=i, steps=2, cfg=1.0) for i in range(3)]
    made = samples.Samples(three, SamplingSettings(), tmp_path, "name", None)
    if not live:
        list(made.prepare(None))
    events = list(made.draw(SimpleNamespace(step=1, epoch=1), "step", model, None, None))
    assert [type(event).__name__ for event in events] == ["Phase", "Sampled"] * 3
    assert events[2].what == "drawing sample 2 of 3"
    assert model.there and model.loads == (3 if live else 1)
    # A stop is obeyed between two pictures; it waited for all of them.
    told = []
    for event in made.draw(SimpleNamespace(step=2, epoch=1), "step", model, None, None, stop=lambda: len(told) == 4):
        told.append(event)
    assert [type(event).__name__ for event in told] == ["Phase", "Sampled"] * 2 and model.there
