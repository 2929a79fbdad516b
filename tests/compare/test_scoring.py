"""Which pictures of a comparison belong to one checkpoint."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from athanor.training_core.compare.axes import Axis, LoraChoice, Value
from athanor.training_core.compare.plan import plan
from athanor.training_core.score.cache import PictureScore
from athanor.training_core.score.summary import Drawn
from cell import base_cell
from PIL import Image


def test_a_checkpoint_is_what_is_neither_prompt_nor_seed(comfy):
    """The base model is the same at all strengths: its pictures are one checkpoint, and count once."""
    from athanor.training_core.compare.scoring import checkpoints

    epochs = Axis(
        "checkpoint",
        (
            Value("base", (("lora", ()),), special=True),
            *(Value(f"epoch {n}", (("lora", (LoraChoice(f"{n}"),)),)) for n in (1, 2)),
        ),
    )
    strengths = Axis(
        "strength", tuple(Value(str(s), (("strength_model", s), ("strength_clip", s))) for s in (0.5, 1.0))
    )
    prompts = Axis("prompt", tuple(Value(text, (("positive", text),)) for text in ("a cat", "a dog")))
    seeds = Axis("seed", tuple(Value(str(seed), (("seed", seed),)) for seed in (1, 2)))
    one = Axis("cfg", (Value("7", (("cfg", 7.0),)),))
    whole = plan([strengths, epochs, prompts, seeds, one], base_cell())
    keys = {cell: str(number) for number, cell in enumerate(whole.order)}
    score = PictureScore(values={"likeness": 0.5}, nearest="", nearest_value=0.0, copy=False, whole=np.ones(1))
    drawn = {key: Drawn(cell.positive, cell.seed, score) for cell, key in keys.items()}
    rows = checkpoints(whole, keys, drawn)
    assert {row.labels for row, _ in rows} == {
        ("base",), ("0.5", "epoch 1"), ("0.5", "epoch 2"), ("1.0", "epoch 1"), ("1.0", "epoch 2")
    }  # fmt: skip
    assert all(len(own) == 4 == len(row.pictures) for row, own in rows) and len(drawn) == 20
    del drawn[keys[whole.order[0]]]  # it could not be drawn
    assert sorted(len(own) for _, own in checkpoints(whole, keys, drawn)) == [3, 4, 4, 4, 4]


def test_few_pictures_are_in_memory_at_a_time(comfy, tmp_path, monkeypatch):
    """All pictures of a comparison were read before the first was measured: 6 GB of 2000 at 1024 x 1024."""
    from athanor.training_core.compare import scoring

    monkeypatch.setattr(scoring, "_IN_MEMORY", 2)
    for number in range(5):
        Image.new("RGB", (4, 4), (number, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "3.png").write_bytes(b"no picture")
    prepared: Any = SimpleNamespace(store=SimpleNamespace(path=lambda key: tmp_path / f"{key}.png"))
    told, sizes = [], []

    def score(asked, say):
        sizes.append(len(asked))
        say("training pictures", 1, 9)
        say("pictures", 0, len(asked))
        return [(int(each.pixels[0, 0, 0]), each.prompt) for each in asked]

    prompts = {str(number): f"prompt {number}" for number in range(6)}  # the last one was not drawn
    scorer: Any = SimpleNamespace(score=score)
    found = scoring._scores(prepared, scorer, prompts, lambda *each: told.append(each))
    assert found == {str(number): (number, f"prompt {number}") for number in (0, 1, 2, 4)} and sizes == [2, 1, 1]
    assert [each for each in told if each[0] == "pictures"] == [("pictures", at, 6) for at in (0, 2, 4)] and (
        "training pictures",
        1,
        9,
    ) in told
