"""Variables that a text sets before it uses them, in shells of three systems and in notebooks: they are filled in, nothing is run."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SET = (
    re.compile(r"""^\s*(?:export\s+|local\s+|declare\s+(?:-\w+\s+)?)?([A-Za-z_]\w*)=(.*)$"""),  # bash
    re.compile(r"""^\s*(?:\$(?:env:)?)([A-Za-z_]\w*)\s*=\s*(.*)$""", re.IGNORECASE),  # PowerShell
    re.compile(r"""^\s*@?set\s+"([A-Za-z_]\w*)=([^"]*)"\s*$""", re.IGNORECASE),  # cmd, quoted as a whole
    re.compile(r"""^\s*@?set\s+([A-Za-z_]\w*)=(.*)$""", re.IGNORECASE),  # cmd
    re.compile(r"""^\s*([A-Za-z_]\w*)\s*(?::\s*\w+\s*)?=\s*(.*)$"""),  # Python
)
_USED = re.compile(
    r"\$\{(?:env:)?([A-Za-z_]\w*)(?::?-([^{}]*))?\}|\$(?:env:)?([A-Za-z_]\w*)|%([A-Za-z_]\w*)%|\{([A-Za-z_]\w*)\}",
    re.IGNORECASE,
)
_LONGEST = 20_000
"""Characters of a word with all its variables filled in."""


def assigned(text: str) -> dict[str, str]:
    """Return the variables that lines of a text set to a plain value, by name; what is computed is left out."""
    known: dict[str, str] = {}
    for line in text.split("\n"):
        for pattern in _SET:
            if match := pattern.match(line.strip().removesuffix("&&").rstrip()):
                value = _value(match[2])
                if value is not None:
                    known[match[1]] = _USED.sub(lambda each, name=match[1]: _own(each, name), value)
                break
    return known


def _own(used: re.Match[str], name: str) -> str:
    """Return the default of ${NAME:-default} in the value of NAME itself, which is not set before; whatever else as it is written."""
    return used[2] if used[1] == name and used[2] is not None else used[0]


def _value(written: str) -> str | None:
    """Return the plain value of an assignment without quotes and the comment after it; None for what is computed or none."""
    written = written.strip().rstrip(";")
    quoted = re.match(r"""[rfRF]{0,2}(["'])(.*?)\1\s*(?:#.*|;.*|//.*)?$""", written)
    if quoted:
        return quoted[2]
    bare = re.sub(r"\s+#.*$", "", written).strip()
    if not bare or re.match(r"""[\[({]|\$\(|["']|@\(|\(Get-""", bare):
        return None
    return bare


def filled(word: str, known: Mapping[str, str]) -> list[str]:
    """Return a word with its variables filled in, as several words where a bare variable holds several options or name=value pairs.

    Variables that the text does not set stay as they are written; of ${NAME:-value} the value is taken.
    """
    whole = _USED.fullmatch(word)
    for _ in range(5):
        new = _USED.sub(lambda match: _one(match, known), word)
        if new == word or len(new) > _LONGEST:
            break
        word = new
    parts = word.split()
    if whole and len(parts) > 1 and all(part.startswith("--") or "=" in part for part in parts):
        return [part.strip("\"'") for part in parts]
    return [word]


def _one(match: re.Match[str], known: Mapping[str, str]) -> str:
    name = match[1] or match[3] or match[4] or match[5]
    lower = {key.lower(): value for key, value in known.items()}
    if name in known:
        return known[name]
    if match[2] is not None:
        return match[2]
    return lower.get(name.lower(), match[0])


def unset(word: str) -> str:
    """Return the first variable of a word that is not filled in, such as $RANK or %RANK%; "" if there is none."""
    match = _USED.search(word)
    return match[0] if match else ""
