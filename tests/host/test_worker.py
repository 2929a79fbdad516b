"""A worker in a container: another user, a read-only pack, no page, folders elsewhere, and nothing kept but output."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import graphs
import pytest
from device import SHORT_CLIP
from host import FOLDERS, PACK, Host, link
from safetensors import safe_open

NOBODY = 65534
SHARED_MEMORY = Path("/dev/shm")

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not shutil.which("setpriv") or os.geteuid() != 0, reason="only root can be another user"),
]
NO_PAGE = 'raise ImportError("this worker has no page")'


class Worker(Host):
    """A ComfyUI as another user, whose output folder lies on a file system of its own."""

    def __init__(self, comfyui: Path, pack: Path, root: Path, output: Path) -> None:
        base, stubs, page = root / "base", root / "stubs", root / "page"
        for name in FOLDERS:
            (base / name).mkdir(parents=True)
        for name in ("comfyui_frontend_package", "comfyui_workflow_templates", "comfyui_embedded_docs"):
            (stubs / name).mkdir(parents=True)
            (stubs / name / "__init__.py").write_text(NO_PAGE)
        page.mkdir()
        shutil.copy(SHORT_CLIP / "sitecustomize.py", stubs)
        link(pack, base / "custom_nodes" / "athanor")
        super().__init__(comfyui, base, True, extra=("--output-directory", str(output), "--front-end-root", str(page)))
        self._environment = {"PYTHONPATH": str(stubs), "HOME": str(base), "PYTHONDONTWRITEBYTECODE": "1"}
        user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        self._command = [*user, *self._command]

    def start(self, seconds: float = 180) -> None:
        """Start it with an environment of its own."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._environment.items():
                patch.setenv(name, value)
            super().start(seconds)


@contextmanager
def container(comfyui: Path, checkpoint: Path, output: Path) -> Iterator[Worker]:
    """All but its output folder is gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="worker_", dir="/tmp"))
    try:
        pack = root / "image" / "athanor"
        ignored = shutil.ignore_patterns(".git", ".athanor", "tests", "__pycache__")
        shutil.copytree(PACK, pack, ignore=ignored)
        for path in [pack, *pack.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        worker = Worker(comfyui, pack, root, output)
        shutil.copy(checkpoint, worker.base / "models" / "checkpoints" / "sd3.safetensors")
        graphs.draw_dataset(worker.base / "input" / "ds" / "2_thing")
        root.chmod(0o755)
        for path in [worker.base, *worker.base.rglob("*")]:
            if not path.is_symlink():
                os.chown(path, NOBODY, NOBODY)
        with worker:
            yield worker
        log = worker.log()
        assert "IMPORT FAILED" not in log and "this worker has no page" not in log, log[-3000:]
    finally:
        shutil.rmtree(root)


def fetch(worker: Worker, path: str) -> bytes:
    with urllib.request.urlopen(worker.url + path, timeout=120) as answer:
        return answer.read()


@pytest.fixture
def output() -> Iterator[Path]:
    if not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == Path("/tmp").stat().st_dev:
        pytest.skip("no second file system")
    folder = Path(tempfile.mkdtemp(prefix="athanor_output_", dir=SHARED_MEMORY))
    os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


def test_the_lora_arrives_and_outlasts_the_container(comfyui: Path, checkpoints: dict[str, Path], output: Path):
    with container(comfyui, checkpoints["sd3"], output) as worker:
        graphs.learn_defaults(worker.get("/object_info"))
        prompt = graphs.training("sd3", train={"output_name": "taken/home", "epochs": 3})
        del prompt["curve"]  # the graph ends in Train LoRA
        told = worker.run(prompt)["outputs"]["train"]
        lora = worker.base / "models" / "loras" / "taken" / "home.safetensors"
        content, run = lora.read_bytes(), told["athanor_run"][0]
        assert lora.stat().st_uid == NOBODY and lora.stat().st_dev != output.stat().st_dev
        (file,) = told["files"]  # of three epochs the newest: a copy takes room
        by_view = fetch(
            worker, "/view?" + urllib.parse.urlencode({k: file[k] for k in ("filename", "subfolder", "type")})
        )
        assert by_view == fetch(worker, f"/athanor/runs/{run}/files/home.safetensors") == content
        epoch = lora.with_name("home-000001.safetensors").read_bytes()
        assert fetch(worker, f"/athanor/runs/{run}/files/home-000001.safetensors") == epoch
        assert fetch(worker, f"/athanor/runs/{run}/files/loss_curve.png").startswith(b"\x89PNG")
    assert not lora.exists()
    (kept,) = output.rglob("*home*.safetensors")
    assert kept.read_bytes() == content and kept == output / file["subfolder"] / file["filename"]
    with safe_open(kept, "pt") as opened:
        assert opened.metadata()["athanor_run_id"] == run and len(list(opened.keys())) > 10

    with container(comfyui, checkpoints["sd3"], output) as again:  # with its graph, as the first one has left it
        graph = json.loads((output / "athanor" / "runs" / run / "job.json").read_text())["graph"]["prompt"]
        told = again.run(graph)["outputs"]["train"]
        assert told["athanor_run"] == [run]
        data = (output / told["files"][0]["subfolder"] / told["files"][0]["filename"]).read_bytes()
        tensors = [hashlib.sha256(one[8 + int.from_bytes(one[:8], "little") :]).digest() for one in (data, content)]
        assert tensors[0] == tensors[1]
