"""Which pictures of a comparison belong to one checkpoint."""

from __future__ import annotations

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


def test_a_large_comparison_is_never_whole_in_memory(comfy, tmp_path, monkeypatch):
    """1000 pictures of 1024 x 1024 were 3 GB at once. Progress goes on over all; what cannot be read, or is not there, has no score."""
    from athanor.training_core.compare import scoring

    monkeypatch.setattr(scoring, "_IN_MEMORY", 2)
    paths = {key: tmp_path / f"{key}.png" for key in "abcdef"}
    for path in list(paths.values())[:5]:
        Image.new("RGB", (2, 2)).save(path)
    paths["b"].write_bytes(b"no picture")
    asked, said = [], []

    class Counting:
        def score(self, some, say):
            asked.append(len(some))
            say("training pictures", 1, 9)
            say("pictures", 0, len(some))
            return [each.prompt for each in some]

    cells = dict.fromkeys(paths, base_cell())
    found = scoring._scores(paths, cells, Counting(), lambda *told: said.append(told))  # pyright: ignore[reportArgumentType]
    assert list(found) == ["a", "c", "d", "e"] and asked == [1, 2, 1]
    assert said[::2] == [("training pictures", 1, 9)] * 3 and [each[1:] for each in said[1::2]] == [
        (0, 5),
        (2, 5),
        (4, 5),
    ]
