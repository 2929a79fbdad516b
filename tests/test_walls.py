"""The walls of the house: imports go one way, in no circle, and the host has one door; and how large things may be."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = {"comfy", "comfy_api", "comfy_extras", "comfy_execution", "folder_paths", "server", "execution", "nodes"}
MAY = {
    "settings": set(),
    "objective": {"settings"},
    "optim": {"settings"},
    "data": {"settings"},
    "network": {"settings", "data"},
    "host": {"settings", "objective"},
    "charts": set(),
    "history": {"settings", "data", "charts"},
    "resume": {"settings", "data", "network", "optim", "history"},
    "run": {"settings", "objective", "optim", "data", "network", "host", "history", "resume"},
    "compare": {"settings", "host", "network", "data", "charts", "history"},
}
OF_NODES = {"comfy_api", "server"}
"""What of ComfyUI the nodes import themselves; everything else goes through training_core/host."""
SHARED = {"pictures", "toml", "errors", "randomness", "drawing", "files", "packed"}


def modules() -> dict[str, set[str]]:
    """Module name below the pack -> absolute names it imports (relative ones resolved)."""
    result = {}
    for path in [*(ROOT / "training_core").rglob("*.py"), *(ROOT / "nodes").rglob("*.py")]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        package = parts[:-1]
        found = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else ()
                stem = ".".join([*base, *([node.module] if node.module else [])])
                found |= {f"{stem}.{alias.name}" for alias in node.names}
        result[".".join(parts)] = found
    return result


def room(name: str) -> str:
    parts = name.split(".")
    return parts[1] if parts[0] == "training_core" and len(parts) > 2 else parts[0]


def test_imports_point_one_way():
    bad = []
    for name, imports in modules().items():
        if not name.startswith("training_core."):
            continue
        for target in imports:
            if target.startswith("nodes."):
                bad.append(f"{name} -> {target}")
            if target.startswith("training_core.") and room(name) in MAY:
                other = target.split(".")[1]
                if other != room(name) and other not in SHARED and other not in MAY[room(name)]:
                    bad.append(f"{name} -> {target}")
    assert not bad


def test_the_hosts_module_nodes_is_imported_in_one_place():
    """Elsewhere in the core the name `nodes` could only mean the pack's folder."""
    importers = {
        name for name, imports in modules().items() if name.startswith("training_core.") and "nodes" in imports
    }
    assert importers == {"training_core.host.comfy_nodes"}


def test_the_host_has_one_door():
    bad = []
    for name, imports in modules().items():
        allowed = HOST if room(name) == "host" else OF_NODES if room(name) == "nodes" else set()
        for target in imports:
            top = target.split(".")[0]
            if top in HOST - allowed and not target.startswith(("nodes.", "training_core.")):
                bad.append(f"{name} -> {target}")
    assert not bad


def test_no_circles():
    graph = {}
    names = modules()
    for name, imports in names.items():
        graph[name] = {
            other for target in imports for other in names if target == other or target.startswith(other + ".")
        } - {name}
    state: dict[str, int] = {}

    def visit(name: str, path: list[str]) -> None:
        if state.get(name) == 1:
            raise AssertionError(" -> ".join([*path, name]))
        if state.get(name):
            return
        state[name] = 1
        for other in graph[name]:
            if not other.endswith("__init__"):
                visit(other, [*path, name])
        state[name] = 2

    for name in graph:
        visit(name, [])


def test_nothing_happens_at_import():
    """No module of the core touches CUDA, the environment or torch's global state when it is imported."""
    for path in (ROOT / "training_core").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                raise AssertionError(f"{path.name} line {node.lineno} calls something at import")


def test_files_stay_small():
    long = {
        str(p.relative_to(ROOT)): n
        for folder in ("training_core", "nodes", "demo", "tools")
        for p in (ROOT / folder).rglob("*.py")
        if (n := len(p.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert not long


Part = tuple[str, ast.AST]
"""Where it stands (file:line), and its syntax tree."""
PYTHON = ("training_core", "nodes", "demo", "tools")


def parts(*kinds: type[ast.AST]) -> Iterator[Part]:
    """Everything of these kinds in the pack's own Python."""
    for path in [ROOT / "__init__.py", ROOT / "dev.py", *(p for f in PYTHON for p in sorted((ROOT / f).rglob("*.py")))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, kinds):
                yield f"{path.relative_to(ROOT).as_posix()}:{getattr(node, 'lineno', 1)}", node


def breaking(rule: Callable[[ast.AST], bool], *kinds: type[ast.AST], spared: set[str]) -> list[str]:
    """Where a rule is broken, other than in the spared files."""
    return [place for place, node in parts(*kinds) if rule(node) and place.partition(":")[0] not in spared]


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
    assert not breaking(is_long_positional_dataclass, ast.ClassDef, spared=KEYWORDS_TO_COME)


def test_docstrings_are_sentences():
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
    assert not breaking(has_a_short_docstring, *kinds, spared=SENTENCES_TO_COME)


def test_functions_take_at_most_six_positional_parameters():
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert not breaking(lambda node: len(positional(node)) > 6, *kinds, spared=PARAMETERS_TO_COME)


# Files that do not keep these three rules yet.
KEYWORDS_TO_COME = {
    "tools/help_pages.py",
    "tools/sheet.py",
    "training_core/charts/svg.py",
    "training_core/compare/cells.py",
    "training_core/compare/curves.py",
    "training_core/compare/engine.py",
    "training_core/compare/plot.py",
    "training_core/compare/prepare.py",
    "training_core/compare/widgets.py",
    "training_core/data/dataset.py",
    "training_core/data/doctor/examine.py",
    "training_core/data/doctor/finding.py",
    "training_core/data/doctor/measure.py",
    "training_core/data/holdout.py",
    "training_core/data/scan.py",
    "training_core/data/view.py",
    "training_core/history/events.py",
    "training_core/history/handle.py",
    "training_core/history/registry.py",
    "training_core/history/stretches.py",
    "training_core/host/families.py",
    "training_core/network/info.py",
    "training_core/resume/compute_plan.py",
    "training_core/resume/progress.py",
    "training_core/resume/resumable.py",
    "training_core/resume/saving.py",
    "training_core/run/automatic.py",
    "training_core/run/encoded.py",
    "training_core/run/hooks.py",
    "training_core/run/prepare.py",
    "training_core/run/prompts.py",
    "training_core/run/train_target.py",
    "training_core/settings/base.py",
}
SENTENCES_TO_COME = {
    "demo/host.py",
    "demo/serve.py",
    "nodes/axes.py",
    "nodes/buckets.py",
    "nodes/caption_tools.py",
    "nodes/compare.py",
    "nodes/compare_routes.py",
    "nodes/dataset.py",
    "nodes/display.py",
    "nodes/doctor.py",
    "nodes/lora_info.py",
    "nodes/loss_compare.py",
    "nodes/lr_plot.py",
    "nodes/progress.py",
    "nodes/timesteps.py",
    "nodes/train.py",
    "tools/example_recipes.py",
    "tools/example_studies.py",
    "tools/trained.py",
    "training_core/compare/pages.py",
    "training_core/compare/plan.py",
    "training_core/compare/store.py",
    "training_core/data/caption_files.py",
    "training_core/data/captions.py",
    "training_core/data/doctor/examine.py",
    "training_core/data/doctor/panels.py",
    "training_core/data/store.py",
    "training_core/history/events.py",
    "training_core/history/log.py",
    "training_core/history/report.py",
    "training_core/history/stretches.py",
    "training_core/history/verdict.py",
    "training_core/host/folders.py",
    "training_core/host/text.py",
    "training_core/network/chart.py",
    "training_core/network/info.py",
    "training_core/pictures.py",
    "training_core/randomness.py",
    "training_core/resume/checkpoint_writer.py",
    "training_core/resume/compute_plan.py",
    "training_core/resume/state.py",
    "training_core/run/control.py",
    "training_core/run/hooks.py",
    "training_core/run/prompts.py",
    "training_core/run/ranks.py",
    "training_core/settings/training.py",
}
PARAMETERS_TO_COME = {
    "nodes/train.py",
    "training_core/compare/document.py",
    "training_core/host/model.py",
    "training_core/run/automatic.py",
    "training_core/run/encoded.py",
    "training_core/run/lookahead.py",
    "training_core/run/loop.py",
    "training_core/run/prepare.py",
    "training_core/run/step.py",
    "training_core/run/train.py",
}
