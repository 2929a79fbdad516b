"""Caption files edited from a page: written whole after a backup, put back to the byte, and what others changed is left."""

from datetime import datetime
from pathlib import Path

import pytest
from athanor.training_core.data import caption_changes, caption_files, caption_text
from athanor.training_core.data.caption_changes import NewCaption
from athanor.training_core.data.caption_text import TagChange
from athanor.training_core.data.scan import scan
from athanor.training_core.data.tags import Separators
from athanor.training_core.errors import AthanorError, FileError
from athanor.training_core.settings import DatasetSettings
from PIL import Image

FILES = {
    "2_x/a.txt": b"cat, hat\r\nA {red, blue|green} cat, hat\r\n",
    "2_x/b.txt": "\ufeff猫, 帽子".encode(),
    "c.txt": "dög, hat\n".encode("utf-16"),
    "d.txt": b"right",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ds"
    for name in ("2_x/a.png", "2_x/b.png", "c.png", "d.png", "d.jpg", "2_x/e.v2.png"):
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        Image.new("RGB", (8, 8), "red").save(root / name)
    for name, data in FILES.items():
        (root / name).write_bytes(data)
    return root


def held(root: Path) -> dict[str, bytes]:
    files = (p for p in root.rglob("*") if p.is_file() and p.suffix not in (".png", ".jpg"))
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}


def edits(root: Path, change: TagChange) -> list[NewCaption]:
    dataset = scan(DatasetSettings(folder="ds"), root)
    read = {each.file: each for picture in dataset.pictures for each in [caption_text.read(dataset, picture)]}
    new = [NewCaption(root, each, change.made(each.text, Separators())) for each in read.values()]
    return [each for each in new if each.text != each.before.text]


def test_a_tag_in_many_files_and_each_change_back_to_the_byte(root: Path, tmp_path: Path):
    backups = caption_changes.place(tmp_path / "output")
    states = [held(root)]
    changes = [
        TagChange(action="front", tag="N"),
        TagChange(action="remove", tag="HAT"),
        TagChange(action="replace", tag="dög", new="cap, hood"),
        TagChange(action="end", tag="last"),
    ]
    counts = []
    for change in changes:
        counts.append(caption_changes.write(backups, str(change), edits(root, change), datetime(2026, 8, 2)))
        states.append(held(root))
    assert counts == [5, 2, 1, 5]  # d.png and d.jpg have one file
    assert states[-1] == {
        "2_x/a.txt": b"N, cat, last\r\nN, A {red, blue|green} cat, last\r\n",  # line ends, lines and wildcards stay
        "2_x/b.txt": "N, 猫, 帽子, last".encode(),
        "2_x/e.v2.txt": b"N, x, last",  # it was trained on the words of its folder, and still is
        "c.txt": b"N, cap, hood, last\n",
        "d.txt": b"N, right, last",
    }
    listed = caption_changes.listed(backups, [root])
    assert [each.files for each in listed] == counts[::-1] and listed[1].what == "replace 'dög' with 'cap, hood'"
    for each, state in zip(listed, states[-2::-1], strict=True):
        assert "put back." in caption_changes.undo(backups, [root], each.id)
        assert held(root) == state
    assert not caption_changes.listed(backups, [root]) and held(root) == FILES
    with pytest.raises(AthanorError, match="undone already"):
        caption_changes.undo(backups, [root], listed[0].id)
    for bad in ("../x", "20260802-000000-000000/../x", ""):
        with pytest.raises(AthanorError, match="none that can be undone"):
            caption_changes.undo(backups, [root], bad)


def test_what_another_program_changed_is_neither_overwritten_nor_undone(root: Path, tmp_path: Path):
    wanted = edits(root, TagChange(action="front", tag="N"))
    (root / "d.txt").write_bytes(b"by another")
    with pytest.raises(caption_changes.ChangedMeanwhile, match=r"d\.txt has been changed by another program"):
        caption_changes.write(tmp_path / "b", "front", wanted)
    assert held(root) == {**FILES, "d.txt": b"by another"} and not caption_changes.listed(tmp_path / "b", [root])

    caption_changes.write(tmp_path / "b", "front", edits(root, TagChange(action="front", tag="N")))
    (root / "c.txt").write_bytes(b"mine")
    (root / "d.txt").unlink()
    [change] = caption_changes.listed(tmp_path / "b", [root])
    told = caption_changes.undo(tmp_path / "b", [root], change.id)
    assert told.startswith("3 caption files put back.") and "c.txt" in told and "d.txt" in told
    assert held(root) == {**{k: v for k, v in FILES.items() if k != "d.txt"}, "c.txt": b"mine"}


def test_a_change_that_a_full_disk_cuts_off_can_be_undone(root: Path, tmp_path: Path, monkeypatch):
    wanted, put = edits(root, TagChange(action="front", tag="N")), caption_changes._put
    failing: list[str] = []

    def fails(file: Path, data: bytes, durable: bool = True) -> None:
        if file.name in failing:
            raise FileError(28, "No space left on device", str(file), "written")
        put(file, data, durable)

    monkeypatch.setattr(caption_changes, "_put", fails)
    for fails_at, left in ((0, 0), (2, 1)):
        failing[:] = [wanted[fails_at].before.file.name]
        with pytest.raises(FileError, match="disk is full"):
            caption_changes.write(tmp_path / "b", "front", wanted)
        assert len(caption_changes.listed(tmp_path / "b", [root])) == left
    monkeypatch.undo()
    caption_changes.undo(tmp_path / "b", [root], caption_changes.listed(tmp_path / "b", [root])[0].id)
    assert held(root) == FILES


def test_links_backups_that_lie_and_the_oldest(root: Path, tmp_path: Path, monkeypatch):
    (tmp_path / "other.txt").write_text("hat")
    (root / "d.txt").unlink()
    (root / "d.txt").symlink_to(tmp_path / "other.txt")
    with pytest.raises(AthanorError, match=r"d\.txt is a link"):
        caption_changes.write(tmp_path / "b", "front", edits(root, TagChange(action="front", tag="N")))
    (root / "d.txt").unlink()

    monkeypatch.setattr(caption_changes, "MOST_KEPT", 3)
    for number in range(5):
        caption_changes.write(tmp_path / "b", str(number), edits(root, TagChange(action="end", tag=f"t{number}")))
    assert [each.what for each in caption_changes.listed(tmp_path / "b", [root])] == ["4", "3", "2"]
    [newest, *_] = sorted((tmp_path / "b").rglob("*.json"), reverse=True)
    newest.write_text(
        '{"files": [{"file": "../../other.txt", "after": "", "text": "bad"}, 7, {"file": "/x", "after": ""}]}'
    )
    with pytest.raises(AthanorError, match="its backup is gone"):
        caption_changes.undo(tmp_path / "b", [root], newest.stem)
    assert (tmp_path / "other.txt").read_text() == "hat"


@pytest.mark.parametrize(
    ("action", "tag", "new", "before", "after"),
    [
        ("front", "x", "", "a, b", "x, a, b"),
        ("front", "A", "", "a, b", "a, b"),
        ("front", "x", "", "", "x"),
        ("end", "x, a", "", "a,b,", "a,b, x"),
        ("end", "x", "", "a, b\n\nc", "a, b, x\n\nc, x"),
        ("remove", "long hair", "", "1girl,long_hair", "1girl"),
        ("remove", "a", "", "a\nb", "b"),
        ("remove", "c", "", "a,b", "a,b"),
        ("replace", "a", "b", "a, b, c", "b, c"),
        ("replace", "a", "", "a, b", "b"),
        ("replace", "a", "x, y", "b, a, a", "b, x, y"),
    ],
)
def test_one_change_of_tags(action, tag, new, before, after):
    assert TagChange(action=action, tag=tag, new=new).made(before, Separators()) == after


def test_one_change_of_words_in_sentences():
    def made(action: str, tag: str, text: str, new: str = "") -> str:
        return TagChange(action=action, tag=tag, new=new, in_tags=False).made(text, Separators())

    assert made("replace", "red cat", "A Red  cat, and red cats.", "dog") == "A dog, and red cats."
    assert made("remove", "big", "A big cat.") == "A cat." and made("remove", "c", "A cat.") == "A cat."
    assert made("front", "sks.", "A cat.") == "sks. A cat." and made("end", "cat", "A cat.") == "A cat."
    assert made("replace", "a", "a+b", r"\1") == r"\1+b"
    for bad in ({"action": "up", "tag": "a"}, {"action": "front", "tag": " "}, {"action": "front", "tag": "a\nb"}):
        with pytest.raises(AthanorError):
            TagChange(**bad)


def test_what_stands_for_a_missing_file_is_what_is_trained(root: Path):
    dataset = scan(DatasetSettings(folder="ds", class_tokens="all"), root)
    for picture in dataset.pictures:
        file = caption_files.file_of(dataset, picture)
        file.unlink(missing_ok=True)
    dataset = scan(DatasetSettings(folder="ds", class_tokens="all"), root)
    assert [caption_text.class_tokens(dataset, p) for p in dataset.pictures] == [p.caption for p in dataset.pictures]
    assert {p.caption for p in dataset.pictures} == {"x", "all"}
