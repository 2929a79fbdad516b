"""The sentences of the server that the page translates: how they stand in the code, and their catalogue.

A sentence stands in the catalogue (web/athanor/sentences.json) as the code writes it, with {1}, {2}, ... for what is filled
in: f"{name} is {value}: it must be at most {most}." is "{1} is {2}: it must be at most {3}.". The page finds the template
that a text was made from by its plain parts, so that the server knows nothing of languages.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

PACK = Path(__file__).resolve().parents[1]
CATALOGUE = PACK / "web" / "athanor" / "sentences.json"
NOTES = PACK / "web" / "athanor" / "notes.json"
"""Translations by language of each line of the example workflows' notes."""
EXAMPLES = PACK / "example_workflows"
ROOMS = ("nodes", "training_core")
COMMAND = ("training_core/command/", "training_core/__main__.py")
"""What is printed by the command line alone, which is English."""

_FILLED = re.compile(r"\{\d+\}")
_NOT_SAID = {"tooltip", "help", "description", "search_aliases", "pattern"}
"""Keywords whose texts are translated elsewhere, or not shown."""
_COUNTED = re.compile(r"(?:1|\{1\}) (.+?)s?")
"""A number and its noun, which functions such as `plural` put together: "{1} pictures"."""


def catalogue(path: Path = CATALOGUE) -> dict[str, dict[str, str]]:
    """Return the translations by language of each sentence, as its template has it; of NOTES, of each line."""
    return json.loads(path.read_text(encoding="utf-8"))


def _parts(node: ast.AST) -> list[list[str | None]]:
    """Return the ways in which an expression is a text: plain parts, and None for what is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            return [[text]]
        case ast.JoinedStr():
            return [[part.value if isinstance(part, ast.Constant) else None for part in node.values]]  # pyright: ignore
        case ast.BinOp(op=ast.Add()):
            return [left + right for left in _parts(node.left) for right in _parts(node.right)]
        case ast.IfExp():
            return _parts(node.body) + _parts(node.orelse)
    return []


def template(parts: list[str | None]) -> str:
    """Return a text as the catalogue has it: what is filled in by number, without spaces around it."""
    numbers = iter(range(1, len(parts) + 1))
    return "".join(f"{{{next(numbers)}}}" if part is None else part for part in parts).strip()


def _unsaid(node: ast.AST) -> list[ast.AST]:
    """Return the syntax nodes below one whose texts are parts of others, docstrings, or not shown."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return list(node.values)
    if isinstance(node, ast.keyword) and node.arg in _NOT_SAID:
        return list(ast.walk(node))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return list(ast.walk(node))[1:] if _parts(node) else []
    return []


def of_source(source: str) -> Iterator[str]:
    """Yield the texts of a module as the catalogue has them; of a condition, both."""
    found, unsaid = [], set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)):
            found.append(node)
        if isinstance(node, (ast.Expr, ast.JoinedStr, ast.keyword, ast.BinOp)):
            unsaid.update(map(id, _unsaid(node)))
    for node in found:
        if id(node) not in unsaid:
            yield from map(template, _parts(node))


@cache
def _by_module() -> dict[str, frozenset[str]]:
    """Return the texts of each module of the server's code by its path."""
    paths = [path for room in ROOMS for path in sorted((PACK / room).rglob("*.py"))]
    return {path.relative_to(PACK).as_posix(): frozenset(of_source(path.read_text(encoding="utf-8"))) for path in paths}


@cache
def of_code() -> frozenset[str]:
    """Return all texts of the server's code, sentences or not."""
    return frozenset().union(*_by_module().values())


def is_in_code(text: str) -> bool:
    """Return whether the code has a text of the catalogue."""
    counted = _COUNTED.fullmatch(text)
    return text in of_code() or bool(counted and not of_code().isdisjoint((counted[1], f"{counted[1]}s")))


def is_sentence(text: str) -> bool:
    """Return whether a text of the code reads as a sentence that users are told: a line of words, and a full stop."""
    words = re.findall(r"[A-Za-z]{2,}", _FILLED.sub(" ", text))
    return (
        len(words) >= 3 and " " in text and text.endswith(".") and not any(each in text for each in ("\n", "%s", '{"'))
    )


def sentences(elsewhere: set[str]) -> dict[str, str]:
    """Return the sentences that the page can show, by themselves. `elsewhere`: texts that are translated in another way."""
    modules = (texts for path, texts in _by_module().items() if not path.startswith(COMMAND))
    shown = frozenset().union(*modules) - elsewhere
    return {text: text for text in sorted(shown) if is_sentence(text)}


def note_lines() -> dict[str, str]:
    """Return the lines of the example workflows' notes, by themselves."""
    lines = {}
    for path in sorted(EXAMPLES.glob("*.json")):
        nodes = json.loads(path.read_text(encoding="utf-8"))["nodes"]
        notes = [node["widgets_values"][0] for node in nodes if node["type"] in ("MarkdownNote", "Note")]
        lines |= {line: line for note in notes for line in note.split("\n") if line.strip()}
    return lines


def translations(language: str, rows: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return a language's translations by sentence."""
    return {text: row[language] for text, row in rows.items() if language in row}
