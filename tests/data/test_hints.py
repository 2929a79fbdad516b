"""Quiet mistakes in a folder of pictures: one sentence for each kind, with a number instead of a line for each file."""

from pathlib import Path

import pytest
from athanor.training_core.data import hints
from athanor.training_core.data.plan import sort_into_buckets
from athanor.training_core.data.scan import scan
from athanor.training_core.settings import BucketSettings, DatasetSettings
from PIL import Image

CONTENTS = {".png", ".jpg"}


@pytest.fixture
def warned(tmp_path: Path):
    """What is said of a folder with these files; pictures are 64x48."""

    def of(*names: str, **settings) -> list[str]:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix in CONTENTS:
                Image.new("RGB", (64, 48), "red").save(path)
            else:
                path.write_text("a cat", encoding="utf-8")
        return list(scan(DatasetSettings(folder="ds", **settings), tmp_path).warnings)

    return of


PICTURES = ("a.png", "b.png", "c.png")


@pytest.mark.parametrize(
    ("names", "settings", "words"),
    [
        (PICTURES, {}, "3 pictures, 0 captions: all are trained on an empty text, so no word will call the LoRA up; write captions"),
        (PICTURES, {"class_tokens": "  ", "caption_suffix": " "}, "3 pictures, 0 captions: all are trained on an empty text"),
        (PICTURES, {"is_reg": True}, "3 regularization pictures, 0 captions: set class_tokens"),
        ((*PICTURES, "a.txt"), {}, "2 pictures without a .txt file, trained on an empty text: b.png, c.png."),
        ((*PICTURES, "a.txt"), {"caption_prefix": "x"}, "2 pictures without a .txt file, trained on caption_prefix and"),
        (("a.png", "a.TXT", "b.png", "b.TXT", "c.png", "c.txt"), {"class_tokens": "x"},
         "2 captions not read: their upper and lower case differ; name each like its picture, with .txt (a.TXT, b.TXT)."),
        (("Cat.png", "cat.txt", "c.png", "c.txt"), {"class_tokens": "x"}, "1 caption not read: their upper and lower case differ"),
        (("cat.png", "cat.png.txt", "c.png", "c.txt"), {"class_tokens": "x"},
         "1 caption not read: they have the picture's ending in their names; rename cat.png.txt to cat.txt (cat.png.txt)."),
        (("cat.png", "cat.caption", "c.png", "c.txt"), {"class_tokens": "x"}, "There are .caption files (1): set caption_extension to"),
        (("cat.png", "labels/cat.txt", "c.png", "c.txt"), {"class_tokens": "x"},
         "1 caption not read: they lie in another folder than their pictures; move each beside its picture (labels/cat.txt)."),
        (("3_x/cat.png", "cat.txt", "3_x/c.png", "3_x/c.txt"), {},
         "1 caption not read: they lie in another folder"),
        (("cat.png", "cat.jpg", "cat.txt", "b.png", "b.txt"), {},
         "2 pictures share a .txt file with another of the same name: take one of each pair away, or rename it with a caption of its own "
         "(cat.jpg and cat.png)."),
        ((*PICTURES, "a.txt", "b.txt", "c.txt", "d.txt"), {}, "1 caption without a picture of that name: d.txt."),
        (("2024_trip/a.png", "2024_trip/a.txt", "10_cat/b.png", "10_cat/b.txt"), {},
         "The number in front of 2024_trip is read as repeats: rename the sub-folder if it is a year."),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(warned, names, settings, words):
    if "upper and lower case" in words and Path(__file__.upper()).exists():
        pytest.skip("this file system does not tell upper from lower case: cat.TXT is read there")
    found = warned(*names, **settings)
    (said,) = [text for text in found if words in text]
    assert said.endswith(".")
    other = [text for text in found if text != said]  # of the same pictures: what stands in place of the caption
    assert all("on the class tokens" in text or "Sub-folders" in text for text in other), other


@pytest.mark.parametrize(
    ("names", "settings"),
    [
        ((*PICTURES, "a.txt", "b.txt", "c.txt"), {}),
        (PICTURES, {"class_tokens": "sks dog"}),
        (("10_cat/a.png", "10_cat/b.png"), {}),
        (PICTURES, {"caption_prefix": "sks dog"}),
        (PICTURES, {"caption_dropout_rate": 1.0}),
        (("bob_10_20_30_40.png", "bob.png", "bob.txt"), {}),  # a face crop takes the caption of its picture
        (("a/cat.png", "a/cat.txt", "b/cat.png", "b/cat.txt"), {"nested_folders": True}),
        (("cat.png", "cat.jpg"), {"class_tokens": "cat"}),  # nothing to share
    ],
)
def test_no_mistake_no_sentence(warned, names, settings):
    assert warned(*names, **settings) == []


@pytest.mark.parametrize(
    ("side", "no_upscale", "words"),
    [
        (256, False, "2 of 3 pictures are smaller than the bucket and enlarged: use larger originals, lower width and height of Bucketer"),
        (256, True, ""),
        (64, False, ""),  # one of 60 pixels is not worth a word
    ],
)  # fmt: skip
def test_pictures_smaller_than_their_buckets(tmp_path, side, no_upscale, words):
    for name, size in {"a.png": 60, "b.png": 64, "c.png": 300}.items():
        Image.new("RGB", (size, size), "red").save(tmp_path / name)
    dataset = scan(DatasetSettings(folder="ds", class_tokens="x"), tmp_path)
    settings = BucketSettings(
        width=side,
        height=side,
        min_bucket_reso=32,
        max_bucket_reso=2 * side,
        bucket_reso_steps=32,
        bucket_no_upscale=no_upscale,
    )
    buckets = sort_into_buckets(dataset, settings)
    said = hints.small_pictures(buckets)
    assert words in said and bool(said) == bool(words)
    assert hints.dataset_hints(buckets) == ([said] if words else [])


def test_pictures_that_are_left_out_are_one_line():
    said = [f"{n}.png cannot be read and is left out: the file is empty." for n in range(5)]
    (one,) = hints.in_short(said)
    assert one.startswith("5 pictures are left out") and "0.png, 1.png, 2.png and 2 more" in one
    assert hints.in_short(said[:1]) == said[:1]


def test_what_needs_no_doing_is_no_hint(tmp_path):
    """The demo's photographs are the host's own pictures, two of them animated."""
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:])
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    found = scan(DatasetSettings(folder="ds"), tmp_path).warnings
    assert len(found) == 1 and "animated" in found[0] and hints.mistakes(found) == []
