"""Drawn scenes of several objects, no two alike: what a dataset of pictures looks like to a measure, and copies of them."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pictures
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

SIZE = 96


def garden(rng: random.Random, size: int = SIZE) -> Image.Image:
    """A background, mostly with a ground, and three to five shapes anywhere."""
    side = 2 * size
    image = Image.new("RGB", (side, side), rng.choice(list(pictures.BACKGROUNDS.values())))
    pen = ImageDraw.Draw(image)
    if rng.random() < 0.6:
        pen.rectangle(
            (0, rng.uniform(0.5, 0.8) * side, side, side), fill=rng.choice(list(pictures.BACKGROUNDS.values()))
        )
    for _ in range(rng.randint(3, 5)):
        x, y, r = rng.uniform(0.12, 0.88) * side, rng.uniform(0.12, 0.88) * side, rng.uniform(0.08, 0.2) * side
        fill = rng.choice(list(pictures.COLOURS.values()))
        kind = rng.randrange(4)
        if kind == 0:
            pen.ellipse((x - r, y - r, x + r, y + r), fill=fill)
        elif kind == 1:
            pen.rectangle((x - r, y - r, x + r, y + r), fill=fill)
        elif kind == 2:
            pen.polygon([(x, y - r), (x + r, y + r), (x - r, y + r)], fill=fill)
        else:
            pictures._sprout(pen, x, y, r, fill)
    return image.resize((size, size), Image.Resampling.BOX)


def gardens(count: int, seed: int, size: int = SIZE) -> list[Image.Image]:
    rng = random.Random(seed)
    return [garden(rng, size) for _ in range(count)]


def write(folder: Path, count: int, seed: int, caption: str = "zorb garden {}", size: int = SIZE) -> None:
    """A dataset of gardens, `00.png` and `00.txt` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(gardens(count, seed, size)):
        image.save(folder / f"{number:02}.png")
        (folder / f"{number:02}.txt").write_text(caption.format(number), encoding="utf-8")


def _jpeg(image: Image.Image) -> Image.Image:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=30)
    return Image.open(data).convert("RGB")


def _noise(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 20, (*image.size[::-1], 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def _crop(image: Image.Image) -> Image.Image:
    cut = image.width // 20
    return image.crop((cut, cut, image.width - cut // 2, image.height - cut // 2)).resize(image.size)


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "the same": lambda image: image,
    "mirrored": ImageOps.mirror,
    "noise": _noise,
    "JPEG": _jpeg,
    "blur": lambda image: image.filter(ImageFilter.GaussianBlur(1.5)),
    "crop": _crop,
    "shift": lambda image: Image.fromarray(np.roll(np.asarray(image), image.width // 24, 1)),
    "other colours": lambda image: ImageEnhance.Color(ImageEnhance.Brightness(image).enhance(1.2)).enhance(0.7),
    "twice the size": lambda image: image.resize((2 * image.width, 2 * image.height)),
}
"""What is a copy to a person."""
