"""How large things may be: fields that are given by position, parameters, docstrings."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
FOLDERS = ("training_core", "nodes", "demo", "tools")


@cache
def nodes() -> list[tuple[str, ast.AST]]:
    """All of the pack's own Python: each file's name, and each node of its syntax tree."""
    paths = [*ROOT.glob("*.py"), *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))]
    files = [(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))) for path in paths]
    return [(name, node) for name, tree in files for node in ast.walk(tree)]


def teardown_module():
    nodes.cache_clear()  # a million objects, through which each gc.collect of later tests would look


def parts(*kinds: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    """Everything of these kinds in the pack's own Python: where it stands (file:line), and its syntax tree."""
    for name, node in nodes():
        if isinstance(node, kinds):
            yield f"{name}:{getattr(node, 'lineno', 1)}", node


def breaking(rule: Callable[[Any], bool], *kinds: type[ast.AST]) -> list[str]:
    """Where a rule is broken (file:line)."""
    return [place for place, node in parts(*kinds) if rule(node)]


def positional(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    names = [argument.arg for argument in node.args.posonlyargs + node.args.args]
    return [name for name in names if name not in ("self", "cls")]


def is_long_positional_dataclass(node: ast.ClassDef) -> bool:
    """More than four fields, and not kw_only: two of one type can change places unnoticed."""
    for decorator in node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        if ast.unparse(call.func if call else decorator) not in ("dataclass", "dataclasses.dataclass"):
            continue
        words = {word.arg: ast.unparse(word.value) for word in call.keywords} if call else {}
        fields = [n for n in node.body if isinstance(n, ast.AnnAssign) and "ClassVar" not in ast.unparse(n.annotation)]
        return len(fields) > 4 and words.get("kw_only") != "True"
    return False


def has_a_short_docstring(node: ast.AST) -> bool:
    text = ast.get_docstring(node)
    return text is not None and len(text.split()) < 4


def test_long_dataclasses_are_keyword_only():
    assert not breaking(is_long_positional_dataclass, ast.ClassDef)


def test_docstrings_are_sentences():
    assert not breaking(has_a_short_docstring, *FUNCTIONS, ast.ClassDef, ast.Module)


def test_functions_take_at_most_six_positional_parameters():
    assert not breaking(lambda node: len(positional(node)) > 6, *FUNCTIONS)
