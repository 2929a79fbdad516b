"""What labels say, and that they fit."""

import json
import random
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import scored
from athanor.training_core.compare import pages
from athanor.training_core.compare.axes import Axis, Value
from athanor.training_core.compare.grid import Painter, cut, wrapped_labels
from athanor.training_core.compare.labels import labels
from athanor.training_core.drawing import font, font_for, shorten, wrap
from athanor.training_core.settings import GridSettings
from PIL import Image, ImageFont

LONG = "illustrious_my_favourite_character_in_a_long_name_with_everything_v2-"  # 69 characters
EPOCHS = [f"{LONG}{i:06d}" for i in range(1, 61)]
CJK = ["水墨风格插画角色二次元高质量版本-000004", "水墨风格插画角色二次元高质量版本-000012"]


def axis(*names, special=()):
    return Axis("LoRA", tuple(Value(name, (), name in special) for name in names))


@pytest.mark.parametrize(
    ("names", "common", "short"),
    [
        (["my_char_v2-000004", "my_char_v2-000008"], "my_char_v2- …", ("000004", "000008")),
        (["my_char_v2-000010", "my_char_v2-000012"], "my_char_v2- …", ("000010", "000012")),  # not 0 and 2
        (["epoch 1", "epoch 10"], "", ("epoch 1", "epoch 10")),  # too little to be worth it
        (["0.25", "0.5"], "", ("0.25", "0.5")),
        (["learning_rate 1e-4", "learning_rate 2e-4"], "learning_rate …", ("1e-4", "2e-4")),  # not 1e and 2e
        (["some_char 1e-4", "some_char 1e-5"], "some_char …", ("1e-4", "1e-5")),
        (["my_character 0.25", "my_character 0.5"], "my_character …", ("0.25", "0.5")),
        (["a cat sitting on a mat", "a dog sitting on a mat"], "a … sitting on a mat", ("cat", "dog")),
        (["style-long-name", "style-long-name-v2"], "style-long- …", ("name", "name-v2")),
        (
            ["red sprout at the left, sky background", "blue sprout, sand background"],
            "",
            ("red sprout at the left, sky background", "blue sprout, sand background"),
        ),
        (["only one of them"], "", ("only one of them",)),
        (CJK, "水墨风格插画角色二次元高质量版本- …", ("000004", "000012")),
    ],
)
def test_the_common_part_goes_into_the_title(names, common, short):
    found = labels(axis(*names))
    assert (found.common, found.short) == (common, short)


def test_the_base_model_has_nothing_in_common():
    found = labels(axis("base model", *EPOCHS, special={"base model"}))
    assert found.short[:3] == ("base model", "000001", "000002") and found.common == f"{LONG} …"


@pytest.mark.parametrize("seed", range(20))
def test_names_come_back_from_common_and_short(seed):
    rng = random.Random(seed)
    words = ["a", "bb", "v2", "000010", "000012", "1.5", "x", "红"]
    names = ["-".join(rng.choices(words, k=rng.randint(1, 5))) for _ in range(4)]
    found = labels(axis(*names))
    head, _, tail = found.common.partition(" …")
    for name, short in zip(names, found.short, strict=True):
        assert name == f"{head}{short}{tail.strip()}" and short


@pytest.mark.parametrize(
    "text", ["my_character_v2-000012", "a" * 80, "one two three four five six seven eight", "一二三" * 20]
)
def test_labels_keep_their_end(text):
    face = font_for(text, 13)
    lines = wrap(text, face, 90, 2)
    assert len(lines) <= 2 and all(face.getlength(line) <= 90 for line in lines)
    assert lines[-1].endswith(text[-2:])
    assert shorten("short", face, 90) == "short"


@pytest.mark.parametrize("width", range(30, 200, 7))
def test_numbers_are_never_cut_in_two(width):
    for text in ("character_v1234-000012", "abc 1234567 def 7654321", "x" * 30 + "123456"):
        whole = {"1234", "000012", "1234567", "7654321", "123456"}
        short = shorten(text, font(13), width)
        digits = set("".join(c if c.isdigit() else " " for c in short).split())
        assert digits <= whole or short.replace("…", "").isdigit(), short


@pytest.mark.parametrize("names", [EPOCHS, CJK, ["euler", "dpmpp_2m_sde_gpu"], ["A" * 80, "B" * 80]])
@pytest.mark.parametrize("width", [64, 128, 512])
def test_one_size_for_an_axis_and_nothing_is_lost(names, width):
    text = wrapped_labels(names, width, 4, 13)
    assert 9 <= text.size <= 13
    for lines, name in zip(text.lines, names, strict=True):
        assert not cut(lines, name) and all(font_for(x, text.size).getlength(x) <= width for x in lines)


def document(sizes, titles=("x", "y", "z"), value=lambda title, i: f"{title}{i}", size=(64, 64)):
    axes = [
        {"title": t, "common": "", "values": [value(t, i) for i in range(n)]}
        for t, n in zip(titles, sizes, strict=False)
    ]
    places = list(product(*map(range, sizes)))
    keys = ["k" + "_".join(map(str, at)) for at in places]
    sized = {key: size(at) if callable(size) else size for key, at in zip(keys, places, strict=True)}
    return {"title": "A title", "axes": axes, "cells": keys, "sizes": sized}


def colour(key):
    """Another one for each cell, and none that labels have."""
    number = sum(int(part) * 61**i for i, part in enumerate(key[1:].split("_")))
    return (number % 64 * 2, 160 + number // 64 % 64, 130 + number // 4096)


def drawn(tmp_path: Path, plan, **settings):
    """Draw a plan whose pictures are plain colours; returns the painter and its pages."""
    (tmp_path / "cells").mkdir(exist_ok=True)
    for key, size in plan["sizes"].items():
        Image.new("RGB", size, colour(key)).save(tmp_path / "cells" / f"{key}.png")
    painter = Painter(plan, tmp_path, GridSettings(**settings))
    return painter, list(painter.draw())


@lru_cache
def counted(pixels):
    values, counts = np.unique(np.frombuffer(pixels, np.uint8).reshape(-1, 3) @ [65536, 256, 1], return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def areas(image, key):
    """Pixels of the cell's colour."""
    red, green, blue = colour(key)
    return counted(image.tobytes()).get(red * 65536 + green * 256 + blue, 0)


@pytest.mark.parametrize("swap", list(pages.SWAPS))
def test_every_picture_is_there_once_whatever_is_swapped(tmp_path, swap):
    plan = document((3, 4, 2))
    painter, (image,) = drawn(tmp_path, plan, swap=swap)
    assert all(areas(image, key) == 64 * 64 for key in plan["cells"])
    order = pages.SWAPS[swap]
    assert [len(axis.values) for axis in painter.grid.axes] == [(3, 4, 2)[i] for i in order]


def test_mixed_sizes_are_centred_and_not_cropped(tmp_path):
    plan = document((3, 2), size=lambda at: [(64, 128), (128, 128), (192, 96)][at[0]])
    painter, (image,) = drawn(tmp_path, plan)
    assert painter.grid.widths() == [64, 128, 192] and set(painter.grid.heights().values()) == {128}
    for key, (width, height) in plan["sizes"].items():
        assert areas(image, key) == width * height
    _, (small,) = drawn(tmp_path, plan, cell_size=64)
    assert small.width < image.width and small.height < image.height


@pytest.mark.parametrize(("sizes", "pixels"), [((61, 5, 3), 0.3), ((5, 61, 3), 0.3), ((40, 40), 0.2), ((2, 2), 0.05)])
def test_large_grids_become_pages(tmp_path, sizes, pixels):
    plan = document(sizes, size=(32, 32))
    painter, images = drawn(tmp_path, plan, page_megapixels=pixels)
    assert len(images) == len(painter.pages)
    seen = [at for page in painter.pages for strip in page.strips for at in [(page.first, page.end, strip)]]
    count = sum(end - first for first, end, _ in seen)
    assert count == len(plan["cells"])
    for page, image in zip(painter.pages, images, strict=True):
        assert image.size == page.size and max(image.size) <= pages.SIDE
        cells = (page.end - page.first) * len(page.strips)
        assert image.width * image.height <= pixels * 1e6 or cells <= 2, (image.size, cells)
    some = plan["cells"][:50]
    found = sum(areas(image, key) for image in images for key in some)
    assert found == len(some) * 32 * 32


def test_a_missing_picture_is_a_tile_with_the_reason(tmp_path):
    plan = document((2, 1), size=(160, 160))
    drawn(tmp_path, plan)
    (tmp_path / "cells" / f"{plan['cells'][0]}.png").unlink()
    failed = json.dumps({"cell": plan["cells"][0], "status": "failed", "error": "no"})
    (tmp_path / "cells.jsonl").write_text(f'{failed}\n{{"cell": "cut')
    image = next(Painter(plan, tmp_path, GridSettings()).draw())
    assert areas(image, plan["cells"][0]) == 0 and areas(image, plan["cells"][1]) == 160 * 160
    assert (224, 128, 112) in {found for _, found in image.getcolors(1 << 24)}


def test_without_legend_there_are_only_pictures(tmp_path):
    plan = document((3, 2))
    _, (image,) = drawn(tmp_path, plan, legend=False, margin=0)
    assert image.size == (192, 128)


def test_no_label_touches_a_picture(tmp_path):
    """Sixty long names, small cells: the cells' own pixels are untouched, and labels stay in their place."""
    plan = document((60, 3), value=lambda title, i: EPOCHS[i] if title == "x" else f"{title}{i}")
    _, (image,) = drawn(tmp_path, plan)
    assert all(areas(image, key) == 64 * 64 for key in plan["cells"])


class CountingFont:
    """A font whose letters are 7 pixels wide, and that counts the letters that it measures."""

    measured = 0

    def getlength(self, text):
        self.measured += len(text)
        return 7.0 * len(text)


@pytest.mark.parametrize("size", [500, 2000, 100_000])
def test_long_texts_cost_no_more_than_what_is_shown_of_them(size):
    """`shorten` measured anew for each letter that it dropped: 13 s for a caption of 2000 letters."""
    text = ("a photograph of 12 boats, weathered; " * (size // 30))[:size].strip()
    for draw, kept in ((lambda face: shorten(text, face, 210), 29), (lambda face: wrap(text, face, 210, 3)[-1], 20)):
        face = CountingFont()
        shown = draw(face)
        assert kept <= len(shown) <= 30 and "…" in shown and shown.endswith(text[-5:])
        assert face.measured < 3000


def test_grid_of_long_prompts_measures_little(tmp_path, monkeypatch):
    """Labels of 700 letters took a minute, though all pictures were on disk: no row is wrapped again and again."""
    measured = 0
    plain = ImageFont.FreeTypeFont.getlength

    def counting(self, text, *args):
        nonlocal measured
        measured += len(text)
        return plain(self, text, *args)

    monkeypatch.setattr(ImageFont.FreeTypeFont, "getlength", counting)
    prompt = "a photograph of an old harbour, weathered boats; " * 14
    Painter(document((2, 10), value=lambda title, i: f"{title}{i} {prompt}"), tmp_path, GridSettings())
    assert measured < 400_000


def test_scores_stand_under_the_pictures(tmp_path):
    """Switched on: a number and a bar below each picture that was scored, none cut or covered; without scores nothing changes."""
    plan = document((3, 2), size=(96, 64))
    _, (plain,) = drawn(tmp_path, plan)
    _, (same,) = drawn(tmp_path, plan, scores=True)
    assert same.tobytes() == plain.tobytes()
    scored.write_comparison_scores(
        tmp_path, cells={key: 0.5 + 0.1 * i for i, key in enumerate(plan["cells"][:5])}, checkpoints=[]
    )
    painter, (image,) = drawn(tmp_path, plan, scores=True)
    assert all(areas(image, key) == 96 * 64 for key in plan["cells"]) and image.height > plain.height
    accent = sum(n for n, found in image.getcolors(1 << 24) if found == (90, 200, 120))
    assert painter._title == "A title  ·  likeness by colours and edges (weak)" and accent > 100
    _, (bare,) = drawn(tmp_path, plan, scores=True, legend=False, margin=0)
    assert bare.width == 3 * 96 and 2 * 64 < bare.height < 2 * 64 + 60
    _, (plain,) = drawn(tmp_path, plan)
    assert plain.tobytes() == same.tobytes()
