"""Files of a run's folder that were cut, flipped, emptied, replaced by folders, or written by a newer version."""

from __future__ import annotations

import json

import fuzz
import pytest
import run_folders
from athanor.training_core.errors import AthanorError
from athanor.training_core.history import damage, handle, registry, report, resolved, review, series, trained_on


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """(the folder of all runs, that of the run that is hurt, what its files hold)."""
    base = tmp_path_factory.mktemp("sound")
    run_folders.write(base / "runs", base / "loras", "dog")
    folder = run_folders.write(base / "runs", base / "loras", "cat")
    return base / "runs", folder, {path: path.read_bytes() for path in run_folders.files(folder)}


@pytest.fixture
def hurt(sound):
    """(the folder of all runs, that of the run that may be hurt); it is mended afterwards."""
    root, folder, content = sound
    yield root, folder
    for path, data in content.items():
        if path.is_dir():
            (path / "inside").rmdir()
            path.rmdir()
        path.write_bytes(data)


def looked_at(root, folder):
    """The run's record, after all that pages and nodes do with it; the other run is listed as well."""
    names = [run.output_name for run in registry.summaries(root)]
    assert "dog" in names and len(names) == 2
    record = registry.read(folder)
    json.dumps(review.review(record), allow_nan=False)
    report.page(record).encode()
    handle.of_record(record, lambda path: path.name)
    resolved.rows(folder)
    for sentence in damage.of(record):
        fuzz.check_message(sentence)
    return record


def test_a_sound_run_has_no_trouble(hurt):
    record = looked_at(*hurt)
    assert record.done and damage.of(record) == [] and len(record.saved) == 3


def test_a_line_without_event(hurt):
    """One flipped byte in events.jsonl was a KeyError, and the list of all runs answered 500."""
    root, folder = hurt
    path = folder / "events.jsonl"
    path.write_bytes(path.read_bytes().replace(b'{"event": "probed"', b'{"evenu": "probed"', 1))
    record = looked_at(root, folder)
    assert record.trouble == "events.jsonl: 1 line is damaged and left out." and record.done
    assert registry.summary(folder).trouble == record.trouble and record.trouble in report.page(record)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step", None),
        ("step", "8"),
        ("step", True),
        ("step", -1),
        ("step", 10**400),
        ("path", 3),
        ("path", "\0"),
        ("epoch", []),
    ],
)
def test_a_value_of_another_kind(hurt, name, value):
    root, folder = hurt
    run_folders.with_line(folder / "events.jsonl", lambda line: line.update({name: value}), at=-2)
    record = looked_at(root, folder)
    assert "1 line is damaged" in record.trouble and len(record.saved) == 2 and not record.done


def test_a_newer_version(hurt):
    """What it has added is passed over, and what it tells in the known way is read."""
    root, folder = hurt
    with (folder / "events.jsonl").open("a") as file:
        file.write(
            '{"event": "pruned", "time": 9.0, "files": ["a"]}\n{"event": "resumed", "time": 10.0, "step": 12, "of": {}}\n'
        )
    values = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(values | {"format": 7}))
    record = looked_at(root, folder)
    assert record.state == "resumed" and not record.trouble and len(record.probes) == 7


@pytest.mark.parametrize("content", [b"", b"[]", b'{"run_id": ', b"\xff\xfe", b"[" * 100_000, b"{}", None, "folder"])
def test_a_run_whose_own_file_is_broken_is_listed(hurt, content):
    root, folder = hurt
    path = folder / "run.json"
    path.unlink()
    if content == "folder":
        (path / "inside").mkdir(parents=True)
    elif content is not None:
        path.write_bytes(content)
    record = looked_at(root, folder)
    assert "run.json cannot be read" in record.trouble
    assert (record.run_id, record.output_name, record.steps) == (folder.name, "cat", run_folders.STEPS)
    assert record.target.name == "cat.safetensors" and record.done


def test_a_flipped_run_id_is_that_of_the_folder(hurt):
    """Its page asks by the id: of another one there is no run."""
    root, folder = hurt
    path = folder / "run.json"
    path.write_text(path.read_text().replace(folder.name, f"{int(folder.name, 16) ^ 1:016x}"))
    record = looked_at(root, folder)
    assert record.run_id == folder.name and "run.json does not tell run_id" in record.trouble


NAMES = (
    "events.jsonl",
    "metrics.jsonl",
    "job.json",
    "dataset.json",
    "resolved.json",
    "graph.json",
    "stars.json",
    "metadata.json",
)
NO_STEPS = (
    b'{"step": 13}',
    b'{"step": 13, "epoch": 1, "lr": 1, "loss": "1"}',
    b'{"step": 13, "epoch": 4, "loss": 1e999, "lr": 1}',
    b"\xff",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_instead_of_a_file(hurt, name):
    root, folder = hurt
    run_folders.as_folder(folder / name)
    assert any(name in sentence for sentence in damage.of(looked_at(root, folder))) or name == "metrics.jsonl"


@pytest.mark.parametrize("line", NO_STEPS)
def test_steps_that_are_none(hurt, line):
    root, folder = hurt
    with (folder / "metrics.jsonl").open("ab") as file:
        file.write(line + b"\n")
    record = looked_at(root, folder)
    assert [e["step"] for e in series.points(folder)][-1] == run_folders.STEPS
    assert damage.of(record) == ["metrics.jsonl: 1 line is damaged and left out."]


def test_pictures_that_are_none(hurt):
    root, folder = hurt
    rows = json.loads((folder / "dataset.json").read_text())
    for bad in (3, {}, rows[1] | {"size": [1e999, 2]}, rows[1] | {"buckets": [{}]}, rows[1] | {"path": None}):
        (folder / "dataset.json").write_text(json.dumps([rows[0], bad]))
        view = trained_on.view(looked_at(root, folder))
        assert [picture.name for picture in view.dataset.pictures] == ["0.png"] and "1 of 2" in view.dataset.warnings[0]
    (control,) = rows[1]["controls"]
    for bad in (3, {}, control | {"size": [0, 2]}, control | {"path": "a\0"}, control | {"path": 1}):
        (folder / "dataset.json").write_text(json.dumps([rows[0], rows[1] | {"controls": [bad, control]}]))
        one, other = trained_on.view(looked_at(root, folder)).dataset.pictures
        assert not one.controls and [(c.path.name, c.content, c.size) for c in other.controls] == [
            ("1.png", "k", (80, 64))
        ]
    (folder / "dataset.json").write_text("[3]")
    with pytest.raises(AthanorError, match=r"has no list of its pictures \(dataset.json\)"):
        trained_on.view(looked_at(root, folder))


def test_nothing_may_stand_where_a_run_writes(hurt, tmp_path):
    """Said before anything is encoded, not as an error of the system in mid-run."""
    _, folder = hurt
    damage.check_places(folder)
    damage.check_places(tmp_path / "new")
    run_folders.as_folder(folder / "metrics.jsonl")
    with pytest.raises(AthanorError, match=r"metrics.jsonl is a folder where the run writes a file: move it away"):
        damage.check_places(folder)
    (tmp_path / "state").write_text("")
    with pytest.raises(AthanorError, match="state is a file where the run has a folder"):
        damage.check_places(tmp_path)
