"""Averages of saved epochs as values of an axis: what is meant, and how much each file counts."""

from dataclasses import replace
from pathlib import Path

import fuzz
import pytest
from athanor.training_core.compare import averages
from athanor.training_core.errors import AthanorError
from athanor.training_core.history.handle import Checkpoint
from safetensors.numpy import save_file


@pytest.mark.parametrize(
    ("text", "rest", "labels"),
    [
        ("mean(6-10)", "", ["mean 6-10"]),
        ("every 2, mean(last 3)", "every 2", ["mean last 3"]),
        ("2, MEAN(2, 4, 6), 4, last", "2, 4, last", ["mean 2, 4, 6"]),
        ("all\nmean(2-10(4))\nema(0.05, 8)", "all", ["mean 2-10(4)", "ema 0.05 to 8"]),
        ("ema(0.05-0.15(0.05)),lerp(4,8,0.3)", "", ["ema 0.05-0.15(0.05)", "lerp 4 8 0.3"]),
        ("lerp(4, last, 0.25-0.75(0.25)) || all", "all", ["lerp 4 last 0.25", "lerp 4 last 0.5", "lerp 4 last 0.75"]),
        ("meaning", "meaning", []),
        ("all，mean（2，4）", "all", ["mean 2，4"]),
    ],
)
def test_averages_stand_beside_a_filter(text, rest, labels):
    assert averages.split(text)[0] == rest
    found = [each.label for each in averages.split(text)[1]]
    assert found == [
        label for each in labels for label in ([f"ema {x}" for x in (0.05, 0.1, 0.15)] if "(0.05)" in each else [each])
    ]


def test_very_long_texts_and_very_many_files():
    """Each blank was a place where a comma could be looked for; and of 300 files none counted, which was a division by zero."""
    with fuzz.no_hang("blanks"):
        assert averages.split("4" + " " * 50_000 + "5, mean(1-3)")[1]
    assert averages.rounded([1 / 300] * 300) == pytest.approx([1 / 300] * 300)
    assert averages.rounded([0.003, 0.997]) == [0, 1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mean()", "mean.. has no epochs"),
        ("ema(0.5)", "ema.0.5. is not from 0.01 to 0.28"),
        ("ema(0.1, 2, 3)", "write ema.0.1. or ema.0.1, 8."),
        ("lerp(4, 8)", "write lerp.4, 8, 0.3."),
        ("lerp(4, 8, 1e9)", r"lerp.4, 8, 1e.09. is not from -5 to 5"),
        ("mean(mean(3))", "is an average of averages|not understood"),
        ("mean(nonsense)", "'nonsense' is not understood"),
    ],
)
def test_what_cannot_be_read_is_named(comfy, text, words):
    from athanor.training_core.compare import epoch_filter

    with pytest.raises(AthanorError, match=words):
        epoch_filter.read(text)


@pytest.mark.parametrize("length", [0.02, 0.05, 0.1, 0.2])
def test_the_profile_has_the_length_that_is_asked_for(length):
    steps = range(1, 2001)
    weights = averages.ema_weights(steps, length)
    mean = sum(w * t for w, t in zip(weights, steps, strict=True))
    spread = sum(w * (t - mean) ** 2 for w, t in zip(weights, steps, strict=True)) ** 0.5
    assert sum(weights) == pytest.approx(1) and weights[:-1] == sorted(weights[:-1])  # none is trained behind the last
    assert spread / 2000 == pytest.approx(length, rel=0.01)  # the definition of sigma_rel in Karras et al. 2023


def test_files_that_count_little_are_left_out():
    weights = averages.rounded(averages.ema_weights(range(1, 101), 0.05))
    assert sum(weights) == pytest.approx(1) and weights[0] == 0 and 15 < sum(map(bool, weights)) < 40


def run(folder: Path, keys: tuple[str, ...] = ("x.lora_up.weight",), steps: int = 10):
    import numpy as np
    from athanor.training_core.compare import runs

    folder.mkdir(exist_ok=True)

    def checkpoint(epoch: int) -> Checkpoint:
        path = folder / f"x-{epoch:06d}.safetensors"
        save_file({key: np.zeros(1, np.float32) for key in keys}, path)
        return Checkpoint(epoch=epoch, step=steps * epoch, lora_name=path.name, path=path, hash="", last=epoch == 4)

    return runs.Points("x", tuple(map(checkpoint, (1, 2, 3, 4))))


def listed(points, text: str, **options) -> dict[str, list[tuple[str, float]]]:
    from athanor.training_core.compare import epochs

    axis = epochs.axis(points, text, include_base=False, **options)
    return {
        v.label: [(c.name.removeprefix("x-").removesuffix(".safetensors").lstrip("0"), round(c.weight, 4)) for c in to]
        for v in axis.values
        for _, to in v.changes
    }


@pytest.fixture
def in_loras(comfy, monkeypatch):
    from athanor.training_core.host import folders

    monkeypatch.setattr(folders, "trained_file", lambda name: ("loras", Path(name)))


def test_an_average_is_all_its_files_at_their_parts_of_the_strength(in_loras, tmp_path):
    points = run(tmp_path)
    assert listed(points, "2, mean(2-4)", include_final=False) == {
        "epoch 2": [("2", 1.0)],
        "mean 2-4": [("2", 0.3333), ("3", 0.3333), ("4", 0.3333)],
    }
    assert listed(points, "lerp(1, last, 0.25)", include_final=False) == {
        "lerp 1 last 0.25": [("1", 0.75), ("4", 0.25)]
    }
    assert listed(points, "lerp(4, last, 0.3)", include_final=False) == {
        "lerp 4 last 0.3": [("4", 1.0)]
    }  # of one file: it
    assert list(listed(points, "mean(last 2)")) == ["epoch 4", "mean last 2"]  # include_final keeps the finished LoRA
    # Of places 1, 2, 3 of 3 steps up to 1.5, 2.5 and 3 count, each to the power gamma + 1.
    assert [n for n, _ in listed(points, "ema(0.2, 3)", include_final=False)["ema 0.2 to 3"]] == ["1", "2", "3"]


def test_epochs_count_where_steps_are_not_known(in_loras, tmp_path):
    assert listed(run(tmp_path, steps=0), "ema(0.1)") == listed(run(tmp_path), "ema(0.1)")


def test_the_strength_of_the_cell_is_parted(comfy):
    from athanor.training_core.compare.axes import LoraChoice
    from athanor.training_core.compare.cells import Lora, _stack

    stack = [LoraChoice("a", weight=0.25), LoraChoice("b", weight=0.75), LoraChoice("c")]
    assert _stack(stack, (0.8, 0.4)) == (
        Lora("a", 0.2, 0.1),
        Lora("b", 0.6000000000000001, 0.30000000000000004),
        Lora("c", 0.8, 0.4),
    )


@pytest.mark.parametrize("pieces", [("oft_blocks",), ("dora_scale", "oft_blocks"), ("a1.weight",), ("on_input",)])
def test_what_is_no_sum_of_changes_has_no_such_average(in_loras, tmp_path, pieces):
    with pytest.raises(AthanorError, match=r"epochs: mean 1-3 cannot be drawn: x-000001.* and has no average"):
        listed(run(tmp_path, tuple(f"x.{piece}" for piece in pieces)), "mean(1-3)")
    assert listed(run(tmp_path, (f"x.{pieces[0]}",)), "mean(2)")["mean 2"] == [("2", 1.0)]  # a file as it is


def test_the_file_that_is_of_another_kind_is_named(in_loras, tmp_path):
    """It said of the first file, a plain LoRA, that it is OFT or BOFT where another one was DoRA."""
    points, other = run(tmp_path), run(tmp_path / "dora", ("x.dora_scale",))
    mixed = replace(points, checkpoints=(points.checkpoints[0], other.checkpoints[1]))
    with pytest.raises(
        AthanorError, match=r"mean all cannot be drawn: x-000002.safetensors is DoRA, and others are not"
    ):
        listed(mixed, "mean(all)")


def test_both_experts_have_the_same_average(comfy):
    from athanor.training_core.compare import experts
    from athanor.training_core.compare.axes import LoraChoice, Value

    value = Value("mean 1-2", (("lora", (LoraChoice("h1", weight=0.5), LoraChoice("h2", weight=0.5))),))
    changes = dict(experts._with_low(value, {"h1": "l1", "h2": "l2"}, alone=False).changes)
    assert changes["lora_low"] == (LoraChoice("l1", weight=0.5), LoraChoice("l2", weight=0.5))
