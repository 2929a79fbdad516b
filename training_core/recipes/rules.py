"""Rules: what becomes of a name that another program knows. A vocabulary is a table of them, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Said = Mapping[str, Any]
"""All that a recipe says: name -> value, the last one where a name repeats."""
Paths = Mapping[str, Any]
"""Path -> value. A path is "group.field" ("network.rank", "network.blocks.block_dims"), "datasets.field", or one of the model:
"model.family", "model.files.vae", "model.clip_skip", "model.v_prediction", "model.weight_dtype"."""


class NoMeaning(Exception):
    """Raised by a translation for a value that has no meaning here; its text is the sentence that says why."""

    __module__ = "athanor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that a recipe says."""

    name: str
    """As the vocabulary has it: "network_dim", "network_args algo", "model.arch"."""
    shown: str = ""
    """As the recipe calls it, where that is another name."""
    value: Any
    """Text, number, switch, list or object, as the file has it. Of options of a command that take no value: True."""
    at: str = ""
    """Where it stands, for readers, where names repeat: "datasets 2"."""
    datasets: tuple[int, ...] | None = None
    """Numbers of the Dataset Loaders that it is about; None: all of them."""
    implied: bool = False
    """The recipe does not say it: the other program does so by itself, and our default is another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Same:
    """The setting at `path` is the same thing: the value is taken over."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """The value is said in another way here."""

    to: Callable[[Any, Said], Paths]
    """(value, all that is said) -> settings; none: the value is what happens here anyway. ValueError: the value is not understood,
    or there is no such thing here; NoMeaning: it has no meaning here. Both with a sentence."""
    why: str
    """How it is translated, a sentence."""
    same: bool = False
    """The translation is one of spelling alone: it counts as taken over, and `why` is not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaningless:
    """It has no meaning here; `why` is a sentence."""

    why: str
    unless: Callable[[Any], bool] | None = None
    """Values for which that is not so: then the line says `otherwise` and counts as not known."""
    otherwise: str = ""


ASKED = "A file of another computer: a file of the same name here is chosen if there is one, otherwise you are asked."
"""What is said of the path of a model's file."""


def model_file(role: str) -> Translated:
    """Return the rule of a name whose value is the model's file in `role` (of `recipe.ROLES`): the graph asks which one is meant."""
    return Translated(
        to=lambda value, _: {f"model.files.{role}": str(value)} if value else {},
        why=ASKED,
    )


Rule = Same | Translated | Meaningless
Vocabulary = Mapping[str, Rule]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a form's reader finds in a file."""

    entries: tuple[Entry, ...]
    datasets: int = 1
    """How many Dataset Loaders the recipe needs."""
    unread: tuple[tuple[str, str], ...] = field(default_factory=tuple)
    """(text, why) of what could not be read as a name and its value."""
