"""What was edited in a job.json: its settings, carried to the widgets of the graph in the same file."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import AthanorError, quoted, shortened
from ..settings import (
    BlockSettings,
    BucketSettings,
    CacheSettings,
    ConditioningSettings,
    DatasetSettings,
    Job,
    LossSettings,
    NetworkSettings,
    NoiseSettings,
    OptimizerSettings,
    SamplingSettings,
    Settings,
    TrainingSettings,
    ValidationSettings,
    identity,
    parse,
)
from ..shared_graph import is_link

LOADER = "AthanorDatasetLoader"


@dataclass(frozen=True, slots=True)
class Group:
    """A group of settings that a config node passes on: the node's type, and the input that it is connected to."""

    settings: type[Settings]
    node: str
    port: str


GROUPS = {
    "network": Group(NetworkSettings, "AthanorNetworkConfig", "network"),
    "loss": Group(LossSettings, "AthanorLossConfig", "loss"),
    "noise": Group(NoiseSettings, "AthanorNoiseConfig", "noise"),
    "optimizer": Group(OptimizerSettings, "AthanorOptimizerConfig", "optimizer"),
    "cache": Group(CacheSettings, "AthanorCacheConfig", "cache"),
    "conditioning": Group(ConditioningSettings, "AthanorConditioningConfig", "conditioning"),
    "validation": Group(ValidationSettings, "AthanorValidationConfig", "validation"),
    "sampling": Group(SamplingSettings, "AthanorSampleConfig", "samples"),
    "buckets": Group(BucketSettings, "AthanorBucketer", "buckets"),
}
"""Groups of the job that have a node behind Train LoRA, by their name in the job."""
BLOCKS = Group(BlockSettings, "AthanorBlockConfig", "blocks")

Prompt = dict[str, Any]


def carry(prompt: Prompt, train: str, settings: Mapping[str, Any], written: str) -> list[str]:
    """Change the widgets of `prompt`, in place, so that the graph gives the settings beside it; add config nodes that lack.

    Args:
        train: id of the node that trains.
        settings: of the job.json, by their groups.
        written: `Job.settings_id` of the settings as the file was written, "" if it does not say (older versions).

    Returns:
        What was edited, such as "training.epochs 4".

    Raises:
        AthanorError: a setting has a wrong value, or was edited and no widget of the graph has it.
    """
    _check(settings)
    if written and Job.settings_id(settings) == written:
        return []
    edits: list[str] = []
    before: Any
    before, certain = copy.deepcopy(dict(settings)), True
    sampled = GROUPS["sampling"].port in prompt[train]["inputs"]
    for path, kind, inputs, values in _places(prompt, train, settings, edits):
        group = before
        for step in path.split("."):
            group = group[int(step) if step.isdigit() else step]
        shown = identity.read(kind, inputs)
        for name, value in identity.read(kind, values).items():
            default = kind.model_fields[name].default
            if isinstance(default, Settings):
                continue
            old = shown.get(name, default)
            if is_link(old):
                certain = False  # what it gives is not known here; where nothing was edited, it gives this value
            elif old == value:
                continue
            else:
                edits.append(f"{path}.{name} {shortened(value)}")
            inputs[name] = value
            group[name] = old
    if "sampling" in settings and sampled != (settings["sampling"] is not None):
        before["sampling"], certain = None, certain and not sampled
    if written and certain and Job.settings_id(before) != written:
        raise AthanorError(
            "job.json was edited where its graph has no place for it (a fingerprint, the number of datasets, or one that does not "
            "come from a Dataset Loader): undo that, and change the graph, or what --set NODE.INPUT=VALUE reaches."
        )
    return edits


def connect(prompt: Prompt, key: str, group: Group) -> str:
    """Add a config node to `prompt`, connected to the node `key`; return its id."""
    new = next(name for name in (group.port, *(f"{group.port}{n}" for n in range(2, 10_000))) if name not in prompt)
    prompt[new] = {"class_type": group.node, "inputs": {}}
    prompt[key]["inputs"][group.port] = [new, 0]
    return new


def unknown(settings: Mapping[str, Any]) -> list[str]:
    """Return the settings of a job.json that this version does not have, such as "training.epoch"."""
    return list(identity.unknown(Job, settings))


Place = tuple[str, type[Settings], dict[str, Any], Mapping[str, Any]]


def _places(prompt: Prompt, train: str, settings: Mapping[str, Any], edits: list[str]) -> Iterator[Place]:
    """Yield (path in the job, group, a node's inputs, the values in the file) of each group that a node of the graph gives."""
    if "training" in settings:
        yield "training", TrainingSettings, prompt[train]["inputs"], settings["training"]
    for name, group in GROUPS.items():
        values = settings.get(name, {})
        if values is None:  # no samples
            if prompt[train]["inputs"].pop(group.port, None):
                edits.append(f"{name} none")
            continue
        always = name == "sampling" and name in settings
        key = _node(prompt, train, group, always or _differs(group.settings, values))
        if key is None:
            continue
        if name in settings:
            yield name, group.settings, prompt[key]["inputs"], values
        if name == "network" and "blocks" in values:
            inner = _node(prompt, key, BLOCKS, _differs(BlockSettings, values["blocks"]))
            if inner is not None:
                yield "network.blocks", BlockSettings, prompt[inner]["inputs"], values["blocks"]
    loaders, datasets = _loaders(prompt, train), settings.get("datasets", [])
    for i, values in enumerate(datasets if len(datasets) == len(loaders) else ()):
        if prompt[loaders[i]]["class_type"] == LOADER:
            yield f"datasets.{i}", DatasetSettings, prompt[loaders[i]]["inputs"], values


def _node(prompt: Prompt, key: str, group: Group, wanted: bool) -> str | None:
    """Return the config node of a group behind the node `key`: one is added if it lacks and is wanted. None: another node gives it."""
    link = prompt[key]["inputs"].get(group.port)
    if not is_link(link):
        return connect(prompt, key, group) if wanted else None
    node = prompt.get(link[0])
    return link[0] if node and node["class_type"] == group.node else None


def _loaders(prompt: Prompt, train: str) -> list[str]:
    """Return the nodes that give the datasets of a run, in the order of the job."""
    found: list[str] = []
    link = prompt[train]["inputs"].get("buckets")
    seen = set()
    while is_link(link) and link[0] in prompt and link[0] not in seen:
        key = link[0]
        seen.add(key)
        if prompt[key]["class_type"] in (LOADER, "AthanorDatasetFromImages"):
            found.insert(0, key)
        link = prompt[key]["inputs"].get("dataset")
    return found


def _differs(kind: type[Settings], values: Mapping[str, Any]) -> bool:
    fields = kind.model_fields
    known = identity.read(kind, values).items()
    return any(
        value != fields[name].default for name, value in known if not isinstance(fields[name].default, Settings)
    ) or ("blocks" in values and _differs(BlockSettings, values["blocks"]))


def _check(settings: Mapping[str, Any]) -> None:
    """Raise an AthanorError for a group that is none, and for the first value that is wrong."""
    groups = [("training", TrainingSettings, settings.get("training", {}))]
    groups += [(name, group.settings, settings.get(name) or {}) for name, group in GROUPS.items()]
    datasets = settings.get("datasets", [])
    groups += [
        (f"datasets.{i}", DatasetSettings, v) for i, v in enumerate(datasets if isinstance(datasets, list) else ())
    ]
    if not isinstance(datasets, list):
        raise AthanorError(
            f"job.json: datasets is {quoted(datasets)}: it must be a list of settings, one entry a dataset."
        )
    for name, kind, values in groups:
        blocks = values.get("blocks", {}) if isinstance(values, dict) else {}
        if not isinstance(values, dict) or not isinstance(blocks, dict):
            raise AthanorError(f"job.json: {name} is {quoted(values)}: it must hold settings by their names.")
        try:
            parse(kind, identity.read(kind, values))
        except AthanorError as error:
            raise AthanorError(f"job.json: {name}.{error}") from None
