import io
from pathlib import Path

import pytest
from athanor.training_core.data.doctor import alike, measure, pixels
from doctored import save, scene
from PIL import Image, ImageEnhance, ImageFilter, ImageOps


def findings(dataset, resolution=512, distance=6):
    measures = measure.measure_all(dataset)
    return {
        f.kind: f for f in [*pixels.check(dataset, measures, resolution), *alike.check(dataset, measures, distance)]
    }


def named(dataset, finding):
    return {dataset.pictures[i].name for i in finding.pictures}


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return Image.open(data).convert("RGB")


def test_different_sharp_pictures_are_left_alone(tmp_path: Path):
    assert findings(save(tmp_path, {f"{n}.png": scene(n) for n in range(20)})) == {}


def test_files_that_are_the_same(tmp_path: Path):
    dataset = save(tmp_path, {"a.png": scene(1), "b.png": scene(1), "c.png": scene(2)})
    result = findings(dataset)
    assert list(result) == ["duplicates"] and named(dataset, result["duplicates"]) == {"a.png", "b.png"}
    assert "a.png = b.png" in result["duplicates"].text


@pytest.mark.parametrize(
    "change",
    [
        lambda i: jpeg(i, 30),
        lambda i: i.resize((300, 300)),
        lambda i: ImageEnhance.Brightness(i).enhance(1.15),
        lambda i: ImageEnhance.Color(i).enhance(0.5),
        lambda i: i.crop((6, 6, 634, 634)),
    ],
)
def test_near_duplicates(tmp_path: Path, change):
    dataset = save(tmp_path, {"a.png": scene(1), "b.png": change(scene(1)), "c.png": scene(2), "d.png": scene(3)})
    result = findings(dataset)
    assert named(dataset, result["near-duplicates"]) == {"a.png", "b.png"} and result["near-duplicates"].groups == (
        (0, 1),
    )
    assert "near-duplicates" not in findings(dataset, distance=0)


def test_flat_pictures_of_different_colours_are_not_alike(tmp_path: Path):
    colours = ("red", "blue", "white", "black", "grey", "lime")
    dataset = save(tmp_path, {f"{c}.png": Image.new("RGB", (512, 512), c) for c in colours})
    result = findings(dataset)
    assert set(result) == {"flat"} and len(result["flat"].pictures) == len(colours)


def test_sketches_on_white_are_not_alike(tmp_path: Path):
    def sketch(seed):
        image = Image.new("RGB", (512, 512), "white")
        image.paste(scene(seed, (140, 140)), ((seed * 131) % 370, (seed * 57) % 370))
        return image

    assert findings(save(tmp_path, {f"{n}.png": sketch(n) for n in range(30)})) == {}


def test_mirrored(tmp_path: Path):
    dataset = save(tmp_path, {"a.png": scene(1), "b.png": ImageOps.mirror(scene(1)), "c.png": scene(2)})
    result = findings(dataset)
    assert list(result) == ["mirrored"] and named(dataset, result["mirrored"]) == {"a.png", "b.png"}
    assert result["mirrored"].level == "hint"


def test_a_symmetric_picture_is_not_its_own_mirror_image(tmp_path: Path):
    half = scene(1, (320, 640))
    whole = Image.new("RGB", (640, 640))
    whole.paste(half, (0, 0))
    whole.paste(ImageOps.mirror(half), (320, 0))
    assert findings(save(tmp_path, {"a.png": whole, "c.png": scene(2)})) == {}
    assert list(findings(save(tmp_path, {"a.png": whole, "b.png": jpeg(whole, 60)}))) == ["near-duplicates"]


@pytest.mark.parametrize("radius", [3, 6])
def test_blurred(tmp_path: Path, radius):
    pictures = {f"{n}.png": scene(n, (1024, 1024)) for n in range(5)}
    pictures["b.png"] = scene(9, (1024, 1024)).filter(ImageFilter.GaussianBlur(radius))
    dataset = save(tmp_path, pictures)
    result = findings(dataset)
    assert list(result) == ["blurred"] and named(dataset, result["blurred"]) == {"b.png"}


def test_all_blurred_is_seen_without_a_sharp_one(tmp_path: Path):
    dataset = save(tmp_path, {f"{n}.png": scene(n).filter(ImageFilter.GaussianBlur(4)) for n in range(4)})
    assert len(findings(dataset)["blurred"].pictures) == 4


def test_a_soft_background_is_not_blurred(tmp_path: Path):
    picture = scene(1, (1024, 1024)).filter(ImageFilter.GaussianBlur(12))
    picture.paste(scene(2, (400, 400)), (300, 300))
    assert findings(save(tmp_path, {"a.png": picture, "b.png": scene(3)})) == {}


@pytest.mark.parametrize(("side", "method"), [(512, Image.Resampling.LANCZOS), (341, Image.Resampling.BICUBIC)])
def test_enlarged(tmp_path: Path, side, method):
    small = scene(1, (1024, 1024)).resize((side, side), Image.Resampling.LANCZOS)
    dataset = save(tmp_path, {"a.png": small.resize((1024, 1024), method), "b.png": scene(2, (1024, 1024))})
    result = findings(dataset, resolution=1024)
    assert list(result) == ["upscaled"] and named(dataset, result["upscaled"]) == {"a.png"}
    assert ("512x512" if side == 512 else "256x256") in result["upscaled"].text
    assert bool(findings(dataset, resolution=512)) == (side < 512)  # else the detail is enough there


def test_large_jpeg_is_measured_like_a_png(tmp_path: Path):
    picture = scene(1, (4200, 2100))
    picture.save(tmp_path / "a.jpg", quality=92)
    picture.save(tmp_path / "a.png", compress_level=1)
    first, second = (
        measure.measure(measure.load(measure.PixelSource(n, "white", tmp_path / n))) for n in ("a.jpg", "a.png")
    )
    assert first.size == second.size == (2100, 1050)
    assert first.detail == second.detail == 1 and first.sharpness == pytest.approx(second.sharpness, rel=0.1)


def test_a_picture_that_is_gone_is_an_error(tmp_path: Path):
    dataset = save(tmp_path, {"a.png": scene(31), "b.png": scene(32)})
    (tmp_path / "a.png").unlink()
    result = findings(dataset)
    assert (
        list(result) == ["unreadable"]
        and result["unreadable"].level == "error"
        and "a.png" in result["unreadable"].text
    )


def test_measured_once(tmp_path: Path, monkeypatch):
    dataset = save(tmp_path, {f"{n}.png": scene(40 + n) for n in range(3)})
    before = measure.measure_all(dataset)
    monkeypatch.setattr(measure, "load", lambda *_: pytest.fail("decoded again"))
    assert measure.measure_all(dataset) == before


def test_progress_can_end_it(tmp_path: Path):
    dataset = save(tmp_path, {f"{n}.png": scene(50 + n, (64, 64)) for n in range(3)})
    seen = []

    def progress(done, total):
        seen.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure.measure_all(dataset, progress)
    assert seen == [(1, 3), (2, 3)]
