"""A recipe as a command of sd-scripts with the TOML of its dataset and its prompts; what it cannot say stands in comments (pure).

The comments are found by reading the files back (`read`), so that importing what was exported always gives the same recipe.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ...errors import AthanorError, shortened
from ...settings import JOB_GROUPS, info
from .. import own_lines
from ..document import Document
from ..draft import NODES
from ..forms.sd_scripts_family import family
from ..read import read
from ..recipe import GROUPS, ROLES, Model, Recipe
from .sd_scripts_dataset import dataset_toml, names_a_file, prompts_text
from .sd_scripts_model import script, trained_there
from .sd_scripts_options import options
from .shell import command, on_one_line
from .words import Option
from .written import File, Written

COMMAND, DATASET, PROMPTS = "train.sh", "dataset.toml", "prompts.txt"
_MOST_READ = 4
"""Times that the files are read back: what one line says can change what another means."""
_NEARLY = frozenset(
    {
        "buckets.extra_resolutions",
        "model.family",
        "network.blocks.reg_dims",
        "network.blocks.reg_lrs",
        "optimizer.lr_decay_steps",
        "optimizer.lr_step_rules",
        "optimizer.lr_warmup_steps",
        "optimizer.optimizer_args",
        "optimizer.text_encoder_lr",
        "sampling.cfg",
        "sampling.height",
        "sampling.negative",
        "sampling.sample_prompts",
        "sampling.sample_seed",
        "sampling.steps",
        "sampling.width",
        "training.epochs",
        "training.mixed_precision",
    }
)
"""Settings that the files say in other words: their comment keeps the words, and nothing is left out."""
Place = tuple[str, int | None]
"""Path of a setting, and the number of its Dataset Loader from 0."""


def write(recipe: Recipe) -> Written:
    """Return train.sh, dataset.toml, and prompts.txt where samples are drawn."""
    known = _with_family(recipe)
    said = options(known)
    kept = [option for option in said if all(map(on_one_line, option[1]))]
    comments: dict[Place, Any] = {}
    files = _files(known, kept, comments)
    for _ in range(_MOST_READ):
        missing = dict(_differences(recipe, _read_back(files)))
        if not missing:
            break
        comments |= missing
        files = _files(known, kept, comments)
    why = trained_there(known)
    return Written(files=files, left_out=(*([why] if why else []), *_sentences(recipe, comments)))


def _with_family(recipe: Recipe) -> Recipe:
    """Return a recipe whose family is the one that the name of its model's file tells, where it does not say it."""
    files = recipe.model.files
    file = files.get("checkpoint") or files.get("diffusion_model") or ""
    guessed = recipe.model.family or family({"pretrained_model_name_or_path": file})
    return replace(recipe, model=replace(recipe.model, family=guessed))


def _files(recipe: Recipe, said: Sequence[Option], comments: dict[Place, Any]) -> tuple[File, ...]:
    prompts = prompts_text(recipe)
    own = recipe.group("sampling").model_dump()["sample_prompts"].strip() if "sampling" in recipe.settings else ""
    named: list[Option] = [("dataset_config", [DATASET])]
    if prompts or (own and names_a_file(own) and on_one_line(own)):
        named.append(("sample_prompts", [PROMPTS if prompts else own]))
    processes = recipe.group("training").model_dump()["processes"]
    launch = ["accelerate", "launch", *(["--multi_gpu", "--num_processes", str(processes)] if processes > 1 else [])]
    head = [f"# Written by Athanor. Start it in the folder of sd-scripts, with {DATASET} beside it.", ""]
    lines = [own_lines.written(path, value, number) for (path, number), value in comments.items()]
    tail = ["", "# What sd-scripts has no words for, in a form that Athanor reads back:", *lines] if lines else []
    first, *rest = said
    text = command([*launch, "--num_cpu_threads_per_process", "1", script(recipe)], [first, *named, *rest])
    files = [
        File(name=COMMAND, text="\n".join([*head, text.rstrip("\n"), *tail]) + "\n"),
        File(name=DATASET, text=dataset_toml(recipe)),
    ]
    return (*files, *([File(name=PROMPTS, text=prompts)] if prompts else []))


def _read_back(files: Sequence[File]) -> Recipe | None:
    """Return what the files say to our own reader; None if it cannot read them."""
    try:
        return read([Document(name=file.name, data=file.text.encode("utf-8", "replace")) for file in files]).recipe
    except AthanorError:
        return None


def _differences(recipe: Recipe, found: Recipe | None) -> Iterator[tuple[Place, Any]]:
    """Yield each place where two recipes differ, with its value in `recipe`; all that is not at its default where `found` is None."""
    other = found or Recipe(datasets=recipe.datasets)
    mine, theirs = dict(values(recipe)), dict(values(other))
    for place, value in mine.items():
        if place not in theirs or theirs[place] != value or type(theirs[place]) is not type(value):
            yield place, value
    if "sampling" in recipe.settings and "sampling" not in other.settings:
        yield ("sampling.sample_every_n_epochs", None), recipe.group("sampling").model_dump()["sample_every_n_epochs"]


def values(recipe: Recipe) -> Iterator[tuple[Place, Any]]:
    """Yield every place with its value, whether it is named or at its default."""
    model = recipe.model
    for name in ("family", "clip_skip", "v_prediction", "weight_dtype"):
        yield (f"model.{name}", None), getattr(model, name)
    yield from (((f"model.files.{role}", None), model.files.get(role, "")) for role in ROLES)
    for name in GROUPS:
        for field, value in recipe.group(name).model_dump().items():
            if field == "blocks":
                yield from (((f"network.blocks.{inner}", None), each) for inner, each in value.items())
            else:
                yield (f"{name}.{field}", None), value
    for number in range(len(recipe.datasets)):
        for field, value in recipe.dataset(number).model_dump().items():
            yield (f"datasets.{field}", number), value


def _sentences(recipe: Recipe, comments: dict[Place, Any]) -> Iterator[str]:
    """Yield what is left out of the command, and stands in a comment alone."""
    for (path, number), value in comments.items():
        group, _, name = path.rpartition(".")
        if path in _NEARLY or value == _default(path):
            continue
        where = NODES.get(group, "the model") + (
            f" {number + 1}" if number is not None and len(recipe.datasets) > 1 else ""
        )
        shown = {True: "on", False: "off"}.get(value, shortened(value)) if isinstance(value, bool) else shortened(value)
        yield f"{name} of {where} ({shown}): sd-scripts has no option for it here; it stands in a comment of {COMMAND}."


def _default(path: str) -> Any:
    group, _, name = path.rpartition(".")
    if group == "model":
        return getattr(Model(), name)
    if group == "model.files":
        return ""
    kinds = JOB_GROUPS
    return next(each.default for each in info(kinds[group]) if each.name == name)
