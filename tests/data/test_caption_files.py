"""Captions are written beside the pictures, and what was there can be had back."""

import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from athanor.training_core.data import caption_files
from athanor.training_core.data.caption_edit import edit_dataset
from athanor.training_core.data.scan import scan
from athanor.training_core.errors import AthanorError
from athanor.training_core.settings import CaptionEditSettings, DatasetSettings
from PIL import Image

NOW = datetime(2026, 8, 2, 3, 4, 5)
FILES = {
    "2_x/a.txt": b"cat, hat\r\nA cat\r\n",
    "2_x/b.txt": "\ufeff猫, 帽子".encode(),
    "c.txt": "dög, hat\n".encode("utf-16"),
    "d.txt": b"right",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("2_x/a.png", "2_x/b.png", "c.png", "d.png", "2_x/e.v2.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), "red").save(path)
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def everything(root: Path) -> dict[str, bytes]:
    files = (p for p in root.rglob("*") if p.is_file() and p.suffix not in (".png", ".jpg"))
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}


def read(root: Path, **settings):
    return scan(DatasetSettings(folder="ds", **settings), root)


def test_written_files_are_read_back_and_the_backup_restores_every_byte(root: Path):
    edited = edit_dataset(read(root), CaptionEditSettings(replace="hat -> cap\n帽子 -> 红帽子\nx -> y"))
    assert [p.name for p in edited.changed] == ["c.png", "2_x/a.png", "2_x/b.png", "2_x/e.v2.png"]
    written = caption_files.write(edited.dataset, edited.changed, NOW)
    backup = root / "captions_backup" / "20260802-030405"
    assert (written.files, written.new, written.backups) == (4, 1, (backup,))
    assert str(written).startswith("4 caption files written, 1 of them new")
    now = everything(root)
    assert now["2_x/a.txt"] == b"cat, cap\r\nA cat\r\n"  # Windows line ends stay
    assert now["2_x/b.txt"] == "猫, 红帽子".encode() and now["c.txt"] == "dög, cap\n".encode()
    assert now["2_x/e.v2.txt"] == b"y" and now["d.txt"] == FILES["d.txt"]
    assert [p.caption for p in read(root).pictures] == [p.caption for p in edited.dataset.pictures]
    assert not list(root.rglob("*.tmp"))

    new = (backup / "new_files.txt").read_text(encoding="utf-8").splitlines()
    assert new == ["2_x/e.v2.txt"]
    for name in new:
        (root / name).unlink()
    (backup / "new_files.txt").unlink()
    shutil.copytree(backup, root, dirs_exist_ok=True)
    shutil.rmtree(root / "captions_backup")
    assert everything(root) == FILES


def test_what_is_right_is_not_touched(root: Path):
    data = read(root)
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*.txt")}
    pictures = [p for p in data.pictures if p.name != "2_x/e.v2.png"]
    written = caption_files.write(data, pictures, NOW)
    assert (written.files, written.backups) == (0, ()) and "No caption file" in str(written)
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*.txt")} == before
    assert not (root / "captions_backup").exists()


def test_two_writes_in_one_second_keep_both_backups(root: Path):
    data = read(root)
    picture = next(p for p in data.pictures if p.name == "d.png")
    for caption in ("one", "two"):
        written = caption_files.write(data, [replace(picture, caption=caption)], NOW)
    assert written.backups[0].name == "20260802-030405-2"
    assert (written.backups[0] / "d.txt").read_bytes() == b"one"
    assert (root / "captions_backup" / "20260802-030405" / "d.txt").read_bytes() == b"right"


def test_joined_datasets_have_a_backup_each(root: Path, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    Image.new("RGB", (8, 8)).save(other / "z.png")
    (other / "z.caption").write_text("hat", encoding="utf-8")
    data = read(root).joined(read(other, caption_extension="caption"))
    edited = edit_dataset(data, CaptionEditSettings(replace="hat -> cap"))
    written = caption_files.write(edited.dataset, edited.changed, NOW)
    assert {folder.parents[1] for folder in written.backups} == {root, other}
    assert (other / "z.caption").read_text(encoding="utf-8") == "cap"


def test_pictures_that_share_a_file(root: Path):
    Image.new("RGB", (8, 8), "blue").save(root / "d.jpg")
    data = read(root)
    shared = [replace(p, caption="new") for p in data.pictures if p.name.startswith("d.")]
    with pytest.raises(AthanorError, match="share the file d"):
        caption_files.write(data, [shared[0], replace(shared[1], caption="other")], NOW)
    assert everything(root) == FILES
    assert caption_files.write(data, shared, NOW).files == 1


def test_never_over_a_picture(root: Path):
    data = read(root, caption_extension=".jpg", class_tokens="x")
    with pytest.raises(AthanorError, match="caption_extension"):
        caption_files.write(data, data.pictures, NOW)
    assert everything(root) == FILES


def test_a_file_that_cannot_be_replaced(root: Path):
    """A folder stands where the caption should be: nobody, root neither, can write a file there."""
    (root / "e.txt").mkdir()
    Image.new("RGB", (8, 8), "blue").save(root / "e.png")
    data = read(root, class_tokens="x")
    one = next(p for p in data.pictures if p.name == "e.png")
    with pytest.raises(AthanorError, match=r"write_files: .* cannot be written"):
        caption_files.write(data, [replace(one, caption="new")], NOW)
    assert {k: v for k, v in everything(root).items() if k in FILES} == FILES


def test_a_failed_backup_writes_nothing(root: Path):
    (root / "captions_backup").write_text("in the way", encoding="utf-8")
    data = read(root)
    with pytest.raises(AthanorError, match="write_files: captions_backup cannot be written"):
        caption_files.write(data, [replace(p, caption="new") for p in data.pictures], NOW)
    assert {k: v for k, v in everything(root).items() if k in FILES} == FILES


def test_the_scan_takes_no_backup_for_pictures(root: Path):
    edited = edit_dataset(read(root), CaptionEditSettings(trigger="t"))
    caption_files.write(edited.dataset, edited.changed, NOW)
    for nested in (False, True):
        assert len(read(root, nested_folders=nested).pictures) == 5


def test_face_crops_and_other_forms_of_a_name_keep_their_file(root: Path):
    Image.new("RGB", (8, 8)).save(root / "d_1_2_3_4.png")
    Image.new("RGB", (8, 8)).save(root / "cafe\u0301.png")
    (root / "caf\u00e9.txt").write_bytes(b"hat")
    before = set(everything(root))
    edited = edit_dataset(read(root), CaptionEditSettings(replace="hat -> cap\nright -> left"))
    caption_files.write(edited.dataset, edited.changed, NOW)
    now = everything(root)
    assert now["d.txt"] == b"left" and now["caf\u00e9.txt"] == b"cap"
    assert {name for name in now if not name.startswith("captions_backup")} == before
