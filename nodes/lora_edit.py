"""The node LoRA Edit: one LoRA file made of one or several others."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from comfy_api.latest import io

from ..training_core.errors import AthanorError, quoted
from ..training_core.host import folders
from ..training_core.settings import EditSettings
from . import types
from .lora_results import free, lost, made, shown
from .progress import Progress
from .schema import check_kinds, inputs, pick, sentence

log = logging.getLogger("athanor")

_FILES = 3
"""Files that have widgets of their own."""
NONE = "none"


class AthanorLoRAEdit(io.ComfyNode):
    """Makes a LoRA file of one or several others."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs (files with weights, EditSettings) and its outputs (the result's name, an axis, text)."""
        return io.Schema(
            node_id="AthanorLoRAEdit",
            display_name="LoRA Edit (Athanor)",
            category="Athanor",
            description="Makes a new LoRA file of one or several: merges them with weights, changes rank, strength or number format. "
            "What stays at its default changes nothing. The result is compared with the sum of the originals.",
            is_output_node=True,
            search_aliases=[
                "merge lora",
                "merge loras",
                "resize lora",
                "lora rank",
                "scale lora",
                "combine loras",
                "average epochs",
                "lora block weight",
                "convert lora",
                "lora fp16",
                "svd lora",
                "kohya",
                "sd-scripts",
            ],
            inputs=[
                *_file_inputs(),
                *inputs(EditSettings),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="The model that the files are for; only needed to change names, and to merge files that name its layers "
                    "differently (kohya's and diffusers', say).",
                ),
            ],
            outputs=[
                io.AnyType.Output("lora_name", tooltip="File name of the result; connects to Load LoRA."),
                types.Axis.Output(
                    "axis",
                    tooltip="The originals with their weights, and the result, for XYZ Compare: two columns that look alike.",
                ),
                io.String.Output("text", tooltip="The result's layers and ranks, and its difference to the originals."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(
        cls, output_name: str | None = None, blocks: str | None = None, more_loras: str | None = None
    ) -> bool | str:
        """Return True if the texts can be read, else what is wrong (None: linked or missing)."""
        from ..training_core import block_strengths
        from ..training_core.edit import asked

        checks = (
            sentence(lambda: folders.lora_path(str(output_name)), output_name=output_name),
            sentence(lambda: block_strengths.read(str(blocks)), blocks=blocks),
            sentence(lambda: asked.named(str(more_loras)), more_loras=more_loras),
        )
        return next((said for said in checks if said is not True), True)

    @classmethod
    def fingerprint_inputs(cls, **values: Any) -> Any:
        """Return the times of the files' last changes, and how often a result of this name was deleted since it was made."""
        from ..training_core.edit import asked

        names = [str(values.get(_named("lora_name", i)) or NONE) for i in range(_FILES)]
        try:
            more = asked.named(str(values.get("more_loras") or ""))
            names += [each.name for each in asked.matched(more, folders.lora_names())]
            target = folders.lora_path(str(values.get("output_name") or "edited_lora"))
        except AthanorError:
            return None
        paths = [folders.model_file("loras", name) for name in names if name != NONE]
        return [path.stat().st_mtime_ns if path and path.is_file() else 0 for path in paths] + [lost(target)]

    @classmethod
    def execute(cls, **values: Any) -> io.NodeOutput:
        """Make the file, unless it is there already, and return its name, the axis to compare it by, and what it is in words.

        Raises:
            AthanorError: a file is missing or broken, files do not fit each other, or another file has the result's name.
        """
        from ..training_core.edit import asked

        settings = pick(EditSettings, values)
        pairs = [*_chosen(values), *asked.matched(asked.named(settings.more_loras), folders.lora_names())]
        files = asked.sources(pairs, lambda name: folders.existing_lora(name, "lora_name or more_loras"))
        wanted = asked.wanted(settings, files)
        path = folders.lora_path(settings.output_name)
        names = _names(settings.names, values.get("model"), len(files))
        lines = _made(path, wanted, settings, names, shown(cls.hidden.unique_id))
        name, text = folders.lora_name(path), "\n".join(lines)
        Progress(cls.hidden.unique_id).text(text, always=True)
        return io.NodeOutput(name, _axis(wanted, name), text, ui={"text": [text], "lora": [name]})


def _named(what: str, index: int) -> str:
    """Return how a widget of a file is called: lora_name, lora_name_2, lora_name_3."""
    return f"{what}_{index + 1}" if index else what


def _file_inputs() -> list[io.Input]:
    """Return a combo and a weight for each file that has widgets."""
    names, found = folders.lora_names(), []
    for i in range(_FILES):
        first = i == 0
        tip = (
            "The LoRA that is changed, or the first of those that are merged."
            if first
            else "Another LoRA that is merged with it."
        )
        options = names if first else [NONE, *names]
        default = {} if first else {"default": NONE, "optional": True}
        found.append(
            io.Combo.Input(
                _named("lora_name", i), options=options, tooltip=f"{tip} File in the loras folders.", **default
            )
        )
        found.append(
            io.Float.Input(
                _named("weight", i),
                default=1.0,
                min=-10.0,
                max=10.0,
                step=0.05,
                round=False,
                optional=True,
                tooltip="By what its change is multiplied (-10 to 10), as a strength in Load LoRA: 0.5 and 0.5 make the average of two, "
                "-1 subtracts, 0 leaves it out.",
            )
        )
    return found


def _axis(wanted: Any, name: str) -> Any:
    """Return an axis of the originals as they are together, and the result; of the result alone where files have blocks of their own."""
    from ..training_core.compare.axes import Axis, LoraChoice
    from ..training_core.compare.readers import stacked

    stack = tuple(LoraChoice(folders.lora_name(file.path), file.weight, file.weight) for file in wanted.sources)
    result = stacked((LoraChoice(name, 1.0, 1.0),))
    apart = any(file.blocks for file in wanted.sources)
    return Axis("LoRA", (result,) if apart else (stacked(stack, wanted.blocks), result))


def _chosen(values: dict[str, Any]) -> list[Any]:
    """Return the files that are chosen in widgets, with their weights.

    Raises:
        AthanorError: a weight is no number of its widget's.
    """
    from ..training_core.edit.asked import Named

    pairs = []
    for i in range(_FILES):
        name, weight = values.get(_named("lora_name", i), NONE), values.get(_named("weight", i), 1.0)
        check_kinds(str, **{_named("lora_name", i): name})
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not -10 <= weight <= 10:
            raise AthanorError(f"{_named('weight', i)} is {quoted(weight)}: it takes a number from -10 to 10.")
        pairs += [] if name == NONE else [Named(name, float(weight))]
    return pairs


def _names(names: str, model: Any, files: int) -> Any:
    """Return what the layers of the connected model are called, where names are to be changed or files to be merged; else None.

    Raises:
        AthanorError: no model is connected.
    """
    from ..training_core.edit.build import AS_IT_IS
    from ..training_core.host import lora_names
    from ..training_core.host.usable import usable

    model = usable("model", model)
    if names == AS_IT_IS and (model is None or files == 1):
        return None
    if model is None:
        raise AthanorError(
            f"names is {names}: connect model to the model that the LoRA is for, whose layers have these names."
        )
    return lora_names.of(model)


def _made(path: Path, wanted: Any, settings: EditSettings, names: Any, show: Callable[[int, int], None]) -> list[str]:
    """Write what is wanted, unless the file holds it already; return lines that say what it is.

    Args:
        names: what the layers of the connected model are called; None where nothing asks for it.
        show: called with how many layers are done, and how many there are.

    Raises:
        AthanorError: it cannot be made, or another file has its name and is not to be replaced.
    """
    from ..training_core.edit import build, naming, recipe, told
    from ..training_core.host import lora_fit

    recipe_of = recipe.recipe(wanted, settings.names)
    if recipe.is_same(path, recipe_of):
        made(path)
        return told.again(path)
    free(path, settings.replace_file, [source.path for source in wanted.sources])
    result = build.make(wanted, show, names)
    if settings.names != build.AS_IT_IS:
        result = replace(result, tensors=naming.renamed(result.tensors, settings.names, names, result.precision))
    free(path, settings.replace_file, [])  # of a large one that took minutes, another job may have taken the name
    recipe.write(path, result, wanted, recipe_of)
    made(path)
    name = folders.lora_name(path)
    lines = [
        *told.summary(name, result, path.stat().st_size),
        told.originals(wanted),
        *(
            ["That is far from them: a higher rank comes nearer, and rank 0 is exact."]
            if result.error > told.FAR
            else []
        ),
        *recipe.notes(wanted),
        *filter(None, [lora_fit.read_in_part(name)]),
    ]
    for line in lines:
        log.info("Athanor: %s", line)
    return lines
