"""A real ComfyUI with the pack in its custom_nodes, for the whole session."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import graphs
import loras
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


@pytest.fixture(scope="session")
def lora_files(server: Host, checkpoints: dict[str, Path]) -> None:
    """In models/loras/compared: char-000001 to -000003 for SD3, and a LoRA with and without a text encoder per family."""
    root = server.base / "models" / "loras" / "compared"
    for family, path in checkpoints.items():
        loras.write(root / f"{family}_plain.safetensors", path, family, 1)
        loras.write(root / f"{family}_te.safetensors", path, family, 2, text_encoder=True)
    for epoch in (1, 2, 3):
        loras.write(root / f"char-{epoch:06d}.safetensors", checkpoints["sd3"], "sd3", epoch, epoch=epoch)
