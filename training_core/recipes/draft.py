"""A recipe while it is being read: values at their paths, the line that each came from, and the check of all at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from pydantic import ValidationError

from ..errors import AthanorError, quoted, shortened
from ..settings import JOB_GROUPS, BlockSettings, DatasetSettings, SettingInfo, Settings, info, parse
from .recipe import GROUPS, ROLES, Line, Model, Recipe, WeightDtype
from .values import fitted, switch, whole

NODES = {
    "training": "Train LoRA",
    "network": "Network Config",
    "network.blocks": "Block Config",
    "optimizer": "Optimizer Config",
    "loss": "Loss Config",
    "noise": "Noise Config",
    "conditioning": "Conditioning Config",
    "buckets": "Bucketer",
    "cache": "Cache Config",
    "validation": "Validation Config",
    "sampling": "Sample Config",
    "datasets": "Dataset Loader",
    "model": "Model",
}
"""Group -> what users know as its place, a node's name."""


def _layer(value: Any) -> int:
    number = whole(value)
    if not 0 <= number <= 24:  # as far as CLIP Set Last Layer goes
        raise ValueError(f"clip_skip is {number}: it must be from 0 to 24.")
    return number


def _weight_dtype(value: Any) -> str:
    if value not in get_args(WeightDtype):
        raise ValueError(f"{quoted(value)} is not among {', '.join(get_args(WeightDtype))}.")
    return value


_MODEL: dict[str, Callable[[Any], Any]] = {
    "family": str,
    "clip_skip": _layer,
    "v_prediction": switch,
    "weight_dtype": _weight_dtype,
}
"""Fields of the model beside its files, and what reads the value of each."""
_INFO: dict[str, dict[str, SettingInfo]] = {
    name: {each.name: each for each in info(group)} for name, group in JOB_GROUPS.items()
}


class Draft:
    """Values by path, and the lines that tell where they came from."""

    def __init__(self, datasets: int) -> None:
        """`datasets`: how many Dataset Loaders the recipe needs."""
        self.settings: dict[str, dict[str, Any]] = {}
        self.datasets: list[dict[str, Any]] = [{} for _ in range(datasets)]
        self.model: dict[str, Any] = {}
        self.lines: list[Line] = []
        self.not_known = 0
        """Names that the program does not know, so far."""
        self._from: dict[tuple[str, int], int] = {}

    def put(self, path: str, value: Any, datasets: Sequence[int] | None = None) -> str:
        """Set a value, note that it comes from the next line, and return what it is now, for reading: "Network Config: rank 32".

        Raises:
            ValueError: the value is not of the setting's kind.
            KeyError: there is no such path, a mistake in a vocabulary.
        """
        group, _, name = path.rpartition(".")
        if group.startswith("model"):
            self._put_in_model(path, value)
            return f"Model: {name} {shortened(str(value))}"
        value = fitted(_INFO[group][name], value)
        numbers = range(len(self.datasets)) if datasets is None else datasets
        if group == "datasets":
            for number in numbers:
                self.datasets[number][name] = value
                self._from[path, number] = len(self.lines)
        else:
            self.settings.setdefault(group, {})[name] = value
            self._from[path, 0] = len(self.lines)
        return f"{NODES[group]}: {name} {shortened(str(value))}".rstrip()

    def get(self, path: str, dataset: int = 0) -> Any:
        """Return the value at a path, of a setting that is not set its default, and of a model's field that is not set None."""
        group, _, name = path.rpartition(".")
        if group.startswith("model"):
            return self.model.get(path.partition(".")[2])
        values = self.datasets[dataset] if group == "datasets" else self.settings.get(group, {})
        return values.get(name, _INFO[group][name].default)

    def _put_in_model(self, path: str, value: Any) -> None:
        name = path.partition(".")[2]
        if name not in _MODEL and name not in {f"files.{role}" for role in ROLES}:
            raise KeyError(path)
        self.model[name] = _MODEL[name](value) if name in _MODEL else str(value)

    def recipe(self) -> Recipe:
        """Return the recipe, without values that their settings do not take: the lines that they came from say so."""
        settings = dict(self.settings)
        self._drop_wrong("network.blocks", BlockSettings, settings.get("network.blocks", {}), 0)
        blocks = settings.pop("network.blocks", {})
        for name, group in GROUPS.items():
            inner = {"blocks": blocks} if name == "network" and blocks else {}
            self._drop_wrong(name, group, settings.setdefault(name, {}), 0, inner)
            settings[name] = settings[name] | inner
        for number, values in enumerate(self.datasets):
            self._drop_wrong("datasets", DatasetSettings, values, number)
        files = {
            name.partition(".")[2]: str(value)
            for name, value in self.model.items()
            if name.startswith("files.") and value
        }
        model = Model(
            files=files, **{name: value for name, value in self.model.items() if not name.startswith("files.")}
        )
        return Recipe(
            model=model,
            settings={name: values for name, values in settings.items() if values},
            datasets=tuple(self.datasets),
        )

    def _drop_wrong(
        self,
        path: str,
        group: type[Settings],
        values: dict[str, Any],
        number: int,
        inner: Mapping[str, Any] | None = None,
    ) -> None:
        """Remove from `values` what the group does not take, one after the other, and tell it in the lines."""
        while trouble := _trouble(group, {**values, **(inner or {})}):
            name, sentence = trouble
            if name not in values:
                name = next(reversed(values), "")
            if not name:
                return
            del values[name]
            line = self._from.get((f"{path}.{name}", number))
            if line is not None:
                self.lines[line] = replace(self.lines[line], kind="unknown", to="", why=sentence)


def _trouble(group: type[Settings], values: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the field of the first value that a group does not take, and the sentence about it; None where all are right."""
    try:
        group(**values)
    except ValidationError as error:
        where = error.errors()[0]["loc"]
        try:
            parse(group, values)
        except AthanorError as told:
            sentence = str(told)
        else:  # cannot be: the same values were refused above
            sentence = ""
        if where and str(where[0]) in values:
            return str(where[0]), sentence
        words = sentence.replace(":", " ").split()
        named = sorted((name for name in values if name in words), key=words.index)  # what is wrong is named first
        return (named or list(values) or [""])[0], sentence
    return None
