"""Sample the cells of a plan through the host, each picture kept on disk as soon as it is done."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import AthanorError, FileError, ForeignFault
from ..host import devices, disabled, folders, foreign, guard, sampling, workflow
from ..pictures import write_png
from .cells import Cell
from .identity import parameters
from .model_cache import ModelCache
from .stock import stock_graph
from .store import PictureStore

log = logging.getLogger("athanor")

ADVICE = "try another width and height, or another sampler"

PATIENCE = 3
"""Cells in a row that may fail before the rest is not tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    """One more cell is done; without a path it failed."""

    done: int
    total: int
    cell: Cell
    path: Path | None
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PngMetadata:
    """What is written into each picture besides its pixels."""

    graph: Mapping[str, Any]  # the graph that the comparison stands in, API form
    links: Mapping[str, list[Any]]  # where its models come from
    labels: Mapping[Cell, Mapping[str, str]]  # axis title -> label
    model: str  # content of the connected model, to find speeds by


@dataclass(frozen=True, slots=True)
class CellPainter:
    """Draws single cells into a folder."""

    keys: Mapping[Cell, str]
    models: ModelCache
    store: PictureStore
    metadata: PngMetadata

    def draw(self, cell: Cell) -> Path:
        """Draw and save a cell."""
        start = time.monotonic()
        image, texts = Image.fromarray(self._pixels(cell)), self._texts(cell)
        return self.store.add(
            self.keys[cell],
            lambda temporary: write_png(image, temporary, texts),
            seconds=round(time.monotonic() - start, 3),
            work=cell.steps * image.width * image.height / 1e6,
            pixels=image.width * image.height,
            model=self.metadata.model,
            at=self.metadata.labels[cell],
        )

    def _pixels(self, cell: Cell) -> np.ndarray:
        """Draw a cell, (H, W, 3) uint8; if memory is full, once more with everything else let go."""
        try:
            return self.models.picture(cell, self.models.patch_nodes(cell))
        except Exception as error:
            if not devices.is_out_of_memory(error):
                raise
        # Not inside the handler: its exception holds the models and tensors of the first try.
        self.models.forget()
        devices.free_memory()
        sampling.make_room()
        return self.models.picture(cell, self.models.patch_nodes(cell))

    def _texts(self, cell: Cell) -> dict[str, str]:
        """Return the text chunks of a cell's PNG: A1111's parameters, its place in the grid, and the graph that draws it."""
        labels = self.metadata.labels[cell]
        texts = {"parameters": parameters(cell), "xyz": json.dumps(labels, ensure_ascii=False)}
        graph = stock_graph(
            cell,
            self.metadata.graph,
            self.metadata.links,
            between=self.models.patch_nodes(cell),
            own_vae=self.models.brings_vae(cell),
            folders={lora.name: folders.trained_file(lora.name)[0] for lora in (*cell.loras, *cell.loras_low)},
            high=self.models.high_steps(cell),
            shown=self.models.shown(cell),
            steps_of_text=self.models.steps_of_text(cell),
        )
        if graph is not None:
            texts["prompt"] = json.dumps(graph)
            if page := workflow.to_workflow(graph):
                texts["workflow"] = json.dumps(page)
        return disabled.in_picture(texts)


def sample(missing: Sequence[Cell], painter: CellPainter) -> Iterator[CellResult]:
    """Draw the cells in this order. What fails is noted and left out; an interrupt stops before the next cell.

    Raises:
        AthanorError: several cells in a row have failed, or a picture cannot be written; those that are done stay.
    """
    failed, hopeless = 0, None
    try:
        for done, cell in enumerate(missing, 1):
            guard.stop_if_interrupted()
            start, path, message = time.monotonic(), None, ""
            try:
                path = painter.draw(cell)
                failed, hopeless = 0, None
            except FileError as error:  # the next picture would fail as well, after it has been drawn
                raise AthanorError(
                    f"{error.what}: {error.advice} and queue the graph again, finished pictures are kept."
                ) from error
            except Exception as error:
                # A LoRA that does not fit fails with every prompt: that is one trouble, not many.
                failed += cell.patched != hopeless
                hopeless = cell.patched if _is_of_weights(error) else None
                message = _note_failure(error, cell, painter)
                if failed >= PATIENCE:
                    raise AthanorError(
                        f"{failed} pictures in a row could not be drawn; the last one: {message.rstrip('.')}. Finished pictures are "
                        "kept; queue the graph again to continue."
                    ) from error
            seconds = time.monotonic() - start
            yield CellResult(done=done, total=len(missing), cell=cell, path=path, seconds=seconds, error=message)
    finally:
        painter.models.forget()


def _is_of_weights(error: Exception) -> bool:
    """Whether a sentence of the pack says that a cell cannot be drawn, most often for its LoRA: the next one's may be another."""
    return isinstance(error, AthanorError) and not isinstance(error, ForeignFault)


def _note_failure(error: Exception, cell: Cell, painter: CellPainter) -> str:
    """Write to the log and to cells.jsonl why a cell failed, and return it in one sentence."""
    is_told, message = isinstance(error, AthanorError), foreign.in_words(error)
    if not is_told and not devices.is_out_of_memory(error):
        what = f"The model cannot draw {cell.width}x{cell.height} with {cell.sampler}"
        message = foreign.sentence(what, error, ADVICE)
    log.warning(
        "Athanor: a picture of the grid failed: %s", message, exc_info=not is_told or isinstance(error, ForeignFault)
    )
    painter.store.log_cell(painter.keys[cell], status="failed", error=message)
    return message
