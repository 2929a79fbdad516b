"""Control pictures of edit pairs: which file belongs to which picture, and what is said of the others."""

from pathlib import Path

import pytest
from athanor.training_core.data.quick_scan import quick_scan
from athanor.training_core.data.scan import scan, stamp
from athanor.training_core.settings import DatasetSettings
from PIL import Image


def picture(path: Path, size=(32, 24), colour="red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def settings(**values) -> DatasetSettings:
    return DatasetSettings(folder="ds", class_tokens="x", control_folder="control", **values)


def pairs(root: Path, **values) -> dict[str, list[str]]:
    """Return the control pictures' names by the pictures' names."""
    dataset = scan(settings(**values), root, controls=root / "control")
    return {p.name: [c.path.relative_to(root / "control").as_posix() for c in p.controls] for p in dataset.pictures}


def test_pairs_by_name(tmp_path: Path):
    for name in ("a.png", "b.png", "c.png", "d.png", "10.png", "control/a.jpg", "control/10.png"):
        picture(tmp_path / name)
    for number in ("_0", "_1", "_10", "_2"):
        picture(tmp_path / "control" / f"b{number}.png")
    for number in ("", "_001", "_002"):
        picture(tmp_path / "control" / f"c{number}.png")
    assert pairs(tmp_path) == {
        "10.png": ["10.png"],
        "a.png": ["a.jpg"],
        "b.png": ["b_0.png", "b_1.png", "b_2.png", "b_10.png"],
        "c.png": ["c.png", "c_001.png", "c_002.png"],
        "d.png": [],
    }


def test_a_control_with_the_name_of_a_picture_belongs_to_that_one_alone(tmp_path: Path):
    for name in ("cat", "cat_1", "cat_1_1", "dog", "dog_2"):
        picture(tmp_path / f"{name}.png")
    for name in ("cat", "cat_1", "cat_1_1", "cat_1_2", "dog_1", "dog_2", "dog_3"):
        picture(tmp_path / "control" / f"{name}.png")
    assert pairs(tmp_path) == {
        "cat.png": ["cat.png"],
        "cat_1.png": ["cat_1.png", "cat_1_2.png"],
        "cat_1_1.png": ["cat_1_1.png"],
        "dog.png": ["dog_1.png", "dog_3.png"],
        "dog_2.png": ["dog_2.png"],
    }


def test_sub_folders_of_controls_are_those_of_the_pictures(tmp_path: Path):
    for name in ("2_x/a.png", "3_y/a.png", "3_y/b.png", "control/2_x/a.png", "control/3_y/a_1.png", "control/b.png"):
        picture(tmp_path / name)
    expected = {"2_x/a.png": ["2_x/a.png"], "3_y/a.png": ["3_y/a_1.png"], "3_y/b.png": ["b.png"]}
    assert pairs(tmp_path) == pairs(tmp_path, nested_folders=True) == expected
    assert quick_scan(settings(nested_folders=True), tmp_path, None, tmp_path / "control").samples == 2 + 3 + 3


def test_what_is_missing_unused_and_broken_is_named(tmp_path: Path):
    for name in ("a", "b", "c", "d"):
        picture(tmp_path / f"{name}.png")
    for name in ("a.png", "a.jpg", "z_1.png", "c_1.png"):
        picture(tmp_path / "control" / name)
    (tmp_path / "control" / "c_2.png").write_bytes(b"no picture")
    (tmp_path / "control" / "d.tif").write_bytes(b"II")
    (tmp_path / "control" / "a.txt").write_text("a caption is no control picture")
    dataset = scan(settings(), tmp_path, controls=tmp_path / "control")
    assert [p.name for p in dataset.pictures] == ["a.png", "b.png", "d.png"]
    assert dataset.warnings == (
        "c.png is left out: its control picture c_2.png cannot be read: it is not a picture of a known format.",
        "2 pictures without a control picture: b.png, d.png.",
        "1 control picture without a picture of that name: z_1.png.",
        "1 control picture of the same name or number as another one, not used: a.png.",
        "1 control picture in a format that is not read, convert to png or jpg: d.tif.",
    )
    named = [text for text in quick_scan(settings(), tmp_path, None, tmp_path / "control").hints if "control" in text]
    assert tuple(named) == dataset.warnings[1:]  # all but what is seen inside of files, before anything is queued


def test_sub_folders_that_are_numbers(tmp_path: Path):
    """One folder for each of several control pictures; a folder of the dataset that is called so is no number."""
    for name in ("a.png", "2_x/b.png", "7/c.png", "7/d.png", "e_1.png"):
        picture(tmp_path / name)
    for name in ("2/a", "1/a", "01/2_x/b", "7/c", "7/d_1", "1/e_1"):
        picture(tmp_path / "control" / f"{name}.png")
    assert pairs(tmp_path, nested_folders=True) == {
        "a.png": ["1/a.png", "2/a.png"],
        "2_x/b.png": ["01/2_x/b.png"],
        "7/c.png": ["7/c.png"],
        "7/d.png": ["7/d_1.png"],
        "e_1.png": ["1/e_1.png"],
    }


@pytest.mark.parametrize("nested", [False, True])
def test_a_folder_of_controls_that_is_not_named(tmp_path: Path, nested: bool):
    """Not read, or with nested_folders trained on as more pictures: how it is meant is told, and not to switch nested_folders on."""
    for name in ("a.png", "control/a.png"):
        picture(tmp_path / name)
    plain = DatasetSettings(folder="ds", class_tokens="x", nested_folders=nested)
    sentence = (
        "If the pictures in 'control' are what the others are made from (edit pairs), write that into control_folder, an "
        "advanced setting of Dataset Loader."
    )
    assert sentence in scan(plain, tmp_path).warnings and sentence in quick_scan(plain, tmp_path).hints
    assert not any("nested_folders is on" in text for text in scan(plain, tmp_path).warnings)
    assert scan(settings(nested_folders=nested), tmp_path, controls=tmp_path / "control").warnings == ()


def test_controls_around_the_dataset(tmp_path: Path):
    """A folder of control pictures that holds the dataset's own folder: the pictures in there are no control pictures."""
    for name in ("a.png", "edited/a.png", "edited/b.png"):
        picture(tmp_path / name)
    dataset = scan(settings(), tmp_path / "edited", controls=tmp_path)
    assert [[c.path for c in p.controls] for p in dataset.pictures] == [[tmp_path / "a.png"], []]
    assert dataset.warnings == ("1 picture without a control picture: b.png.",)


@pytest.mark.parametrize("change", ["another picture", "one more", "none"])
def test_fingerprint_and_stamp_see_controls(tmp_path: Path, change: str):
    def seen():
        return (
            scan(settings(), tmp_path, None, tmp_path / "kept", tmp_path / "control").fingerprint,
            stamp(settings(), tmp_path, controls=tmp_path / "control"),
        )

    picture(tmp_path / "a.png")
    control = picture(tmp_path / "control" / "a.png")
    before = seen()
    assert before == seen()
    if change == "none":
        control.unlink()
    else:
        picture(control if change == "another picture" else tmp_path / "control" / "a_1.png", (8, 8), "blue")
    assert not set(before) & set(seen())


def test_controls_are_decoded_in_their_own_size(tmp_path: Path):
    picture(tmp_path / "a.png")
    Image.new("RGBA", (8, 6), (255, 0, 0, 0)).save(picture(tmp_path / "control" / "a.png"))
    dataset = scan(settings(alpha_background="#00ff00"), tmp_path, controls=tmp_path / "control")
    (control,) = dataset.controls(dataset.pictures[0])
    assert dataset.pictures[0].controls[0].size == control.size == (8, 6) and control.getpixel((0, 0)) == (0, 255, 0)
