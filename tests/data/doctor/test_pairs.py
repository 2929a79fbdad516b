"""Edit pairs: what the doctor finds wrong with control pictures, and which pictures it shows for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from athanor.training_core.data.dataset import Dataset
from athanor.training_core.data.doctor import report
from athanor.training_core.data.doctor.examine import examine
from athanor.training_core.data.doctor.finding import Finding
from athanor.training_core.data.scan import scan
from athanor.training_core.settings import DatasetSettings, DoctorSettings
from doctored import scene
from PIL import Image, ImageFilter, ImageOps

KINDS = {
    "unreadable control pictures", "missing control pictures", "same as control picture", "mixed-up pairs",
    "number of control pictures", "shapes of pairs", "contradicting pairs", "shared control pictures",
}  # fmt: skip


def small(seed: int) -> Image.Image:
    return scene(seed, (96, 96))


def dataset(root: Path, pairs: dict[str, tuple], captions: dict[str, str] | None = None) -> Dataset:
    """Write and scan pairs, name -> (picture, control picture, ...); a picture alone has none."""
    (root / "control").mkdir(parents=True)
    for name, (image, *controls) in pairs.items():
        image.save(root / f"{name}.png")
        (root / f"{name}.txt").write_text((captions or {}).get(name, f"do it to {name}"))
        for number, control in enumerate(controls):
            control.save(root / "control" / f"{name}_{number}.png")
    return scan(DatasetSettings(folder="ds", control_folder="control"), root, controls=root / "control")


def found(some: Dataset) -> dict[str, Finding]:
    return {finding.kind: finding for finding in examine(some, DoctorSettings()).findings}


def names(some: Dataset, finding: Finding) -> list[str]:
    return [some.pictures[i].name.removesuffix(".png") for i in finding.pictures]


def test_good_pairs_are_not_named(tmp_path: Path):
    """Inverted colours, a blur and noise to be mended, and one instruction for all; the same picture out of two damaged ones."""
    pairs = {f"a{i}": (small(i), ImageOps.invert(small(i))) for i in range(3)}
    pairs |= {f"b{i}": (small(10 + i), small(10 + i).filter(ImageFilter.GaussianBlur(1))) for i in range(3)}
    grain = np.random.default_rng(0).normal(0, 3, (96, 96, 1))
    noisy = Image.fromarray((np.asarray(small(10)) + grain).clip(0, 255).astype(np.uint8))
    pairs["c"] = (small(10), noisy)
    some = dataset(tmp_path / "ds", pairs, dict.fromkeys(pairs, "mend it"))
    kinds = set(found(some))
    assert not kinds & (KINDS | {"duplicates", "identical captions", "loading"}), kinds


def test_missing_and_fewer_control_pictures(tmp_path: Path):
    pairs = {f"a{i}": (small(i), ImageOps.invert(small(i)), small(20 + i)) for i in range(3)}
    pairs |= {"alone": (small(5),), "one": (small(6), small(7))}
    some = dataset(tmp_path / "ds", pairs)
    findings = found(some)
    assert names(some, findings["missing control pictures"]) == ["alone"]
    assert findings["missing control pictures"].text == "1 picture without a control picture: alone.png."
    assert names(some, findings["number of control pictures"]) == ["one"]
    assert "which have 2: one.png (1)." in findings["number of control pictures"].text
    assert "loading" not in findings  # the scan has said the same


@pytest.mark.parametrize("every", [False, True], ids=["one", "all"])
def test_pictures_that_are_their_own_control_picture(tmp_path: Path, every: bool):
    """The same file, or the same pixels in another one; where all are, nothing but copying can be learned."""
    pairs = {"a": (small(1), small(1)), "b": (small(2), small(2) if every else ImageOps.invert(small(2)))}
    some = dataset(tmp_path / "ds", pairs)
    other = tmp_path / "ds" / "control" / "a_0.png"
    small(1).save(other, compress_level=0)
    some = scan(some.subsets[0], tmp_path / "ds", controls=other.parent)
    finding = found(some)["same as control picture"]
    assert names(some, finding) == (["a", "b"] if every else ["a"])
    assert finding.level == ("error" if every else "warning")


def test_mixed_up_names(tmp_path: Path, monkeypatch):
    """Two pairs whose control pictures have each other's names."""
    edited = [small(i).filter(ImageFilter.GaussianBlur(1)) for i in range(4)]
    pairs = {"a": (edited[0], small(1)), "b": (edited[1], small(0)), "c": (edited[2], small(2))}
    some = dataset(tmp_path / "ds", pairs)
    finding = found(some)["mixed-up pairs"]
    assert finding.groups == ((0, 1), (1, 0)) and names(some, finding) == ["a", "b"]
    assert "a.png (like that of b.png), b.png (like that of a.png)." in finding.text
    drawn = []
    monkeypatch.setattr(report, "thumbnail", lambda _sheet, _at, _side, image, name: drawn.append((name, image.size)))
    report.draw(replace(examine(some, DoctorSettings()), findings=(finding,)))
    assert [name for name, _ in drawn] == [
        "control",
        "a.png",
        "control",
        "b.png",
        "control",
        "b.png",
        "control",
        "a.png",
    ]


def test_shapes(tmp_path: Path):
    image = small(1)
    pairs = {"a": (image, image.resize((96, 64))), "b": (small(2), ImageOps.invert(small(2)).resize((64, 62)))}
    some = dataset(tmp_path / "ds", pairs)
    finding = found(some)["shapes of pairs"]
    assert names(some, finding) == ["a"] and "a.png (96x96, from 96x64)." in finding.text and finding.level == "hint"


def test_one_control_picture_of_several_pictures(tmp_path: Path):
    """With captions of their own a hint; with the same caption nothing says which picture is meant."""
    pairs = {name: (small(i), small(9)) for i, name in enumerate("ab")}
    pairs |= {name: (small(i), small(8)) for i, name in enumerate("cd", 2)}
    some = dataset(tmp_path / "ds", pairs, {"c": "make it", "d": "make it"})
    findings = found(some)
    assert (
        findings["shared control pictures"].groups == ((0, 1),) and findings["shared control pictures"].level == "hint"
    )
    assert findings["contradicting pairs"].groups == ((2, 3),) and findings["contradicting pairs"].level == "warning"
    assert "c_0.png (2)." in findings["contradicting pairs"].text


def test_equal_pairs_are_duplicates(tmp_path: Path):
    pairs = {name: (small(1), small(2)) for name in "ab"} | {"c": (small(1), small(3))}
    some = dataset(tmp_path / "ds", pairs)
    findings = found(some)
    assert findings["duplicates"].groups == ((0, 1),)
    assert "near-duplicates" not in findings and "shared control pictures" not in findings


def test_pairs_are_alike_if_their_control_pictures_are(tmp_path: Path):
    """Two edits of one picture look alike and are meant so, as are frames out of different ones; a saved-again pair is not."""

    def marked(seed: int, colour: str) -> Image.Image:
        image = small(seed)
        image.paste(colour, (40, 40, 52, 52))
        return image

    again = small(5).resize((128, 128))
    pairs = {"hat": (marked(1, "red"), small(1)), "tie": (marked(1, "blue"), small(1))}
    pairs |= {"one": (marked(2, "red"), small(7)), "other": (marked(2, "blue"), small(8))}
    pairs |= {"first": (marked(5, "red"), small(5)), "again": (marked(5, "red").resize((128, 128)), again)}
    some = dataset(tmp_path / "ds", pairs)
    (group,) = found(some)["near-duplicates"].groups
    assert sorted(some.pictures[i].name for i in group) == ["again.png", "first.png"]


def test_a_control_picture_that_is_gone(tmp_path: Path):
    some = dataset(tmp_path / "ds", {name: (small(i), small(77 + i)) for i, name in enumerate("ab")})
    some.pictures[1].controls[0].path.unlink()
    finding = found(some)["unreadable control pictures"]
    assert names(some, finding) == ["b"] and finding.level == "error"
