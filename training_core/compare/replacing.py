"""Search and replace in prompts: what is typed, and what it does (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import AthanorError, quoted
from ..lists import marked


@dataclass(frozen=True, slots=True)
class SearchReplace:
    """Search and replace in a prompt; `old == new` leaves it as it is."""

    old: str
    new: str


def replacements(text: str) -> list[SearchReplace]:
    """Search and replace: `cat, dog, bird` (the first is searched for, and kept once), `cat => dog` pairs, or a
    placeholder first, `[[animal]], dog, bird`, which is never drawn itself. `SKIP: cat, dog` searches for cat, and draws dog.

    Raises:
        AthanorError: there is nothing to search for, or pairs and lists are mixed.
    """
    marks = marked(text)
    parts = [part.text for part in marks]
    if not parts:
        raise AthanorError(
            "values is empty: give the text to search for and what to put there, such as cat, dog, bird."
        )
    drawn = [part.text for part in marks if not part.skipped]
    pairs = ["=>" in part for part in drawn]
    if pairs and all(pairs):
        return [_pair(part) for part in drawn]
    if any(pairs):
        lone = quoted(drawn[pairs.index(False)])
        raise AthanorError(f"values: {lone} has no '=>' though others have; write old => new.")
    search = parts[0]
    if not search:
        raise AthanorError('values: the first value is the text to search for and cannot be "".')
    if len(parts) == 1:
        raise AthanorError(
            f"values: {quoted(search)} alone is only what to search for; add what to put there, such as a, b."
        )
    placeholder = is_placeholder(search) and not marks[0].skipped
    return [SearchReplace(search, new) for new in (drawn[1:] if placeholder else drawn)]


def _pair(part: str) -> SearchReplace:
    old, _, new = part.partition("=>")
    if not old.strip():
        raise AthanorError(f"values: {quoted(part)} has nothing to search for before '=>'.")
    return SearchReplace(old.strip(), new.strip())


def is_placeholder(text: str) -> bool:
    """Return whether a text is of the form `[[name]]`, which stands in a prompt only to be replaced."""
    return text.startswith("[[") and text.endswith("]]")


def replace(text: str, change: SearchReplace, whole_word: bool = True) -> str:
    """`text` with every occurrence replaced; `whole_word`: not inside longer words or numbers."""
    if not whole_word or is_placeholder(change.old):
        return text.replace(change.old, change.new)
    return _word(change.old).sub(lambda _: change.new, text)


def contains(text: str, search: str, whole_word: bool = True) -> bool:
    """Return whether `replace` would change `text` where it searches for `search`."""
    return search in text and (not whole_word or is_placeholder(search) or bool(_word(search).search(text)))


def _word(search: str) -> re.Pattern[str]:
    before = r"(?<![\w])(?<!\d\.)" if re.match(r"\w", search) else ""
    after = r"(?!\w|\.\d)" if re.search(r"\w\Z", search) else ""
    return re.compile(before + re.escape(search) + after)
