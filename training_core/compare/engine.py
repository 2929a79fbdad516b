"""Sample the cells of a plan through the host, each picture kept on disk as soon as it is done."""

from __future__ import annotations

import gc
import json
import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import AthanorError
from ..host import devices, folders, guard, lora, sampling, workflow
from ..pictures import to_bytes, write_png
from .cells import Cell, parameters
from .stock import stock_graph
from .store import Store
from .variants import Puts, Variants

log = logging.getLogger("athanor")

PATIENCE = 3
"""Cells in a row that may fail before the rest is not tried."""

Models = tuple[Any, Any, Any]
"""MODEL, CLIP, VAE."""


@dataclass
class Bench:
    """The models at hand. One model file and one patched model are alive at a time; the rest is read when needed."""

    connected: Models
    held: Mapping[str, Models]  # of axes whose values are MODEL inputs
    latent: dict[str, Any] | None = None
    variants: Variants | None = None  # the graph before the comparison, where widgets of it are varied
    starts: Mapping[Puts, dict[str, Any]] = field(default_factory=dict)  # its latents
    lora_files: lora.LoraFiles = field(default_factory=lora.LoraFiles)
    counts: Counter[str] = field(default_factory=Counter)
    _source: tuple[Any, Models] | None = None  # file name or values of widgets, models
    _patched: tuple[Any, Any, Any] | None = None  # weights, model, text encoder
    _skipped: tuple[Any, Any, Any] | None = None  # text encoder, layer, text encoder that stops there
    _texts: dict[str, Any] = field(default_factory=dict)
    _texts_of: Any = None  # the text encoder that encoded them
    _vae: tuple[str, Any] | None = None

    def picture(self, cell: Cell) -> np.ndarray:
        """(H, W, 3) bytes, rounded as the host's Save Image does it."""
        model, clip = self._weights(cell)
        if cell.shift is not None:
            model = sampling.with_shift(model, cell.shift, cell.width, cell.height)
        clip = self._layers(clip, cell.clip_skip)
        if clip is not self._texts_of:
            self._texts, self._texts_of = {}, clip
        positive, negative = self._text(clip, cell.positive), self._text(clip, cell.negative)
        if cell.guidance is not None:
            positive = sampling.guide(positive, cell.guidance)
        pixels = sampling.sample(
            model,
            self.vae(cell),
            positive,
            negative,
            self.starts.get(cell.start) or self.latent or sampling.empty_latent(cell.width, cell.height),
            seed=cell.seed,
            steps=cell.steps,
            cfg=cell.cfg,
            sampler=cell.sampler,
            scheduler=cell.scheduler,
            denoise=cell.denoise,
        )
        return to_bytes(pixels[0])

    def shift_node(self, cell: Cell) -> tuple[str, dict[str, Any]] | None:
        """The host's node behind the cell's shift."""
        if cell.shift is None:
            return None
        return sampling.shift_node(self._weights(cell)[0], cell.shift, cell.width, cell.height)

    def vae(self, cell: Cell) -> Any:
        """The VAE of a cell: named, of its checkpoint, or connected."""
        if cell.vae:
            if self._vae is None or self._vae[0] != cell.vae:
                self._vae = None
                self._vae = (cell.vae, sampling.load_vae(cell.vae))
                self.counts["VAEs loaded"] += 1
            return self._vae[1]
        own = self._models(cell)[2]
        return self.connected[2] if own is None else own

    def own_vae(self, cell: Cell) -> bool:
        """Whether the checkpoint file of a cell brings a VAE."""
        return self._models(cell)[2] is not None

    def forget(self) -> None:
        """Let go of everything that was patched, loaded or encoded."""
        self._source = self._patched = self._skipped = self._texts_of = self._vae = None
        self._texts = {}
        if self.variants is not None:
            self.variants.forget()
        gc.collect()

    def _models(self, cell: Cell) -> Models:
        if cell.widgets:
            if self._source is None or self._source[0] != cell.widgets:
                self._source = self._patched = self._skipped = self._texts_of = None
                self._texts = {}
                found = self.variants.models(cell.widgets)
                self.counts["nodes run again"] = self.variants.runs
                if None in found:
                    typed = ", ".join(f"{put.node}.{put.name} {put.value}" for put in cell.widgets)
                    raise AthanorError(f"with {typed}, the graph gives no model, text encoder or VAE.")
                self._source = (cell.widgets, found)
            return self._source[1]
        if not cell.model:
            return self.connected
        if cell.model in self.held:
            return self.held[cell.model]
        if self._source is None or self._source[0] != cell.model:
            self.forget()
            sampling.make_room()
            loaded = sampling.load_checkpoint(cell.model)
            self.counts["models loaded"] += 1
            if loaded[1] is None:
                raise AthanorError(f"{cell.model} has no text encoder; use the MODEL inputs of XYZ Models Axis for it.")
            self._source = (cell.model, loaded)
        return self._source[1]

    def _weights(self, cell: Cell) -> tuple[Any, Any]:
        if self._patched is None or self._patched[0] != cell.weights:
            model, clip, _ = self._models(cell)
            self._patched = None
            for one in cell.loras:
                _, path = folders.trained_file(one.name)
                model, clip = lora.apply(
                    model, clip, path, one.strength_model, one.strength_clip, self.lora_files.get(path)
                )
            self.counts["patches"] += bool(cell.loras)
            self._patched = (cell.weights, model, clip)
        return self._patched[1], self._patched[2]

    def _layers(self, clip: Any, stop_at: int) -> Any:
        if not stop_at:
            return clip
        if self._skipped is None or self._skipped[0] is not clip or self._skipped[1] != stop_at:
            self._skipped = (clip, stop_at, sampling.skip_layers(clip, stop_at))
        return self._skipped[2]

    def _text(self, clip: Any, text: str) -> Any:
        if text not in self._texts:
            self._texts[text] = sampling.encode_prompt(clip, text)
            self.counts["prompts encoded"] += 1
        return self._texts[text]


@dataclass(frozen=True, slots=True)
class Drawn:
    """One more cell is done; without a path it failed."""

    done: int
    total: int
    cell: Cell
    path: Path | None
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What is written into each picture besides its pixels."""

    graph: Mapping[str, Any]  # the graph that the comparison stands in, API form
    links: Mapping[str, list[Any]]  # where its models come from
    places: Mapping[Cell, Mapping[str, str]]  # axis title -> label
    model: str  # content of the connected model, to find speeds by


def sample(
    missing: Sequence[Cell], keys: Mapping[Cell, str], bench: Bench, store: Store, told: Told
) -> Iterator[Drawn]:
    """Draw the cells in this order. What fails is noted and left out; an interrupt stops before the next cell.

    Raises:
        AthanorError: several cells in a row have failed; those that are done stay.
    """
    failed, hopeless = 0, None
    try:
        for done, cell in enumerate(missing, 1):
            guard.stop_if_interrupted()
            start = time.monotonic()
            try:
                path = _draw(cell, keys[cell], bench, store, told, start)
            except Exception as error:
                # A LoRA that does not fit fails with every prompt: that is one trouble, not many.
                failed += cell.weights != hopeless
                hopeless = cell.weights if isinstance(error, AthanorError) else None
                said = str(error) if isinstance(error, AthanorError) else f"{type(error).__name__}: {error}"
                log.warning(
                    "Athanor: a picture of the grid failed: %s", said, exc_info=not isinstance(error, AthanorError)
                )
                store.note(keys[cell], status="failed", error=said)
                if failed >= PATIENCE:
                    raise AthanorError(
                        f"{failed} pictures in a row could not be drawn; the last one: {said}. Pictures that are done "
                        "stay; queue the graph again to go on."
                    ) from error
                yield Drawn(done, len(missing), cell, None, time.monotonic() - start, said)
                continue
            failed, hopeless = 0, None
            yield Drawn(done, len(missing), cell, path, time.monotonic() - start)
    finally:
        bench.forget()


def _draw(cell: Cell, key: str, bench: Bench, store: Store, told: Told, start: float) -> Path:
    try:
        pixels = bench.picture(cell)
    except Exception as error:
        if not devices.is_out_of_memory(error):
            raise
        bench.forget()
        sampling.make_room()
        pixels = bench.picture(cell)
    texts = {"parameters": parameters(cell), "xyz": json.dumps(told.places[cell], ensure_ascii=False)}
    kinds = {one.name: folders.trained_file(one.name)[0] for one in cell.loras}
    graph = stock_graph(cell, told.graph, told.links, bench.shift_node(cell), bench.own_vae(cell), kinds)
    if graph is not None:
        texts["prompt"] = json.dumps(graph)
        if drawn := workflow.to_workflow(graph):
            texts["workflow"] = json.dumps(drawn)
    image = Image.fromarray(pixels)
    return store.add(
        key,
        lambda temporary: write_png(image, temporary, texts),
        seconds=round(time.monotonic() - start, 3),
        work=cell.steps * image.width * image.height / 1e6,
        pixels=image.width * image.height,
        model=told.model,
        at=told.places[cell],
    )
