"""A file or a pasted text -> a recipe: which form it has is seen from its content, never from what it calls itself alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import AthanorError
from . import own_lines
from .document import Document
from .form import Form
from .forms import FORMS
from .recipe import Reading
from .rules import Contents
from .translate import Program, translate

FORMS_READ = (
    "an sd-scripts command or TOML, a kohya GUI, OneTrainer, ai-toolkit, musubi-tuner, diffusion-pipe or LoRA-scripts configuration, "
    "a LoRA file, a job.json or graph of Athanor, or lines such as 'rank: 32'"
)

_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
_PICTURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"RIFF", b"GIF8")
"""How files of pictures begin: PNG, JPEG, WebP, GIF."""


def read(documents: Sequence[Document]) -> Reading:
    """Return the recipe that files of one program hold together, such as a command with its dataset TOML and its prompts.

    Raises:
        AthanorError: a file is no recipe, cannot be read, two are of different programs, or say the same
            things (two commands); the sentence names it.
    """
    if not documents:
        raise AthanorError("There is nothing to import: paste a recipe or choose its file.")
    parts = [own_lines.split(document) for document in documents]
    found = [(document, *_told(document, FORMS)) for document, _ in parts]
    own = [given for _, lines in parts for given in lines]
    document, first, _ = found[0]
    program = first.program
    for number, (other, form, _) in enumerate(found[1:], 1):
        twin = next((each for each, same, _ in found[:number] if same is form), None)
        if twin is not None:
            raise AthanorError(f"{twin.title} and {other.title} are both {form.title}: import one after the other.")
        both = _of_both(program, form.program)
        if both is None:
            raise AthanorError(
                f"{document.title} is of {first.program.title} and {other.title} of {form.program.title}: import one after the other."
            )
        program = both
    found.sort(key=lambda each: (each[1].speaks, FORMS.index(each[1])))
    told = Contents(
        entries=(*(given for *_, part in found for given in part.entries), *own),
        datasets=max(*(part.datasets for *_, part in found), own_lines.datasets(own)),
        unread=tuple(each for *_, part in found for each in part.unread),
    )
    return translate(told, program, " + ".join(dict.fromkeys(form.title for _, form, _ in found)))


def _of_both(one: Program, other: Program) -> Program | None:
    """Return the one of two programs that knows the words of both, such as kohya's GUI those of sd-scripts; None if none does."""
    for program, words in ((one, other.vocabulary), (other, one.vocabulary)):
        if program.vocabulary.keys() >= words.keys():
            return program
    return None


def _told(document: Document, forms: Sequence[Form]) -> tuple[Form, Contents]:
    if not document.data.strip():
        raise AthanorError(f"{document.title} is empty: choose the file of a recipe, or paste one.")
    if document.data.startswith(_PICTURES):
        raise AthanorError(
            f"{document.title} is a picture, in which no recipe is looked for: drop it on the canvas to open a workflow in it."
        )
    for form in forms:
        told = form.read(document)
        if told is not None:
            return form, told
    if _ADDRESS.fullmatch(document.text.strip()):
        raise AthanorError(
            f"{document.title} is an address, and none is opened from here: open it in your browser, and paste the recipe or "
            "choose its file."
        )
    if document.ending == ".toml" and document.toml is None:
        raise document.toml_mistake
    raise AthanorError(f"{document.title} is no recipe that can be read here: use {FORMS_READ}.")
