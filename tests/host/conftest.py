"""A real ComfyUI with the pack in its custom_nodes, for the whole session."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import graphs
from device import on_cpu
from graphs import draw_dataset
from host import Host


@pytest.fixture(scope="session")
def server(comfyui: Path, checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    base = tmp_path_factory.mktemp("comfy")
    draw_dataset(base / "input" / "ds" / "2_thing")
    with Host(comfyui, base, cpu=on_cpu()) as host:
        for name, path in checkpoints.items():
            (base / "models" / "checkpoints" / f"{name}.safetensors").symlink_to(path)
        graphs.learn_defaults(host.get("/object_info"))
        yield host
    # Tests provoke errors on purpose, and the host prints a traceback for each; these lines never belong there.
    log = host.log()
    assert "IMPORT FAILED" not in log and "lora key not loaded" not in log
