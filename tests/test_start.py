"""What ComfyUI imports of the pack when it starts: no more than it needs to show the nodes and to answer the page."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AT_START = {"on_load", "get_node_list", "define_schema", "register"}
"""Functions that ComfyUI calls, or that these call, before anything is queued."""
HOSTS = {
    "PIL", "aiohttp", "comfy", "comfy_api", "comfy_execution", "filelock", "folder_paths", "node_helpers", "numpy", "psutil",
    "pydantic", "safetensors", "server", "torch", "typing_extensions",
}  # fmt: skip
"""Packages that ComfyUI has imported by then or that are small; scipy alone took as long as all of the pack's own modules."""
LATE = (
    "run.train",
    "run.prepare",
    "compare.engine",
    "compare.grid",
    "data.scan",
    "data.doctor",
    "edit",
    "network",
    "objective",
    "score",
    "sweep",
    "charts",
    "resume.state",
)


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All that runs when a module is imported, and when ComfyUI then asks for the nodes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or child.name in AT_START:
            yield child
            yield from statements(child)


def imported(module: str) -> set[str]:
    """Absolute names of the modules and members that a module of the pack imports at once."""
    path = ROOT.joinpath(*module.split(".")) if module else ROOT
    package = module.split(".") if path.is_dir() else module.split(".")[:-1]
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    names = set()
    for node in statements(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{stem}.{alias.name}".lstrip(".") for alias in node.names}
    return names


def test_what_a_start_imports():
    seen, foreign, todo = set(), set(), ["nodes"]
    while todo:
        module = todo.pop()
        for name in imported(module):
            parts = name.split(".")
            ours = (
                [".".join(parts[:i]) for i in range(1, len(parts) + 1)]
                if parts[0] in ("nodes", "training_core")
                else []
            )
            foreign |= set() if ours else {parts[0]}
            for part in ours:
                path = ROOT.joinpath(*part.split("."))
                if part not in seen and (path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()):
                    seen.add(part)
                    todo.append(part)
    core = {name.removeprefix("training_core.") for name in seen if name.startswith("training_core.")}
    assert {"settings.training", "history.registry", "run.control"} <= core  # it has looked everywhere
    assert not [name for name in core if name in LATE or name.startswith(tuple(f"{late}." for late in LATE))]
    assert foreign - set(sys.stdlib_module_names) <= HOSTS
    assert len(core) < 185
