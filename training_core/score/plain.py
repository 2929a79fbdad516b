"""The plain measure, which needs no model: colours and edges, as a whole and place by place.

What a picture shows is two histograms: of its colours, and of its edges by direction and strength at three sizes. Their square roots
are compared, so that the product of two is Bhattacharyya's coefficient: 1 for equal distributions, 0 for those that share nothing.
Colours are Oklab's (Ottosson 2020), in which equal distances look equal.

Where it shows it is a grid of 16 x 16 colours around their mean, and the edges in 8 x 8 cells by direction, at the same weight.
Measured on 10 to 48 drawn scenes of several objects, against noise, JPEG, blur, a crop of 5 %, a shift of 5 %, other saturation and
brightness, and mirroring: all of these copies are found, at one false alarm among 100 new scenes. The histograms alone overlap: new
scenes are as near as copies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from .looks import Look, Progress, unit

VERSION = 1
"""Raised when equal pictures would get other looks: what is kept is measured anew."""

_TO_CONES = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]],
    np.float32,
)  # fmt: skip
_TO_LAB = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099], [0.0259040371, 0.7827717662, -0.8086757660]],
    np.float32,
)  # fmt: skip
_BINS = np.array((6, 8, 8))
_LOWEST, _HIGHEST = np.array((0.0, -0.25, -0.32), np.float32), np.array((1.0, 0.28, 0.2), np.float32)
"""Of Oklab's L, a and b within sRGB."""
_COLOUR = np.array((1.0, 2.0, 2.0), np.float32)
"""Weight of L, a and b where they are compared place by place: a and b have a third of L's range."""
_FLAT = 0.03
"""Edges up to so much are none: what JPEG and a sampler leave on plain areas."""


class PlainMeasure:
    """Colours and edges alone, for whoever has no vision model."""

    title = "colours and edges (weak)"
    weak = True
    content = f"plain {VERSION}"
    blind = "It sees colours and edges, and not what is drawn: another person in the same shirt is alike."

    def looks(self, images: Sequence[np.ndarray], progress: Progress | None = None) -> list[Look]:
        """Return the looks of pictures, each (H, W, 3) uint8, in their order."""
        found = []
        for image in images:
            found.append(look(image))
            if progress:
                progress(len(found), len(images))
        return found

    def give_back(self) -> None:
        """Give back nothing: there is no model."""


def look(image: np.ndarray) -> Look:
    """Return the look of a picture, (H, W, 3) uint8; its sides are squeezed into a square."""
    picture = Image.fromarray(image)
    sizes = {side: _oklab(_squeezed(picture, side)) for side in (64, 32, 16)}
    edges = [np.sqrt(_edge_histogram(sizes[side][..., 0]) / 6) for side in sizes]
    whole = np.concatenate([np.sqrt(_colour_histogram(sizes[64]) / 2), *edges])
    grid = (sizes[16] - sizes[16].mean((0, 1))) * _COLOUR
    return Look(unit(whole), np.concatenate([unit(grid), unit(_edge_grid(sizes[32] * _COLOUR))]) / np.float32(2**0.5))


def _squeezed(picture: Image.Image, side: int) -> np.ndarray:
    smaller = min(picture.size) >= side
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC))


def _oklab(pixels: np.ndarray) -> np.ndarray:
    """Return sRGB pixels, (..., 3) uint8, in Oklab, float32."""
    values = pixels.astype(np.float32) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _TO_CONES.T) @ _TO_LAB.T


def _colour_histogram(lab: np.ndarray) -> np.ndarray:
    """Return the parts of a picture's area by colour, each pixel shared between the 8 nearest bins."""
    places = np.clip((lab.reshape(-1, 3) - _LOWEST) / (_HIGHEST - _LOWEST), 0, 1) * (_BINS - 1)
    low = np.floor(places).astype(int)
    rest, found = places - low, np.zeros(int(_BINS.prod()))
    for corner in np.ndindex(2, 2, 2):
        index = np.minimum(low + corner, _BINS - 1) @ (_BINS[1] * _BINS[2], _BINS[2], 1)
        found += np.bincount(index, np.where(corner, rest, 1 - rest).prod(1), len(found))
    return found / len(places)


def _gradient(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return strength and direction (0 to 1 for half a turn) of the slope at each place of (H, W)."""
    down, right = np.zeros_like(values), np.zeros_like(values)
    down[1:-1], right[:, 1:-1] = (values[2:] - values[:-2]) / 2, (values[:, 2:] - values[:, :-2]) / 2
    return np.hypot(right, down), (np.arctan2(down, right) % np.pi) / np.pi


def _edge_histogram(light: np.ndarray) -> np.ndarray:
    """Return the parts of a picture's area by strength (6, doubling) and direction (8) of its edges; flat areas have none."""
    strength, direction = _gradient(light)
    level = np.clip(np.floor(np.log2(np.maximum(strength, 1e-6) / 0.01) + 1), 0, 5).astype(int)
    found = np.bincount((level * 8 + (direction * 8).astype(int) % 8).ravel(), minlength=48).astype(float)
    found[:8] = found[:8].mean()
    return found / found.sum()


def _edge_grid(lab: np.ndarray, cells: int = 8, directions: int = 6) -> np.ndarray:
    """Return how strong the edges of each direction are in each of 8 x 8 cells."""
    found = np.zeros(cells * cells * directions)
    down, right = np.indices(lab.shape[:2]) // (len(lab) // cells)
    first = (down * cells + right) * directions
    for channel in range(3):
        strength, direction = _gradient(lab[..., channel])
        strength, place = np.maximum(strength - _FLAT, 0), direction * directions
        low = np.floor(place).astype(int)
        for turn, share in ((0, 1 - (place - low)), (1, place - low)):
            found += np.bincount((first + (low + turn) % directions).ravel(), (strength * share).ravel(), len(found))
    return found
