"""Load the pack as the package `athanor`, the way ComfyUI does it, and put the real ComfyUI on the path."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _load_pack() -> None:
    spec = importlib.util.spec_from_file_location(
        "athanor", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["athanor"] = module
    spec.loader.exec_module(module)


# The pack has a folder `nodes`, ComfyUI a module `nodes`: the pack's root must not be on the path.
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != ROOT]
sys.path.insert(0, str(ROOT / "demo"))
sys.path.insert(0, str(ROOT / "tests"))
_load_pack()


def pytest_configure() -> None:
    if "COMFYUI_PATH" not in os.environ:
        pytest.exit("COMFYUI_PATH is not set: run the tests with 'python dev.py test'.", returncode=2)


@pytest.fixture(scope="session")
def comfyui() -> Path:
    return Path(os.environ["COMFYUI_PATH"])


@pytest.fixture(scope="session")
def comfy(comfyui: Path) -> None:
    """The real ComfyUI's modules in this process, on the CPU."""
    sys.path.insert(0, str(comfyui))
    import comfy.cli_args

    comfy.cli_args.args.cpu = True
    import comfy.model_management


@pytest.fixture(scope="session")
def checkpoints(comfy: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small random checkpoints in real layouts, by family."""
    import tiny

    folder = tmp_path_factory.mktemp("checkpoints")
    return {"sd15": tiny.sd15(folder / "sd15.safetensors"), "sd3": tiny.sd3(folder / "sd3.safetensors")}
