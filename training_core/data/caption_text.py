"""The text of a caption file as it is edited on a page, and one change of a tag in many such texts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from ..errors import AthanorError, quoted
from ..files import file_errors
from ..settings.dataset import MOST_REPEATS
from ..text_files import decoded, lines
from . import caption_files
from .dataset import Dataset, Picture
from .folders import repeats_and_tokens
from .tags import CaptionPart, Separators, join, key, members, parse, split

Action = Literal["front", "end", "remove", "replace"]
ACTIONS: tuple[Action, ...] = get_args(Action)
LONGEST = 100_000
"""Characters of a caption that is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionText:
    """A caption file as it is on the disk."""

    file: Path
    data: bytes | None  # None: there is no such file
    text: str  # with \n at line ends and without the last one; of a file that is missing what is trained in its place

    @property
    def stamp(self) -> str:
        """Return a hash of the content, by which it is seen that another program has changed the file; '' without a file."""
        return stamp(self.data)


def stamp(data: bytes | None) -> str:
    """Return the SHA-256 of a file's content; '' for a file that is missing."""
    return "" if data is None else hashlib.sha256(data).hexdigest()


def read(dataset: Dataset, picture: Picture) -> CaptionText:
    """Return the caption file of a picture, which need not be there.

    Raises:
        AthanorError: it is in an encoding that is not read, or it cannot be opened.
    """
    file = caption_files.file_of(dataset, picture)
    data = content(file)
    if data is None:
        return CaptionText(file=file, data=None, text=class_tokens(dataset, picture))
    return CaptionText(file=file, data=data, text="\n".join(lines(decoded(data, file.name))))


def content(file: Path) -> bytes | None:
    """Return the bytes of a file; None if there is none.

    Raises:
        FileError: it cannot be read.
    """
    with file_errors(file, "read"):
        try:
            return file.read_bytes()
        except FileNotFoundError:
            return None


def class_tokens(dataset: Dataset, picture: Picture) -> str:
    """Return what a picture without a caption file is trained on: the words of its folder 'N_words', else the setting."""
    for part in reversed(PurePosixPath(picture.name).parts[:-1]):
        repeats, tokens = repeats_and_tokens(part)
        if 0 < repeats <= MOST_REPEATS:
            return tokens or dataset.subsets[picture.subset].class_tokens
    return dataset.subsets[picture.subset].class_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class TagChange:
    """One change that is made in many captions: a tag is added, removed or replaced in every line."""

    action: Action
    tag: str
    new: str = ""  # of replace
    in_tags: bool = True  # False: captions are sentences, and `tag` is a word or several of them

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise AthanorError(f"action {quoted(self.action)} is none of {', '.join(ACTIONS)}.")
        if not self.tag.strip():
            raise AthanorError("tag is empty: say which one.")
        if any(len(text) > 2000 or len(lines(text)) > 1 for text in (self.tag, self.new)):
            raise AthanorError("tag and new must be of one line and 2000 characters at most.")

    def __str__(self) -> str:
        """Return the change in words, for the list of what can be undone."""
        tag = quoted(self.tag.strip(), 30)
        if self.action == "replace":
            return f"replace {tag} with {quoted(self.new.strip(), 30)}"
        return {"front": "add {} in front", "end": "add {} at the end", "remove": "remove {}"}[self.action].format(tag)

    def made(self, text: str, separators: Separators) -> str:
        """Return a caption with the change made in each of its lines; a line that it leaves alone stays as it is.

        An empty caption gets the tag that is added; a line of which nothing is left is no variant any more, and goes.
        """
        edit = self._in_tags if self.in_tags else self._in_words
        if not text.strip():
            return edit("", separators)
        before = text.split("\n")
        after = [edit(line, separators) if line.strip() else line for line in before]
        return "\n".join(new for old, new in zip(before, after, strict=True) if new or not old)

    def _in_tags(self, line: str, separators: Separators) -> str:
        parts = parse(line, separators)
        if self.action in ("front", "end"):
            known = {key(member) for part in parts for tag in part.tags for member in members(tag, separators)}
            missing = [tag for tag in split(self.tag, separators.tag) if key(tag) not in known]
            return _added(line, missing, separators, self.action == "front")
        wanted, new = key(self.tag), split(self.new, separators.tag) if self.action == "replace" else []
        edited = [CaptionPart(part.lead, _exchanged(part.tags, wanted, new, separators), part.tail) for part in parts]
        return line if edited == parts else join(edited, separators)

    def _in_words(self, line: str, _: Separators) -> str:
        words = " ".join(self.tag.split())
        pattern = r"\s+".join(map(re.escape, words.split()))
        found = re.compile(rf"(?<!\w){pattern}(?!\w)", re.IGNORECASE)
        if self.action in ("front", "end"):
            if found.search(line):
                return line
            return " ".join(filter(None, (words, line) if self.action == "front" else (line, words)))
        if not found.search(line):
            return line
        if self.action == "replace":
            return found.sub(lambda _: self.new.strip(), line)
        return re.sub(r"  +", " ", found.sub("", line)).strip()


def _added(line: str, tags: list[str], separators: Separators, in_front: bool) -> str:
    glue = separators.tag if not separators.tag or separators.tag[-1].isspace() else f"{separators.tag} "
    text = (glue or " ").join(tags)
    if not text or not line.strip():
        return text or line
    ends: Callable[[str], bool] = line.rstrip().endswith
    if in_front:
        return f"{text}{glue or ' '}{line}"
    if separators.tag and ends(separators.tag.strip() or separators.tag):
        return f"{line.rstrip()} {text}"
    return f"{line.rstrip()}{glue or ' '}{text}"


def _exchanged(tags: list[str], wanted: str, new: list[str], separators: Separators) -> list[str]:
    """Return tags with one of them, in groups as well, exchanged for others; none of these is there twice afterwards."""
    if not any(key(member) == wanted for tag in tags for member in members(tag, separators)):
        return tags
    rest = {key(member) for tag in tags for member in members(tag, separators)} - {wanted}
    coming = [tag for tag in new if key(tag) not in rest]
    result: list[str] = []
    for tag in tags:
        group = members(tag, separators)
        if not any(key(member) == wanted for member in group):
            result.append(tag)
            continue
        left: list[str] = []
        for member in group:
            if key(member) != wanted:
                left.append(member)
                continue
            left += coming
            coming = []
        if len(group) > 1 and left:
            result.append(separators.secondary.join(left))
        else:
            result += left
    return result
