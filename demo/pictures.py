"""Procedurally drawn, captioned pictures: what the demo base knows, and the one thing it does not.

The world has five shapes in seven colours, at five places, on five backgrounds. The *sprout* (a round
creature with eyes and a leaf) is not part of it: the demo's LoRA teaches it.
"""

from __future__ import annotations

import itertools
import random
from typing import NamedTuple

from PIL import Image, ImageDraw

SIZE = 128
SHAPES = ("circle", "square", "triangle", "diamond", "cross")
COLOURS = {
    "red": (214, 48, 49),
    "green": (46, 160, 67),
    "blue": (41, 98, 214),
    "yellow": (245, 205, 40),
    "purple": (140, 60, 180),
    "orange": (240, 130, 30),
    "white": (245, 245, 245),
}
BACKGROUNDS = {
    "gray": (128, 128, 128),
    "black": (24, 24, 24),
    "sky": (150, 205, 240),
    "sand": (225, 205, 165),
    "navy": (28, 40, 84),
}
PLACES = {
    "center": (0.5, 0.5),
    "left": (0.27, 0.5),
    "right": (0.73, 0.5),
    "top": (0.5, 0.27),
    "bottom": (0.5, 0.73),
}


class Scene(NamedTuple):
    """One picture's content; `shape` may also be "sprout"."""

    shape: str
    colour: str
    place: str
    background: str

    @property
    def caption(self) -> str:
        """The caption in the words the demo base was trained on."""
        where = "in the center" if self.place == "center" else f"at the {self.place}"
        return f"{self.colour} {self.shape} {where}, {self.background} background"


def world() -> list[Scene]:
    """Every scene of the demo base's world (875)."""
    return [Scene(*parts) for parts in itertools.product(SHAPES, COLOURS, PLACES, BACKGROUNDS)]


def draw(scene: Scene, rng: random.Random, size: int = SIZE) -> Image.Image:
    """Draw `scene` with small random offsets in place and size, as an RGB image of `size` x `size` pixels."""
    over = 4  # supersampling
    canvas = Image.new("RGB", (size * over, size * over), BACKGROUNDS[scene.background])
    pen = ImageDraw.Draw(canvas)
    cx, cy = ((p + rng.uniform(-0.03, 0.03)) * size * over for p in PLACES[scene.place])
    r = rng.uniform(0.17, 0.21) * size * over
    fill = COLOURS[scene.colour]
    if scene.shape == "circle":
        pen.ellipse((cx - r, cy - r, cx + r, cy + r), fill=fill)
    elif scene.shape == "square":
        s = r * 0.88
        pen.rectangle((cx - s, cy - s, cx + s, cy + s), fill=fill)
    elif scene.shape == "triangle":
        pen.polygon([(cx, cy - r), (cx + r, cy + r * 0.8), (cx - r, cy + r * 0.8)], fill=fill)
    elif scene.shape == "diamond":
        pen.polygon([(cx, cy - r * 1.15), (cx + r * 0.8, cy), (cx, cy + r * 1.15), (cx - r * 0.8, cy)], fill=fill)
    elif scene.shape == "cross":
        arm = r * 0.36
        pen.rectangle((cx - r, cy - arm, cx + r, cy + arm), fill=fill)
        pen.rectangle((cx - arm, cy - r, cx + arm, cy + r), fill=fill)
    elif scene.shape == "sprout":
        _sprout(pen, cx, cy, r, fill)
    else:
        raise ValueError(f"Unknown shape '{scene.shape}'.")
    return canvas.resize((size, size), Image.Resampling.LANCZOS)


def _sprout(pen: ImageDraw.ImageDraw, cx: float, cy: float, r: float, fill: tuple[int, int, int]) -> None:
    """A round creature: two big eyes, a mouth, two feet and a leaf on a stalk."""
    dark, leaf = (20, 20, 20), (60, 190, 80)
    for side in (-1, 1):
        pen.ellipse(
            (cx + side * r * 0.5 - r * 0.3, cy + r * 0.75, cx + side * r * 0.5 + r * 0.3, cy + r * 1.15), fill=dark
        )
    pen.ellipse((cx - r, cy - r * 0.9, cx + r, cy + r), fill=fill)
    pen.line((cx, cy - r * 0.85, cx, cy - r * 1.4), fill=leaf, width=int(r * 0.14))
    pen.ellipse((cx, cy - r * 1.75, cx + r * 0.75, cy - r * 1.25), fill=leaf)
    pen.ellipse((cx - r * 0.75, cy - r * 1.75, cx, cy - r * 1.25), fill=leaf)
    for side in (-1, 1):
        ex, ey = cx + side * r * 0.38, cy - r * 0.15
        pen.ellipse((ex - r * 0.32, ey - r * 0.36, ex + r * 0.32, ey + r * 0.36), fill=(255, 255, 255))
        pen.ellipse((ex - r * 0.15, ey - r * 0.15, ex + r * 0.15, ey + r * 0.21), fill=dark)
    pen.arc((cx - r * 0.4, cy + r * 0.1, cx + r * 0.4, cy + r * 0.7), 20, 160, fill=dark, width=int(r * 0.12))
