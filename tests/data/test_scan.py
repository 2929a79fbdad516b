import os
import sys
import unicodedata
from pathlib import Path

import pytest
from athanor.training_core.data import folders
from athanor.training_core.data.scan import scan, stamp
from athanor.training_core.errors import AthanorError
from athanor.training_core.settings import DatasetSettings
from athanor.training_core.settings.base import parse
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
    pictures = scan(settings(), tmp_path).pictures
    assert [(p.name, p.repeats, p.caption) for p in pictures] == [
        ("10_a_b c/b.jpg", 10, "a_b c"),
        ("3_sks dog/a.png", 3, "a dog"),
    ]


def test_flat_folder(tmp_path: Path):
    picture(tmp_path / "b.webp")
    picture(tmp_path / "A.PNG")
    picture(tmp_path / ".hidden.png")
    (tmp_path / "notes.md").write_text("x")
    dataset = scan(settings(repeats=4, class_tokens="sks dog"), tmp_path)
    assert [(p.name, p.repeats, p.caption) for p in dataset.pictures] == [
        ("A.PNG", 4, "sks dog"),
        ("b.webp", 4, "sks dog"),
    ]
    assert not dataset.warnings


def test_broken_pictures_are_named_and_left_out(tmp_path: Path):
    good = picture(tmp_path / "good.png", (300, 200))
    picture(tmp_path / "cut.jpg", (300, 200), quality=95)
    data = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_bytes(b"this is no picture")
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:200])
    dataset = scan(settings(class_tokens="x"), tmp_path)
    assert [p.name for p in dataset.pictures] == ["good.png"]
    assert {w.split()[0] for w in dataset.warnings} == {"cut.jpg", "empty.png", "text.png", "cut.png"}
    assert all("\n" not in w and str(tmp_path) not in w for w in dataset.warnings)


def test_exif_rotation_and_alpha(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(tmp_path / "turned.jpg", (60, 20), exif=exif)
    Image.new("RGBA", (10, 10), (255, 0, 0, 0)).save(tmp_path / "alpha.png")
    pictures = {p.name: p for p in scan(settings(class_tokens="x"), tmp_path).pictures}
    assert pictures["turned.jpg"].size == (20, 60)
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


def names(dataset) -> list[str]:
    return [p.name for p in dataset.pictures]


def test_nested_folders(tmp_path: Path):
    for name in (
        "top.png",
        "a/one.png",
        "a/deep/two.png",
        "5_sks dog/three.png",
        "5_sks dog/more/four.png",
        ".git/x.png",
    ):
        picture(tmp_path / name)
    flat = scan(settings(class_tokens="c"), tmp_path)
    assert names(flat) == ["top.png", "5_sks dog/three.png"]
    assert "are not read, unless nested_folders is on: a." in flat.warnings[0]
    nested = scan(settings(class_tokens="c", repeats=2, nested_folders=True), tmp_path)
    assert [(p.name, p.repeats, p.caption) for p in nested.pictures] == [
        ("top.png", 2, "c"),
        ("5_sks dog/three.png", 5, "sks dog"),
        ("5_sks dog/more/four.png", 5, "sks dog"),
        ("a/one.png", 2, "c"),
        ("a/deep/two.png", 2, "c"),
    ]
    assert not nested.warnings


def test_captions_that_are_no_captions_are_named(tmp_path: Path):
    for name in "abcdefg":
        picture(tmp_path / f"{name}.png")
    contents = {
        "a": b"\xef\xbb\xbfone, two\r\n\r\n three \r\n", "b": "猫, 犬".encode("utf-16"), "c": "猫是一只动物".encode("gb18030"),
        "d": "caf\xe9 noir".encode("cp1252"), "e": b"", "f": "ねこです".encode("shift_jis"),
    }  # fmt: skip
    for name, data in contents.items():
        (tmp_path / f"{name}.txt").write_bytes(data)
    (tmp_path / "lonely.txt").write_text("x")
    dataset = scan(settings(), tmp_path)
    assert {p.name[0]: p.caption for p in dataset.pictures} == {"a": "one, two\nthree", "b": "猫, 犬", "e": "", "g": ""}
    text = "\n".join(dataset.warnings)
    for words in (
        "c.png is left out: c.txt is not UTF-8 text (it looks like GBK); save it as UTF-8.",
        "d.txt is not UTF-8 text (it looks like Windows-1252)",
        "f.txt is not UTF-8 text (it looks like Shift-JIS)",
        "1 picture with an empty caption file, trained on an empty text: e.png.",
        "1 picture without a .txt file, trained on an empty text: g.png.",
        "1 caption without a picture of that name: lonely.txt.",
    ):
        assert words in text, (words, text)


def test_files_that_look_as_if_they_were_meant(tmp_path: Path):
    picture(tmp_path / "a.png")
    (tmp_path / "a.caption").write_text("one")
    (tmp_path / "b.gif").write_bytes(b"GIF89a")
    text = "\n".join(scan(settings(), tmp_path).warnings)
    assert "1 file in a format that is not read, convert to png or jpg: b.gif." in text
    assert "There are .caption files (1): set caption_extension to .caption" in text
    with pytest.raises(AthanorError, match=r"It contains 1 \.gif: convert them"):
        (tmp_path / "a.png").unlink()
        scan(settings(), tmp_path)


def test_class_tokens_beside_captions_are_told(tmp_path: Path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    assert not scan(settings(class_tokens="dog"), tmp_path).warnings  # none has a caption: as it is meant
    (tmp_path / "a.txt").write_text("one")
    assert scan(settings(class_tokens="dog"), tmp_path).warnings == (
        "1 picture without a .txt file, trained on the class tokens: b.png.",
    )


def test_masks(tmp_path: Path):
    root = tmp_path / "ds"
    for name in ("2_x/a.png", "2_x/b.png", "2_x/c.png", "2_x/d.png"):
        picture(root / name)
    picture(root / "masks" / "2_x" / "a.png", colour="white")
    picture(root / "masks" / "b.jpg", (32, 24), "white")  # half the size, same shape
    picture(root / "masks" / "c.png", (48, 64), "white")
    picture(root / "masks" / "z.png", colour="white")
    dataset = scan(settings(mask_folder="masks", nested_folders=True), root, root / "masks")
    assert names(dataset) == ["2_x/a.png", "2_x/b.png", "2_x/d.png"]
    assert [p.mask and p.mask.path.name for p in dataset.pictures] == ["a.png", "b.jpg", None]
    assert dataset.mask(dataset.pictures[1]).size == (64, 48) and dataset.mask(dataset.pictures[2]) is None
    text = "\n".join(dataset.warnings)
    assert "c.png is 48x64, the picture 64x48: a mask must have the aspect ratio of its picture" in text
    assert "1 picture without a mask, all of it is trained on: 2_x/d.png." in text
    assert "1 mask without a picture of that name: z.png." in text
    before, stamped = dataset.fingerprint, stamp(settings(), root, root / "masks")
    picture(root / "masks" / "2_x" / "a.png", colour="black")
    assert scan(settings(mask_folder="masks", nested_folders=True), root, root / "masks").fingerprint != before
    assert stamp(settings(), root, root / "masks") != stamped


def test_alpha_as_the_mask(tmp_path: Path):
    image = Image.new("RGBA", (8, 8), (10, 20, 30, 255))
    image.paste((200, 0, 0, 0), (0, 0, 4, 8))
    image.save(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    dataset = scan(settings(class_tokens="x", alpha_mask=True), tmp_path)
    first, second = dataset.pictures
    assert first.mask.is_alpha and second.mask is None
    assert dataset.mask(first).getpixel((0, 0)) == 0 and dataset.image(first).getpixel((0, 0)) == (200, 0, 0)
    plain = scan(settings(class_tokens="x", alpha_background="#00ff00"), tmp_path)
    assert plain.pictures[0].mask is None and plain.image(plain.pictures[0]).getpixel((0, 0)) == (0, 255, 0)


def test_focus_from_the_name_or_the_mask(tmp_path: Path):
    root = tmp_path / "ds"
    for name in ("a_16_12_8_8.png", "b.png", "c_900_900_8_8.png"):
        picture(root / name)
    mask = Image.new("L", (64, 48))
    mask.paste(255, (32, 0, 64, 24))
    (root / "m").mkdir()
    mask.save(root / "m" / "b.png")
    dataset = scan(settings(class_tokens="x", mask_folder="m"), root, root / "m")
    assert [p.focus for p in dataset.pictures] == [(0.25, 0.25), (0.75, 0.25), None]


def test_backups_of_captions_are_no_dataset(tmp_path: Path):
    picture(tmp_path / "a.png")
    (tmp_path / "captions_backup" / "20260101-000000").mkdir(parents=True)
    (tmp_path / "captions_backup" / "20260101-000000" / "a.txt").write_text("old")
    for nested in (False, True):
        dataset = scan(settings(class_tokens="x", nested_folders=nested), tmp_path)
        assert names(dataset) == ["a.png"] and not dataset.warnings


def test_moving_pictures_are_used_and_named(tmp_path: Path):
    frames = [Image.new("RGB", (16, 16), c) for c in ("red", "blue")]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:])
    dataset = scan(settings(class_tokens="x"), tmp_path)
    assert names(dataset) == ["a.webp"] and dataset.warnings == (
        "1 picture animated, its first frame is used: a.webp.",
    )


SEVERAL = "with a caption of several lines, of which only the first is trained"


def test_captions_of_which_only_the_first_line_is_trained_are_named(tmp_path: Path):
    for name, caption in {"a": "A cat.\n\nIt sleeps.", "b": "A dog.\u2028It\x85 runs.", "c": "A cow.\r"}.items():
        picture(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_bytes(caption.encode())
    dataset = scan(settings(), tmp_path)
    assert [p.caption for p in dataset.pictures] == ["A cat.\nIt sleeps.", "A dog.\u2028It\x85 runs.", "A cow."]
    (warning,) = dataset.warnings
    assert warning.startswith(f"1 picture {SEVERAL}; join the lines") and warning.endswith(": a.png.")
    assert "enable_wildcard" in warning
    assert not scan(settings(enable_wildcard=True), tmp_path).warnings


def test_names_with_accents_meet_whatever_wrote_them(tmp_path: Path):
    """macOS writes é as e and an accent (NFD), Windows, Linux and most editors as one character (NFC)."""
    one, two = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    for number, (name, other) in enumerate(((one, two), (two, one))):
        root = tmp_path / str(number)
        picture(root / f"{name}.png")
        (root / f"{other}.txt").write_text("a cup")
        picture(root / "masks" / f"{other}.png", colour="white")
        dataset = scan(settings(mask_folder="masks"), root, root / "masks")
        assert dataset.pictures[0].caption == "a cup" and dataset.pictures[0].mask and not dataset.warnings


def test_face_crops_take_the_caption_of_their_picture(tmp_path: Path):
    """As in sd-scripts: the name without its box, where the crop has no file of its own."""
    for name in ("bob_10_20_30_40", "bob_11_20_30_40", "my_cat_in_a_hat"):
        picture(tmp_path / f"{name}.png")
    for name, caption in {"bob": "Bob", "bob_11_20_30_40": "his ear", "my": "mine"}.items():
        (tmp_path / f"{name}.txt").write_text(caption)
    dataset = scan(settings(), tmp_path)
    assert [p.caption for p in dataset.pictures] == ["Bob", "his ear", ""]
    assert "1 caption without a picture of that name: my.txt." in dataset.warnings


def test_each_real_folder_is_read_once(tmp_path: Path):
    root, outside = tmp_path / "ds", tmp_path / "elsewhere"
    picture(root / "z" / "deep" / "a.png")
    picture(outside / "sub" / "b.png")
    (root / "z" / "deep" / "loop").symlink_to(root)
    (root / "a_link").symlink_to(root / "z")
    (root / "m_linked").symlink_to(outside)
    (root / "n_again").symlink_to(outside)
    (outside / "back").symlink_to(root / "z" / "deep")
    (root / "broken").symlink_to(root / "nowhere")
    (root / "itself").symlink_to(root / "itself")
    dataset = scan(settings(nested_folders=True, class_tokens="x"), root)
    assert names(dataset) == ["m_linked/sub/b.png", "z/deep/a.png"]
    (warning,) = dataset.warnings
    assert warning.startswith(
        "Links to folders that are read under another name are passed over: a_link, m_linked/back,"
    )
    assert warning.endswith("n_again and 1 more.")
    before = stamp(settings(nested_folders=True), root)
    picture(outside / "sub" / "b.png", colour="blue", size=(8, 8))
    assert stamp(settings(nested_folders=True), root) != before


def test_masks_in_linked_folders(tmp_path: Path):
    root = tmp_path / "ds"
    picture(root / "5_x" / "a.png")
    picture(tmp_path / "elsewhere" / "a.png", colour="white")
    (root / "masks").mkdir()
    (root / "masks" / "5_x").symlink_to(tmp_path / "elsewhere")
    (root / "masks" / "loop").symlink_to(root / "masks")
    dataset = scan(settings(mask_folder="masks"), root, root / "masks")
    assert dataset.pictures[0].mask and not dataset.warnings


@pytest.mark.skipif(os.name != "posix" or sys.platform == "darwin", reason="these file systems take UTF-8 alone")
def test_names_that_are_no_text(tmp_path: Path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")).write_bytes(b"")
    picture(tmp_path / "line\nbreak.png")
    picture(tmp_path / f"{'n' * 251}.png")  # with .caption the name is too long for a file
    picture(tmp_path / "z.png")
    (tmp_path / "z.caption").write_text("one")
    dataset = scan(settings(caption_extension=".caption"), tmp_path)
    assert names(dataset) == ["line\nbreak.png", f"{'n' * 251}.png", "z.png"]
    assert dataset.warnings[0] == "caf\ufffd.png is left out: its name is not UTF-8 text, rename it."
    assert "line\ufffdbreak.png" in dataset.warnings[1]


@pytest.mark.parametrize("value", ["", ".", "../x", "a\0", ".t" * 20, "\\x"])
def test_endings_that_are_none(value: str):
    with pytest.raises(AthanorError, match=r"caption_extension .* is not an ending"):
        parse(DatasetSettings, {"folder": "ds", "caption_extension": value})


def test_folders_that_cannot_be_opened(tmp_path: Path, monkeypatch):
    picture(tmp_path / "a.png")
    picture(tmp_path / "5_x" / "b.png")
    monkeypatch.setattr(folders, "_opens", lambda folder: folder.name != "5_x")
    dataset = scan(settings(class_tokens="x"), tmp_path)
    assert names(dataset) == ["a.png"] and dataset.warnings == ("1 sub-folder left out, as it cannot be opened: 5_x.",)
    monkeypatch.setattr(folders, "_opens", lambda folder: False)
    with pytest.raises(AthanorError, match="folder 'ds' cannot be opened"):
        scan(settings(), tmp_path)


def test_a_date_in_front_of_a_name_is_no_number_of_repeats(tmp_path: Path):
    """A folder called 20240115_holiday was 20,240,115 repeats: the plan of an epoch was never done."""
    picture(tmp_path / "10000_sks dog/one.png")
    picture(tmp_path / "20240115_holiday/two.png")
    flat = scan(settings(class_tokens="c", repeats=2), tmp_path)
    assert [(p.name, p.repeats) for p in flat.pictures] == [("10000_sks dog/one.png", 10000)]
    assert flat.warnings == (
        "Sub-folders without repeats in their name ('N_name') are not read, unless nested_folders is on: 20240115_holiday.",
        "Numbers above 10000 are no repeats but part of the name of these folders: 20240115_holiday.",
    )
    nested = scan(settings(class_tokens="c", repeats=2, nested_folders=True), tmp_path)
    assert [(p.repeats, p.caption) for p in nested.pictures] == [(10000, "sks dog"), (2, "c")]
    assert nested.warnings == flat.warnings[1:]
    with pytest.raises(AthanorError, match=r"Numbers above 10000 are no repeats .*: 20240115_holiday\.$"):
        scan(settings(), picture(tmp_path / "x/20240115_holiday/a.png").parents[1])
