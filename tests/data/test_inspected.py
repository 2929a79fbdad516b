"""What was found in picture files outlives a restart, and nothing wrong is believed."""

import os
import random
from pathlib import Path
from threading import Thread

import pytest
from athanor.training_core.data import inspected
from athanor.training_core.data.scan import scan
from athanor.training_core.settings import DatasetSettings
from fuzz import hurt
from PIL import Image

SETTINGS = DatasetSettings(folder="ds", class_tokens="x", mask_folder="masks")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ds"
    (root / "masks").mkdir(parents=True)
    for name, size in (("a.png", (8, 6)), ("b.jpg", (6, 8)), ("c.webp", (9, 9))):
        Image.new("RGB", size, "red").save(root / name)
    mask = Image.new("L", (8, 6))
    mask.paste(255, (4, 0, 8, 6))
    mask.save(root / "masks" / "a.png")
    (root / "broken.png").write_bytes(b"no picture")
    return root


@pytest.fixture
def looked(monkeypatch) -> list[str]:
    """Names of the files that are looked at."""
    names, look = [], inspected._reason_or
    monkeypatch.setattr(inspected, "_reason_or", lambda how, path: names.append(path.name) or look(how, path))
    return names


def read(root: Path):
    return scan(SETTINGS, root, root / "masks", root.parent / "kept")


def test_unchanged_files_are_not_looked_at_again(root: Path, looked: list[str]):
    first = read(root)
    assert sorted(looked) == ["a.png", "a.png", "b.jpg", "broken.png", "c.webp"]
    looked.clear()
    assert read(root) == first and looked == ["broken.png"]  # another Pillow may read it
    assert first.pictures[0].focus == (0.75, 0.5)
    Image.new("RGB", (6, 8), "blue").save(root / "b.jpg")
    (root / "c.webp").unlink()
    looked.clear()
    second = read(root)
    assert sorted(looked) == ["b.jpg", "broken.png"] and second.pictures[1].content != first.pictures[1].content
    (kept,) = (root.parent / "kept").iterdir()
    assert "c.webp" not in kept.read_text()


def test_a_file_with_the_time_and_size_of_the_old_one_is_seen(root: Path, looked: list[str]):
    """As unpacking an archive leaves it: pictures of one size are often as long, too."""
    for colour in ("red", "blue"):
        Image.new("RGB", (4, 4), colour).save(root / "d.bmp")
        os.utime(root / "d.bmp", ns=(10**18, 10**18))
        looked.clear()
        read(root)
        assert "d.bmp" in looked


def test_garbage_in_the_file_is_not_believed(root: Path, looked: list[str]):
    first, rng = read(root), random.Random(0)
    (kept,) = (root.parent / "kept").iterdir()
    data = kept.read_bytes()
    for _ in range(100):
        kept.write_bytes(hurt(data, rng))
        assert read(root) == first
    kept.unlink()
    kept.mkdir()  # it can be neither read nor written
    assert read(root) == first


def test_several_writers(root: Path):
    threads = [Thread(target=read, args=(root,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (kept,) = (root.parent / "kept").iterdir()
    rows = inspected.Inspections(kept.parent, root)._read()
    assert sorted(Path(key).name for key in rows) == ["a.png", "a.png", "b.jpg", "c.webp"]


def test_another_version_is_not_read(root: Path, looked: list[str], monkeypatch):
    read(root)
    monkeypatch.setattr(inspected, "VERSION", 0)
    looked.clear()
    read(root)
    assert len(looked) == 5
