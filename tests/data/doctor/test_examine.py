from dataclasses import replace
from pathlib import Path

import pytest
from athanor.training_core.data.doctor import layout
from athanor.training_core.data.doctor.examine import examine
from athanor.training_core.data.doctor.report import TALLEST, WIDTH, draw
from athanor.training_core.errors import AthanorError
from athanor.training_core.settings import DoctorSettings
from athanor.training_core.settings.base import info, parse
from doctored import save, scene, sensible, written
from PIL import Image


def good(folder: Path, number: int = 20):
    names = [f"{n:02}.png" for n in range(number)]
    captions = dict(zip(names, sensible(number), strict=True))
    return save(folder, {name: scene(n) for n, name in enumerate(names)}, captions)


def test_good_dataset_has_one_line(tmp_path: Path):
    diagnosis = examine(good(tmp_path), DoctorSettings(trigger="mychar"))
    assert diagnosis.findings == () and diagnosis.verdict == "Nothing found: no errors, no warnings, no hints."
    assert len(diagnosis.text.splitlines()) == 2
    diagnosis.raise_errors()
    assert draw(diagnosis).width == WIDTH


def test_errors_stop(tmp_path: Path):
    diagnosis = examine(good(tmp_path, 12), DoctorSettings(trigger="other"))
    assert diagnosis.verdict.startswith("1 error")
    with pytest.raises(AthanorError, match=r"^trigger 'other' is in none of the captions; [^.]*\.$"):
        diagnosis.raise_errors()


def test_training_and_regularization(tmp_path: Path):
    trained = good(tmp_path / "own", 10)
    reg = save(
        tmp_path / "reg", {"r.png": scene(3), "s.png": scene(99)}, {"r.png": "person", "s.png": "person"}, is_reg=True
    )
    findings = {f.kind: f for f in examine(trained.joined(reg), DoctorSettings()).findings}
    both = findings["training and regularization"]
    assert both.level == "error" and both.pictures == (10, 3)
    alone = save(tmp_path / "reg", {"r.png": scene(98)}, {"r.png": "person"}, is_reg=True)
    assert "training and regularization" not in {
        f.kind for f in examine(trained.joined(alone), DoctorSettings()).findings
    }


def kinds(dataset, resolution=512, batch_size=1):
    findings = layout.check(dataset, layout.groups_of(dataset), layout.buckets_at(dataset, resolution, batch_size))
    return {f.kind: f for f in findings}


def sized(*sizes):
    dataset = written(["x"] * len(sizes))
    return replace(dataset, pictures=tuple(replace(p, size=s) for p, s in zip(dataset.pictures, sizes, strict=True)))


def test_sizes():
    assert kinds(sized(*[(512, 512)] * 10)) == {}
    assert kinds(sized(*[(512, 512)] * 9, (300, 300))) == {}
    assert kinds(sized(*[(512, 512)] * 9, (200, 200)))["small pictures"].pictures == (9,)
    assert set(kinds(sized(*[(512, 512)] * 10), 1088)) == {"small pictures"}
    assert kinds(sized(*[(512, 512)] * 9, (1100, 500)))["narrow pictures"].pictures == (9,)


def test_buckets_smaller_than_the_batch():
    dataset = sized(*[(512, 512)] * 9, (768, 512))
    assert kinds(dataset) == {} and kinds(dataset, batch_size=2)["small buckets"].pictures == (9,)


def test_few_pictures():
    assert "Only 3 different pictures" in kinds(sized(*[(512, 512)] * 3))["few pictures"].text


def folders(**groups):
    """name -> (pictures, repeats)"""
    dataset = written(["x"] * sum(n for n, _ in groups.values()))
    names = [(f"{name}/{n}.png", repeats) for name, (number, repeats) in groups.items() for n in range(number)]
    pictures = zip(dataset.pictures, names, strict=True)
    return replace(dataset, pictures=tuple(replace(p, name=name, repeats=r) for p, (name, r) in pictures))


def test_balance():
    assert "balance" not in kinds(folders(face=(10, 2), body=(20, 1)))
    text = kinds(folders(face=(10, 1), body=(40, 1)))["balance"].text
    assert "body is seen 4.0 times as often as face" in text and "face: 4" in text
    assert "balance" not in kinds(folders(all=(10, 1)))


@pytest.mark.parametrize("captions", [None, [""], ["word, " * 20000], ["这是一个很长的标题" * 500], ["a\nb\n" * 1000]])
def test_report_of_one_picture(tmp_path: Path, captions):
    dataset = save(tmp_path, {"一张图片_" + "x" * 80 + ".png": scene(1)})
    dataset = (
        dataset if captions is None else replace(dataset, pictures=(replace(dataset.pictures[0], caption=captions[0]),))
    )
    image = draw(examine(dataset, DoctorSettings(trigger="t")))
    assert image.width == WIDTH and 300 < image.height < TALLEST and image.mode == "RGB"


def test_report_of_everything_wrong_is_bounded(tmp_path: Path):
    pictures, captions = {}, {}
    for n in range(30):
        name = f"{'10_a' if n < 20 else '1_b'}/{n}_{'long' * 20}.png"
        pictures[name] = scene(n // 2, (90, 400) if n % 3 else (700, 700))
        captions[name] = ["", "1girl, 2girls, hat, hat", "tag, " * 200][n % 3]
    dataset = save(tmp_path, pictures, captions)
    dataset = replace(dataset, warnings=tuple(f"Something odd, number {n}, about {'a_file ' * 40}." for n in range(60)))
    diagnosis = examine(dataset, DoctorSettings(trigger="t", batch_size=8))
    image = draw(diagnosis)
    assert image.width == WIDTH and image.height <= TALLEST
    assert len(diagnosis.findings) > 60 and diagnosis.findings[0].level == "error"


def test_report_when_files_are_gone(tmp_path: Path):
    dataset = save(tmp_path, {"a.png": scene(71), "b.png": Image.new("RGB", (64, 64))})
    (tmp_path / "a.png").unlink()
    assert draw(examine(dataset, DoctorSettings())).width == WIDTH


def test_settings():
    assert all(s.tip.endswith(".") for s in info(DoctorSettings))
    with pytest.raises(AthanorError, match="resolution is 500: it must be a multiple of 64, for example 512"):
        parse(DoctorSettings, {"resolution": 500})
