"""The models of a comparison while its cells are drawn: loaded, patched and encoded once, and let go in time."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import AthanorError, quoted
from ..host import checkpoint, folders, foreign, lora, lora_fit, lora_hooks, sampling, usable
from ..pictures import to_bytes
from . import lora_steps
from .cells import MODEL_LOW, Cell, Lora
from .control_pictures import ControlPicture, Shown
from .stock import PatchNode, add_nodes, patch_nodes
from .variants import Variants, WidgetEdits

OTHER_FILE = "ComfyUI cannot read it, or it is not such a file: choose another one"
LATER = frozenset({"model", "samples", "latent_image"})
"""Inputs of the nodes that draw, and of those that change a model: their outputs are not kept."""
OTHER_CLIP = "connect the CLIP that belongs to this model"

Models = tuple[Any, Any, Any]
"""MODEL, CLIP, VAE."""


@dataclass(kw_only=True)
class ModelCache:
    """Gives cells their models. One model file and one patched model are alive at a time; the rest is read when needed.

    Args:
        connected: the models of XYZ Compare's inputs.
        low: the low-noise model beside them; None: there is none.
        graph_models: those of XYZ Model Axis, by the name that cells have for them.
        latent: the connected one; None: an empty one of the cell's size.
        variants: the graph before the comparison, where widgets of it are varied.
        starts: the latents that come out of it, by the values of these widgets.
        pictures: the control pictures, by the keys that cells name them with.
        inputs: what is connected to the inputs of control pictures.
    """

    connected: Models
    low: Any = None
    graph_models: Mapping[str, Models] = field(default_factory=dict)
    latent: dict[str, Any] | None = None
    variants: Variants
    starts: Mapping[WidgetEdits, dict[str, Any]] = field(default_factory=dict)
    pictures: Mapping[str, ControlPicture] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    warnings: dict[str, None] = field(default_factory=dict)  # each once, in their order
    _shelf: lora.LoraFiles = field(default_factory=lora.LoraFiles)
    _source: tuple[Any, Models] | None = None  # file name or values of widgets, models
    _patched: tuple[Any, Any, Any] | None = None  # weights, model, text encoder
    _patched_low: tuple[Any, Any] | None = None  # LoRAs, low-noise model
    _hooked: tuple[Any, Any] | None = None  # text encoder, LoRAs and their steps; the text encoder with hooks
    _hookable: tuple[Any, Any] | None = None  # model and text encoder; both as hooks take them
    _vae: tuple[str, Any] | None = None  # file name, VAE
    _encoder: Any = None  # the text encoder of the last cell, with LoRAs
    _encoded: dict[Any, tuple[Any, Any]] = field(default_factory=dict)  # node and widgets -> text encoder in, output

    def picture(self, cell: Cell, between: Sequence[PatchNode]) -> np.ndarray:
        """Draw a cell: (H, W, 3) uint8, the numbers that ComfyUI's Save Image would write.

        Args:
            between: the nodes of `patch_nodes` for this cell.
        """
        model, clip = self._weights(cell)
        if cell.hooks:
            model, clip = self._with_hooks(cell, model, clip)
        if clip is not self._encoder:
            self._encoded, self._encoder = {}, clip
        vae = self._vae_of(cell)
        usable.check_vae(model, vae)
        ports = {"model": model, "clip": clip, "vae": vae, **self.inputs}
        if cell.boundary is not None:
            ports[MODEL_LOW] = self._low(cell)
        latent = self.starts.get(cell.start) or self.latent
        if latent is not None:
            ports["latent"] = latent
        high, shown = self.high_steps(cell), self.shown(cell)
        return to_bytes(add_nodes(cell, ports, between, self._run, high=high, shown=shown)[0])

    def shown(self, cell: Cell) -> Shown | None:
        """Return how a cell's control pictures are shown to its model; None if it has none.

        Raises:
            AthanorError: this kind of model takes none, or fewer.
        """
        from ..host import controls, detection

        if not cell.controls:
            return None
        pictures = [self.pictures[key] for key in cell.controls]
        known = detection.detect(self._models(cell)[0]).controls
        try:
            taken = controls.checked(known, len(pictures))
        except AthanorError as error:
            over = list(dict.fromkeys(picture.port for picture in pictures[known.most if known else 0 :]))
            them = "it" if len(over) == 1 else "them"
            raise AthanorError(f"{' and '.join(over)}: {str(error).rstrip('.')}; disconnect {them}.") from None
        size = cell.width, cell.height
        cuts = [controls.scaling(picture.size, size, taken.size) for picture in pictures]
        return Shown(
            pictures=tuple((p.port, p.index, cut) for p, cut in zip(pictures, cuts, strict=True)),
            encode=controls.encoder_of(taken),
            concat=taken.form != "reference_latents",
        )

    def high_steps(self, cell: Cell) -> int | None:
        """Return how many steps the first model draws before the low-noise one takes over; None without such a model."""
        if cell.boundary is None:
            return None
        model = self._weights(cell)[0]
        for patch in self.patch_nodes(cell):
            if patch.port == "model":
                model = self._run(patch.kind, {patch.input: model}, patch.widgets)
        return sampling.steps_above(
            model, cell.boundary, steps=cell.steps, sampler=cell.sampler, scheduler=cell.scheduler, denoise=cell.denoise
        )

    def patch_nodes(self, cell: Cell) -> list[PatchNode]:
        """Return the nodes that the cell's fields put between others: some of them depend on its model."""
        return patch_nodes(cell, self._weights(cell)[0])

    def brings_vae(self, cell: Cell) -> bool:
        """Return whether the checkpoint file of a cell has a VAE of its own."""
        return self._models(cell)[2] is not None

    def forget(self) -> None:
        """Let go of everything that was patched, loaded or encoded."""
        kept = (self._source, self._patched, self._patched_low, self._hooked, self._hookable, self._encoder, self._vae)
        used = any(x is not None for x in kept)
        self._source = self._patched = self._patched_low = self._hooked = self._encoder = self._vae = None
        self._hookable = None
        self._encoded = {}
        self.variants.forget()
        if used:  # see `Variants`
            gc.collect()

    def _run(self, kind: str, inputs: Mapping[str, Any], widgets: Mapping[str, Any]) -> Any:
        """Return the first output of a node of the host. What prompts and control pictures become is kept for further cells."""
        from ..host import controls

        if not inputs or inputs.keys() & LATER:
            return sampling.run_node(kind, **inputs, **widgets)
        given = {f"{n}.{k}": v for n, group in inputs.items() if isinstance(group, Mapping) for k, v in group.items()}
        given |= {name: value for name, value in inputs.items() if not isinstance(value, Mapping)}
        key = (kind, *sorted(widgets.items()), *sorted((name, id(value)) for name, value in given.items()))
        encodes = kind == "CLIPTextEncode" or kind in controls.ENCODERS
        if key not in self._encoded:  # what came in is kept, so that no other object gets its id
            with foreign.telling(lambda: f"{kind} fails with {quoted(dict(widgets))}", OTHER_CLIP):
                self._encoded[key] = (given, sampling.run_node(kind, **inputs, **widgets))
            self.counts["prompts encoded"] += encodes
        output = self._encoded[key][1]
        if encodes and self._patched:
            for cond, extras in output:
                usable.check_text(self._patched[1], cond, extras)
        return output

    def _vae_of(self, cell: Cell) -> Any:
        """Return the VAE of a cell: named, of its checkpoint, or connected."""
        if not cell.vae:
            own = self._models(cell)[2]
            return self.connected[2] if own is None else own
        if self._vae is None or self._vae[0] != cell.vae:
            self._vae = None
            with foreign.telling(lambda: f"{cell.vae} cannot be loaded", OTHER_FILE):
                self._vae = (cell.vae, sampling.load_vae(cell.vae))
            self.counts["VAEs loaded"] += 1
        return self._vae[1]

    def _models(self, cell: Cell) -> Models:
        """Model, text encoder and VAE of a cell without LoRAs."""
        if not cell.widgets and not cell.model:
            return self.connected
        if cell.model in self.graph_models:
            return self.graph_models[cell.model]
        source = cell.widgets or cell.model
        if self._source is None or self._source[0] != source:
            self._source = (source, self._of_widgets(cell.widgets) if cell.widgets else self._of_file(cell.model))
        return self._source[1]

    def _of_widgets(self, edits: WidgetEdits) -> Models:
        """Return the models that come out of the graph with these values in its widgets."""
        self._source = self._patched = self._hooked = self._hookable = self._encoder = None
        self._encoded = {}
        models = self.variants.models(edits)
        self.counts["nodes run again"] = self.variants.runs
        names = ("model", "text encoder", "VAE")
        if missing := [name for name, part in zip(names, models, strict=True) if part is None]:
            values = ", ".join(f"{edit.full} {edit.value}" for edit in edits)
            raise AthanorError(
                f"with {values}, the graph gives no {' and no '.join(missing)}: connect one of another loader to XYZ Compare."
            )
        return models

    def _of_file(self, name: str) -> Models:
        """Return the models of a checkpoint file; every other model goes first."""
        self.forget()
        sampling.make_room()
        with foreign.telling(lambda: f"{name} cannot be loaded", OTHER_FILE):
            models = sampling.load_checkpoint(name)
        self.counts["models loaded"] += 1
        if None in models[:2]:
            raise AthanorError(
                f"{name} has no {'text encoder' if models[0] else 'model'}; use the MODEL inputs of XYZ Model Axis for it."
            )
        return models

    def _weights(self, cell: Cell) -> tuple[Any, Any]:
        """Model and text encoder of a cell with its LoRAs."""
        if self._patched is None or self._patched[0] != cell.weights:
            model, clip, _ = self._models(cell)
            self._patched = None
            named = cell.model and cell.model not in self.graph_models
            if not cell.hooks:
                model, clip = self._with_loras(model, clip, cell.loras, cell.model if named else "this model")
            self._patched = (cell.weights, model, clip)
        return self._patched[1], self._patched[2]

    def steps_of_text(self, cell: Cell) -> bool:
        """Return whether the LoRAs of a cell that are on for a part of the steps change the text encoder there."""
        if not cell.hooks:
            return False
        files = [(each.name, folders.trained_file(each.name)[1]) for each in cell.loras if each.strength_clip]
        clip = self._models(cell)[1]
        return any(lora_hooks.changes_text(clip, self._shelf.get(path)[0], name) for name, path in files)

    def _with_hooks(self, cell: Cell, model: Any, clip: Any) -> tuple[Any, Any]:
        """Return the model, and the text encoder whose prompts put the LoRAs of a cell on it for a part of the steps."""
        key = clip, cell.loras, cell.lora_steps
        if self._hooked is None or self._hooked[0] != key:
            self._hooked = None
            for each in cell.loras:
                lora_hooks.check(model, clip, folders.trained_file(each.name)[1])
            text, whole = self.steps_of_text(cell), self._hookable_pair(model, clip)[1]
            lora_hooks.check_encoder(whole, text=text)
            with foreign.telling(lambda: "LoRA steps: ComfyUI cannot put hooks on this text encoder", OTHER_CLIP):
                hooked = lora_steps.hooked(
                    cell,
                    whole,
                    lambda kind, inputs, widgets: sampling.run_node(kind, **inputs, **widgets),
                    text=text,
                )
            self._hooked = (key, hooked)
            self.counts["patches"] += 1
        return self._hookable_pair(model, clip)[0], self._hooked[1]

    def _hookable_pair(self, model: Any, clip: Any) -> tuple[Any, Any]:
        """Return model and text encoder as hooks take them, the same for all cells: they may have to be read from their files."""
        if self._hookable is None or self._hookable[0] != (model, clip):
            self._hookable = None
            self._hookable = ((model, clip), lora_hooks.hookable(model, clip))
        return self._hookable[1]

    def _low(self, cell: Cell) -> Any:
        """Return the low-noise model of a cell with its LoRAs."""
        if self._patched_low is None or self._patched_low[0] != cell.loras_low:
            self._patched_low = None
            self._patched_low = (cell.loras_low, self._with_loras(self.low, None, cell.loras_low, MODEL_LOW)[0])
        return self._patched_low[1]

    def _with_loras(self, model: Any, clip: Any, loras: Sequence[Lora], called: str) -> tuple[Any, Any]:
        """Return model and text encoder with LoRAs on them; `called`: the model's name in what is said of LoRAs that fit in part."""
        for each in loras:
            _, path = folders.trained_file(each.name)
            reads = self._shelf.reads
            tensors = self._shelf.get(path)
            if self._shelf.reads > reads and (said := lora_fit.without_numbers(each.name, tensors[0])):
                self.warnings[said] = None
            before = model, clip
            model, clip = lora.apply(
                model, clip, path, each.strength_model, each.strength_clip, tensors, blocks=each.blocks
            )
            # Of some blocks alone, what is on the model does not tell what the host leaves out of the file.
            fit = (
                lora.fit(*before, path, tensors)
                if each.blocks and not checkpoint.is_whole_model(path)
                else lora_fit.compared(before, (model, clip), tensors[0])
            )
            if said := fit.trouble(each.name, called):
                self.warnings[said] = None
        self.counts["patches"] += bool(loras)
        return model, clip
