"""What a run leaves below the output folder for clients: second names, copies, the list, and what removes them."""

import errno
import os
from pathlib import Path

import pytest
import run_folders
import torch
from athanor.training_core.errors import FileError
from athanor.training_core.history import marks, registry, results
from athanor.training_core.history.events import Saved
from athanor.training_core.history.registry import Record
from athanor.training_core.network.files import save_lora


def record_of(folder: Path) -> Record:
    record = registry.read(folder)
    assert record is not None
    return record


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "output"


@pytest.fixture
def folder(output: Path) -> Path:
    return run_folders.write(output / "athanor" / "runs", output.parent / "loras")


@pytest.fixture
def other_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loras and output lie on two file systems."""
    link = os.link

    def refusing(source: Path, target: Path) -> None:
        if "loras" in Path(source).parts:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        link(source, target)

    monkeypatch.setattr(os, "link", refusing)


def listed(folder: Path, output: Path) -> list[tuple[str, str]]:
    return [(f["kind"], f["filename"]) for f in results.files(record_of(folder), output, output / "diffusers")]


LORAS = ["cat.safetensors", "cat-000002.safetensors", "cat-000001.safetensors"]


def test_every_file_is_listed_once_as_the_host_delivers_it(folder: Path, output: Path):
    found = results.files(record_of(folder), output, output / "diffusers")
    assert [f["filename"] for f in found] == [*LORAS, "loss_curve.png"]
    subfolder = f"athanor/runs/{folder.name}"
    assert found[0] == {"filename": LORAS[0], "subfolder": f"{subfolder}/files", "type": "output", "kind": "lora",
                        "step": 12, "epoch": 3}  # fmt: skip
    assert found[-1] == found[0] | {"filename": "loss_curve.png", "subfolder": subfolder, "kind": "loss_curve"}
    assert all((output / f["subfolder"] / f["filename"]).is_file() for f in found)


def test_a_second_name_takes_no_room_and_is_renewed_with_its_file(folder: Path, output: Path):
    loras, places = output.parent / "loras", folder / "files"
    for name in LORAS:
        assert (loras / name).samefile(places / name)
    save_lora(loras / LORAS[0], {"a": torch.ones(4)}, {})  # replaced: the second name keeps the old file until ...
    assert not (loras / LORAS[0]).samefile(places / LORAS[0])
    results.deliver(loras / LORAS[0], folder)
    assert (loras / LORAS[0]).samefile(places / LORAS[0])


@pytest.mark.usefixtures("other_disk")
def test_on_another_disk_the_newest_file_alone_is_copied(folder: Path, output: Path):
    assert [path.name for path in (folder / "files").iterdir()] == [LORAS[0]]
    assert listed(folder, output) == [("lora", LORAS[0]), ("loss_curve", "loss_curve.png")]
    original = output.parent / "loras" / LORAS[0]
    assert (folder / "files" / LORAS[0]).read_bytes() == original.read_bytes()
    assert results.path_of(record_of(folder), LORAS[2], output) == output.parent / "loras" / LORAS[2]  # by the route


@pytest.mark.usefixtures("other_disk")
def test_a_copy_that_is_all_that_is_left_stays(folder: Path, output: Path):
    """A worker's folder of LoRAs is gone with its container; the next one goes on with the run."""
    loras = output.parent / "loras"
    for name in LORAS:
        (loras / name).unlink()
    assert listed(folder, output) == [("lora", LORAS[0]), ("loss_curve", "loss_curve.png")]
    save_lora(loras / "cat-000004.safetensors", {"a": torch.ones(4)}, {})
    results.deliver(loras / "cat-000004.safetensors", folder)
    assert sorted(path.name for path in (folder / "files").iterdir()) == ["cat-000004.safetensors", LORAS[0]]


def test_running_means_and_copies_in_diffusers_names(folder: Path, output: Path):
    loras, copies = output.parent / "loras", output / "athanor" / "diffusers"
    for path in (loras / "cat-ema.safetensors", copies / "cat-diffusers.safetensors"):
        save_lora(path, {"a": torch.ones(4)}, {})
    results.deliver(loras / LORAS[0], folder)
    found = results.files(record_of(folder), output, copies)
    assert [(f["kind"], f["subfolder"].rpartition("/")[2]) for f in found[:3]] == [
        ("lora", "files"), ("ema", "files"), ("diffusers", "diffusers")]  # fmt: skip
    marks.discard(record_of(folder), loras / LORAS[0], copies)
    assert [f["filename"] for f in results.files(record_of(folder), output, copies)] == [*LORAS[1:], "loss_curve.png"]
    assert not list(output.parent.rglob("cat-ema*")) and not list(output.parent.rglob("cat-diff*"))


def test_a_run_of_an_older_version_is_completed_when_it_is_used(folder: Path, output: Path):
    for path in (folder / "files").iterdir():
        path.unlink()
    (folder / "files" / "cat-000009.safetensors").write_bytes(b"of an earlier attempt, which had more epochs")
    results.complete(record_of(folder))
    assert [name for _, name in listed(folder, output)] == [*LORAS, "loss_curve.png"]
    assert sorted(path.name for path in (folder / "files").iterdir()) == sorted(LORAS)


def test_a_last_file_that_is_gone_is_put_back_and_another_runs_file_stays(folder: Path, output: Path):
    """Renamed or deleted in the folder of LoRAs, it was silently trained again."""
    target, record = output.parent / "loras" / LORAS[0], record_of(folder)
    assert results.put_back(record) == "" and record.done
    target.rename(target.with_name("tom.safetensors"))
    assert not record.done
    told = "cat.safetensors was deleted, moved or renamed: it is put back from the run's folder, and nothing is trained again."
    assert results.put_back(record) == told and record.done and results.put_back(record) == ""
    target.unlink()
    save_lora(target, {"a": torch.ones(4)}, {})  # of another run
    assert results.put_back(record) == "" and not record.done
    marks.discard(record_of(folder), output.parent / "loras" / LORAS[1])
    target.unlink()
    (folder / "files" / LORAS[0]).unlink()  # as discarding it does
    assert results.put_back(record) == "" and not target.exists()


def test_a_full_disk_costs_the_copy_and_not_the_run(folder: Path, monkeypatch, output: Path):
    def full(*_: object, **__: object) -> None:
        raise FileError(errno.ENOSPC, "No space left on device", "x", "written")

    monkeypatch.setattr(results, "link", full)
    path = output.parent / "loras" / LORAS[0]
    (warning,) = results.delivered(Saved(path=path, step=12, epoch=3, hash="h", kind="last"), folder)
    assert warning.text.startswith("cat.safetensors could not be copied to the run's folder") and "full" in warning.text


@pytest.mark.parametrize("name", ["../job.json", "..", "", "dog.safetensors", "a\0b.safetensors"])
def test_other_names_are_no_files_of_the_run(folder: Path, output: Path, name: str):
    assert results.path_of(record_of(folder), name, output) is None


def test_two_dots_in_a_name(output: Path):
    """/view answers them with status 400."""
    folder = run_folders.write(output / "athanor" / "runs", output.parent / "loras", "v1..2")
    record = record_of(folder)
    assert [f["filename"] for f in results.files(record, output, output)][:1] == ["v1._2.safetensors"]
    for name in ("v1._2.safetensors", "v1..2.safetensors"):
        path = results.path_of(record, name, output)
        assert path and path.samefile(output.parent / "loras" / "v1..2.safetensors")
    results.complete(record)
    assert len(list((folder / "files").iterdir())) == 3
    marks.discard(record, record.target)
    assert len(list((folder / "files").iterdir())) == 2


def test_whether_files_can_have_second_names_is_tried(tmp_path: Path, other_disk: None):
    assert results.can_link(tmp_path / "models", tmp_path / "run")
    assert not results.can_link(tmp_path / "loras", tmp_path / "run")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
