"""Draw the pictures that Templates shows beside the names of example_workflows/: what such a workflow leads to, and a title.

python dev.py demo                                (once: the pictures and the loss are of its training)
.athanor/venv/bin/python tools/cards.py [BASE]    (BASE: a folder that a ComfyUI has run the demo in)
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

sys.path.append(str(Path(__file__).resolve().parents[1] / "demo"))

import example_first
import prepare

TARGET = Path(__file__).resolve().parent.parent / "example_workflows"
SIDE, SAVED, QUALITY = 480, 320, 76
"""Pixels of a card as it is drawn and as it is saved (the page shows a square some 270 wide), and JPEG quality: the pack's zip
holds all of them.
"""
MARGIN, BAND, HEAD, FOOT = 24, 48, 132, 44
"""The page lays a badge over the left of the band."""
PAPER, INK, SOFT, LINE, STAR = "#f6f1e7", "#1d2a35", "#6b7680", "#d9d0bf", "#e8a317"
SPROUTS = (0, 1, 2)
"""Columns of the demo's grid that show what it learns."""


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font."""
    return ImageFont.load_default(size)


class Demo:
    """What the demo has left in a ComfyUI's folder."""

    def __init__(self, base: Path) -> None:
        found = sorted((base / "output" / "athanor" / "compare").glob("*/plan.json"), key=lambda p: p.stat().st_mtime)
        if not found:
            sys.exit(f"{base} has no comparison: run python dev.py demo first.")
        plan = json.loads(found[-1].read_text(encoding="utf-8"))
        self._cells, self._keys = found[-1].parent / "cells", plan["cells"]
        self.prompts, self.epochs = (axis["values"] for axis in plan["axes"][:2])
        self.photographs = sorted((base / "input" / prepare.DATASET / "3_sprout").glob("*.png"))
        metrics = max((base / "output" / "athanor" / "runs").glob("*/metrics.jsonl"), key=lambda p: p.stat().st_mtime)
        lines = metrics.read_text(encoding="utf-8").splitlines()
        self.losses = [row["loss"] for row in map(json.loads, lines) if "loss" in row]

    def cell(self, prompt: int, epoch: int) -> Image.Image:
        """A picture of the grid."""
        key = self._keys[prompt * len(self.epochs) + epoch]
        return Image.open(self._cells / f"{key}.png").convert("RGB")


Picture = Callable[[Demo, Image.Image, tuple[int, int, int, int]], None]
"""Draws into a box of the card."""


@dataclass(kw_only=True)
class Card:
    """A title, what is above it, a picture, and a line of words."""

    name: str
    above: str
    title: str
    words: str
    accent: str
    picture: Picture

    def draw(self, demo: Demo) -> Image.Image:
        """Draw the whole card."""
        card = Image.new("RGB", (SIDE, SIDE), PAPER)
        pen = ImageDraw.Draw(card)
        pen.rectangle((0, 0, SIDE, BAND), self.accent)
        pen.text((SIDE - MARGIN, BAND / 2), self.above, PAPER, font(24), anchor="rm")
        size = 64
        while pen.textlength(self.title, font(size)) > SIDE - 2 * MARGIN:
            size -= 2
        pen.text((MARGIN, 92), self.title, INK, font(size), anchor="lm")
        self.picture(demo, card, (MARGIN, HEAD, SIDE - MARGIN, SIDE - FOOT))
        pen.text((SIDE / 2, SIDE - FOOT / 2), self.words, INK, font(20), anchor="mm")
        return card


def grid(rows: Sequence[int], starred: tuple[int, int] | None = None, named: bool = True) -> Picture:
    """Epochs from top to bottom over prompts from left to right, with the epochs' names; one may have a frame."""

    def draw(demo: Demo, card: Image.Image, box: tuple[int, int, int, int]) -> None:
        left, top, right, bottom = box
        gap, pen = 6, ImageDraw.Draw(card)
        side = (bottom - top) // len(rows) - gap
        width = len(SPROUTS) * (side + gap) - gap
        begin = right - width if named else (left + right - width) // 2
        for r, epoch in enumerate(rows):
            y = top + r * (side + gap)
            if named:
                pen.text((left, y + side / 2), demo.epochs[epoch], INK if epoch else SOFT, font(20), anchor="lm")
            for c, prompt in enumerate(SPROUTS):
                x = begin + c * (side + gap)
                card.paste(demo.cell(prompt, epoch).resize((side, side), Image.Resampling.LANCZOS), (x, y))
                if starred == (r, c):
                    pen.rectangle((x - 3, y - 3, x + side + 2, y + side + 2), outline=STAR, width=5)

    return draw


def pictures(demo: Demo, card: Image.Image, box: tuple[int, int, int, int]) -> None:
    """The pictures of a dataset, in three shapes, as buckets crop them."""
    left, top, right, bottom = box
    shapes, gap, y, at = ((3, 2), (2, 3), (1, 1)), 8, top, 0
    high = (bottom - top - 2 * gap) // 3
    for wide, tall in shapes:
        x, width = left, round(high * wide / tall)
        while x + width <= right:
            picture = Image.open(demo.photographs[at % len(demo.photographs)]).convert("RGB")
            w, h = picture.size
            part = min(w / wide, h / tall)
            crop = ((w - part * wide) / 2, (h - part * tall) / 2, (w + part * wide) / 2, (h + part * tall) / 2)
            card.paste(picture.resize((width, high), Image.Resampling.LANCZOS, crop), (x, y))
            x, at = x + width + gap, at + 1
        y += high + gap


def captioned(demo: Demo, card: Image.Image, box: tuple[int, int, int, int]) -> None:
    """Pictures of a dataset, each with the file beside it and what stands there."""
    left, top, right, bottom = box
    pen, gap = ImageDraw.Draw(card), 10
    side = (bottom - top - 2 * gap) // 3
    for row, path in enumerate(demo.photographs[:3]):
        y = top + row * (side + gap)
        card.paste(Image.open(path).convert("RGB").resize((side, side), Image.Resampling.LANCZOS), (left, y))
        text = path.with_suffix(".txt")
        pen.text((left + side + 16, y + 4), text.name, BLUE, font(19))
        lines = [""]
        for word in text.read_text(encoding="utf-8").split():
            fits = pen.textlength(f"{lines[-1]} {word}", font(23)) < right - left - side - 16
            lines[-1:] = [f"{lines[-1]} {word}".strip()] if fits else [lines[-1], word]
        pen.multiline_text((left + side + 16, y + 32), "\n".join(lines), INK, font(23))


def noisy(shares: Sequence[Sequence[float]], colours: Sequence[str]) -> Picture:
    """Pictures with less and less noise, a row for each model that draws them; `shares`: of noise in each."""

    def draw(demo: Demo, card: Image.Image, box: tuple[int, int, int, int]) -> None:
        left, top, right, bottom = box
        gap, pen, rng = 8, ImageDraw.Draw(card), random.Random(0)
        side = min((bottom - top - gap) // len(shares), (right - left - 2 * gap) // len(shares[0])) - gap
        photograph = Image.open(demo.photographs[0]).convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
        noise = Image.frombytes("RGB", (side // 8, side // 8), rng.randbytes(3 * (side // 8) ** 2))
        noise = noise.resize((side, side), Image.Resampling.NEAREST)
        begin = (left + right - len(shares[0]) * (side + gap) + gap) // 2
        for row, (parts, colour) in enumerate(zip(shares, colours, strict=True)):
            for column, share in enumerate(parts):
                x, y = begin + column * (side + gap), top + gap + row * (side + 2 * gap)
                card.paste(Image.blend(photograph, noise, share), (x, y))
                pen.rectangle((x - 3, y - 3, x + side + 2, y + side + 2), outline=colour, width=5)

    return draw


def curve(shares: Sequence[float], colours: Sequence[str]) -> Picture:
    """The loss over the steps, in parts of several colours; `shares`: where each part ends."""

    def draw(demo: Demo, card: Image.Image, box: tuple[int, int, int, int]) -> None:
        left, top, right, bottom = box
        mean, points, pen = demo.losses[0], [], ImageDraw.Draw(card)
        for loss in demo.losses:
            mean += (loss - mean) / 40
            points.append(mean)
        high, low = max(points), 0.8 * min(points)
        at = [
            (left + (right - left) * i / (len(points) - 1), bottom - (bottom - top) * (v - low) / (high - low))
            for i, v in enumerate(points)
        ]
        for share in (0.25, 0.5, 0.75, 1):
            y = top + (bottom - top) * share
            pen.line((left, y, right, y), LINE, 2)
        first = 0
        for share, colour in zip(shares, colours, strict=True):
            last = round(share * len(at))
            pen.line(at[max(first - 1, 0) : last], colour, 6, "curve")
            x, y = at[last - 1]
            pen.ellipse((x - 10, y - 10, x + 10, y + 10), colour)
            first = last

    return draw


RANKED = (
    ("1e-4", 8, 0.14, 0.10),
    ("1e-4", 32, 0.2, 0.12),
    ("5e-5", 32, 0.48, 0.1),
    ("5e-5", 8, 0.56, 0.11),
    ("2e-4", 32, 0.86, 0.14),
)
"""Learning rate, rank, and where the dot of its probe and the reach of its noise are, on a scale from 0 to 1."""


def ranking(demo: Demo, card: Image.Image, box: tuple[int, int, int, int]) -> None:
    """Runs of a sweep, the best first: a dot with its noise for each; the first two cannot be told apart."""
    left, top, right, bottom = box
    pen, face, high = ImageDraw.Draw(card), font(22), (bottom - top) / len(RANKED)
    begin, room = left + 190, right - left - 200
    for row, (rate, rank, at, reach) in enumerate(RANKED):
        y = top + high * (row + 0.5)
        pen.text((left, y), "1-2" if row < 2 else str(row + 1), SOFT, face, anchor="lm")
        pen.text((left + 44, y), f"{rate}, {rank}", INK, face, anchor="lm")
        x, colour = begin + room * at, GREEN if row < 2 else SOFT
        pen.line((x - room * reach, y, x + room * reach, y), colour, 4)
        pen.ellipse((x - 9, y - 9, x + 9, y + 9), colour)
        pen.line((left, y + high / 2, right, y + high / 2), LINE, 2)


GREEN, BLUE, RED, VIOLET = "#2f7d4f", "#2b62a8", "#b3432b", "#6a4ba0"
LEARNING = grid((0, 2, 5))
FIRST = [
    Card(
        name=f"1 First LoRA - {first.title}", above="First LoRA", title=first.title, accent=GREEN, picture=LEARNING,
        words=f"rank {first.network['rank']}  ·  {first.size} pixels  ·  10 epochs",
    )
    for first in example_first.FIRST_LORAS
]  # fmt: skip
TOOLS = [
    Card(
        name="2 Caption pictures", above="Before training", title="Caption pictures", accent=BLUE, picture=captioned,
        words="a language model that sees, or any tagger",
    ),
    Card(
        name="2 Pick my epoch", above="LoRA files of any trainer", title="Pick my epoch", accent=BLUE,
        picture=grid((1, 3, 5), starred=(1, 1)), words="epochs, strengths and seeds in one grid",
    ),
    Card(
        name="2 Which settings", above="Several runs, ranked", title="Which settings?", accent=BLUE, picture=ranking,
        words="learning rate and rank, over night",
    ),
    Card(
        name="2 Continue a run", above="More epochs, other pictures", title="Continue a run", accent=BLUE,
        picture=curve((0.5, 1), (GREEN, RED)), words="go on where it ended, or from any LoRA file",
    ),
    Card(
        name="2 Prepare a dataset", above="Before training", title="Prepare a dataset", accent=BLUE, picture=pictures,
        words="captions, tags, duplicates, crops",
    ),
    Card(
        name="2 Compare unfinished runs", above="Stopped or still training", title="Unfinished runs", accent=BLUE,
        picture=grid((5, 2, 3)), words="each run as far as it has come",
    ),
]  # fmt: skip
RECIPES = [
    Card(
        name="3 Recipe - SD1.5 character", above="Published recipe", title="SD1.5 character", accent=RED,
        picture=grid((0, 3, 5)), words="the beginner's guide, setting by setting",
    ),
    Card(
        name="3 Recipe - SDXL style LoKr", above="Published recipe", title="SDXL style LoKr", accent=RED,
        picture=grid((0, 4, 5)), words="debiased estimation, with and without",
    ),
    Card(
        name="3 Recipe - SD3 full fine-tune", above="Published recipe", title="SD3 fine-tune", accent=RED,
        picture=grid((0, 1, 5)), words="the whole model in bf16, without a LoRA",
    ),
    Card(
        name="3 Recipe - Wan 2.2 experts", above="Two models, two LoRAs", title="Wan 2.2 experts", accent=RED,
        picture=noisy(((1, 0.9, 0.8), (0.5, 0.25, 0)), (VIOLET, GREEN)), words="high noise, low noise, one grid",
    ),
    Card(
        name="3 Study - Noise and loss", above="Study of four runs", title="Noise and loss", accent=VIOLET,
        picture=curve((1,), (VIOLET,)), words="what noise and loss settings do",
    ),
    Card(
        name="3 Study - Three services", above="Study of three trainers", title="Three services", accent=VIOLET,
        picture=grid((3, 4, 5), named=False), words="three LoRAs on three base models",
    ),
]  # fmt: skip
ALL = (*FIRST, *TOOLS, *RECIPES)


def main() -> None:
    """Draw all cards anew."""
    demo = Demo(Path(sys.argv[1]) if sys.argv[1:] else prepare.BASE)
    for card in ALL:
        path = TARGET / f"{card.name}.jpg"
        picture = card.draw(demo).resize((SAVED, SAVED), Image.Resampling.LANCZOS)
        picture.save(path, "JPEG", quality=QUALITY, optimize=True, progressive=True)
        print(f"{path.name}: {path.stat().st_size // 1000} kB", flush=True)


if __name__ == "__main__":
    main()
