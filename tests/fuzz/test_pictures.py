"""Mutated pictures and captions through everything that reads a dataset: inspected, decoded, shown, sorted, examined."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from athanor.training_core.data import decode, inspected, masks, plan, sheet, thumbnails
from athanor.training_core.data.doctor import caption_checks, examine, measure
from athanor.training_core.data.quick_scan import quick_scan
from athanor.training_core.data.scan import scan
from athanor.training_core.data.view import DatasetView, Filter
from athanor.training_core.errors import AthanorError
from athanor.training_core.history import report
from athanor.training_core.pictures import UnreadablePicture
from athanor.training_core.settings import BucketSettings, DatasetSettings, DoctorSettings
from fuzz import cases, check_message, generator, hurt, no_hang
from PIL import Image

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".webp": "WEBP", ".gif": "GIF", ".bmp": "BMP", ".tif": "TIFF", ".eps": "EPS"}
MODES = ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16", "F")
SETTINGS = BucketSettings(width=64, height=64, min_bucket_reso=32, max_bucket_reso=128, bucket_reso_steps=32)


def picture(rng: random.Random) -> tuple[bytes, str]:
    """Return the bytes of a picture of any format, mode and size, with or without EXIF, and the ending of its format."""
    size = rng.choice(((64, 48), (33, 97), (1, 1), (5, 300), (256, 256)))
    pixels = np.frombuffer(rng.randbytes(16 * 16 * 3), np.uint8).reshape(16, 16, 3)
    image = Image.fromarray(pixels).resize(size)
    suffix, mode = rng.choice(list(FORMATS)), rng.choice(MODES)
    mode = "L" if mode in ("I;16", "F") and suffix != ".tif" else mode
    image = image.convert("L").convert("I;16") if mode == "I;16" else image.convert(mode)
    options = {}
    if rng.random() < 0.3 and suffix in (".png", ".jpg", ".webp"):
        exif = Image.Exif()
        exif[0x0112] = rng.randrange(10)
        options["exif"] = exif.tobytes()
    if rng.random() < 0.2:
        options["icc_profile"] = rng.randbytes(200)
    if mode == "P" and rng.random() < 0.5:
        options["transparency"] = rng.choice((0, bytes(range(20))))
    data = io.BytesIO()
    try:
        image.save(data, FORMATS[suffix], **options)
    except Exception:  # a mode that this format has not
        data = io.BytesIO()
        image.convert("RGB").save(data, FORMATS[suffix])
    return data.getvalue(), suffix


def changed(data: bytes, rng: random.Random) -> bytes:
    """Return bytes that are hurt, once or twice, or those of a small part of all cases as they are."""
    if rng.random() < 0.1:
        return data
    data = hurt(data, rng)
    return hurt(data, rng) if rng.random() < 0.2 else data


def told(work: Callable[[], object]) -> object:
    """Return what comes out, or the reason why nothing does, which must be one a user can read."""
    try:
        return work()
    except (AthanorError, UnreadablePicture) as error:
        check_message(str(error))
        return None


def test_any_picture_is_read_or_named(tmp_path: Path):
    """What `inspect` takes can be decoded, and has the size that it said."""
    rng = generator("pictures")
    taken = 0
    for number in range(cases(2000)):
        data, suffix = picture(rng)
        path = (
            tmp_path
            / f"{number}{suffix if rng.random() < 0.5 else rng.choice(['.png', '.jpg', '.webp', '.bmp', '.avif'])}"
        )
        path.write_bytes(changed(data, rng))
        case = (number, path.suffix)  # each look by itself: a hurt size may make a picture of many megapixels
        with decode.strict():
            with no_hang(case):
                found = told(lambda path=path: decode.inspect(path))
            with no_hang(case):
                told(lambda path=path: masks.inspect_mask(path))
            with no_hang(case):
                told(lambda path=path: report.thumbnail(path, 64))
            with no_hang(case):
                told(lambda path=path: measure.measure(measure.load(measure.PixelSource("x", "white", path), 64)))
            if isinstance(found, decode.Inspected):
                taken += 1
                for background in ("white", None):
                    with no_hang(case):
                        image = decode.decode(path, background)
                    assert image.size == found.size and image.mode == "RGB", number
                assert (decode.alpha(path) is not None) == found.has_alpha, number
        path.unlink()
    assert taken > cases(2000) / 20


def test_any_folder_is_read_and_shown(tmp_path: Path):
    """A dataset of mutated pictures, masks, control pictures and captions: scan, contact sheet, page, thumbnails, doctor."""
    rng = generator("datasets")
    for number in range(cases(60, 30)):
        root = tmp_path / str(number)
        (root / "masks").mkdir(parents=True)
        (root / "control").mkdir()
        Image.new("RGB", (64, 48), "red").save(root / "whole.png")
        for index in range(12):
            data, _ = picture(rng)
            stem = rng.choice((f"{index}", f"bob_{index}_2_3_4", f"é{index}", f"a\n{index}"))
            (root / f"{stem}{rng.choice(('.png', '.jpg', '.webp'))}").write_bytes(changed(data, rng))
            (root / f"{stem}.txt").write_bytes(changed(caption(rng), rng))
            if rng.random() < 0.5:
                (root / "masks" / f"{stem}.png").write_bytes(changed(picture(rng)[0], rng))
            for name in rng.sample(
                (stem, f"{stem}_0", f"{stem}_2", f"{index}_1", "\udcff_1"), rng.choice((0, 0, 1, 2))
            ):
                (root / "control" / f"{name}.png").write_bytes(changed(data if index % 2 else picture(rng)[0], rng))
        beside = {"mask_folder": "masks", "control_folder": "control"}
        settings = DatasetSettings(folder="ds", **beside, alpha_mask=rng.random() < 0.5)
        looked_through(root, settings)


def caption(rng: random.Random) -> bytes:
    """Return a caption of any encoding, with line ends of all kinds."""
    words = rng.choices(["a cat", "猫", "ü", "{a|b}", "1girl", "", " "], k=rng.randrange(12))
    text = rng.choice((", ", "\n", "\r\n", "\r", "\u2028", "\x85", "|||")).join(words)
    return text.encode(rng.choice(("utf-8", "utf-8-sig", "utf-16", "gb18030")))


def looked_through(root: Path, settings: DatasetSettings) -> None:
    dataset = scan(settings, root, root / "masks", root.parent / "kept", root / "control")
    assert dataset == scan(settings, root, root / "masks", root.parent / "kept", root / "control")
    for sentence in quick_scan(settings, root, root / "masks", root / "control").hints:
        check_message(sentence)
    for warning in dataset.warnings:
        check_message(warning)
    buckets = plan.sort_into_buckets(dataset, SETTINGS)
    told(lambda: sheet.contact_sheet(buckets))
    for line in sheet.summary(buckets).split("\n"):
        assert len(line) < 1000
    small = thumbnails.Thumbnails(root.parent / "thumbnails")
    for picture in dataset.pictures:
        assert small.of(dataset, picture, 256)
        assert all(small.of_control(dataset, picture, i, 256) for i in range(len(picture.controls)))
    view = DatasetView(title="ds", dataset=dataset, buckets=buckets)
    assert view.page(Filter(), 0, 100)["total"] == len(dataset.pictures)
    for finding in examine.examine(dataset, DoctorSettings(trigger="cat")).findings:
        check_message(finding.text)
    assert caption_checks.scan_warnings(dataset) is not None


def test_any_file_of_inspections_is_survived(tmp_path: Path):
    root = tmp_path / "ds"
    root.mkdir()
    for name in "abc":
        Image.new("RGB", (8, 8), "red").save(root / f"{name}.png")
    paths = sorted(root.glob("*.png"))
    inspections = inspected.Inspections(tmp_path / "kept", root)
    first, rng = inspections.of(paths), generator("inspections")
    (kept,) = (tmp_path / "kept").iterdir()
    data = kept.read_bytes()
    for _ in range(cases(1000)):
        kept.write_bytes(hurt(data, rng))
        assert inspections.of(paths) == first


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"RIFF\0\0\0\0WEBP", b"II*\0"]
)
def test_beginnings_of_files(tmp_path: Path, data: bytes):
    path = tmp_path / "a.png"
    path.write_bytes(data)
    assert told(lambda: decode.inspect(path)) is None
