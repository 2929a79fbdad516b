"""A file or pasted text that may be a recipe, read as text, JSON, TOML or YAML when one is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .. import text_files, toml
from ..errors import AthanorError, quoted, shortened
from ..json_text import parse_json

LARGEST = 4_000_000
"""Bytes of a recipe; the largest real ones, metadata of LoRA files with the tags of thousands of pictures, have about 2 MB."""
_LARGEST_YAML = 50_000
"""Characters of a YAML text: its parser takes 0.3 s for so many, some texts are tried twice, and the largest real recipes have 20,000."""
_OBJECT = re.compile(r"^[ \t]*\{[ \t]*$.*^[ \t]*\}[ \t]*$", re.DOTALL | re.MULTILINE)
"""From the first line that opens an object to the last that closes one."""
_FEWEST = 4
"""Members of an object between sentences that is looked at."""
_AIR = re.compile(r"(\s{100})\s+")
"""Blanks in a row, more than anyone writes: patterns that look for what stands around blanks take a time with their square."""
_MOST_VALUES = 100_000
"""Values in a structure: YAML can name one part again and again, so that a small file unfolds without end."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """What was handed in: a file's name and bytes, or a pasted text with an empty name."""

    name: str = ""
    data: bytes

    def __post_init__(self) -> None:
        """Refuse what is too large to be a recipe, with an AthanorError."""
        if len(self.data) > LARGEST:
            raise AthanorError(f"{self.title} has {len(self.data) // 1_000_000} MB: that is too large for a recipe.")

    @property
    def title(self) -> str:
        """What messages call it."""
        return shortened(self.name) or "The text"

    @property
    def ending(self) -> str:
        """The ending of the file's name in lower case, with its dot; empty for a text."""
        dot = self.name.rfind(".")
        return self.name[dot:].lower() if dot > 0 else ""

    @cached_property
    def text(self) -> str:
        """The text of the file, whose lines end with a line feed alone; of more than 100 blanks in a row it has 100.

        Raises:
            AthanorError: it is no text, or in an encoding that is not read.
        """
        text = text_files.decoded(self.data, self.title).replace("\r\n", "\n").replace("\r", "\n")
        return _AIR.sub(r"\1", text)

    @cached_property
    def json(self) -> Any:
        """The value of a JSON text, or the object that stands in a post between sentences; None if there is none."""
        if self.text.lstrip()[:1] in ("{", "["):
            return _bounded(parse_json(self.text.strip()))
        if self.ending not in ("", ".txt", ".md"):
            return None
        block = _OBJECT.search(self.text)
        parts = (*self.fenced, block[0] if block else "")
        values = (_bounded(parse_json(part.strip())) for part in parts if part.lstrip().startswith("{"))
        return next((value for value in values if isinstance(value, dict) and len(value) >= _FEWEST), None)

    @cached_property
    def toml(self) -> dict[str, Any] | None:
        """The table of a TOML text; None if it is none, or empty."""
        if self.ending in (".json", ".yaml", ".yml"):
            return None
        try:
            return _bounded(toml.loads(self.text)) or None
        except toml.TOMLDecodeError:
            return None

    @cached_property
    def fenced(self) -> tuple[str, ...]:
        """The texts between lines of three backticks, as posts and guides have them."""
        return tuple(re.findall(r"^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```", self.text, re.DOTALL | re.MULTILINE))

    @property
    def toml_mistake(self) -> AthanorError:
        """The sentence about the first line of a broken TOML text, for readers that see from its words that it is theirs."""
        try:
            toml.loads(self.text)
            where = None
        except toml.TOMLDecodeError as error:
            where = re.search(r"line (\d+)", str(error))
        lines = self.text.split("\n")
        number = min(int(where[1]), len(lines)) if where else len(lines)
        while (
            number > 1 and not lines[number - 1].strip()
        ):  # a text without its closing quote is noticed behind its line
            number -= 1
        return AthanorError(
            f"{self.title} cannot be read: its line {number} is no TOML ({quoted(lines[number - 1].strip())}). Write each setting on a "
            "line of its own, as name = value, with texts in quotes."
        )

    @cached_property
    def yaml(self) -> dict[str, Any] | None:
        """The mapping of a YAML text with lines "name: value"; None if it is none. No objects are made, whatever the text names."""
        if self.ending not in ("", ".yaml", ".yml", ".txt") or ":" not in self.text or len(self.text) > _LARGEST_YAML:
            return None
        import yaml

        try:
            value = yaml.safe_load(self.text)
        except (yaml.YAMLError, RecursionError, ValueError, TypeError, AttributeError, OverflowError):
            return None
        return _bounded(value) if isinstance(value, dict) else None

    @cached_property
    def yaml_trouble(self) -> str:
        """Where a YAML text cannot be read any further: "line 12"; empty where it can be read, or where that is not known."""
        import yaml

        try:
            yaml.safe_load(self.text[:_LARGEST_YAML])
        except yaml.MarkedYAMLError as error:
            return f"line {error.problem_mark.line + 1}" if error.problem_mark else ""
        except (yaml.YAMLError, RecursionError, ValueError, TypeError, AttributeError, OverflowError):
            return ""
        return ""


def _bounded(value: Any) -> Any:
    """Return a structure as plain JSON values with texts as keys (dates as text); None if it is too large or nested too deeply."""
    left = _MOST_VALUES

    def plain(value: Any, level: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or level > 60:
            raise OverflowError
        if isinstance(value, dict):
            return {str(key): plain(item, level + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple, set)):
            return [plain(item, level + 1) for item in value]
        return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)

    try:
        return plain(value, 0)
    except (OverflowError, ValueError):
        return None
