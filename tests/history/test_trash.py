"""The trash: what is brought back is what was deleted, to the byte, and no moment of a crash loses anything."""

from __future__ import annotations

import errno
import json
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
import run_folders
from athanor.training_core.errors import AthanorError, Fault, FileError
from athanor.training_core.history import disk, moving, registry, trash, trashed
from athanor.training_core.resume import lock
from filelock import FileLock


class Places:
    """The folders of a run, of LoRA files and of the trash."""

    def __init__(self, base: Path) -> None:
        self.runs, self.loras = base / "output" / "athanor" / "runs", base / "models" / "loras"
        self.trash, self.base = self.runs.parent / "trash", base
        self.folder = run_folders.write(self.runs, self.loras)

    def record(self) -> registry.Record:
        record = registry.read(self.folder)
        assert record is not None
        return record

    def own(self) -> list[Path]:
        return disk.own_loras(self.record(), self.loras / "copies")

    def throw(self, with_loras: bool = True) -> trashed.Entry:
        return trash.throw_run(self.trash, self.record(), self.own() if with_loras else [])

    def restore(self, name: str) -> trashed.Entry:
        return trash.restore(self.trash, self.runs, name, lambda path: path.is_relative_to(self.base / "models"))

    def content(self) -> dict[str, bytes]:
        files = (path for path in self.base.rglob("*") if path.is_file() and path.name != "lock")
        return {path.relative_to(self.base).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def places(tmp_path) -> Places:
    return Places(tmp_path)


def test_a_run_comes_back_to_the_byte(places):
    before = places.content()
    assert len(places.own()) == 3
    entry = places.throw()
    assert not places.folder.exists() and not list(places.loras.glob("*.safetensors"))
    assert registry.summaries(places.runs) == []  # no list of runs sees the trash
    (kept,) = trashed.entries(places.trash)
    assert (kept.run_id, kept.title, kept.kind, len(kept.files)) == (places.folder.name, "cat", "run", 3)
    assert disk.freed([places.trash]).all > 3 * 16
    assert places.restore(entry.name).run_id == places.folder.name
    assert places.content() == before and trashed.entries(places.trash) == []
    with pytest.raises(AthanorError, match="not in the trash any more"):
        places.restore(entry.name)


def test_without_its_lora_files_they_stay(places):
    kept = {path: path.read_bytes() for path in places.loras.glob("*.safetensors")}
    (places.folder / "files").mkdir(exist_ok=True)
    for path in kept:
        if not (second := places.folder / "files" / path.name).exists():
            second.hardlink_to(path)
    room = disk.room(places.folder, lambda _: places.loras / "copies")
    assert room and room.loras == sum(map(len, kept.values())) and room.states > 0
    assert room.folder == sum(
        p.stat().st_size for p in run_folders.files(places.folder) if p.parent.name != "files"
    )  # a second name takes no room
    entry = places.throw(with_loras=False)
    assert {path: path.read_bytes() for path in places.loras.glob("*.safetensors")} == kept
    assert disk.freed([entry.folder]).all < room.folder + 1000  # nor is any freed by its deletion
    assert trash.empty(places.trash, [entry.name, entry.name, "../runs", "x"]) == 1
    assert [path.name for path in places.trash.iterdir()] == ["lock"]


def test_states_alone(places):
    before = places.content()
    entry = trash.throw_states(places.trash, places.record())
    assert not (places.folder / "state").exists() and registry.read(places.folder)
    with pytest.raises(AthanorError, match="has no states"):
        trash.throw_states(places.trash, places.record())
    whole = places.throw()
    with pytest.raises(AthanorError, match="bring it back first"):
        places.restore(entry.name)
    places.restore(whole.name)
    places.restore(entry.name)
    assert places.content() == before


def test_files_that_a_longer_run_has_taken_over_stay(places):
    """Its log names the files of the shorter one, which are files of both; what it has written itself is its own."""
    own = places.own()
    longer = places.folder.with_name("0123456789abcdef")
    shutil.copytree(places.folder, longer)
    told = json.loads((longer / "run.json").read_text())
    (longer / "run.json").write_text(json.dumps(told | {"run_id": longer.name}))
    run_folders.with_line(
        longer / "events.jsonl", lambda event: event | {"event": "started", "run_id": places.folder.name}
    )
    assert places.own() == []
    places.throw()
    assert all(path.is_file() for path in own)
    record = registry.read(longer)
    assert record and disk.own_loras(record, places.loras / "copies") == own


def test_a_run_that_is_trained_stays(places):
    before = places.content()
    with lock.held(places.folder, "It"):
        for act in (places.throw, lambda: trash.throw_states(places.trash, places.record())):
            with pytest.raises(Fault, match="is being trained"):
                act()
    assert places.content() == before and trashed.entries(places.trash) == []


def test_one_process_at_a_time_moves(places, monkeypatch):
    """Two servers of one output folder: an entry that one of them was still filling was brought back by the other in part."""
    monkeypatch.setattr(trash, "_PATIENCE", 0.05)
    places.trash.mkdir()
    with FileLock(places.trash / "lock"), pytest.raises(Fault, match="Another process moves something"):
        places.throw()
    assert registry.read(places.folder) and places.throw()


def test_what_has_taken_its_place_stays(places):
    entry = places.throw()
    in_trash = places.content()
    other = run_folders.write(places.runs, places.loras)
    for _ in range(2):
        with pytest.raises(AthanorError, match=r"another cat.*: rename it|trained anew"):
            places.restore(entry.name)
        assert in_trash.items() <= places.content().items()
        shutil.rmtree(other, ignore_errors=True)  # now its LoRA files alone are in the way
    for path in places.loras.glob("*.safetensors"):
        path.unlink()
    other.mkdir()
    (other / "lock").touch()  # of who has looked for the run meanwhile
    places.restore(entry.name)
    assert registry.read(places.folder)


class Crash(BaseException):
    """The process is killed."""


@pytest.mark.parametrize("across", [False, True], ids=["one disk", "two disks"])
def test_whenever_it_is_killed_nothing_is_lost(places, monkeypatch, across):
    """Before each of its moves; what was moved is brought back by the same way as ever."""
    before, real, renames = places.content(), Path.rename, [0]

    def rename(source: Path, target: Path) -> Path:
        if across and not source.name.endswith(".tmp") and not target.name.endswith(".tmp"):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        if not renames[0]:
            raise Crash
        renames[0] -= 1
        return real(source, target)

    for allowed in range(6):
        monkeypatch.setattr(Path, "rename", rename)
        renames[0] = allowed
        with suppress(Crash):
            places.throw()
        monkeypatch.undo()
        found = places.content()
        assert set(before.values()) <= set(found.values())
        for kept in trashed.entries(places.trash):
            places.restore(kept.name)
        assert {name: data for name, data in places.content().items() if "/trash/" not in name} == before
        shutil.rmtree(places.trash)


def test_two_disks_delete_only_what_is_copied(places, monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(OSError(errno.EXDEV, "other disk")))
    monkeypatch.setattr(shutil, "copy2", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    before = places.content()
    with pytest.raises(Fault, match="disk is full"):
        places.throw()
    assert places.content() == before
    assert not moving.is_same(tmp_path / "none", places.loras / "cat.safetensors")


def test_a_full_disk_leaves_no_empty_entry(places, monkeypatch):
    before = places.content()
    full = FileError(errno.ENOSPC, "full", "entry.json", "written")
    monkeypatch.setattr(trash, "write_json", lambda *_, **__: (_ for _ in ()).throw(full))
    with pytest.raises(FileError, match="The disk is full"):
        places.throw()
    assert [path.name for path in places.trash.iterdir()] == ["lock"] and places.content() == before


def test_damaged_entries_are_no_way_out(places, tmp_path):
    """What entry.json says of places is taken for LoRA files alone, and only in folders of such."""
    entry = places.throw()
    about = json.loads((entry.folder / "entry.json").read_text())
    secret = tmp_path / "elsewhere.safetensors"
    for moves in (
        [[str(secret), "lora-0.safetensors"]],
        [["x", "../../../out"]],
        [["/etc/x", "run"]],
        3,
        [[1, 2]],
        [["\0", "run"]],
    ):
        (entry.folder / "entry.json").write_text(
            json.dumps(about | {"moves": moves, "title": 3, "time": "x", "label": []})
        )
        (found,) = trashed.entries(places.trash) or [None]
        if moves == [["/etc/x", "run"]]:
            assert found and found.title == places.folder.name
            continue
        if found is None:
            continue
        with pytest.raises(AthanorError, match="no folder of LoRAs"):
            places.restore(entry.name)
    assert not secret.exists() and not (tmp_path / "out").exists()
    (places.trash / "0123456789abcdef").mkdir()
    (places.trash / "note.txt").touch()
    (entry.folder / "entry.json").write_text(json.dumps(about))
    assert [each.name for each in trashed.entries(places.trash)] == [entry.name]


def test_bytes_that_entries_free_alone_and_together(tmp_path):
    """A file with a name in each of two entries goes with the second; the trash was walked once for each number."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "both").write_bytes(b"x" * 100)
    (tmp_path / "b" / "both").hardlink_to(tmp_path / "a" / "both")
    (tmp_path / "b" / "own").write_bytes(b"x" * 10)
    freed = disk.freed([tmp_path / "a", tmp_path / "b"])
    assert (freed.each, freed.all) == ([0, 10], 110)
