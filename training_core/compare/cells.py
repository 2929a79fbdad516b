"""Sample every cell of a layout through the host, and keep each picture on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..files import write_atomically
from ..host import guard, lora, sampling
from ..settings import CompareSettings
from .axes import Cell, Layout


def sample_cells(
    plan: Layout, settings: CompareSettings, sampler: str, scheduler: str, model: Any, clip: Any, vae: Any, folder: Path
) -> Iterator[tuple[int, int, Cell, Path]]:
    """Draw each different cell once; yields (done, total, cell, file) after each.

    One patched model is alive at a time, and a prompt is encoded once per state of the text encoder.
    """
    cells, previous, patched, conditioning = plan.unique(), None, (model, clip), {}
    for done, cell in enumerate(cells, 1):
        guard.stop_if_interrupted()
        if (cell.lora, cell.strength) != previous:
            encoder = patched[1]
            patched = lora.apply(model, clip, cell.lora, cell.strength) if cell.lora else (model, clip)
            if patched[1] is not encoder:
                conditioning = {}
            previous = (cell.lora, cell.strength)
        for prompt in (cell.prompt, settings.negative):
            if prompt not in conditioning:
                conditioning[prompt] = sampling.encode_prompt(patched[1], prompt)
        pixels = sampling.sample(
            patched[0],
            vae,
            conditioning[cell.prompt],
            conditioning[settings.negative],
            seed=cell.seed,
            steps=settings.steps,
            cfg=settings.cfg,
            sampler=sampler,
            scheduler=scheduler,
            width=settings.width,
            height=settings.height,
        )
        path = folder / _name(cell)
        _save(path, pixels[0].float().cpu().numpy(), _parameters(cell, settings, sampler, scheduler))
        yield done, len(cells), cell, path


def _name(cell: Cell) -> str:
    what = "base" if cell.lora is None else f"{cell.lora.stem}_strength{cell.strength:g}"
    words = hashlib.sha256(cell.prompt.encode()).hexdigest()[:8]
    return f"{what}_seed{cell.seed}_{words}.png"


def _parameters(cell: Cell, settings: CompareSettings, sampler: str, scheduler: str) -> str:
    """The `parameters` text that picture viewers know from A1111."""
    tag = f" <lora:{cell.lora.stem}:{cell.strength:g}>" if cell.lora else ""
    return (
        f"{cell.prompt}{tag}\nNegative prompt: {settings.negative}\nSteps: {settings.steps}, Sampler: {sampler}, "
        f"Schedule type: {scheduler}, CFG scale: {settings.cfg:g}, Seed: {cell.seed}, Size: {settings.width}x{settings.height}"
    )


def _save(path: Path, pixels: np.ndarray, parameters: str) -> None:
    """(H, W, 3) in 0..1 -> PNG, rounded as the host's Save Image does it."""
    info = PngInfo()
    info.add_itxt("parameters", parameters)
    image = Image.fromarray(np.clip(255.0 * pixels, 0, 255).astype(np.uint8))
    write_atomically(path, lambda temporary: image.save(temporary, format="PNG", pnginfo=info, compress_level=4))
