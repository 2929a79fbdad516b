"""A recipe: the settings of a training with the files it names, and the list of what became of each thing that was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..settings import (
    JOB_GROUPS,
    DatasetSettings,
    Settings,
    parse,
)

GROUPS = {path: group for path, group in JOB_GROUPS.items() if path not in ("network.blocks", "datasets")}
"""Groups of settings by their names in a job; those of the datasets, of which there are several, are beside them."""

ROLES = (
    "checkpoint",
    "diffusion_model",
    "vae",
    "clip_l",
    "clip_g",
    "t5xxl",
    "text_encoder",
)
"""What a model's file can be: the whole model, the diffusion model alone, the VAE, the text encoders by name, or a text encoder of
another kind (Qwen, Gemma, Llama ...)."""

Values = Mapping[str, Any]
"""Field -> value."""

WeightDtype = Literal["default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"]
"""Choices of Load Diffusion Model."""
Kind = Literal["taken", "translated", "meaningless", "unknown"]
"""What became of a line: taken over as it is; taken over in another form; without meaning here; not known here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What became of one thing that a recipe says."""

    name: str
    """As the recipe calls it, with the place where names repeat: "datasets 2: resolution"."""
    value: str
    """As it was written, shortened for reading."""
    kind: Kind
    to: str = ""
    """What it is here: "Network Config: rank 32"; empty for what has no meaning here or is not known."""
    why: str = ""
    """How it was translated, why it has no meaning here, or what the nearest known name is: a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The model that is trained, as far as a recipe tells: its kind, its files, and how they are loaded."""

    family: str = ""
    """Title of the family ("SDXL"); empty where the recipe does not tell."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Role (of `ROLES`) -> name or path as the recipe has it, which may be one of another machine."""
    clip_skip: int = 0
    """Layer of CLIP that is read, from the end, as clip_skip of sd-scripts; 0 and 1: the last one."""
    v_prediction: bool = False
    """The recipe says that the model predicts v, which a file need not tell."""
    weight_dtype: WeightDtype = "default"
    """Number format in which Load Diffusion Model keeps the frozen model's weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Settings of a training: what is not named is at its default here."""

    model: Model = Model()
    settings: Mapping[str, Values] = field(default_factory=dict)
    """Group (of `GROUPS`) -> field -> value. "blocks" of the network is a group of its own inside it."""
    datasets: tuple[Values, ...] = ()
    """Fields of DatasetSettings, one set for each Dataset Loader; each leads into the next, the last into the Bucketer."""

    def group(self, name: str) -> Settings:
        """Return a group of settings with the defaults of what is not named.

        Raises:
            AthanorError: a value is wrong; `read.read` gives recipes whose values are all right.
        """
        return parse(GROUPS[name], self.settings.get(name, {}))

    def dataset(self, number: int) -> DatasetSettings:
        """Return the settings of one Dataset Loader, with the defaults of what is not named; AthanorError as in `group`."""
        return parse(DatasetSettings, self.datasets[number])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read from a file or text: the recipe, and a line for everything in it."""

    form: str
    """Title of the form that it has: "sd-scripts command"."""
    recipe: Recipe
    lines: tuple[Line, ...]
