"""The walls of the house: imports go one way, in no circle, and the host has one door."""

import ast
import re
from functools import cache
from pathlib import Path

import order

ROOT = Path(__file__).resolve().parent.parent
HOST = {
    "comfy", "comfy_api", "comfy_extras", "comfy_execution", "comfyui_version", "cuda_malloc", "execution", "folder_paths",
    "latent_preview", "main", "node_helpers", "nodes", "server",
}  # fmt: skip
"""ComfyUI's own modules."""
OF_NODES = {"comfy_api", "server"}
"""What of ComfyUI the nodes import themselves; everything else goes through training_core/host."""


def may() -> dict[str, set[str]]:
    """Room -> rooms that it may import, from the table in CONTRIBUTING.md."""
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("What each room may import")[2]
    lines = re.findall(r"^    ([a-z, ]+): ([a-z, ]+)$", table.partition("`nodes/` may import")[0], re.MULTILINE)
    allowed = {name: set(targets.split(", ")) - {"nothing"} for names, targets in lines for name in names.split(", ")}
    assert allowed.keys() == {path.parent.name for path in (ROOT / "training_core").glob("*/__init__.py")}
    return allowed


@cache
def tree(path: Path) -> ast.Module:
    """Return a file's syntax; several tests look at each."""
    return ast.parse(path.read_text(encoding="utf-8"))


def teardown_module():
    tree.cache_clear()  # a million objects, through which each gc.collect of later tests would look


@cache
def modules() -> dict[str, set[str]]:
    """Module name below the pack -> absolute names it imports (relative ones resolved)."""
    result = {}
    for path in [*(ROOT / "training_core").rglob("*.py"), *(ROOT / "nodes").rglob("*.py")]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        package = parts[:-1]
        imported = set()
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else ()
                stem = ".".join([*base, *([node.module] if node.module else [])])
                imported |= {f"{stem}.{alias.name}" for alias in node.names}
        result[".".join(parts)] = imported
    return result


def room(name: str) -> str:
    parts = name.split(".")
    return parts[1] if parts[0] == "training_core" and len(parts) > 2 else parts[0]


def test_imports_point_one_way():
    allowed, bad = may(), []
    used: dict[str, set[str]] = {name: set() for name in allowed}
    for name, imports in modules().items():
        own = room(name)
        if not name.startswith("training_core.") or name == "training_core.__main__":
            continue
        for target in imports:
            other = target.split(".")[1] if target.startswith("training_core.") else ""
            if target.startswith("nodes.") or (other in allowed and other not in {own, *allowed.get(own, ())}):
                bad.append(f"{name} -> {target}")
            elif own in used and other in allowed and other != own:
                used[own].add(other)
    assert not bad
    assert used == allowed, "CONTRIBUTING.md allows imports that are not needed"


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


def test_picture_files_have_one_door():
    """Elsewhere a file named .jpg could go to Ghostscript, or end in whatever Pillow stumbles over."""
    openers = set()
    for path in [*(ROOT / "training_core").rglob("*.py"), *(ROOT / "nodes").rglob("*.py")]:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute) and node.attr == "open" and ast.unparse(node.value).endswith("Image"):
                openers.add(path.relative_to(ROOT).as_posix())
    assert openers == {"training_core/pictures.py"}


def no_circle(graph: dict[str, set[str]]) -> None:
    """Fail if modules (name -> what it imports) import each other in a circle."""
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


def test_no_circles():
    graph = {}
    names = modules()
    for name, imports in names.items():
        graph[name] = {
            other for target in imports for other in names if target == other or target.startswith(other + ".")
        } - {name}
    no_circle(graph)


def test_nothing_happens_at_import():
    """No module of the core touches CUDA, the environment or torch's global state when it is imported."""
    for path in (ROOT / "training_core").rglob("*.py"):
        for node in tree(path).body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                raise AssertionError(f"{path.name} line {node.lineno} calls something at import")


def test_files_stay_small():
    long = {
        str(p.relative_to(ROOT)): n
        for p in [
            ROOT / "dev.py",
            *(p for folder in ("training_core", "nodes", "demo", "tools") for p in (ROOT / folder).rglob("*.py")),
        ]
        if (n := len(p.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert not long


def test_no_test_file_imports_another():
    """What two of them need is in tests/helpers: a file alone, or in another order, gives the same."""
    bad = []
    for path in (ROOT / "tests").rglob("*.py"):
        if not re.search(r"\b(import|from)\b.*\b(test_|conftest)", path.read_text(encoding="utf-8")):
            continue  # most have no line that could be one, and need not be parsed
        for node in ast.walk(tree(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            bad += [f"{path.name} -> {name}" for name in names if name.startswith(("test_", "conftest"))]
    assert not bad


def test_every_test_file_names_its_own_runs():
    """Files share a server: what one of them counts must not be another's."""
    files: dict[str, set[str]] = {}
    for path in (ROOT / "tests" / "host").glob("test_*.py"):
        for name in re.findall(r'"output_name": "([^"]+)"', path.read_text(encoding="utf-8")):
            files.setdefault(name, set()).add(path.name)
    shared = {name: sorted(paths) for name, paths in files.items() if len(paths) > 1}
    assert len(files) > 40 and not shared


def test_slow_files_that_run_first_are_there():
    assert not [name for name in order.SECONDS if not (ROOT / "tests" / name).is_file()]


def test_the_pages_modules_import_upwards():
    """Their groups stand in CONTRIBUTING.md: each file in one, and none imports a group below its own, or goes in a circle."""
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("| group |")[2]
    rows = re.findall(r"^\| [a-z]+ \| [^|]+ \| ([a-z_, ]+) \|$", table.partition("\n\n")[0], re.MULTILINE)
    listed = [(name, level) for level, names in enumerate(rows) for name in names.split(", ")]
    level = dict(listed)
    page = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "web" / "athanor").glob("*.js")}
    assert sorted(page) == sorted(name for name, _ in listed), "CONTRIBUTING.md names each file in one group"
    imports = {name: set(re.findall(r'(?:from|import) "\./(\w+)\.js"', text)) for name, text in page.items()}
    down = [f"{name} -> {other}" for name, others in imports.items() for other in others if level[other] > level[name]]
    assert not down
    no_circle(imports)


DEPRECATED = re.compile(r"\.(link|links|selected_nodes|inputEl)\b(?!\()")
"""What frontend 1.58 warns of: isInputConnected, getInputLink, getOutputNodes, selectedItems and element stand for it."""


def test_the_page_uses_nothing_that_the_newest_frontend_warns_of():
    found = [
        f"{path.name}: {line.strip()}"
        for path in (ROOT / "web").glob("athanor/*.js")
        for line in path.read_text(encoding="utf-8").splitlines()
        if DEPRECATED.search(line)
    ]
    assert not found


LYCORIS = {
    "org_module", "org_forward", "org_weight", "org_bias", "lora_dim", "lora_up", "lora_down", "wd", "wd_on_out", "bypass_mode",
    "tucker", "use_w1", "use_w2", "kw_dict", "module_type", "not_supported", "block_count", "oft_blocks", "dora_scale",
    "get_weight", "make_weight", "get_diff_weight", "get_random_rank_weight", "scalar", "constraint",
}  # fmt: skip
"""Attributes of LyCORIS' modules that the pack uses (`constraint` is a setting as well)."""


def test_lycoris_stands_behind_two_files():
    """One imports it and makes its modules, one reads them: a new version of it is a change of these."""
    importers, knowers = set(), set()
    for path in [*(ROOT / "training_core").rglob("*.py"), *(ROOT / "nodes").rglob("*.py")]:
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("lycoris"):
                importers.add(name)
            if isinstance(node, ast.Import) and any(alias.name.startswith("lycoris") for alias in node.names):
                importers.add(name)
            is_setting = isinstance(node, ast.Attribute) and ast.unparse(node.value) == "settings"
            if isinstance(node, ast.Attribute) and node.attr in LYCORIS and not is_setting:
                knowers.add(name)
    assert importers == {"training_core/network/lycoris.py"}
    assert knowers == {"training_core/network/lycoris.py", "training_core/network/adapter.py"}
