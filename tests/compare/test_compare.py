import itertools
from pathlib import Path

import pytest
from athanor.training_core.compare import axes, grid
from athanor.training_core.drawing import font, shorten, wrap
from athanor.training_core.errors import AthanorError
from athanor.training_core.run.handle import Checkpoint, Run
from athanor.training_core.settings import CompareSettings
from PIL import Image


def run(epochs=(2, 4, 10)):
    points = tuple(
        Checkpoint(e, e * 10, f"x-{e:06d}.safetensors", Path(f"x-{e:06d}.safetensors"), "", e == epochs[-1])
        for e in epochs
    )
    return Run("0" * 16, "x", Path(), points, (), (), (), (), ("one", "two"))


def test_checkpoints_are_in_order_of_training():
    assert [c.epoch for c in axes.checkpoints("all", run())] == [2, 4, 10]
    assert [c.epoch for c in axes.checkpoints("last, 2", run())] == [2, 10]
    with pytest.raises(AthanorError, match="no epoch '3'; it has 2, 4, 10"):
        axes.checkpoints("3", run())


def test_layout():
    settings = CompareSettings(prompts="a\nb", strengths="0.5, 1", seeds="1,2")
    everything = axes.axes(settings, run())
    plan = axes.layout(everything, "prompt", "checkpoint")
    assert plan.column_labels == ("a", "b")
    assert plan.row_labels == ("base model", "epoch 2", "epoch 4", "epoch 10")
    assert plan.block_labels == (
        "strength 0.5  seed 1", "strength 0.5  seed 2", "strength 1  seed 1", "strength 1  seed 2",
    )  # fmt: skip
    assert len(plan.cells) == 4 and len(plan.cells[0]) == 4 and len(plan.cells[0][0]) == 2
    cell = plan.cells[2][1][1]
    assert (cell.lora.name, cell.strength, cell.seed, cell.prompt) == ("x-000002.safetensors", 1, 1, "b")


def test_without_prompts_the_captions_are_drawn():
    plan = axes.layout(axes.axes(CompareSettings(), run()), "prompt", "checkpoint")
    assert plan.column_labels == ("one", "two")


def test_the_base_is_drawn_once_whatever_the_strength():
    settings = CompareSettings(prompts="a", strengths="0, 0.5, 1")
    plan = axes.layout(axes.axes(settings, run()), "strength", "checkpoint")
    unique = plan.unique()
    assert len(unique) == 1 + 3 * 2
    keys = [(c.lora, c.strength) for c in unique]
    assert len(keys) == len(set(keys))


def test_a_lora_is_patched_once():
    plan = axes.layout(axes.axes(CompareSettings(prompts="a\nb\nc", seeds="1,2,3"), run()), "prompt", "seed")
    keys = [(c.lora, c.strength) for c in plan.unique()]
    changes = sum(a != b for a, b in itertools.pairwise(keys))
    assert changes == 3


def test_grid_size_and_cells(tmp_path: Path):
    plan = axes.layout(axes.axes(CompareSettings(prompts="a\nb"), run()), "prompt", "checkpoint")
    pictures = {}
    for i, cell in enumerate(plan.unique()):
        pictures[cell] = tmp_path / f"{i}.png"
        Image.new("RGB", (64, 64), (10 + i * 20, 0, 0)).save(pictures[cell])
    sheet = grid.draw("title", plan, pictures, (64, 64))
    colours = {c for _, c in sheet.getcolors(1 << 20)}
    assert {(10 + i * 20, 0, 0) for i in range(8)} <= colours


@pytest.mark.parametrize(
    "text", ["my_character_v2-000012", "a" * 80, "one two three four five six seven eight", "\u4e00\u4e8c\u4e09" * 20]
)
def test_labels_keep_their_end(text):
    face = font(13)
    lines = wrap(text, face, 90, 2)
    assert len(lines) <= 2 and all(face.getlength(line) <= 90 for line in lines)
    assert lines[-1].endswith(text[-2:])
    assert shorten("short", face, 90) == "short"
