"""diffusion-pipe's TOML: its main file and the file of its dataset, and the command that starts it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ... import toml
from ..document import Document
from ..draft import Draft
from ..form import Form
from ..recipe import Line
from ..rules import Contents, Entry, Said
from ..translate import Program
from . import command_line
from .diffusion_pipe_model import TYPES, goes_on, is_flow, kind
from .diffusion_pipe_optimizer import default_rate
from .diffusion_pipe_pictures import SHARED
from .diffusion_pipe_words import WORDS
from .nested import draw_at_trained_size

_MAIN_ALONE = ("micro_batch_size_per_gpu", "pipeline_stages", "activation_checkpointing", "partition_method")
_OURS = re.compile(
    rf"^[ \t]*(?:(?:#[ \t]*)?(?:{'|'.join(_MAIN_ALONE)})[ \t]*=|\[\[[ \t]*directory[ \t]*\]\])", re.MULTILINE
)
"""What a text has of which a part, maybe a broken one, is TOML of diffusion-pipe."""
_TOML_LINE = re.compile(r"^[ \t]*(?:#.*|\[.*|[\w.-]+[ \t]*=.*|[\]{}\"'\d,-].*)?$")
_ENDINGS = ("", ".toml", ".txt", ".md")
_CARDS = re.compile(r"--num_gpus[ =]+(\d{1,4})\b")
_SWITCHES = frozenset(
    ["deepspeed", "regenerate_cache", "cache_only", "trust_cache", "reset_dataloader", "reset_optimizer", "reset_optimizer_params",
     "i_know_what_i_am_doing", "test_sample"]
)  # fmt: skip
_SECRET = "wandb_api_key"


def _main(document: Document) -> Contents | None:
    """Return what a main file says; a part of one is enough if it has a setting that no other program has."""
    return _main_table(document.toml or {})


def _dataset(document: Document) -> Contents | None:
    """Return what the file of a dataset says: a Dataset Loader for each [[directory]]."""
    return _dataset_table(document.toml or {})


def _posted(document: Document) -> Contents | None:
    """Return what TOML in the middle of a text says: between lines of three backticks, or between sentences.

    Raises:
        AthanorError: it is TOML of diffusion-pipe that is broken; names the line.
    """
    if document.toml is not None or document.ending not in _ENDINGS or not _OURS.search(document.text):
        return None
    found = [told for text in document.fenced if (told := _part(text)) is not None]
    prose: list[tuple[str, str]] = []
    if not found:
        lines = document.text.split("\n")
        prose = [
            (line.strip(), "It is no line of the form name = value.") for line in lines if not _TOML_LINE.match(line)
        ]
        told = _part("\n".join(line for line in lines if _TOML_LINE.match(line)))
        found = [told] if told is not None else []
    if not found:
        raise document.toml_mistake
    return Contents(
        entries=tuple(given for told in found for given in told.entries),
        datasets=max(told.datasets for told in found),
        unread=tuple(prose),
    )


def _part(text: str) -> Contents | None:
    try:
        table = toml.loads(text)
    except toml.TOMLDecodeError:
        return None
    return _dataset_table(table) or _main_table(table)


def _main_table(tree: Mapping[str, Any]) -> Contents | None:
    tables = [tree[name] for name in ("model", "adapter", "optimizer") if isinstance(tree.get(name), dict)]
    if not any(isinstance(table.get("type"), str) for table in tables) and not any(
        name in tree for name in _MAIN_ALONE
    ):
        return None
    return Contents(entries=tuple(_flat(tree)), datasets=0)


def _dataset_table(tree: Mapping[str, Any]) -> Contents | None:
    folders = tree.get("directory")
    if not isinstance(folders, list) or not folders or not all(isinstance(folder, dict) for folder in folders):
        return None
    first = {name: value for name, value in tree.items() if name != "directory"}
    shared = {name: _shared(name, first, folders) for name in SHARED}
    given = [
        Entry(name=name if name not in shared or shared[name] == value else "overridden", shown=name, value=value)
        for name, value in first.items()
    ]
    for number, folder in enumerate(folders):
        for name, value in folder.items():
            for_all = name in shared and shared[name] == value
            given.append(
                Entry(
                    name=name if for_all else f"directory.{name}",
                    shown=name,
                    value=value,
                    at=f"directory {number + 1}",
                    datasets=None if for_all else (number,),
                )
            )
    return Contents(entries=tuple(given), datasets=len(folders))


def _shared(name: str, first: Mapping[str, Any], folders: list[dict[str, Any]]) -> Any:
    """Return the value that counts for all folders: the one that they agree on, else that of the file, else the first folder's."""
    values = [folder.get(name, first.get(name)) for folder in folders]
    if all(value == values[0] for value in values):
        return values[0]
    return first.get(name) or next(value for value in values if value is not None)


def _command(document: Document) -> Contents | None:
    """Return what a command says that starts diffusion-pipe: which file has its settings, and how many cards there are."""
    for command in command_line.commands(document.text) if document.ending in ("", ".txt", ".sh", ".md") else ():
        options, _ = command_line.options(command.words, _SWITCHES, frozenset())
        if command.script.replace("\\", "/").rpartition("/")[2] != "train.py" or all(
            each.name != "deepspeed" for each in options
        ):
            continue
        given = [Entry(name=f"--{each.name}", value=each.values[0] if each.values else True) for each in options]
        if cards := _CARDS.search(document.text):
            given.append(Entry(name="--num_gpus", value=cards[1]))
        return Contents(entries=tuple(given), datasets=0)
    return None


def _flat(tree: Mapping[str, Any], table: str = "") -> Iterator[Entry]:
    """Yield the settings of a main file, those of its tables with the table's name and a dot in front."""
    for name, value in tree.items():
        if isinstance(value, dict) and not table:
            yield from _flat(value, f"{name}.")
        else:
            hidden = name == _SECRET and value
            yield Entry(name=table + name, value="(not shown)" if hidden else value)


def _implied(said: Said) -> dict[str, Any]:
    """Return what diffusion-pipe does by itself where our default differs."""
    implied: dict[str, Any] = {}
    if "model.type" in said:
        if is_flow(said):
            implied["model.timestep_sample_method"] = "logit_normal"
        if "adapter.type" not in said:
            implied["adapter"] = "none"
        if "optimizer.type" in said and default_rate(said) is not None:
            implied["optimizer.lr"] = default_rate(said)
        if trained := said.get("adapter.dtype") or said.get("model.dtype"):
            implied["save_dtype"] = trained
            implied["adapter.dtype"] = trained
    if any(name in said for name in ("save_every_n_steps", "save_every_n_examples")):
        implied["save_every_n_epochs"] = 0
    if "directory.path" in said and "size_buckets" not in said:
        implied["enable_ar_bucket"] = False
    return implied


def _settle(draft: Draft, said: Said) -> None:
    """Take the nearest model where the recipe's own is not trained here, and draw samples at the trained size; lines tell both."""
    if goes_on(said):
        why = "The nearest that is trained here, on pictures and captions alone: choose its text-to-video model."
        to = draft.put("model.family", TYPES[kind(said)])
        draft.lines.append(Line(name="the model", value="", kind="translated", to=to, why=why))
    draw_at_trained_size(draft)


DIFFUSION_PIPE = Program(title="diffusion-pipe", vocabulary=WORDS, implied=_implied, settle=_settle)
COMMAND = Form(title="diffusion-pipe command", program=DIFFUSION_PIPE, read=_command)
MAIN = Form(title="diffusion-pipe TOML", program=DIFFUSION_PIPE, read=_main)
POSTED = Form(title="diffusion-pipe TOML", program=DIFFUSION_PIPE, read=_posted)
DATASET = Form(title="diffusion-pipe dataset TOML", program=DIFFUSION_PIPE, read=_dataset, speaks=1)
