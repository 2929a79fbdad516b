"""Commands as people pass them on -> their words: shells of three systems, notebooks, logs and error messages (pure; nothing is run)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from . import shell_variables

_SCRIPT = re.compile(r"train[\w.-]{0,100}\.py\b", re.IGNORECASE)
_LAUNCH = re.compile(r"accelerate(?:\.exe)?[\"']?\s+launch\b|accelerate\.commands\.launch|\btorchrun\b")
_CONTINUED = re.compile(r"(?:\\|\^|`)\s*$")
_COMMENT = re.compile(r"^\s*(?:#|::|//|rem\b)", re.IGNORECASE)
_OPTION = re.compile(r"^[-\u2013\u2014]{1,2}[A-Za-z]")
_PYTHON_LIST = re.compile(r"\[(?:\s*'(?:[^'\\]|\\.)*'\s*,?)+\]?")
_BOLD = re.compile(r"\*\*([^*\n\"']{1,200})\*\*")
LONGEST = 200_000
"""Characters of a text with a command; the longest real ones have some 10,000."""
_WIDE = 75
"""Characters of a line that a terminal or a log may have cut."""
_ENDS = ("|", ";", "&&", "||", "&", ">", ">>", "2>&1", "<")
"""Words after which another command begins, or that say where output goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that trains: what starts it, its script, and the words after it."""

    launcher: tuple[str, ...] = ()
    """Words before the script: those of accelerate."""
    script: str = ""
    """Path of the script; empty where the text has its options alone."""
    words: tuple[str, ...]
    """Words after the script, without quotes, with the text's own variables filled in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option of a command, with the values that follow it."""

    name: str
    """Without its dashes, with underscores."""
    shown: str
    """As it is written."""
    values: tuple[str, ...]


def commands(text: str) -> list[Command]:
    """Return the commands in a text that run a script with "train" in its name; without one, what options there are as one command."""
    if len(text) > LONGEST:
        return []
    text = _plain(text)
    known = shell_variables.assigned(text)
    found = [_command(words, known) for words in (_listed(text) or _written(text))]
    return [each for each in found if any(word.startswith("--") for word in each.words)]


def outside(text: str) -> list[str]:
    """Return the lines of a text with options, such as "--rank 8 was better", that stand outside of its commands."""
    if len(text) > LONGEST:
        return []
    lines = _plain(text).split("\n")
    found, number = [], 0
    while number < len(lines):
        if _begins(lines, number):
            _, number = _block(lines, number)
            continue
        if re.search(r"(?:^|[\s:])--[A-Za-z]\w{2,}", lines[number]):
            found.append(lines[number].strip())
        number += 1
    return found


def _plain(text: str) -> str:
    """Return a text without what posts add to it: quote marks at the start of lines, bold, curly quotation marks, hard spaces."""
    lines = [
        re.sub(r"^\s{0,3}(?:>\s?)+(?!\s*$)", "", line) if line.lstrip().startswith("> ") else line
        for line in text.split("\n")
    ]
    text = "\n".join(lines).translate(_SIGNS)
    return _BOLD.sub(lambda match: f'"{match[1]}"', text)


_SIGNS = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "\u00a0": " ", "\u200b": None, "\ufeff": None}
)


def _listed(text: str) -> list[list[str]]:
    """Return the words of commands that a Python error message shows as lists: ['python', 'train.py', '--a=1']."""
    flat = text.replace("\n", "") if "['" in text else ""
    found = []
    for match in _PYTHON_LIST.finditer(flat):
        words = [re.sub(r"\\(.)", r"\1", each) for each in re.findall(r"'((?:[^'\\]|\\.)*)'", match[0])]
        if any(_is_script(word) for word in words):
            found.append(words)
    return found


def _written(text: str) -> list[list[str]]:
    """Return the words of commands that a text has as a shell takes them."""
    lines = text.split("\n")
    found, number = [], 0
    while number < len(lines):
        if not _begins(lines, number):
            number += 1
            continue
        block, number = _block(lines, number)
        found.append(split(block))
    if not found and any(_OPTION.match(line.strip()) or " --" in line for line in lines):
        found = [split("\n".join(line for line in lines if not _COMMENT.match(line)))]
    return found


def _begins(lines: list[str], number: int) -> bool:
    line = lines[number]
    if _COMMENT.match(line) or "--" not in "\n".join(lines[number : number + 8]):
        return False
    return bool(
        _LAUNCH.search(line) or (_SCRIPT.search(line) and not re.match(r"\s*\w+\s*[:=]", line))
    ) and not re.search(r"passed to|`accelerate launch`|\bimport\b", line)


def _block(lines: list[str], number: int) -> tuple[str, int]:
    """Return the text of the command that begins at a line, and the number of the line after it."""
    parts, last, quotes = [lines[number]], lines[number], lines[number].count('"')
    number += 1
    while number < len(lines):
        part = _next(last, lines, number, quotes % 2 == 1)
        if part is None:
            break
        parts.append(part)
        if part:  # the last line as it is shown: what a terminal has cut goes on in it
            last = part.removeprefix("\n")
            quotes += part.count('"')
        number += 1
    return "".join(parts), number


def _next(last: str, lines: list[str], number: int, open_quote: bool) -> str | None:
    """Return what a line adds to the command before it, whose last line is `last`; None where it does not belong to it."""
    line = lines[number]
    stripped = line.strip()
    if _CONTINUED.search(last):
        return "" if _COMMENT.match(line) else f"\n{line}"
    if _OPTION.match(stripped) and not (len(last) > _WIDE and last.endswith("-")):
        return f"\n{line}"
    if open_quote:
        return stripped if line[:1].isspace() else line
    if line[:8].isspace() and stripped.startswith(("-", '"', "'")):
        return f"\n{line}"
    if len(last) > _WIDE and (" --" in line or stripped.startswith(('"', "-"))):
        return line  # a terminal has cut it, maybe inside of a word
    if not stripped and any(_OPTION.match(each.strip()) for each in lines[number + 1 : number + 3] if each.strip()):
        return "\n"
    return None


def split(text: str) -> list[str]:
    r"""Return the words of a command; backslashes of Windows paths stay, and a line goes on after \, ^ or `.

    Of what begins another command (|, &&, ;) nothing is returned.
    """
    words: list[str] = []
    word, quote, started, at = "", "", False, 0
    while at < len(text):
        sign, after = text[at], text[at + 1 : at + 2]
        at += 1
        if quote:
            if sign == "\\" and after == quote and text[at + 1 : at + 2] not in (" ", "\n", "", "\t"):
                word, at = word + quote, at + 1
            elif sign == quote:
                quote = ""
            else:
                word += sign
        elif sign in "\\^`" and re.match(r"[ \t]*(?:\n|$)", text[at:]):
            at = text.find("\n", at) + 1 or len(text)
            if sign == "^" and not text[at : at + 1].isspace() and not re.match(r"\s*-", text[at:]):
                continue  # the word goes on in the next line
            _end(words, word, started)
            word, started = "", False
        elif sign in "\"'" and not (sign == "'" and word and not word.endswith("=")):
            quote, started = sign, True
        elif sign == "\\" and after in (" ", "'", '"', "(", ")", "$", "&") and ":" not in word:
            word, at, started = word + after, at + 1, True
        elif sign.isspace() or sign == "`":
            _end(words, word, started)
            word, started = "", False
        elif sign == "#" and not word and not started and (not words or not words[-1].endswith("=")):
            at = text.find("\n", at) + 1 or len(text)
        elif sign in ";|" and not started and not word:
            break
        else:
            word += sign
        if word == "&" and not words:  # PowerShell's call
            word = ""
        if not quote and word in _ENDS and words and (at >= len(text) or text[at].isspace()):
            word, started = "", False
            break
    _end(words, word, started)
    return words


def _end(words: list[str], word: str, started: bool) -> None:
    if word or started:
        words.append(word)


def _command(words: list[str], known: Mapping[str, str]) -> Command:
    filled = [part for word in words for part in shell_variables.filled(word, known)]
    place = next((i for i, word in enumerate(filled) if _is_script(word)), None)
    if place is None:
        first = next((i for i, word in enumerate(filled) if word.startswith("--")), 0)
        return Command(words=tuple(filled[first:]))
    launcher = filled[:place]
    starts = [i for i, word in enumerate(launcher) if word.rstrip("\"'").endswith(("launch", "torchrun"))]
    return Command(
        launcher=tuple(launcher[starts[-1] + 1 :] if starts else ()),
        script=filled[place],
        words=tuple(filled[place + 1 :]),
    )


def _is_script(word: str) -> bool:
    """Return whether a word is the path of a Python file with "train" in its name; folders may have spaces."""
    name = re.split(r"[/\\]", word)[-1].lower()
    return not word.startswith("-") and name.endswith(".py") and "train" in name


def options(words: tuple[str, ...], switches: frozenset[str], many: frozenset[str]) -> tuple[list[Option], list[str]]:
    """Return the options of words, and words that belong to none.

    Args:
        words: of a `Command`.
        switches: names of options that take no value.
        many: names of options that take any number of values.
    """
    found: list[tuple[str, str, list[str]]] = []
    strays: list[str] = []
    for word in words:
        if match := re.match(r"[-\u2013\u2014]{1,2}([A-Za-z][\w-]*)(=?)(.*)", word, re.DOTALL):
            name = match[1].replace("-", "_")
            found.append((name, f"--{match[1]}", [match[3]] if match[2] else []))
        elif not found or found[-1][0] in switches or (found[-1][2] and found[-1][0] not in many):
            strays.append(word)
        else:
            found[-1][2].append(word)
    return [Option(name=name, shown=shown, values=tuple(values)) for name, shown, values in found], strays
