"""What a recipe says, and a vocabulary -> settings, with a line for each thing said: nothing is dropped silently (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from .. import file_names
from ..errors import AthanorError, shortened
from ..names import close_to
from ..secret_keys import HIDDEN, is_secret, without_keys
from . import own_lines
from .draft import Draft
from .recipe import Line, Reading
from .rules import Contents, Entry, Meaningless, NoMeaning, Said, Same, Vocabulary

_EMPTY: tuple[Any, ...] = (None, "", [])
"""Values that set nothing, as files have them that a form of input boxes wrote."""
_OFF: tuple[Any, ...] = (False, 0, "false", "False", "0")
"""Values that switch something off."""


_MOST_NEAREST = 50
"""Names of a recipe that are not known for which the nearest is looked for."""


def _nothing(_said: Said) -> dict[str, Any]:
    return {}


def _as_it_is(_draft: Draft, _said: Said) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """A program whose recipes are read: its words, and what it does where a recipe says nothing."""

    title: str
    """Its name for readers: "sd-scripts"."""
    vocabulary: Vocabulary
    implied: Callable[[Said], dict[str, Any]] = _nothing
    """All that is said -> names and values that it does not say and that the program then takes, where our default is another."""
    settle: Callable[[Draft, Said], None] = _as_it_is
    """What has to be put right once all is known, such as settings that depend on each other; it adds lines for what it changes."""
    settings: tuple[str, ...] = field(default_factory=tuple)
    """Further names that it knows, for finding the nearest of a name that is not known."""


def translate(told: Contents, program: Program, form: str) -> Reading:
    """Return the settings that a recipe means, and what became of everything in it; `form`: the title of the file's form."""
    said = {given.name: given.value for given in told.entries}
    implied = program.implied(said)
    unsaid = [Entry(name=name, value=value, implied=True) for name, value in implied.items() if name not in said]
    said = {given.name: given.value for given in unsaid} | said
    draft = Draft(max(1, told.datasets))
    own = [given for given in told.entries if given.name in own_lines.WORDS]
    for given in (*unsaid, *(each for each in told.entries if each not in own)):
        draft.lines.append(_line(given, draft, said, program))
    for text, why in told.unread:
        draft.lines.append(Line(name=_named(without_keys(text)), value="", kind="unknown", why=why))
    program.settle(draft, said)
    draft.lines += [_line(given, draft, said, program) for given in own]  # last, for they are meant as they stand
    recipe = draft.recipe()
    return Reading(form=form, recipe=recipe, lines=tuple(draft.lines))


_LONGEST = 300
"""Characters of a sentence, which may quote a value that is a whole text."""


def _line(given: Entry, draft: Draft, said: Said, program: Program) -> Line:
    """Put what is given into the draft, and return the line about it."""
    shown = given.shown or given.name
    name = f"{given.at}: {shown}" if given.at else shown
    hides = given.value not in _EMPTY and is_secret(given.name)
    value = HIDDEN if hides else without_keys(_shown(given.value))
    line = Line(name=_named(name), value=shortened(value, 120), kind="unknown")
    rule = program.vocabulary.get(given.name) or own_lines.WORDS.get(given.name)
    if rule is None:
        draft.not_known += 1  # the nearest of a thousand names takes 10 ms
        near = (
            close_to(given.name, [*program.vocabulary, *program.settings]) if draft.not_known <= _MOST_NEAREST else ()
        )
        why = f"{program.title} has no setting of this name{f': did you mean {near[0]}?' if near else ' that is known here.'}"
        return _with(line, why=why)
    if isinstance(rule, Meaningless):
        if rule.unless is not None and _holds(rule, given.value):
            return _with(line, why=rule.otherwise)
        return _with(line, kind="meaningless", why=rule.why)
    if given.value in _EMPTY and given.name not in own_lines.WORDS:
        return _with(line, kind="taken", why="It is empty: nothing is set.")
    try:
        paths = {rule.path: given.value} if isinstance(rule, Same) else dict(rule.to(given.value, said))
        renamed = _renamed(paths) if given.name not in own_lines.WORDS else ""
        to = _joined(draft.put(path, value, given.datasets) for path, value in paths.items())
    except NoMeaning as reason:
        return _with(line, kind="meaningless", why=shortened(reason, _LONGEST))
    except AthanorError as error:
        return _with(line, why=shortened(error, _LONGEST))
    except ValueError as error:
        return _with(line, why=shortened(error, _LONGEST) or f"The value of {line.name} cannot be understood.")
    except (TypeError, AttributeError, ArithmeticError):  # a list where a number is meant, a number beyond all bounds
        return _with(line, why=f"The value of {line.name} cannot be understood.")
    if given.implied:
        return _with(
            line,
            kind="translated",
            to=to,
            why=f"Not in the recipe: it is what {program.title} does by default.",
        )
    if not paths and given.value in _OFF:
        return _with(line, kind="taken", why="It is off: nothing is set.")
    if renamed:
        return _with(line, kind="translated", to=to, why=renamed)
    if isinstance(rule, Same) or (rule.same and paths):
        return _with(line, kind="taken", to=to)
    return _with(line, kind="translated", to=to, why=rule.why)


_NAME = "training.output_name"


def _renamed(paths: dict[str, Any]) -> str:
    """Turn a LoRA's name into one that can be saved below the loras folder; return why, '' if it is one."""
    name = paths.get(_NAME)
    if not isinstance(name, str) or (fits := file_names.below(name)) == name:
        return ""
    paths[_NAME] = fits
    return "It is saved below ComfyUI's loras folder, under a name that every system takes."


def _named(text: str) -> str:
    """Return a name for reading; of one without a sign that can be seen, a word that says so."""
    return shortened(text, 80).strip() or "(signs that cannot be shown)"


def _joined(settings: Iterable[str]) -> str:
    """Return several settings as one text, each node named once: "Bucketer: width 512, height 768; Cache Config: ..."."""
    parts: list[str] = []
    last = ""
    for each in settings:
        node, _, setting = each.partition(": ")
        if parts and node == last:
            parts[-1] += f", {setting}"
        else:
            parts.append(each)
        last = node
    return "; ".join(parts)


def _with(line: Line, **changes: Any) -> Line:
    return replace(line, **changes)


def _holds(rule: Meaningless, value: Any) -> bool:
    try:
        return bool(rule.unless and rule.unless(value))
    except (TypeError, ValueError):
        return True


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items())
    return "" if value is None else str(value)
