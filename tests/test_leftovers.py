"""Temporary files that killed processes leave, and those that are being written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from athanor.training_core import leftovers
from athanor.training_core.files import write_atomically

HOST = leftovers._HOST


@pytest.fixture(scope="module")
def dead() -> str:
    """The number of a process that is no more, as names of temporary files have it."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return f"{ended.pid:06x}"


def put(path: Path, idle: float = 0.0) -> Path:
    """A file that was last written `idle` seconds ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"part")
    time = path.stat().st_mtime - idle
    os.utime(path, (time, time))
    return path


def test_what_nobody_writes_any_more_goes(tmp_path: Path, dead):
    """By its process, or after ten minutes without a write where that is another computer's, or an older version's."""
    mine, other = f"{os.getpid():06x}", f"{int(HOST, 16) ^ 1:04x}"
    gone = {f".a.png.{HOST}{dead}0001.tmp": 9, f".a.png.{other}{dead}0001.tmp": 700, ".a.json.12345678.tmp": 700,
            f".b.json.{HOST}{mine}0001.tmp": 9}  # fmt: skip
    kept = {f".c.png.{HOST}{dead}0002.tmp": 0, f".c.png.{other}{dead}0001.tmp": 300, ".c.json.12345678.tmp": 300,
            f".d.png.{HOST}{os.getppid():06x}0001.tmp": 300, ".mine.tmp": 9000, "e.1234abcd.tmp": 9000, ".f.txt": 9000}  # fmt: skip
    if os.name != "posix":
        gone = dict.fromkeys(gone, 700)
    for name, idle in (gone | kept).items():
        put(tmp_path / name, idle)
    leftovers.sweep((tmp_path, tmp_path / "none"))
    assert {path.name for path in tmp_path.iterdir()} == set(kept)


def test_a_folder_goes_when_nobody_writes_into_it_any_more(tmp_path: Path):
    """A LoRA is published as a folder, which gets its name when all is in it."""
    for name, idle in ((".a.12345678.tmp", 700), (".b.12345678.tmp", 300), ("c", 700)):
        put(tmp_path / name / "x.safetensors", idle)
        os.utime(tmp_path / name, (0, 0))
    leftovers.sweep((tmp_path,))
    assert {path.name for path in tmp_path.iterdir()} == {".b.12345678.tmp", "c"}


def test_what_is_being_written_stays(tmp_path: Path):
    """A page gives a star while the run that it belongs to starts."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(b"new")
        leftovers.sweep_run(tmp_path, (tmp_path,), "a")
        assert temporary.exists()

    write_atomically(tmp_path / "a.safetensors", write)
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_leftovers_of_a_run_go_and_those_of_other_names_stay(tmp_path: Path):
    """`.run.json.*.tmp` and `state/.stepN.safetensors.*.tmp` were left behind for ever."""
    folder, loras = tmp_path / "run", tmp_path / "loras"
    inside = ("run.json", "report.html", "state/step00000012.safetensors", "samples/x_000004_00_1.png")
    for name in inside:
        put((folder / name).with_name(f".{Path(name).name}.1234abcd.tmp"))
        put(folder / name)
    for part in ("", "-000001", "-step00000010", "-ema", "-000001-diffusers"):
        put(loras / f".x{part}.safetensors.1234abcd.tmp")
    others = {put(loras / name).name for name in (".y.safetensors.1234abcd.tmp", ".x_2.safetensors.1234abcd.tmp",
                                                 ".xy-000001.safetensors.1234abcd.tmp", "x.safetensors")}  # fmt: skip
    leftovers.sweep_run(folder, (loras,), "x")
    assert {path.name for path in loras.iterdir()} == others
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")} == set(inside)


def test_the_longest_name_leaves_room_for_a_temporary_one(tmp_path: Path):
    """output_name has at most 200 bytes, the name of a file 255."""
    path = tmp_path / f"{'a' * 200}-step00000001-diffusers.safetensors"
    write_atomically(path, lambda temporary: temporary.write_bytes(b""))
    assert path.exists()
