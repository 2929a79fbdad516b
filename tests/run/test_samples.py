"""Pictures that are drawn while training."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from athanor.training_core.settings import SamplingSettings
from PIL import Image


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


def test_control_pictures_are_read_cut_and_encoded_once(comfy, monkeypatch, tmp_path):
    """By the encoder where it sees them, in the drawn size; their latents are beside the prompt and beside its negative."""
    from athanor.training_core.families import Controls
    from athanor.training_core.host import controls, sampling, vae
    from athanor.training_core.run import prompts, samples

    Image.new("RGBA", (32, 16), (0, 0, 0, 0)).save(tmp_path / "c.png")
    read, encoded, drawn = [], [], []

    def reads(_run, _clip, text, pictures, negative):
        read.append((text, negative, [tuple(p.shape) for p in pictures], [p.mean().item() for p in pictures]))
        return [[torch.zeros(1), {}]]

    def encodes(_vae, pixels):
        encoded.append(tuple(pixels.shape))
        return torch.full((1,), float(len(encoded))), None

    def sampled(_model, _vae, positive, negative, *_args, **_values):
        drawn.append([part[0][1].get("reference_latents") for part in (positive, negative)])
        return torch.zeros(1, 8, 8, 3)

    monkeypatch.setitem(controls.ENCODERS, "Reader", reads)
    monkeypatch.setattr(vae, "encode", encodes)
    monkeypatch.setattr(samples, "eval_mode", lambda *_: nullcontext())
    monkeypatch.setattr(sampling, "interlude", lambda _model: nullcontext())
    monkeypatch.setattr(sampling, "encode_prompt", lambda _clip, text: [[torch.zeros(1), {}]])
    monkeypatch.setattr(sampling, "sample", sampled)
    plain = prompts.Prompt(text="a", negative="", width=64, height=64, seed=1, steps=2, cfg=1.0)
    shown = replace(plain, controls=(tmp_path / "c.png",), background="gray")
    made = samples.Samples(
        [plain, shown, replace(shown, seed=2)],
        SamplingSettings(),
        tmp_path,
        "name",
        None,
        controls=Controls(size="own", encoder="Reader"),
    )
    list(made.prepare(None))
    model = SimpleNamespace(text=None, load=lambda: None)
    events = list(made.draw(SimpleNamespace(step=1, epoch=1), "step", model, None, None))
    assert [type(event).__name__ for event in events] == ["Phase", "Sampled"] * 3
    assert read == [("a", False, [(1, 48, 96, 3)], [pytest.approx(0.5, abs=0.01)]), ("", True, *read[0][2:])]
    assert encoded == [(1, 48, 96, 3)]
    assert drawn == [[None, None], [[1.0], [1.0]], [[1.0], [1.0]]]
