"""Start a real ComfyUI with the pack in its custom_nodes, and talk to it over HTTP and websocket."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACK = Path(__file__).resolve().parent.parent
FOLDERS = ("models/checkpoints", "models/loras", "input", "output", "temp", "user", "custom_nodes", "datasets")
TROUBLE = ("IMPORT FAILED", "lora key not loaded", "Traceback (most recent call last)")


def link(source: Path, target: Path) -> None:
    """Let `target` stand for the folder `source` (a junction where symlinks need rights that nobody has)."""
    if target.is_symlink() and target.resolve() == source.resolve():
        return
    if target.is_symlink():
        target.unlink()
    if target.exists():
        return
    try:
        target.symlink_to(source, target_is_directory=True)
    except OSError:
        subprocess.run(["cmd", "/c", "mklink", "/J", str(target), str(source)], check=True, capture_output=True)


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Host:
    """A running ComfyUI. Use it as a context manager."""

    def __init__(
        self, comfyui: Path, base: Path, cpu: bool, port: int | None = None, extra: tuple[str, ...] = ()
    ) -> None:
        self.comfyui, self.base, self.port = comfyui, base, port or free_port()
        for name in FOLDERS:
            (base / name).mkdir(parents=True, exist_ok=True)
        link(PACK, base / "custom_nodes" / "athanor")
        self.url, self.log_path = f"http://127.0.0.1:{self.port}", base / "server.log"
        self._command = [
            sys.executable,
            "main.py",
            "--listen",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--base-directory",
            str(base),
            "--database-url",
            "sqlite:///:memory:",
            "--disable-api-nodes",
            *(["--cpu"] if cpu else []),
            *extra,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Host:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, seconds: float = 600) -> None:
        """Start the server and wait until it answers."""
        env = os.environ | {"PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"}
        if "--cpu" in self._command:  # threads that spin while they wait are ten times slower on a busy machine
            env.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        self._process = self._launched(env)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(f"ComfyUI ended while starting; the end of {self.log_path}:\n{self.log()[-2000:]}")
            try:
                self.get("/queue")
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"ComfyUI did not answer within {seconds:.0f} s; see {self.log_path}.")

    def _launched(self, env: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start its process, which writes into its log."""
        with self.log_path.open("ab") as log:
            return subprocess.Popen(self._command, cwd=self.comfyui, stdout=log, stderr=subprocess.STDOUT, env=env)

    def stop(self) -> None:
        """End the server, by force if it takes longer than a minute."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def wait(self) -> None:
        """Block until the server ends; at once if it does not run."""
        if self._process is not None:
            self._process.wait()

    def log(self) -> str:
        """Everything the server has printed."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def trouble(self) -> list[str]:
        """Lines of the log that must not be there."""
        return [line for line in self.log().splitlines() if any(t in line for t in TROUBLE)]

    def get(self, path: str) -> Any:
        """GET and parse JSON."""
        with urllib.request.urlopen(self.url + path, timeout=120) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any) -> Any:
        """POST JSON; the answer of a refused prompt (status 400) is returned as well."""
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read()
        return json.loads(text) if text else None

    def queue(self, prompt: dict[str, Any], workflow: dict[str, Any] | None = None, client: str = "") -> str:
        """Queue an API-format prompt; returns its id.

        Raises:
            ValueError: the server refused it; says why, node by node.
        """
        body = {"prompt": prompt, "prompt_id": str(uuid.uuid4()), "client_id": client}
        if workflow is not None:
            body["extra_data"] = {"extra_pnginfo": {"workflow": workflow}}
        answer = self.post("/prompt", body)
        errors = [
            f"{node['class_type']}: {e['details'] or e['message']}"
            for node in (answer.get("node_errors") or {}).values()
            for e in node["errors"]
        ]
        if "prompt_id" not in answer or errors:
            raise ValueError("\n".join(errors) or json.dumps(answer.get("error", answer)))
        return answer["prompt_id"]

    def finish(self, prompt_id: str, seconds: float = 900, poll: Callable[[], None] | None = None) -> dict[str, Any]:
        """Wait for a job; its record from /api/jobs (status completed, failed or cancelled)."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._process is not None and self._process.poll() is not None:
                raise RuntimeError(f"ComfyUI ended; the end of {self.log_path}:\n{self.log()[-2000:]}")
            with contextlib.suppress(urllib.error.HTTPError):  # until the job is listed
                job = self.get(f"/api/jobs/{prompt_id}")
                if job["status"] in ("completed", "failed", "cancelled"):
                    return job
            if poll:
                poll()
            time.sleep(0.05)
        raise TimeoutError(f"The job did not end within {seconds:.0f} s.")

    def run(
        self, prompt: dict[str, Any], workflow: dict[str, Any] | None = None, seconds: float = 900
    ) -> dict[str, Any]:
        """Queue and wait; the history entry with all outputs.

        Raises:
            RuntimeError: the job did not complete; says the error's message.
        """
        prompt_id = self.queue(prompt, workflow)
        job = self.finish(prompt_id, seconds)
        entry = self.get(f"/history/{prompt_id}")[prompt_id]
        if job["status"] != "completed":
            raise RuntimeError(error_message(entry) or job["status"])
        return entry


def error_message(entry: dict[str, Any]) -> str:
    """The exception message in a history entry, or ''."""
    for kind, data in entry["status"]["messages"]:
        if kind == "execution_error":
            return data["exception_message"].strip()
    return ""
