"""The best epochs by scores of a run's samples, or of a comparison that holds its files."""

import json
from dataclasses import replace

import pytest
import scored
from athanor.training_core.errors import AthanorError
from athanor.training_core.history import scores
from athanor.training_core.history.handle import Checkpoint


@pytest.fixture
def epochs(comfy):
    from athanor.training_core.compare import epochs

    return epochs


@pytest.fixture
def points(epochs, tmp_path):
    """Epochs 1 to 5 of ten steps each, with files of different contents."""
    made = []
    for epoch in range(1, 6):
        path = tmp_path / f"x-{epoch:06d}.safetensors"
        path.write_bytes(b"%d" % epoch)
        made.append(Checkpoint(epoch=epoch, step=epoch * 10, lora_name=path.name, path=path, hash="", last=epoch == 5))
    return epochs.Points("x", tuple(made), ((0, 100.0), (10, 90.0), (20, 85.0), (40, 80.0), (50, 95.0)))


def event(epoch, likeness, prompt=None):
    line = scored.scored(epoch * 10, epoch, likeness)
    if prompt is not None:
        line["values"]["prompt"] = scored.mean(prompt)
    return line


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("best 2 by likeness", [4, 5]), ("best by likeness", [5]), ("2 best by prompt", [1, 2]), ("BEST 3 BY Held-out", [3, 4, 5]),
        ("best by mix(likeness, prompt)", [3]), ("best by mix(likeness 1, prompt 0)", [5]),
        ("best 2 by mix(prompt 3, likeness 0.1)", [1, 2]),
        ("best by probe", [4]),
        ("best 2 by probe", [3, 4]), ("best 1 by mix(probe 0.5, likeness 0.1)", [4]), ("all, SKIP: best 4 by likeness", [1]),
    ],
)  # fmt: skip
def test_of_samples(epochs, points, text, kept):
    """Each score counts as its distance from the mean over the epochs, in standard deviations; a low probe is good."""
    told = [event(e, e / 10, p) for e, p in zip(range(1, 6), (0.30, 0.29, 0.285, 0.22, 0.20), strict=True)]
    if "probe" in text and "2" in text:  # epoch 3 has the look at step 20: equal values go by the step
        kept = [2, 4]
    points = replace(points, scores=scores.of_events(told))
    assert [c.epoch for c in epochs.choose(points, text)] == kept


def test_copies_come_last(epochs, points):
    """Copies raise the likeness: `best 3 by likeness` had given the epochs that copy."""
    told = [event(e, e / 10) | {"copies": int(e in (3, 5))} for e in (1, 2, 3, 5)]
    points = replace(points, scores=scores.of_events(told))
    chosen = {
        text: [c.epoch for c in epochs.choose(points, text)]
        for text in ("best by likeness", "best 3 by variety", "best by probe")
    }
    assert chosen == {"best by likeness": [2], "best 3 by variety": [1, 2, 3], "best by probe": [4]}


def test_epochs_that_were_not_scored_and_other_scorers_do_not_count(epochs, points):
    told = [event(1, 0.9) | {"scorer": "another"}, event(3, 0.5), event(4, 0.4)]
    points = replace(points, scores=scores.of_events(told))
    assert [c.epoch for c in epochs.choose(points, "best 3 by likeness")] == [3, 4]
    with pytest.raises(
        AthanorError,
        match=r"x has no score prompt \(there are held_out, likeness, probe, variety\); connect a Likeness",
    ):
        epochs.choose(points, "best 3 by prompt")  # fmt: skip


def test_of_a_comparison_that_holds_the_files(epochs, points, tmp_path, monkeypatch):
    """By their contents; a picture of two LoRAs counts for none. The comparison with most of the files is taken."""
    from athanor.training_core.compare import best_by
    from athanor.training_core.host import fingerprint

    with pytest.raises(AthanorError, match=r"epochs: x has no score likeness.*connect a Likeness to Sample Config"):
        epochs.choose(points, "best by likeness")
    monkeypatch.setattr(best_by.folders, "compare_folder", lambda name: tmp_path / "compare")
    contents = [fingerprint.file(c.path) for c in points.checkpoints]
    few, most = tmp_path / "compare" / "few", tmp_path / "compare" / "most"
    for folder, cells in (
        (few, {"a": [contents[0]]}),
        (most, {"a": [contents[0]], "b": contents[1:3], "c": [contents[3]]}),
    ):
        folder.mkdir(parents=True)
        (folder / "plan.json").write_text(json.dumps({"loras": cells}))
        values = {"a": 0.5 if folder == most else 0.99, "b": 0.9, "c": 0.7}
        scored.write_comparison_scores(
            folder, cells={key: values[key] for key in cells}, checkpoints=[[key] for key in cells]
        )
    assert [c.epoch for c in epochs.choose(points, "best by likeness")] == [4]
    assert [c.epoch for c in epochs.choose(points, "best 3 by variety")] == [1, 4]
    (most / "plan.json").write_text("broken")
    assert [c.epoch for c in epochs.choose(points, "best 3 by likeness")] == [1]


def test_pictures_with_settings_of_one_file_alone_do_not_count(epochs, points, tmp_path, monkeypatch):
    """One epoch's blocks were switched off one by one, which had counted as its own; of several strengths there was no variety."""
    from athanor.training_core.compare import best_by
    from athanor.training_core.host import fingerprint

    monkeypatch.setattr(best_by.folders, "compare_folder", lambda name: tmp_path)
    contents = [fingerprint.file(c.path) for c in points.checkpoints[:2]]
    folder = tmp_path / "blocks"
    folder.mkdir()
    cells, loras, words = {}, {}, {}
    for epoch, content in enumerate(contents, 1):
        for strength, likeness in ((0.5, 0.6), (1, 0.8)):
            key = f"{epoch}{strength > 0.5:d}"
            cells[key], loras[key] = likeness - epoch / 100, [content]
            words[key] = f"a cat <lora:x-00000{epoch}:{strength}>\nSeed: 1"
    cells["off"], loras["off"], words["off"] = 0.1, [contents[0]], f"{words['11']}, Blocks: mid 0"
    (folder / "plan.json").write_text(json.dumps({"loras": loras, "parameters": words}))
    labels = [("epoch 1", "0.5"), ("epoch 1", "1"), ("epoch 2", "0.5"), ("epoch 2", "1"), ("off",)]
    scored.write_comparison_scores(folder, cells=cells, checkpoints=labels)
    assert [c.epoch for c in epochs.choose(points, "best by likeness")] == [1]
    assert [c.epoch for c in epochs.choose(points, "best 2 by mix(variety, likeness)")] == [1, 2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("best 0 by likeness", "is not understood; write best 3 by likeness"),
        ("best by likeness, prompt", "is not understood"),
        ("best by likeness 0.5", "is not understood"),
        ("best by mix(likeness, likeness 2)", "each score once"),
        ("best by mix(likeness 0)", "a weight that is not 0"),
        ("best by 3", "is not understood"),
    ],
)
def test_what_cannot_be_read_is_told_before_there_is_a_run(comfy, text, words):
    from athanor.training_core.compare import epoch_filter

    with pytest.raises(AthanorError, match=words):
        epoch_filter.read(text)


def test_what_is_best_by_a_score_may_be_the_finished_one(epochs, points):
    points = replace(points, scores=scores.of_events([event(4, 0.4), event(5, 0.6)]))
    assert [v.label for v in epochs.axis(points, "best by likeness", False, False).values] == ["epoch 5"]
