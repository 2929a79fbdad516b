"""The copy warning: copies are found, other pictures are none, and a dataset that is too small says so."""

from __future__ import annotations

import gardens
import numpy as np
import pytest
from athanor.training_core.score import copies
from athanor.training_core.score.plain import PlainMeasure
from athanor.training_core.score.references import near_duplicates
from PIL import ImageOps


def looks(images):
    return PlainMeasure().looks([np.asarray(image) for image in images])


def layouts(images):
    """(n, 2, e), plain and mirrored."""
    both = zip(looks(images), looks(map(ImageOps.mirror, images)), strict=True)
    return np.stack([np.stack([plain.layout, mirrored.layout]) for plain, mirrored in both])


def groups(images):
    return near_duplicates(np.stack([np.asarray(image.resize((32, 32), 4)) for image in images]))


@pytest.fixture(scope="module")
def trained():
    images = gardens.gardens(16, seed=1)
    references = layouts(images)
    return images, references, copies.calibrate(references, groups(images))


@pytest.mark.parametrize("kind", list(gardens.COPIES))
def test_copies_are_found(trained, kind):
    images, references, found = trained
    made = looks([gardens.COPIES[kind](image) for image in images[:4]])
    near = [copies.closeness(look.layout, references) for look in made]
    assert [int(each.argmax()) for each in near] == [0, 1, 2, 3]
    assert all(each.max() >= found.threshold for each in near), (
        kind,
        found.threshold,
        [float(each.max()) for each in near],
    )


def test_other_pictures_are_no_copies(trained):
    _, references, found = trained
    near = [copies.closeness(look.layout, references).max() for look in looks(gardens.gardens(60, seed=2))]
    assert sum(value >= found.threshold for value in near) <= 1
    assert found.different == 16 and "16" in found.said


def test_what_is_shown_alone_does_not_tell_a_copy(trained):
    """Why a copy is looked for place by place: as a whole, new scenes come as near as copies do."""
    images, _, _ = trained
    wholes = np.stack([look.whole for look in looks(images)])
    noisy = [float((wholes @ look.whole).max()) for look in looks(map(gardens.COPIES["noise"], images[:8]))]
    other = [float((wholes @ look.whole).max()) for look in looks(gardens.gardens(40, seed=2))]
    assert max(other) > np.median(noisy)


def test_doubles_in_the_dataset_hide_no_copies(trained):
    """Pictures that are there twice, mirrored or as JPEG, would let nothing but themselves be a copy."""
    images, _, alone = trained
    doubled = [*images, ImageOps.mirror(images[0]), gardens.COPIES["JPEG"](images[1])]
    found = copies.calibrate(layouts(doubled), groups(doubled))
    assert found.different == 16 and found.threshold == pytest.approx(alone.threshold, abs=0.02)


def test_few_pictures_say_nothing():
    images = gardens.gardens(4, seed=3)
    images += [gardens.COPIES["JPEG"](image) for image in images] * 2
    found = copies.calibrate(layouts(images), groups(images))
    assert found.threshold is None and found.different == 4
    assert (
        found.said
        == "Copies cannot be told from 4 different training pictures: that takes 8, compared with each other."
    )


def test_held_out_pictures_count_as_other_ones(trained):
    """They are what a picture that is no copy looks like; one that happens to lie near raises the threshold."""
    images, references, alone = trained
    near = copies.calibrate(references, groups(images), [alone.threshold + 0.05])
    assert near.threshold > alone.threshold + 0.05


def test_equal_pictures_have_equal_looks_and_numbers_stay_finite():
    flat, striped = np.zeros((8, 8, 3), np.uint8), np.zeros((5, 300, 3), np.uint8)
    striped[:, ::2] = 255
    for image in (flat, striped, np.full((1, 1, 3), 255, np.uint8)):
        one, other = PlainMeasure().looks([image, image.copy()])
        assert np.array_equal(one.whole, other.whole) and np.array_equal(one.layout, other.layout)
        assert (
            np.isfinite(one.whole).all()
            and np.isfinite(one.layout).all()
            and abs(float(one.whole @ one.whole) - 1) < 1e-4
        )


def test_pictures_that_are_much_alike_are_told():
    rng = np.random.default_rng(0)
    common = rng.standard_normal(100)
    rows = np.array([common + 0.05 * rng.standard_normal(100) for _ in range(12)], np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = copies.calibrate(np.stack([rows, rows[:, ::-1]], 1), range(12))
    assert (
        found.threshold is not None
        and found.threshold > 0.99
        and found.said.endswith("only about half of all copies are found.")
    )


def test_closeness_of_one_measure_on_the_scale_of_another():
    """Median, threshold and 1 are the same on both; without a threshold nothing is near."""
    one, other = copies.Calibration(0.95, "", 10, 0.3), copies.Calibration(0.7, "", 10, 0.33)
    found = one.taken_from(np.array([0.33, 0.7, 1.0, 0.5, 0.9]), other)
    assert found[:2] == pytest.approx([0.3, 0.95]) and found[2] > 0.9999
    assert 0.3 < found[3] < 0.95 < found[4] < 1
    few = copies.Calibration(None, "", 4)
    assert (few.taken_from(np.array([1.0]), other) == -np.inf).all() and (
        one.taken_from(np.array([1.0]), few) == -np.inf
    ).all()
