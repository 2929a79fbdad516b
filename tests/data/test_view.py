"""A dataset as a page looks at it."""

import io
from dataclasses import replace

import pytest
from athanor.training_core.data import sheet
from athanor.training_core.data.plan import sort_into_buckets
from athanor.training_core.data.scan import scan
from athanor.training_core.data.thumbnails import Thumbnails
from athanor.training_core.data.view import MOST_PICTURES, DatasetView, Filter
from athanor.training_core.errors import AthanorError
from athanor.training_core.settings import BucketSettings, DatasetSettings, DoctorSettings
from doctored import bomb, save, scene, sensible, written
from PIL import Image


def names(view: DatasetView, **wanted) -> list[int]:
    return [p["index"] for p in view.page(Filter(**wanted), 0, 100)["pictures"]]


@pytest.fixture
def view() -> DatasetView:
    captions = [
        "mychar, long_hair, hat",
        "mychar, Long Hair, indoors, outdoors",
        "mychar, hat, hat, tree",
        "",
        "mychar, tree, smile",
    ]
    dataset = written(captions)
    return DatasetView(
        title="ds",
        dataset=dataset,
        buckets=sort_into_buckets(dataset, BucketSettings()),
        doctor=DoctorSettings(trigger="mychar"),
    )


def test_terms_are_counted_as_the_doctor_compares_them(view):
    assert view.has_tags and view.terms()["terms"][:4] == [["mychar", 4], ["hat", 2], ["long hair", 2], ["tree", 2]]
    assert view.terms("LONG_h") == {"kind": "tags", "all": 7, "total": 1, "terms": [["long hair", 2]]}
    assert view.terms("", 1) == {"kind": "tags", "all": 7, "total": 7, "terms": [["mychar", 4]]}
    sentences = DatasetView(
        title="s",
        dataset=written(["A dog runs over the green grass in the sun.", "The dog sleeps on a red sofa all day."]),
    )
    assert (
        not sentences.has_tags
        and sentences.terms("dog")["terms"] == [["dog", 2]]
        and not sentences.terms("the")["terms"]
    )


def test_filters_are_joined(view):
    assert names(view) == [0, 1, 2, 3, 4]
    assert names(view, terms=("long hair",)) == [0, 1]
    assert names(view, terms=("mychar",), without=("long hair", "smile")) == [2]
    assert names(view, text="OUTDOORS") == [1] and names(view, text="3.png") == [3]
    assert names(view, bucket=(512, 512)) == [0, 1, 2, 3, 4] and names(view, bucket=(64, 64)) == []
    assert names(view, terms=("nothing",)) == [] and names(view, finding=0) == []  # the doctor has not looked yet


def test_findings_name_their_pictures(view):
    assert view.overview()["findings"] is None
    view.examine()
    kinds = {f["kind"]: n for n, f in enumerate(view.findings_json())}
    assert names(view, finding=kinds["missing captions"]) == [3]
    assert names(view, finding=kinds["contradictions"]) == [1]
    assert names(view, finding=99) == []
    entry = view.page(Filter(), 3, 1)["pictures"][0]
    assert kinds["missing captions"] in entry["findings"] and entry["caption"] == ""


def test_a_screenful_of_many(tmp_path):
    dataset = written(sensible(3000))
    view = DatasetView(title="many", dataset=dataset, buckets=sort_into_buckets(dataset, BucketSettings()))
    page = view.page(Filter(), 2950, 10_000)
    assert page["total"] == 3000 and [p["index"] for p in page["pictures"]] == list(range(2950, 3000))
    assert len(view.page(Filter(), 0, 10_000)["pictures"]) == MOST_PICTURES
    assert view.page(Filter(), 99_999, 10)["pictures"] == []


def test_places_are_those_of_the_bucketer(tmp_path):
    dataset = save(tmp_path, {"wide.png": scene(1, (400, 200)), "square.png": scene(2, (64, 64))})
    settings = BucketSettings(width=128, height=128, min_bucket_reso=64, max_bucket_reso=256, bucket_reso_steps=64)
    buckets = sort_into_buckets(dataset, settings)
    view = DatasetView(title="two", dataset=dataset, buckets=buckets)
    by_name = {p["name"]: p for p in view.page(Filter(), 0, 9)["pictures"]}
    placed = {dataset.pictures[e.picture].name: e.placement for e in buckets.entries}
    for name, placement in placed.items():
        (place,) = by_name[name]["places"]
        assert place == {"bucket": placement.bucket, "resized": placement.resized, "crop": placement.crop}
    assert sum(count for *_, count in view.overview()["buckets"]) == 2


def test_thumbnails_are_made_once_and_follow_the_file(tmp_path):
    dataset = save(tmp_path / "ds", {"a.png": scene(1, (600, 300))})
    thumbnails, (picture,) = Thumbnails(tmp_path / "kept"), dataset.pictures
    first = thumbnails.of(dataset, picture, 256)
    (thumbnail,) = (tmp_path / "kept").iterdir()
    with Image.open(thumbnail) as image:
        assert image.size == (256, 128) and image.format == "JPEG"
    thumbnail.write_bytes(b"from the folder")
    assert thumbnails.of(dataset, picture, 256) == b"from the folder"
    scene(2, (300, 600)).save(picture.path)
    assert thumbnails.of(dataset, picture, 256) not in (first, b"from the folder")
    palette = io.BytesIO()
    Image.new("P", (8, 8)).save(palette, "PNG")
    for data in (b"no picture", bomb(), palette.getvalue().replace(b"PLTE", b"\xaaLTE"), None):
        picture.path.write_bytes(data) if data else picture.path.unlink()
        with pytest.raises(AthanorError, match=r"^a\.png was deleted or cannot be read; load the dataset again\.$"):
            thumbnails.of(dataset, picture, 256)


def test_the_contact_sheet_and_the_page_say_what_is_trained():
    several = ["a dog\nIt runs."]
    for dataset, text in (
        (written(several, caption_prefix="sks"), "sks a dog"),
        (written(several, enable_wildcard=True), "a dog | It runs."),
    ):
        buckets = sort_into_buckets(dataset, BucketSettings())
        assert sheet._caption(buckets, buckets.entries[0]) == text
        (picture,) = DatasetView(title="ds", dataset=dataset).page(Filter(), 0, 1)["pictures"]
        assert picture["only_first_line"] is not dataset.subsets[0].enable_wildcard


def test_the_contact_sheet_shows_pairs(tmp_path):
    """What a picture is made from stands on its left, several in one square; and a picture without is seen to have none."""
    for name, colour in (("a", "red"), ("b", "lime"), ("c", "blue")):
        Image.new("RGB", (64, 64), colour).save(tmp_path / f"{name}.png")
    (tmp_path / "control").mkdir()
    for name, size in (("a", (64, 64)), ("b_1", (32, 32)), ("b_2", (32, 16))):
        Image.new("RGB", size, "yellow").save(tmp_path / "control" / f"{name}.png")
    settings = DatasetSettings(folder="ds", class_tokens="x", control_folder="control")
    dataset = scan(settings, tmp_path, controls=tmp_path / "control")
    buckets = sort_into_buckets(dataset, BucketSettings(width=64, height=64, min_bucket_reso=32))
    drawn = sheet.contact_sheet(buckets)
    yellow, lime = (255, 255, 0), (0, 255, 0)
    cell, middle = 2 * 160 + sheet.ARROW + 24, 34 + 80
    places = [
        (24 + 80, middle),
        (24 + 160 + sheet.ARROW + 80, middle),
    ]  # of the first control picture, and of its picture
    assert [drawn.getpixel(place) for place in places] == [yellow, (255, 0, 0)]
    places = [(24 + cell + x, middle) for x in (40, 120, 160 + sheet.ARROW + 80)]
    assert [drawn.getpixel(place) for place in places] == [yellow, yellow, lime]
    assert drawn.getpixel((24 + 2 * cell + 160 + sheet.ARROW + 80, middle)) == (0, 0, 255)
    assert yellow not in {drawn.getpixel((24 + 2 * cell + x, middle)) for x in range(160)}
    cut = sheet.contact_sheet(replace(buckets, settings=buckets.settings.model_copy(update={"control_size": "same"})))
    b = 24 + cell + 82 + 5  # the second control picture of b is twice as wide as high: only its middle is trained on
    assert (
        cut.getpixel((b + 34, middle)) == yellow != cut.getpixel((b, middle)) and drawn.getpixel((b, middle)) == yellow
    )
    alone = replace(dataset, pictures=tuple(replace(p, controls=()) for p in dataset.pictures))
    plain = sheet.contact_sheet(replace(buckets, dataset=alone))
    assert plain.width < drawn.width and plain.height < drawn.height


def test_names_are_found_in_either_form():
    dataset = written(["a cup"])
    (picture,) = dataset.pictures
    decomposed = replace(dataset, pictures=(replace(picture, name="cafe\u0301.png"),))
    assert names(DatasetView(title="ds", dataset=decomposed), text="CAF\u00c9") == [0]


def test_captions_that_end_a_paragraph_can_be_drawn(tmp_path):
    """Text layout fails for a character that ends a paragraph, as U+2029 and U+0085 do between scripts."""
    dataset = save(tmp_path, {"a.png": scene(1, (64, 64))}, {"a.png": "猫\x85ü, 猫\u2029ü"})
    assert sheet.contact_sheet(sort_into_buckets(dataset, BucketSettings())).width


@pytest.mark.parametrize("size", [(600, 1), (1, 600), (1, 1), (3000, 2)])
def test_strips_can_be_drawn(tmp_path, size):
    """A line or a gradient of a web page: what its crop leaves is less than a pixel of the sheet."""
    dataset = save(tmp_path, {"a.png": Image.new("RGB", size, "red")}, {"a.png": "x"})
    for settings in (BucketSettings(), BucketSettings(enable_bucket=False), BucketSettings(crop_anchor="focus")):
        buckets = sort_into_buckets(dataset, settings)
        assert sheet.contact_sheet(buckets).width and sheet.summary(buckets)
        DatasetView(title="ds", dataset=dataset, buckets=buckets).examine()
