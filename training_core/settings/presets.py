"""Presets: settings of several nodes under one name. Those of presets.json are published recipes; a user's own are in own_presets.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import AthanorError, quoted, shortened
from ..json_text import load_json
from .base import Settings, info, parse
from .buckets import BucketSettings
from .conditioning import ConditioningSettings
from .dataset import DatasetSettings
from .loss import LossSettings
from .network import NetworkSettings
from .noise import NoiseSettings
from .optimizer import OptimizerSettings
from .training import TrainingSettings

PURPOSES = ("any", "character", "style", "concept")
"""What a preset can be for, in the order of lists."""

Values = dict[str, dict[str, Any]]
"""Group of settings ("network") -> field -> value."""

_FILE = Path(__file__).with_name("presets.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of settings that presets fill in, and the node that has them."""

    settings: type[Settings]
    node: str
    fields: tuple[str, ...]
    """Fields that a preset sets. All others are the user's: names, seeds, folders, what a file tells, how memory is saved."""
    whole: bool = True
    """A preset with this group sets all of `fields`, those that it does not name to their defaults: then the result is the same
    whatever stood there before. False: it sets only what it names."""


def _all_but(settings: type[Settings], *left_out: str) -> tuple[str, ...]:
    return tuple(each.name for each in info(settings) if each.name not in left_out)


GROUPS: dict[str, Group] = {
    "training": Group(
        settings=TrainingSettings,
        node="AthanorTrainLoRA",
        fields=(
            "epochs",
            "max_train_steps",
            "gradient_accumulation_steps",
            "save_every_n_epochs",
            "save_every_n_steps",
        ),
    ),
    "network": Group(
        settings=NetworkSettings,
        node="AthanorNetworkConfig",
        fields=_all_but(NetworkSettings, "network_weights"),
    ),
    "optimizer": Group(
        settings=OptimizerSettings,
        node="AthanorOptimizerConfig",
        fields=_all_but(OptimizerSettings, "optimizer_fallback"),
    ),
    "loss": Group(settings=LossSettings, node="AthanorLossConfig", fields=_all_but(LossSettings)),
    "noise": Group(settings=NoiseSettings, node="AthanorNoiseConfig", fields=_all_but(NoiseSettings)),
    "conditioning": Group(
        settings=ConditioningSettings, node="AthanorConditioningConfig", fields=_all_but(ConditioningSettings)
    ),
    "buckets": Group(
        settings=BucketSettings,
        node="AthanorBucketer",
        fields=_all_but(BucketSettings, "crop_anchor", "resize_interpolation"),
    ),
    "dataset": Group(
        settings=DatasetSettings,
        node="AthanorDatasetLoader",
        fields=("shuffle_caption", "keep_tokens", "caption_dropout_rate", "max_token_length"),
        whole=False,
    ),
}
"""By their names in presets, which are those of Train LoRA's inputs where they come from a config node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Settings under a name, for some kinds of models and purposes."""

    id: str
    name: str
    families: tuple[str, ...]  # titles of families; none: for all
    purposes: tuple[str, ...]
    about: str
    source: str  # address of the publication; "" for a user's own
    settings: Values  # as they are written down

    @property
    def filled(self) -> Values:
        """What it sets, field by field: groups that are whole with the defaults of what it does not name."""
        return {name: _filled(name, values) for name, values in self.settings.items()}


def defaults() -> Values:
    """Return the defaults of all that presets can set."""
    return {name: _picked(group, group.settings()) for name, group in GROUPS.items()}


def checked(values: Mapping[str, Any]) -> Values:
    """Return a preset's settings after a look at each: known groups and fields, and values that their nodes would take.

    Raises:
        AthanorError: names the first that is wrong, or there are none.
    """
    for name, fields in values.items():
        group = GROUPS.get(name)
        if group is None or not isinstance(fields, dict):
            raise AthanorError(f"{quoted(name)} is no group of settings: use {', '.join(GROUPS)}.")
        if strange := [field for field in fields if field not in group.fields]:
            raise AthanorError(f"{shortened(strange[0])}: presets do not set it; they set {', '.join(group.fields)}.")
        parse(group.settings, fields)
    if not any(values.values()):
        raise AthanorError("The preset holds no settings: choose at least one node.")
    return {name: _named(name, fields) for name, fields in values.items() if fields}


@cache
def shipped() -> tuple[Preset, ...]:
    """Return the published recipes of presets.json, in its order."""
    return tuple(_recipe(entry) for entry in load_json(_FILE.read_bytes()))


def _recipe(entry: dict[str, Any]) -> Preset:
    texts = {name: entry[name] for name in ("id", "name", "about", "source")}
    return Preset(
        **texts,
        families=tuple(entry["families"]),
        purposes=tuple(entry["purposes"]),
        settings=_with_recipe_groups(entry["settings"]),
    )


def _with_recipe_groups(values: Values) -> Values:
    """Return the settings of a recipe with every group that is set as a whole: what it does not name is at its default."""
    return {name: values.get(name, {}) for name, group in GROUPS.items() if group.whole or name in values}


def _filled(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    group = GROUPS[name]
    return _picked(group, parse(group.settings, values)) if group.whole else _named(name, values)


def _named(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the fields that are named, in the form that their settings have."""
    group = GROUPS[name]
    result = _picked(group, parse(group.settings, values))
    return {field: result[field] for field in group.fields if field in values}


def _picked(group: Group, settings: Settings) -> dict[str, Any]:
    return {field: getattr(settings, field) for field in group.fields}
