"""Drawn pictures and small datasets for the doctor's tests."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np
from athanor.training_core.data.dataset import Dataset, Picture
from athanor.training_core.data.scan import scan
from athanor.training_core.settings import DatasetSettings
from PIL import Image, ImageDraw


def scene(seed: int, size: tuple[int, int] = (640, 640)) -> Image.Image:
    """A sharp picture with big shapes, small ones, and a little grain; different for every seed."""
    return _scene(seed, size).copy()


@cache
def _scene(seed: int, size: tuple[int, int]) -> Image.Image:
    rng = np.random.default_rng(seed)
    width, height = size
    image = Image.new("RGB", size, tuple(rng.integers(40, 216, 3).tolist()))
    pen = ImageDraw.Draw(image)
    for number in range(60):
        extent = rng.uniform(0.2, 0.6) if number < 12 else rng.uniform(0.01, 0.1)
        x, y = rng.uniform(-0.1, 1, 2)
        box = (x * width, y * height, (x + extent) * width, (y + extent * rng.uniform(0.4, 1)) * height)
        (pen.ellipse if rng.random() < 0.5 else pen.rectangle)(box, fill=tuple(rng.integers(0, 256, 3).tolist()))
    grain = rng.normal(0, 1, (height, width, 1))
    return Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8))


def save(folder: Path, pictures: dict[str, Image.Image], captions: dict[str, str] | None = None, **options) -> Dataset:
    """Write pictures (and captions), and scan the folder."""
    for name, image in pictures.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, compress_level=1)  # grain is not made smaller by more effort
        if captions is not None:
            path.with_suffix(".txt").write_text(captions[name], encoding="utf-8")
    return scan(
        DatasetSettings(folder=folder.name, **({"class_tokens": "x"} if captions is None else {}), **options), folder
    )


def bomb(width: int = 20000, height: int = 20000) -> bytes:
    """A PNG of a few bytes that says it is huge."""
    png = io.BytesIO()
    Image.new("1", (8, 8)).save(png, "PNG")
    header = b"IHDR" + struct.pack(">II", width, height) + png.getvalue()[24:29]
    return png.getvalue()[:12] + header + struct.pack(">I", zlib.crc32(header)) + png.getvalue()[33:]


def written(captions: list[str], **options) -> Dataset:
    """A dataset of captions only: the pictures' files do not exist."""
    pictures = tuple(
        Picture(
            path=Path(f"{n}.png"),
            name=f"{n}.png",
            content=hashlib.sha256(str(n).encode()).hexdigest(),
            size=(512, 512),
            caption=caption,
            repeats=1,
        )
        for n, caption in enumerate(captions)
    )
    return Dataset((DatasetSettings(folder="ds", **options),), pictures)


TAGS = (
    "smile",
    "looking at viewer",
    "outdoors",
    "white shirt",
    "white skirt",
    "hat",
    "tree",
    "profile",
    "from above",
    "hands up",
    "flower",
    "book",
    "scarf",
    "jacket",
    "water",
)


def sensible(number: int, trigger: str = "mychar") -> list[str]:
    """Captions without fault: a trigger, then four to seven tags that vary."""
    rng = np.random.default_rng(3)
    return [", ".join([trigger, *rng.choice(TAGS, rng.integers(4, 8), replace=False).tolist()]) for _ in range(number)]
