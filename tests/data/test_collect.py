"""Pictures out of a graph become a folder that can be trained on again."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from athanor.training_core.data import caption_files
from athanor.training_core.data.collect import collect, per_picture
from athanor.training_core.data.scan import scan
from athanor.training_core.errors import AthanorError
from athanor.training_core.settings import DatasetSettings


def pictures(count=3):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (40, 30 + i, 3), dtype=np.uint8) for i in range(count)]


def test_kept_by_content(tmp_path: Path):
    some = pictures()
    first = collect(tmp_path, some, ["猫, a", "b", "c"], [], DatasetSettings(shuffle_caption=True))
    assert [p.caption for p in first.pictures] == ["猫, a", "b", "c"] and first.subsets[0].shuffle_caption
    for picture, pixels in zip(first.pictures, some, strict=True):
        assert np.array_equal(np.asarray(first.image(picture)), pixels)
    times = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.*")}
    again = collect(tmp_path, some, ["猫, a", "b", "c"], [], DatasetSettings(shuffle_caption=True))
    assert again == first and {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.*")} == times
    assert scan(first.subsets[0], first.pictures[0].path.parent).fingerprint == first.fingerprint
    others = [
        collect(tmp_path, some, ["猫, a", "b", "d"], [], DatasetSettings()),
        collect(tmp_path, some[::-1], ["猫, a", "b", "c"], [], DatasetSettings()),
    ]
    assert len({d.pictures[0].path.parent for d in (first, *others)}) == 3


def test_one_caption_or_none(tmp_path: Path):
    assert [p.caption for p in collect(tmp_path, pictures(), ["x"], [], DatasetSettings()).pictures] == ["x"] * 3
    dataset = collect(tmp_path, pictures(), [], [], DatasetSettings(class_tokens="sks dog"))
    assert {p.caption for p in dataset.pictures} == {"sks dog"} and not dataset.warnings
    with pytest.raises(AthanorError, match="captions: there are 2 for 3 pictures"):
        per_picture(["a", "b"], 3)


def test_masks_are_kept_too(tmp_path: Path):
    masks = [np.full(p.shape[:2], 255 * (i % 2), dtype=np.uint8) for i, p in enumerate(pictures())]
    dataset = collect(tmp_path, pictures(), ["x"], masks, DatasetSettings())
    assert [np.asarray(dataset.mask(p)).max() for p in dataset.pictures] == [0, 255, 0]


def test_control_pictures_are_kept_too(tmp_path: Path):
    """One input: under the pictures' names. Several: numbered. None: the folder is the one it was before they existed."""
    some, other = pictures(), [pixels[::2] for pixels in pictures(6)[3:]]
    plain = collect(tmp_path, some, ["x"], [], DatasetSettings())
    unconnected = collect(tmp_path, some, ["x"], [], DatasetSettings(), controls={"control_1": []})
    one = collect(tmp_path, some, ["x"], [], DatasetSettings(), controls={"control_1": other})
    two = collect(tmp_path, some, ["x"], [], DatasetSettings(), controls={"control_1": other, "control_3": some[:1]})
    assert plain == unconnected and not any(p.controls for p in plain.pictures)
    shown = [[np.asarray(control) for control in one.controls(picture)] for picture in one.pictures]
    assert all(np.array_equal(got, pixels) for [got], pixels in zip(shown, other, strict=True))
    for picture, pixels in zip(two.pictures, other, strict=True):
        first, second = map(np.asarray, two.controls(picture))
        assert np.array_equal(first, pixels) and np.array_equal(second, some[0])
    assert one.subsets[0].control_folder == "control" and not one.warnings + two.warnings
    assert len({d.pictures[0].path.parent for d in (plain, one, two)}) == 3
    with pytest.raises(AthanorError, match=r"control_2: there are 2 for 3 pictures; connect one per picture"):
        collect(tmp_path, some, ["x"], [], DatasetSettings(), controls={"control_2": other[:2]})


def test_half_a_character_in_a_caption_is_written_as_one_that_is_none(tmp_path: Path):
    """JSON can name a lone surrogate, which no file can hold."""
    dataset = collect(tmp_path, pictures(1), ["a \ud800 cat"], [], DatasetSettings())
    assert [p.caption for p in dataset.pictures] == ["a \ufffd cat"]
    edited = dataclasses.replace(dataset.pictures[0], caption="b\ud800")
    caption_files.write(dataset, [edited])
    assert scan(dataset.subsets[0], edited.path.parent).pictures[0].caption == "b\ufffd"
