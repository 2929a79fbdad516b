"""A graph in the form of ComfyUI's API -> the recipe that one of its Train LoRA nodes trains by; the way back from `graph` (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import AthanorError, quoted
from ..settings import BlockSettings, DatasetSettings, Settings, TrainingSettings, identity, info, parse
from ..shared_graph import TRAIN_LORA
from .from_loaders import model_of
from .from_values import Reader
from .recipe import GROUPS, Model, Recipe

LOADER = "AthanorDatasetLoader"
_FROM_IMAGES = "AthanorDatasetFromImages"
PORTS = {
    "network": "AthanorNetworkConfig",
    "optimizer": "AthanorOptimizerConfig",
    "loss": "AthanorLossConfig",
    "noise": "AthanorNoiseConfig",
    "conditioning": "AthanorConditioningConfig",
    "cache": "AthanorCacheConfig",
    "validation": "AthanorValidationConfig",
    "samples": "AthanorSampleConfig",
    "buckets": "AthanorBucketer",
}
"""Input of Train LoRA -> the type of the node that gives it; all but samples are called as the group of the recipe."""
_CHANGES = {
    "AthanorCaptionEdit": "changes captions before they are trained: let it write the files, and leave it out",
    "AthanorBalanceRepeats": "sets repeats by sub-folders or tags: name the sub-folders 'N_name' instead",
}
"""Nodes between Dataset Loader and Bucketer that change what is trained, and what that means for a recipe."""
_EXTRAS = {
    ("validation", "buckets"): "pictures of their own are the probe's",
    ("samples", "sampling_model"): "samples are drawn with another model than the one that is trained",
}
"""(port, input) of a config node that no setting tells -> what is left out where it is connected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FromGraph:
    """What a graph trains by."""

    recipe: Recipe
    left_out: tuple[str, ...] = field(default_factory=tuple)
    """A sentence for each thing that the graph does and a recipe cannot say, or whose value is not known before the graph runs."""


def read(prompt: Mapping[str, Any], node: str, *, family: str = "") -> FromGraph:
    """Return the recipe of a Train LoRA node.

    Args:
        prompt: node id -> class_type and inputs, as any version of the pack has it: older names and values are taken for the new
            ones, and what is not named is at its default.
        node: id of the node that trains.
        family: title of the model's family, where more is known than the graph tells.

    Raises:
        AthanorError: there is no such node, or its settings do not go together; the sentence names the node.
    """
    reader = Reader(prompt)
    if not reader.is_a(node, TRAIN_LORA):
        raise AthanorError(f"The graph has no Train LoRA node {quoted(node)}: name the id of one.")
    settings = {"training": _settings(reader, node, TrainingSettings)}
    for port, kind in PORTS.items():
        key = reader.link(node, port)
        if key is None:
            continue
        if not reader.is_a(key, kind):
            reader.leave_out(f"{reader.called(node)}: {port} comes from {reader.called(key)}, which is not read.")
            continue
        group = "sampling" if port == "samples" else port
        settings[group] = _settings(reader, key, GROUPS[group])
        if group == "network" and (blocks := reader.link(key, "blocks")):
            settings[group] = settings[group] | {"blocks": _settings(reader, blocks, BlockSettings)}
        if group == "sampling":  # connected, so that pictures are drawn, although all may be at its default
            settings[group].setdefault("sample_every_n_epochs", 1)
        for (where, name), what in _EXTRAS.items():
            if where == port and reader.link(key, name):
                reader.leave_out(f"{reader.called(key)}: {what}; a recipe has no words for that.")
    bucketer = reader.link(node, "buckets")
    recipe = Recipe(
        model=model_of(reader, node, family=family),
        settings={name: values for name, values in settings.items() if values},
        datasets=tuple(_datasets(reader, bucketer)) or ({},),
    )
    _check_together(recipe)
    return FromGraph(recipe=recipe, left_out=tuple(dict.fromkeys(reader.left_out)))


def of_job(job: Mapping[str, Any], prompt: Mapping[str, Any] | None, node: str = "", *, family: str = "") -> FromGraph:
    """Return the recipe of a run: the settings of its job.json, and the model's files as its graph names them.

    Args:
        job: what job.json holds, of any version.
        prompt: the graph of the run, if it is known; `node`: the one that trains in it.
        family: as for `read`.

    Raises:
        AthanorError: a group is none, or a value is wrong.
    """
    settings: dict[str, Any] = {}
    for name, kind in GROUPS.items():
        values = job.get(name)
        if values is None:  # no samples, or a file that tells some groups alone
            continue
        settings[name] = _named(kind, values, name)
        if name == "network" and isinstance(values.get("blocks"), Mapping):
            blocks = _named(BlockSettings, values["blocks"], "network.blocks")
            settings[name] = settings[name] | ({"blocks": blocks} if blocks else {})
        if name == "sampling":
            settings[name].setdefault("sample_every_n_epochs", 1)
    listed = job.get("datasets")
    datasets = listed if isinstance(listed, list) else []
    found = tuple(_named(DatasetSettings, each, f"datasets.{i}") for i, each in enumerate(datasets))
    model, left_out = Model(family=family), ()
    if prompt and node:
        of_graph = read(prompt, node, family=family)
        model, left_out = of_graph.recipe.model, of_graph.left_out
    recipe = Recipe(
        model=model, settings={name: each for name, each in settings.items() if each}, datasets=found or ({},)
    )
    _check_together(recipe)
    return FromGraph(recipe=recipe, left_out=left_out)


def _named(kind: type[Settings], values: Any, where: str) -> dict[str, Any]:
    """Return the values of a group in a job.json that are not at their default, by the names of today."""
    if not isinstance(values, Mapping):
        raise AthanorError(f"job.json: {where} is {quoted(values)}: it must hold settings by their names.")
    known = {name: value for name, value in identity.read(kind, values).items() if name != "blocks"}
    try:
        old = {each.name: each.old_values for each in info(kind)}
        whole = parse(kind, {name: old.get(name, {}).get(str(value), value) for name, value in known.items()})
    except AthanorError as error:
        raise AthanorError(f"job.json: {where}.{error}") from None
    return _others(whole)


def _others(group: Settings) -> dict[str, Any]:
    """Return what is not at its default."""
    pairs = ((each.name, getattr(group, each.name), each.default) for each in info(type(group)))
    return {name: value for name, value, default in pairs if value != default}


def _settings(reader: Reader, key: str, kind: type[Settings]) -> dict[str, Any]:
    """Return what a node's widgets set that is not at its default."""
    values = reader.settings(key, kind)
    try:
        return _others(parse(kind, values))
    except AthanorError as error:
        raise AthanorError(f"{reader.called(key)}: {error}") from None


def _datasets(reader: Reader, bucketer: str | None) -> list[dict[str, Any]]:
    """Return the settings of all Dataset Loaders in front of a Bucketer, the one whose pictures come first before the others."""
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    key = reader.link(bucketer, "dataset") if bucketer else None
    while key is not None and key not in seen:
        seen.add(key)
        kind = reader.kind(key)
        if kind in (LOADER, _FROM_IMAGES):
            found.insert(0, _settings(reader, key, DatasetSettings))
        if kind == _FROM_IMAGES:
            reader.leave_out(
                f"{reader.called(key)} makes its pictures while the graph runs: a recipe needs a folder with them."
            )
        elif kind in _CHANGES:
            reader.leave_out(f"{reader.called(key)} {_CHANGES[kind]}.")
        elif not kind.startswith("Athanor"):
            reader.leave_out(f"{reader.called(key)} is not read: what it does to the dataset is left out.")
        key = reader.link(key, "dataset")
    return found


def _check_together(recipe: Recipe) -> None:
    """Raise an AthanorError for settings of two nodes that do not go together."""
    for name in GROUPS:
        recipe.group(name)
