import os
from pathlib import Path

import pytest
from athanor.training_core.data.scan import scan, stamp
from athanor.training_core.errors import AthanorError
from athanor.training_core.settings import DatasetSettings
from PIL import Image


def picture(path: Path, size=(64, 48), colour="red", **save) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **save)
    return path


def settings(**values) -> DatasetSettings:
    return DatasetSettings(folder="ds", **values)


def test_kohya_folders(tmp_path: Path):
    picture(tmp_path / "3_sks dog" / "a.png")
    picture(tmp_path / "10_a_b c" / "b.jpg")
    for ignored in ("nodigit", "0_zero", "-1_neg"):
        picture(tmp_path / ignored / "c.png")
    (tmp_path / "3_sks dog" / "a.txt").write_text("a dog", encoding="utf-8")
    found = scan(settings(), tmp_path).pictures
    assert [(p.name, p.repeats, p.caption) for p in found] == [
        ("10_a_b c/b.jpg", 10, "a_b c"),
        ("3_sks dog/a.png", 3, "a dog"),
    ]


def test_flat_folder(tmp_path: Path):
    picture(tmp_path / "b.webp")
    picture(tmp_path / "A.PNG")
    picture(tmp_path / ".hidden.png")
    (tmp_path / "notes.md").write_text("x")
    found = scan(settings(repeats=4, class_tokens="sks dog"), tmp_path)
    assert [(p.name, p.repeats, p.caption) for p in found.pictures] == [
        ("A.PNG", 4, "sks dog"),
        ("b.webp", 4, "sks dog"),
    ]
    assert not found.warnings


def test_broken_pictures_are_named_and_left_out(tmp_path: Path):
    good = picture(tmp_path / "good.png", (300, 200))
    picture(tmp_path / "cut.jpg", (300, 200), quality=95)
    data = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_bytes(b"this is no picture")
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:200])
    found = scan(settings(class_tokens="x"), tmp_path)
    assert [p.name for p in found.pictures] == ["good.png"]
    assert {w.split()[0] for w in found.warnings} == {"cut.jpg", "empty.png", "text.png", "cut.png"}
    assert all("\n" not in w and str(tmp_path) not in w for w in found.warnings)


def test_exif_rotation_and_alpha(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(tmp_path / "turned.jpg", (60, 20), exif=exif)
    Image.new("RGBA", (10, 10), (255, 0, 0, 0)).save(tmp_path / "alpha.png")
    found = {p.name: p for p in scan(settings(class_tokens="x"), tmp_path).pictures}
    assert found["turned.jpg"].size == (20, 60)
    from athanor.training_core.data.decode import decode

    assert decode(tmp_path / "alpha.png").getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "I;16", "1", "LA"])
def test_odd_modes_become_rgb(tmp_path: Path, mode: str):
    from athanor.training_core.data.decode import decode

    image = Image.new(mode, (8, 8), 65535) if mode == "I;16" else Image.new("RGB", (8, 8), "white").convert(mode)
    name = tmp_path / ("x.jpg" if mode == "CMYK" else "x.png")
    image.save(name)
    assert decode(name).mode == "RGB" and decode(name).size == (8, 8)
    assert min(decode(name).getpixel((3, 3))) > 250


def test_sixteen_bits_keep_their_brightness(tmp_path: Path):
    from athanor.training_core.data.decode import decode

    Image.new("I;16", (8, 8), 0x8000).save(tmp_path / "x.png")
    assert decode(tmp_path / "x.png").getpixel((0, 0)) == (128, 128, 128)


def test_nothing_there(tmp_path: Path):
    with pytest.raises(AthanorError, match="no pictures found"):
        scan(settings(), tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(AthanorError, match=r"none of its 1 pictures can be read \(a\.png"):
        scan(settings(), tmp_path)


def test_fingerprint_and_stamp_see_changes(tmp_path: Path):
    path = picture(tmp_path / "a.png")
    caption = tmp_path / "a.txt"
    caption.write_text("one")
    before, stamped = scan(settings(), tmp_path).fingerprint, stamp(settings(), tmp_path)
    os.utime(path, ns=(0, 0))
    assert scan(settings(), tmp_path).fingerprint == before
    caption.write_text("two")
    changed = scan(settings(), tmp_path).fingerprint
    assert changed != before and stamp(settings(), tmp_path) != stamped
    picture(path, colour="blue")
    assert scan(settings(), tmp_path).fingerprint not in (before, changed)
