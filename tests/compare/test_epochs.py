"""Which checkpoints of a run a filter keeps."""

from dataclasses import replace
from pathlib import Path

import fuzz
import pytest
from athanor.training_core.compare import kinds
from athanor.training_core.errors import AthanorError
from athanor.training_core.history.handle import Checkpoint


@pytest.fixture
def epochs(comfy):
    from athanor.training_core.compare import epochs

    return epochs


def checkpoint(epoch: int, step: int, name: str, last: bool = False) -> Checkpoint:
    return Checkpoint(epoch=epoch, step=step, lora_name=name, path=Path(name), hash="", last=last)


def points(module, numbers=range(1, 13), probes=((0, 100.0), (30, 90.0), (70, 80.0), (120, 85.0))):
    last = max(numbers)
    made = [
        checkpoint(e, e * 10, name, e == last)
        for e in numbers
        for name in ["x.safetensors" if e == last else f"x-{e:06d}.safetensors"]
    ]
    return module.Points("x", tuple(made), probes)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("all", list(range(1, 13))), ("", list(range(1, 13))), ("every 4", [4, 8, 12]), ("last 2", [11, 12]),
        ("first 2", [1, 2]), ("4-6", [4, 5, 6]), ("from 4 to 6", [4, 5, 6]), ("from 11", [11, 12]), ("to 2", [1, 2]),
        ("best 3", [6, 7, 8]), ("around best 1", [7]), ("even 3", [1, 7, 12]), ("3 even", [1, 7, 12]), ("2, 4, last", [2, 4, 12]),
        ("last, 2", [2, 12]), ("2-10(4)", [2, 6, 10]), ("EVERY 6", [6, 12]), ("10-20(2)", [10, 12]),
        ("2, SKIP: 4, last", [2, 12]), ("every 4, skip: 8, SKIP: 99", [4, 12]), ("SKIP: last, SKIP: 1-9", [10, 11]),
    ],
)  # fmt: skip
def test_filters(epochs, text, kept):
    assert [c.epoch for c in epochs.choose(points(epochs), text)] == kept


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("13", "there is no epoch '13'; there are 1, 2, 3"),
        ("20-30", "no checkpoint from 20 to 30"),
        ("every 0", "selects no checkpoint"),
        ("best of all", "'best of all' is not understood; write all"),
        ("2, SKIP: 2", "SKIP: leaves no checkpoint of x; there are 1, 2, 3"),
        ("all, SKIP: oops", "'oops' is not understood; write all"),
    ],
)
def test_filters_that_keep_nothing(epochs, text, words):
    with pytest.raises(AthanorError, match=words):
        epochs.choose(points(epochs), text)


def test_a_filter_of_many_lines_is_read_at_once(comfy):
    from athanor.training_core.compare import epoch_filter

    with fuzz.no_hang("lines"):  # 5 s of a processor, as each line break was a place where SKIP: could begin
        assert epoch_filter.read("\n" * 100_000).wanted == "all"


def test_best_needs_a_probe(epochs):
    with pytest.raises(AthanorError, match="x has no probe"):
        epochs.choose(points(epochs, probes=()), "best 2")


def test_base_and_final_by_switch(epochs):
    def names(*more):
        return [v.label for v in epochs.axis(points(epochs, (2, 4, 6)), "2", *more).values]

    assert names() == ["base model", "epoch 2", "epoch 6"]
    assert names(False) == ["epoch 2", "epoch 6"]
    assert names(True, False) == ["base model", "epoch 2"]
    with pytest.raises(AthanorError, match="switch include_final on"):
        epochs.axis(points(epochs, (2, 4, 6)), "last 1", True, False)
    skipped = epochs.axis(points(epochs, (2, 4, 6)), "all, SKIP: 4, SKIP: lerp(2, 6, 0.3), SKIP: last")
    assert kinds.listed(skipped) == "checkpoint of x, 2 values, 2 skipped: base model, epoch 2"


def test_what_is_asked_for_by_name_or_found_best_may_be_the_finished_one(epochs):
    for text in ("last", "6", "best 1"):
        three = points(epochs, (2, 4, 6), ((0, 100.0), (60, 80.0)))
        assert [v.label for v in epochs.axis(three, text, False, False).values] == ["epoch 6"]


def test_runs_one_after_the_other(epochs):
    """v61 | v62 at epoch 4 | v63 at epoch 6, the base model once."""
    first, second, third = (
        epochs.axis(replace(points(epochs, (2, 4, 6)), name=name), text, True, False)
        for name, text in (("study/v61", "last"), ("v62", "4"), ("v63", "2, 6"))
    )
    whole = epochs.append_run(epochs.append_run(first, second), third)
    assert [v.label for v in whole.values] == ["base model", "v61 epoch 6", "v62 epoch 4", "v63 epoch 2", "v63 epoch 6"]
    with pytest.raises(AthanorError, match="axis is an axis of cfg"):
        epochs.append_run(kinds.read("cfg", "1, 2", {}), first)


def test_steps_and_epochs_of_one_epoch_have_different_names(epochs):
    made = (
        checkpoint(1, 5, "x-step00000005.safetensors"),
        checkpoint(1, 10, "x-000001.safetensors"),
        checkpoint(2, 20, "x.safetensors", last=True),
    )
    labels = [v.label for v in epochs.axis(epochs.Points("x", made), "all").values]
    assert labels == ["base model", "step 5", "epoch 1", "epoch 2"]


def test_the_last_epoch_and_the_finished_file_have_different_names(epochs):
    made = (
        checkpoint(2, 20, "x-000002.safetensors"),
        checkpoint(2, 20, "x.safetensors", last=True),
    )
    assert [v.label for v in epochs.axis(epochs.Points("x", made), "all", False).values] == ["x-000002", "x"]


def test_files_of_one_name_in_two_folders_are_told_apart(epochs):
    names = ("foo.safetensors", "fast.safetensors", "style/foo.safetensors")
    found = epochs.Points("f*", tuple(checkpoint(3, 6, name) for name in names), ())
    assert [v.label for v in epochs.axis(found, "all", include_base=False).values] == ["foo", "fast", "style/foo"]


def test_a_mistake_names_the_field_that_it_stands_in(comfy, epochs):
    """XYZ Compare has no field `epochs`: there it is `checkpoints`, in an axis `values`."""
    from athanor.training_core.compare import request
    from athanor.training_core.settings import CompareSettings

    with pytest.raises(AthanorError, match=r"^checkpoints: 'newest' is not understood"):
        request.check_widgets(CompareSettings(checkpoints="newest"))
    for text in ("13", "20-30", "100-200(50)"):
        with pytest.raises(AthanorError, match=r"^checkpoints: "):
            epochs.axis(points(epochs), text, field="checkpoints")
        with pytest.raises(AthanorError, match=r"^epochs: "):
            epochs.axis(points(epochs), text, include_final=False)
