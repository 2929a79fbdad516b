"""The node Import Recipe: settings of another program's recipe, for Train LoRA."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from comfy_api.latest import io

from ..training_core.errors import AthanorError, quoted
from ..training_core.files import is_file
from ..training_core.host import devices, folders
from ..training_core.names import nearest
from ..training_core.settings import (
    BucketSettings,
    OptimizerSettings,
    SamplingSettings,
    Settings,
    TrainingSettings,
    ValidationSettings,
    parse,
)
from . import types
from .progress import Progress
from .schema import check_kinds, sentence

if TYPE_CHECKING:
    from ..training_core.recipes.recipe import Reading, Recipe

_FILE = re.compile(
    r"[^\s\-!#{\[=][^\n=|\"']{0,250}\.(safetensors|toml|json|ya?ml|txt|md|bat|cmd|z?sh|ps1)", re.IGNORECASE
)
_MOST_FILES = 16
_GROUPS = ("network", "loss", "noise", "optimizer", "conditioning", "cache")
"""Groups of settings that are outputs as they are."""
_CARRIED = {
    "training": ("epochs", "max_train_steps", "output_name"),
    "buckets": ("width", "height", "batch_size"),
}
"""Group -> those of its settings that are outputs."""


class AthanorImportRecipe(io.ComfyNode):
    """Reads a recipe of another program, and gives its settings."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's input, the recipe, and its outputs: the settings for Train LoRA and Bucketer, and what became of what."""
        return io.Schema(
            node_id="AthanorImportRecipe",
            display_name="Import Recipe",
            category="Athanor/config",
            description="Reads the recipe of another program, pasted or from a file, and gives its settings to Train LoRA and Bucketer; "
            "lists what was taken over, translated, has no meaning here or is not known.",
            is_output_node=True,
            search_aliases=[
                "import", "sd-scripts", "kohya", "onetrainer", "ai-toolkit", "musubi", "diffusion-pipe", "toml", "recipe",
                "settings from lora", "command line",
            ],
            inputs=[
                io.String.Input(
                    "recipe",
                    multiline=True,
                    default="",
                    optional=True,
                    tooltip="The text of the recipe: a command of sd-scripts, TOML, JSON, YAML, or lines such as 'rank: 32'. Or the "
                    "names of files, one a line: a LoRA of the loras folders, or files in ComfyUI's input folder.",
                )
            ],
            outputs=[
                types.Network.Output("network", tooltip="Network settings, for Train LoRA."),
                types.Loss.Output("loss", tooltip="Loss settings, for Train LoRA."),
                types.Noise.Output("noise", tooltip="Noise settings, for Train LoRA."),
                types.Optimizer.Output("optimizer", tooltip="Optimizer settings, for Train LoRA."),
                types.Conditioning.Output("conditioning", tooltip="Conditioning settings, for Train LoRA."),
                types.Cache.Output("cache", tooltip="Cache settings, for Train LoRA."),
                types.Validation.Output("validation", tooltip="Settings of the probe, for Train LoRA."),
                types.Samples.Output("samples", tooltip="Sample settings, for Train LoRA; no samples where the recipe has none."),
                io.Int.Output("width", tooltip="Training width in pixels, for Bucketer."),
                io.Int.Output("height", tooltip="Training height in pixels, for Bucketer."),
                io.Int.Output("batch_size", tooltip="Pictures per step, for Bucketer."),
                io.Int.Output("epochs", tooltip="Epochs, for Train LoRA."),
                io.Int.Output("max_train_steps", tooltip="Steps in place of epochs, for Train LoRA; 0: the recipe counts epochs."),
                io.String.Output("output_name", tooltip="The LoRA's name, for Train LoRA."),
                io.String.Output("text", tooltip="What became of each thing in the recipe, as Markdown."),
            ],
            hidden=[io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    async def validate_inputs(cls, recipe: str | None = "") -> bool | str:
        """Return True if the recipe can be read, else what is wrong (None: linked, checked when the node runs).

        A large text takes seconds to read: a thread does it, while the host's event loop goes on.
        """
        return await asyncio.to_thread(sentence, lambda: _reading(str(recipe)), recipe=recipe)

    @classmethod
    def fingerprint_inputs(cls, recipe: str | None = "") -> Any:
        """Return when the files that are named were changed last, so that a changed file is read again."""
        try:
            return [path.stat().st_mtime_ns for path in _files(str(recipe or ""))]
        except (AthanorError, OSError) as error:
            return str(error)

    @classmethod
    def execute(cls, recipe: str = "") -> io.NodeOutput:
        """Return the recipe's settings in the order of the outputs; the node shows how many lines became what.

        Raises:
            AthanorError: the recipe cannot be read, or its optimizer is not installed here.
        """
        from ..training_core.optim import optimizers, schedulers
        from ..training_core.recipes import listing

        check_kinds(str, recipe=recipe)
        reading = _reading(recipe)
        found, missing = _with_own_weights(reading.recipe)
        buckets, training = _group(found, BucketSettings), _group(found, TrainingSettings)
        optimizer = _group(found, OptimizerSettings)
        schedulers.check(optimizer)
        optimizers.choose(optimizer, devices.compute_device())
        drawn = types.SampleInputs(_group(found, SamplingSettings)) if found.settings.get("sampling") else None
        missing += filter(None, [listing.by_hand(found, _CARRIED)])
        unknown = [f"{line.name} {line.value}: {line.why}" for line in reading.lines if line.kind == "unknown"]
        shown = "\n".join([listing.counted(reading), *missing, *unknown])
        Progress(cls.hidden.unique_id).text(shown, always=True)
        return io.NodeOutput(
            *(found.group(name) for name in _GROUPS),
            types.ProbeInputs(_group(found, ValidationSettings)),
            drawn,
            *(buckets.width, buckets.height, buckets.batch_size),
            *(training.epochs, training.max_train_steps, training.output_name),
            "\n\n".join([listing.listed(reading), *missing]),
            ui={"text": [shown]},
        )


M = TypeVar("M", bound=Settings)


def _group(recipe: Recipe, kind: type[M]) -> M:
    """Return a group of a recipe's settings, with the defaults of what is not named."""
    from ..training_core.recipes.recipe import GROUPS

    name = next(name for name, group in GROUPS.items() if group is kind)
    return parse(kind, recipe.settings.get(name, {}))


def _reading(recipe: str) -> Reading:
    """Return what a recipe says: a text, or files by their names.

    Raises:
        AthanorError: a file is missing, or it is no recipe.
    """
    from ..training_core.recipes.document import Document
    from ..training_core.recipes.read import read
    from ..training_core.recipes.recipe_file import document_of

    if not recipe.strip():
        return read([])
    files = _files(recipe)
    return read([document_of(path) for path in files] or [Document(data=recipe.encode("utf-8", "replace"))])


def _files(recipe: str) -> list[Path]:
    """Return the files that a text names, one a line; none where a line is no file's name: then the text is the recipe."""
    names = [line.strip() for line in recipe.splitlines() if line.strip()]
    if not 0 < len(names) <= _MOST_FILES or not all(_FILE.fullmatch(name) and " --" not in name for name in names):
        return []
    return [_file(name) for name in names]


def _file(name: str) -> Path:
    path = folders.below(folders.input_folder(), name)
    if path is not None and is_file(path):
        return path
    if name.lower().endswith(".safetensors"):
        return folders.existing_lora(name, "recipe")
    there = [each.name for each in folders.input_folder().iterdir() if each.suffix and _FILE.fullmatch(each.name)]
    raise AthanorError(f"recipe {quoted(name)} is not in ComfyUI's input folder; {nearest(name, there)}.")


def _with_own_weights(recipe: Recipe) -> tuple[Recipe, list[str]]:
    """Return a recipe whose network_weights is the LoRA of that name here, and a sentence where there is none."""
    from ..training_core.recipes.answers import same_name

    network = dict(recipe.settings.get("network", {}))
    said = str(network.get("network_weights", ""))
    if not said:
        return recipe, []
    own = network["network_weights"] = same_name(said, folders.lora_names())
    missing = [f"The LoRA {quoted(said)} to go on from is not in the loras folders: training begins anew."]
    return replace(recipe, settings={**recipe.settings, "network": network}), [] if own else missing
