"""Decoding, resizing and masks."""

from pathlib import Path

import numpy as np
import pytest
import torch
from athanor.training_core.data import buckets, decode, images
from athanor.training_core.data.buckets import Placement
from athanor.training_core.data.doctor import measure
from athanor.training_core.objective.losses import mask_for
from athanor.training_core.pictures import UnreadablePicture
from doctored import bomb
from PIL import Image, ImageCms, ImageFile, ImageOps, features


def noise(width=60, height=40, seed=0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


def test_area_is_the_mean_of_what_a_cell_covers():
    row = np.array([[0.0, 10, 20, 30, 40]])
    assert np.allclose(images.area(row, 2, 1), [[(0 + 10 + 0.5 * 20) / 2.5, (0.5 * 20 + 30 + 40) / 2.5]])
    assert np.allclose(images.area(np.arange(12.0), 4, 0), [1, 4, 7, 10])
    values = np.random.default_rng(0).random((37, 23, 3))
    assert np.allclose(images.area(values, 37, 0), values)
    assert np.allclose(images.area(values, 11, 0).mean(0), values.mean(0))


def test_area_equals_opencv():
    """What cv2.resize(INTER_AREA) 4.x made of the same numbers."""
    values = Image.fromarray((np.arange(35).reshape(5, 7) * 37 % 256).astype(np.uint8))
    assert np.asarray(images.resize(values, (3, 2), "area")).tolist() == [[29, 113, 198], [36, 121, 205]]
    assert np.asarray(images.resize(values, (6, 5), "area"))[0].tolist() == [5, 48, 90, 132, 174, 217]


def test_auto_is_area_to_shrink_and_lanczos_to_enlarge():
    picture = noise()
    assert images.resize(picture, (30, 20)).tobytes() == images.resize(picture, (30, 20), "area").tobytes()
    assert images.resize(picture, (90, 30)).tobytes() == images.resize(picture, (90, 30), "lanczos").tobytes()
    assert images.resize(picture, (60, 40)) is picture
    for kind in ("bicubic", "bilinear", "nearest"):
        assert images.resize(picture, (30, 20), kind).size == (30, 20)


def test_a_strip_is_cut_before_it_is_enlarged(monkeypatch):
    """A line of a web page, 30000x10: as a whole it would take gigabytes; what is cut first is the same picture."""
    strip = noise(300, 10)
    placement = buckets.place(strip.size, buckets.BucketTable((64, 64), ((128, 32), (64, 64)), 32))
    whole = np.asarray(images.fit(strip, placement)).astype(int)
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    assert np.abs(np.asarray(images.fit(strip, placement)) - whole).max() <= 1
    monkeypatch.undo()
    placement = buckets.place((30_000, 10), buckets.BucketTable((512, 512), ((1024, 256), (512, 512)), 64))
    assert placement.resized[0] * placement.resized[1] > images.MAX_PIXELS
    assert images.fit(noise(30_000, 10), placement).size == placement.bucket


def test_mask_is_pooled_by_area():
    """The vector of sd-scripts: ones at rows 0-7 x columns 0-11 of 16x16."""
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., :8, :12] = 1
    assert mask_for(mask, torch.ones(1, 1, 2, 2)).tolist() == [[[[1, 0.5], [0, 0]]]]
    assert mask_for(mask, torch.ones(1, 4, 3, 2, 2)).shape == (1, 1, 1, 2, 2)


def test_a_mask_is_cut_and_mirrored_like_its_picture():
    picture = noise(100, 64)
    mask = picture.convert("L")
    placement = Placement((48, 48), (75, 48), (10, 0))
    cut, masked = (images.fit(p, placement, True) for p in (picture, mask))
    assert np.abs(np.asarray(cut.convert("L")).astype(int) - np.asarray(masked)).max() <= 2


def save(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def test_icc_profiles_that_change_nothing(tmp_path: Path):
    """sRGB stays; a broken profile, or one for other colours than the file has, is left out."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    plain = Image.new("RGB", (4, 4), (200, 100, 50))
    tagged = save(tmp_path / "srgb.png", plain, icc_profile=srgb.tobytes())
    assert decode.decode(tagged).getpixel((0, 0)) == (200, 100, 50)
    broken = save(tmp_path / "broken.png", plain, icc_profile=b"this is no profile")
    assert decode.decode(broken).getpixel((0, 0)) == (200, 100, 50)
    grey = save(tmp_path / "grey.png", Image.new("L", (4, 4), 90), icc_profile=srgb.tobytes())
    assert decode.decode(grey).getpixel((0, 0)) == (90, 90, 90)


def test_a_profile_of_another_gamma_changes_the_pixels(tmp_path: Path):
    profile = _gamma_profile(1.0)
    path = save(tmp_path / "linear.png", Image.new("RGB", (4, 4), (128, 128, 128)), icc_profile=profile)
    assert all(abs(v - 188) <= 2 for v in decode.decode(path).getpixel((0, 0)))  # 0.5 linear is 0.735 in sRGB
    jpeg = save(tmp_path / "linear.jpg", Image.new("RGB", (8, 8), (128, 128, 128)), icc_profile=profile, quality=95)
    assert all(abs(v - 188) <= 3 for v in decode.decode(jpeg).getpixel((0, 0)))


def _gamma_profile(gamma: float) -> bytes:
    """sRGB's own profile with its tone curves replaced by a plain gamma."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(data[128:132], "big")
    curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + round(gamma * 256).to_bytes(2, "big")
    for i in range(count):
        entry = 132 + 12 * i
        name = bytes(data[entry : entry + 4])
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            at = int.from_bytes(data[entry + 4 : entry + 8], "big")
            data[at : at + len(curve)] = curve
            data[entry + 8 : entry + 12] = len(curve).to_bytes(4, "big")
        if name == b"desc":
            at, size = (int.from_bytes(data[entry + k : entry + k + 4], "big") for k in (4, 8))
            text = bytes(data[at : at + size])
            data[at : at + size] = text.replace("sRGB".encode("utf-16-be"), "gama".encode("utf-16-be")).replace(
                b"sRGB", b"gama"
            )
    return bytes(data)


def test_alpha_on_a_background_or_as_a_mask(tmp_path: Path):
    rgba = Image.new("RGBA", (8, 8), (10, 20, 30, 255))
    rgba.paste((200, 0, 0, 0), (0, 0, 4, 8))
    path = save(tmp_path / "a.png", rgba)
    assert decode.decode(path, "black").getpixel((0, 0)) == (0, 0, 0)
    assert decode.decode(path, "#ff8000").getpixel((0, 0)) == (255, 128, 0)
    assert decode.decode(path, None).getpixel((0, 0)) == (200, 0, 0)
    assert [decode.alpha(path).getpixel((x, 0)) for x in (0, 7)] == [0, 255]
    assert decode.alpha(save(tmp_path / "b.png", noise())) is None
    palette = rgba.convert("P")
    palette.info["transparency"] = palette.getpixel((0, 0))
    assert decode.alpha(save(tmp_path / "p.png", palette, transparency=palette.getpixel((0, 0)))) is not None


def test_inspection(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    seen = decode.inspect(save(tmp_path / "turned.jpg", noise(60, 20), exif=exif))
    assert seen.size == (20, 60) and not seen.has_alpha and not seen.animated
    frames = [noise(seed=i) for i in range(3)]
    path = tmp_path / "moves.webp"
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    assert decode.inspect(path).animated
    assert decode.decode(path).tobytes() == frames[0].tobytes()
    wrong = tmp_path / "wrong.png"
    noise().save(wrong, format="JPEG", quality=95)
    assert decode.inspect(wrong).size == decode.decode(wrong).size == (60, 40)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no avif")
def test_avif(tmp_path: Path):
    path = save(tmp_path / "a.avif", Image.new("RGB", (32, 16), (200, 30, 30)), quality=95)
    assert decode.inspect(path).size == (32, 16)
    assert np.allclose(decode.decode(path).getpixel((5, 5)), (200, 30, 30), atol=6)


def test_avif_without_the_library_is_explained(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(decode.features, "check", lambda name: False)
    (tmp_path / "a.avif").write_bytes(b"x")
    with pytest.raises(UnreadablePicture, match=r"Pillow 11\.3"):
        decode.inspect(tmp_path / "a.avif")


def test_bombs_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # another pack has switched Pillow's own limit off
    (tmp_path / "bomb.png").write_bytes(bomb())
    for read in (decode.inspect, decode.decode):
        with pytest.raises(UnreadablePicture, match="20000x20000, above the limit of 178 megapixels"):
            read(tmp_path / "bomb.png")


def test_cut_off_files_are_errors_even_if_another_pack_tolerates_them(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    path = save(tmp_path / "a.jpg", noise(300, 200), quality=95)
    path.write_bytes(path.read_bytes()[:-2000])
    with decode.strict(), pytest.raises(OSError, match="truncated"):
        decode.inspect(path)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_what_runs_other_programs_is_no_picture(tmp_path: Path):
    """Pillow gives an EPS to Ghostscript, whatever the file is called."""
    path = save(tmp_path / "a.jpg", noise(), format="EPS")
    for read in (decode.inspect, decode.decode, decode.alpha):
        with pytest.raises(UnreadablePicture, match=r"^it is not a picture of a known format$"):
            read(path)


def test_reasons_are_plain_words(tmp_path: Path):
    png = save(tmp_path / "a.png", noise()).read_bytes()
    (tmp_path / "chunk.png").write_bytes(png.replace(b"IDAT", b"\xaaDAT"))
    (tmp_path / "folder.png").mkdir()
    middle = len(png) // 2  # broken in the middle of its data: reading its EXIF data first would hide that
    (tmp_path / "inside.png").write_bytes(png[:middle] + b"\xff" * 64 + png[middle + 64 :])
    for name, reason in (
        ("chunk.png", "it is "),
        ("inside.png", ""),
        ("folder.png", "Is a directory"),
        ("b.png", "No such file"),
    ):
        with pytest.raises(UnreadablePicture, match=f"^{reason}"):
            decode.inspect(tmp_path / name)


def test_broken_exif_is_no_exif(tmp_path: Path):
    path = save(tmp_path / "a.jpg", noise(), exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert decode.inspect(path).size == decode.decode(path).size == (60, 40)


def test_every_orientation_is_turned_as_pillow_turns_it(tmp_path: Path):
    for orientation in range(10):
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = save(tmp_path / f"{orientation}.png", noise(6, 4), exif=exif)
        with Image.open(path) as image:
            expected = ImageOps.exif_transpose(image).convert("RGB")
        assert decode.decode(path).tobytes() == expected.tobytes() and decode.inspect(path).size == expected.size


@pytest.mark.parametrize("size", [(5, 5), (5000, 3)])
def test_small_and_thin_photographs(tmp_path: Path, size):
    """JPEG is read at a part of its size, of which a few pixels leave nothing."""
    path = save(tmp_path / "a.jpg", Image.new("RGB", size, "red"))
    assert decode.inspect(path).size == size
    assert measure.load(measure.PixelSource("x", "white", path), 64).height >= 1
