"""Quiet mistakes that an open graph tells before it is queued: a page says them in their nodes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ..training_core.errors import AthanorError
from ..training_core.host.dataset_places import dataset_places
from ..training_core.settings import (
    BucketSettings,
    DatasetSettings,
    LossSettings,
    NetworkSettings,
    OptimizerSettings,
    SamplingSettings,
    Settings,
    TrainingSettings,
)
from . import http, model_files
from .graph_datasets import Prompt, inputs_of, kind_of, link_of
from .scanned import scanned
from .schema import pick

if TYPE_CHECKING:
    from ..training_core.data.quick_scan import QuickScan
    from ..training_core.run.hints import Facts

_LONGEST = 16_000_000  # bytes of a graph
_PASSES_ON = frozenset({"AthanorCaptionEdit", "AthanorDatasetDoctor"})
"""Nodes that give the dataset they are given, with as many pictures."""

Kind = TypeVar("Kind", bound=Settings)


def register() -> None:
    """Add the route to the host's server."""
    example = '{"prompt": the graph in API form}'
    http.post(
        "/athanor/hints", lambda _, body: told(body["prompt"]), {"prompt": dict}, example=example, longest=_LONGEST
    )


def told(prompt: Prompt) -> list[http.Json]:
    """Return node id and one sentence for each kind of mistake that is seen in widgets and in names of files.

    What else is wrong, such as a value that is none or a folder that is missing, is told by others.
    """
    graph = _Graph(prompt)
    rows = [row for node in prompt for row in graph.of_node(node)]
    return [{"node": node, "text": text} for node, text in dict.fromkeys(rows)]


def steps_of(prompts: Iterable[Prompt], node: str) -> list[int]:
    """Return about how many steps a Train LoRA will make in each of several graphs; 0 where that is not known."""
    scans: dict[str, QuickScan | None] = {}
    return [_Graph(prompt, scans).steps(node) for prompt in prompts]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """Where the model of a Train LoRA comes from, as widgets and links tell."""

    loader: Mapping[str, Any]  # inputs of the node that loads it, {} if there is none
    patched: bool  # a LoRA is put on it on its way
    samplings: tuple[str, ...]  # classes of sampling that a node on its way patches in


class _Graph:
    """One graph, whose folders are looked at once."""

    def __init__(self, prompt: Prompt, scans: dict[str, QuickScan | None] | None = None) -> None:
        self._prompt = prompt
        self._quick_scans = {} if scans is None else scans  # by the values of the Dataset Loader

    def steps(self, node: str) -> int:
        """Return about how many steps a Train LoRA will make; 0 if that is not known."""
        training = self._settings(TrainingSettings, node)
        return self._facts(node, training).length.steps if training else 0

    def of_node(self, node: str) -> Iterator[tuple[str, str]]:
        """Yield (node, sentence) about a node, and of Train LoRA about its config nodes as well."""
        kind = kind_of(self._prompt, node)
        if kind == "AthanorDatasetLoader" and (found := self._quick_scan(node)):
            yield from ((node, text) for text in found.hints)
        if kind == "AthanorTrainLoRA":
            yield from self._of_training(node)

    def _of_training(self, node: str) -> Iterator[tuple[str, str]]:
        from ..training_core.optim import hints as of_optimizer
        from ..training_core.optim import preview
        from ..training_core.run import hints

        training = self._settings(TrainingSettings, node)
        if training is None:
            return
        facts = self._facts(node, training)
        samples, optimizer = self._above(node, "samples"), self._above(node, "optimizer")
        places = {"sample interval": samples or node, "predicted picture": self._above(node, "loss") or node}
        places["control pictures"] = self._above(self._above(node, "buckets"), "dataset") or node
        yield from ((places.get(kind, node), text) for kind, said in hints.KINDS.items() if (text := said(facts)))
        settings = self._settings(OptimizerSettings, optimizer)
        if optimizer and settings:
            network = self._settings(NetworkSettings, self._above(node, "network"))
            try:
                factors = [factor for factor in preview.curves(settings).values() if factor]
                found = of_optimizer.hints(settings, facts.length.steps or 10**8, factors=factors, network=network)
            except AthanorError:  # such as an optimizer's class that is none: told when the graph is queued
                return
            yield from ((optimizer, text) for text in found)

    def _facts(self, node: str, training: TrainingSettings) -> Facts:
        """Return what is known of a run; a length that is not known is 0."""
        from ..training_core.data.plan import Length
        from ..training_core.run.hints import Facts

        per_epoch, seen = self._per_epoch(node, training)
        steps = training.max_train_steps or per_epoch * training.epochs
        epochs = math.ceil(steps / per_epoch) if per_epoch else 0 if steps else training.epochs
        model = self._model(node)
        loss = self._settings(LossSettings, self._above(node, "loss"))
        return Facts(
            training=training,
            sampling=self._settings(SamplingSettings, self._above(node, "samples")),
            length=Length(steps, epochs, per_epoch),
            seen=steps * seen // per_epoch if per_epoch else steps,
            family=model_files.family(model.loader),
            file=model_files.named(model.loader),
            samplings=model.samplings,
            compares=loss.model_prediction_type if loss else "raw",
            pairs=self._pairs(self._above(self._above(node, "buckets"), "dataset")),
            patched=model.patched,
            about=not training.max_train_steps,
        )

    def _per_epoch(self, node: str, training: TrainingSettings) -> tuple[int, int]:
        """Return about how many steps and pictures an epoch has: (0, 0) if that is not known."""
        bucketer = self._above(node, "buckets")
        settings = self._settings(BucketSettings, bucketer)
        count = self._samples(self._above(bucketer, "dataset")) if bucketer and settings else None
        if not count or settings is None:
            return 0, 0
        seen = count * len(settings.resolutions)
        batches = math.ceil(seen / settings.batch_size)
        return math.ceil(batches / training.batches_per_step), seen

    def _samples(self, node: str | None) -> int | None:
        """Return the pictures of an epoch of a dataset with those before it; None if a node's pictures are not known yet."""
        trained, regularization = 0, False
        for _ in self._prompt:  # so many at most, in whatever way they are linked
            if node is None:
                break
            kind = kind_of(self._prompt, node)
            if kind == "AthanorDatasetLoader":
                found, settings = self._quick_scan(node), self._settings(DatasetSettings, node)
                if found is None or settings is None:
                    return None
                regularization |= settings.is_reg
                trained += 0 if settings.is_reg else found.samples
            elif kind not in _PASSES_ON:
                return None
            node = self._above(node, "dataset")
        return trained * (2 if regularization else 1)  # balanced: as many as of the others

    def _pairs(self, node: str | None) -> bool | None:
        """Return whether a dataset with those before it has control pictures; None if only a run of the graph can tell."""
        for _ in self._prompt:
            if node is None:
                return False
            if kind_of(self._prompt, node) == "AthanorDatasetLoader":
                settings = self._settings(DatasetSettings, node)
                if settings is None:
                    return None
                if settings.control_folder.strip():
                    return True
            elif kind_of(self._prompt, node) not in _PASSES_ON:
                return None
            node = self._above(node, "dataset")
        return None

    def _quick_scan(self, node: str) -> QuickScan | None:
        """Return what a Dataset Loader will read; None if its folder is linked, missing or wrong."""
        from ..training_core.data.hints import mistakes
        from ..training_core.data.quick_scan import QuickScan, quick_scan

        key = repr(inputs_of(self._prompt, node))
        if key not in self._quick_scans:
            self._quick_scans[key] = None
            settings = self._settings(DatasetSettings, node)
            try:
                if settings and settings.folder.strip():
                    places = dataset_places(settings.folder, settings.mask_folder, settings.control_folder)
                    seen = quick_scan(settings, places.root, places.masks, places.controls)
                    said = scanned.get(settings, places)
                    self._quick_scans[key] = seen if said is None else QuickScan(seen.samples, mistakes(said))
            except (AthanorError, OSError):  # told by the check for what is missing
                pass
        return self._quick_scans[key]

    def _model(self, node: str) -> _Model:
        """Return what is known of a Train LoRA's model before it is loaded."""
        patched, samplings, above = False, (), self._above(node, "model")
        for _ in self._prompt:
            if above is None:
                break
            inputs = inputs_of(self._prompt, above)
            if model_files.named(inputs):
                return _Model(loader=inputs, patched=patched, samplings=samplings)
            patched |= "lora" in kind_of(self._prompt, above).lower()
            samplings += ("LCM",) * (inputs.get("sampling") == "lcm")  # of Model Sampling Discrete
            above = self._above(above, "model")
        return _Model(loader={}, patched=patched, samplings=samplings)

    def _above(self, node: str | None, name: str) -> str | None:
        """Return the node that is linked to an input of another one, if there is one."""
        link = link_of(self._prompt, inputs_of(self._prompt, node).get(name)) if node else None
        return link[0] if link else None

    def _settings(self, kind: type[Kind], node: str | None) -> Kind | None:
        """Return the settings in a node's widgets, links left at their defaults; None if there is no node or a value is wrong."""
        if node is None:
            return None
        values = inputs_of(self._prompt, node)
        own = {name: value for name, value in values.items() if value is not None and not isinstance(value, list)}
        try:
            return pick(kind, own)
        except AthanorError:
            return None
