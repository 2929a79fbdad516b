"""A recipe -> a whole graph: loaders, pictures, settings, training, a comparison of its epochs, and what is left to choose (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from ..errors import quoted, shortened
from ..markdown import unmarked
from ..settings import BlockSettings, DatasetSettings, Settings, TrainingSettings, info
from . import loaders
from .looks import compared
from .recipe import GROUPS, Line, Recipe, Values
from .sheet import NOTE, Graph, Link, Node, Question, Sheet

MODEL, PICTURES, SETTINGS, TRAINING, EPOCHS = "Model", "Pictures", "Settings", "Training", "Pick the epoch"
"""Titles of the groups, in their order."""
_CONFIGS = (
    ("network", "AthanorNetworkConfig", "network"),
    ("noise", "AthanorNoiseConfig", "noise"),
    ("conditioning", "AthanorConditioningConfig", "conditioning"),
    ("optimizer", "AthanorOptimizerConfig", "optimizer"),
    ("loss", "AthanorLossConfig", "loss"),
    ("sampling", "AthanorSampleConfig", "samples"),
    ("cache", "AthanorCacheConfig", "cache"),
    ("validation", "AthanorValidationConfig", "validation"),
)
"""Group of settings, its node, and the input of Train LoRA that takes it; three stand below each other."""
_IN_A_COLUMN = 3
_FOLDERS = {
    "folder": "the folder of pictures",
    "mask_folder": "the folder of masks",
    "control_folder": "the folder of control pictures",
}
_MOST_LINES = 12


def graph(recipe: Recipe, *, form: str = "", lines: Sequence[Line] = ()) -> Graph:
    """Return the graph that trains a recipe: only what is not at its default is set, and each file and folder is a question.

    Args:
        recipe: as `read.read` gives it.
        form: what it was read from, for the note: "sd-scripts command".
        lines: what became of each thing in it; the note tells those that are not known.
    """
    sheet = Sheet()
    sheet.begin(MODEL, column=1)  # beside the note
    zero_terminal = bool(recipe.settings.get("noise", {}).get("zero_terminal_snr", False))
    ports = loaders.load(sheet, recipe.model, zero_terminal_snr=zero_terminal)
    buckets = _pictures(sheet, recipe)
    configs = _configs(sheet, recipe)
    sheet.begin(TRAINING)
    training = _changed(TrainingSettings, recipe.settings.get("training", {}))
    train = sheet.add("AthanorTrainLoRA", **ports.inputs(), buckets=buckets, **configs, **training)
    sheet.next_column()
    sheet.add("PreviewImage", "Loss curve", images=Link(train, 4))
    sheet.begin(EPOCHS)
    sheet.add("AthanorXYZCompare", "Epochs", run=Link(train, 0), **ports.inputs(), **compared(recipe))
    name = str(training.get("output_name", ""))
    note = Node(
        id="1",
        kind=NOTE,
        inputs={"text": _note(name, form, sheet.questions, lines)},
        group=MODEL,
        column=0,
    )
    return Graph(nodes=(note, *sheet.nodes), questions=tuple(sheet.questions))


def _changed(group: type[Settings], values: Values) -> dict[str, Any]:
    """Return the values of a group that are not at their defaults."""
    defaults = _defaults(group)
    return {name: value for name, value in values.items() if name in defaults and value != defaults[name]}


@cache
def _defaults(group: type[Settings]) -> Mapping[str, Any]:
    return {each.name: each.default for each in info(group)}


def _pictures(sheet: Sheet, recipe: Recipe) -> Link:
    """Add the Dataset Loaders, each of which leads into the next, and the Bucketer."""
    sheet.begin(PICTURES)
    before: dict[str, Link] = {}
    datasets = recipe.datasets or ({},)
    regular = [number for number, values in enumerate(datasets) if not values.get("is_reg")]
    for number, values in enumerate(datasets):
        changed = _changed(DatasetSettings, values)
        folders = {name: str(values.get(name) or "").strip() for name in _FOLDERS}
        which = "regularization" if values.get("is_reg") else str(regular.index(number) + 1) * (len(regular) > 1)
        node = sheet.add(
            "AthanorDatasetLoader",
            f"Dataset Loader: {which}" if which else "",
            **changed | {name: "" for name, said in folders.items() if said or name == "folder"} | before,
        )
        for name, said in folders.items():
            if said or name == "folder":
                _ask_folder(sheet, node, name, said, which)
        before = {"dataset": Link(node, 0)}
    sheet.next_column()
    values = _changed(GROUPS["buckets"], recipe.settings.get("buckets", {}))
    return Link(sheet.add("AthanorBucketer", **before, **values), 0)


def _ask_folder(sheet: Sheet, node: str, name: str, said: str, which: str) -> None:
    what = _FOLDERS[name]
    if which == "regularization":
        what = what.replace("pictures", "regularization pictures", name == "folder")
    elif which and name == "folder":
        what = f"folder {which} of pictures"
    told = f": the recipe used {quoted(loaders.last_part(said))}" if said else ", which the recipe does not name"
    sheet.ask(node, name, name, said, f"Choose {what}{told}.")


def _configs(sheet: Sheet, recipe: Recipe) -> dict[str, Link]:
    """Add a config node for each group with something not at its default; return the inputs of Train LoRA that they give."""
    sheet.begin(SETTINGS)
    found: dict[str, Link] = {}
    for name, kind, port in _CONFIGS:
        values = recipe.settings.get(name, {})
        changed = _changed(GROUPS[name], values)
        blocks = _changed(BlockSettings, values.get("blocks", {})) if name == "network" else {}
        # Without a Sample Config nothing is drawn: one at its defaults is another thing than none.
        if not changed and not blocks and not (name == "sampling" and values):
            continue
        if len(found) % _IN_A_COLUMN == 0:
            sheet.next_column()
        inner = {"blocks": Link(sheet.add("AthanorBlockConfig", **blocks), 0)} if blocks else {}
        node = sheet.add(kind, **_without_weights(changed), **inner)
        said = str(changed.get("network_weights", "")).strip()
        if name == "network" and said:
            text = f"Choose the LoRA to go on from, or leave it empty to begin anew: the recipe used {quoted(loaders.last_part(said))}."
            sheet.ask(node, "network_weights", "network_weights", said, text)
        found[port] = Link(node, 0)
    return found


def _without_weights(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "" if name == "network_weights" else value for name, value in values.items()}


def _note(name: str, form: str, questions: Iterable[Question], lines: Sequence[Line]) -> str:
    """Return the note beside the graph: what to choose, and what of the recipe is not known."""
    asked = list(dict.fromkeys(question.text for question in questions))
    steps = "\n".join(f"{number}. {text}" for number, text in enumerate([*map(unmarked, asked), "Press *Run*."], 1))
    title = unmarked(shortened(name)) or "An imported recipe"
    text = f"## {title}\nImported from: {form or 'a recipe'}.\n\n**To do**\n{steps}\n"
    unknown = [line for line in lines if line.kind == "unknown"]
    if unknown:
        shown = [unmarked(f"{line.name} {shortened(line.value, 40)}: {line.why}") for line in unknown[:_MOST_LINES]]
        more = [f"- and {len(unknown) - _MOST_LINES} more"] * (len(unknown) > _MOST_LINES)
        text += "\n**Not taken over**\n" + "\n".join([*(f"- {each}" for each in shown), *more]) + "\n"
    return text
