"""A real ComfyUI with the pack in its custom_nodes, for the whole session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import forked_host
import graphs
import loras
import pytest
import torch
import whole_run
from host import Host


@pytest.fixture(scope="session")
def server(comfyui: Path, checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    base = tmp_path_factory.mktemp("comfy")
    graphs.draw_dataset(base / "input" / "ds" / "2_thing")
    with forked_host.new(comfyui, base) as host:
        for name, path in checkpoints.items():
            (base / "models" / "checkpoints" / f"{name}.safetensors").symlink_to(path)
        graphs.learn_defaults(host.get("/object_info"))
        yield host
    # Tests provoke errors on purpose, and the host prints a traceback for each; these lines never belong there.
    log = host.log()
    assert "IMPORT FAILED" not in log and "lora key not loaded" not in log


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Matrices as small as the narrow models' gain nothing from threads that wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def models(comfy: None, checkpoints: dict[str, Path]) -> tuple[Any, Any, Any]:
    """(MODEL, CLIP, VAE) of the small SD3, in this process."""
    return whole_run.models_of(checkpoints["sd3"])


@pytest.fixture
def run(models: tuple[Any, Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Trains the small SD3 on four pictures, in this process: (events, path of the LoRA)."""
    return whole_run.trainer(models, tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def plain(models: tuple[Any, Any, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The LoRA of such a run with nothing asked for, to which nothing happens."""
    with pytest.MonkeyPatch.context() as patch:
        return whole_run.trainer(models, tmp_path_factory.mktemp("plain"), patch)("plain")[1]


@pytest.fixture(scope="session")
def lora_files(server: Host, checkpoints: dict[str, Path]) -> None:
    """In models/loras/compared: char-000001 to -000003 for SD3, and a LoRA with and without a text encoder per family."""
    root = server.base / "models" / "loras" / "compared"
    for family, path in checkpoints.items():
        loras.write(root / f"{family}_plain.safetensors", path, family, 1)
        loras.write(root / f"{family}_te.safetensors", path, family, 2, text_encoder=True)
    for epoch in (1, 2, 3):
        loras.write(root / f"char-{epoch:06d}.safetensors", checkpoints["sd3"], "sd3", epoch, epoch=epoch)
