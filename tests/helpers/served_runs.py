"""Runs of a server as its page sees them: listed, waited for, and their LoRA's hash."""

from __future__ import annotations

import contextlib
import time
import urllib.error
from pathlib import Path
from typing import Any

import graphs
from host import Host, error_message


def runs(server: Host) -> list[dict[str, Any]]:
    return server.get("/athanor/runs")


def run_named(server: Host, name: str) -> dict[str, Any]:
    return next(run for run in runs(server) if run["name"] == name)


def folder(server: Host, name: str) -> Path:
    return server.base / "output" / "athanor" / "runs" / run_named(server, name)["run_id"]


def steps_of(server: Host, name: str) -> list[int]:
    """The numbers of the steps that the run's curve shows."""
    return [m["step"] for m in server.get(f"/athanor/runs/{run_named(server, name)['run_id']}/metrics")]


def final(server: Host, name: str) -> str:
    """The hash of a LoRA's tensors: equal files have equal ones."""
    return graphs.metadata(graphs.lora_file(server, name))["sshs_model_hash"]


def wait_for(server: Host, name: str, steps: int, prompt_id: str = "") -> str:
    """Wait until the newest run of that name has done so many steps; its id.

    Raises:
        AssertionError: its job, if `prompt_id` names it, has ended before; says how.
        TimeoutError: after five minutes.
    """
    end = time.monotonic() + 300
    while time.monotonic() < end:
        for run in server.get(f"/athanor/runs?short=1&name={name}")[:1]:
            done = server.get(f"/athanor/runs/{run['run_id']}/metrics?after={max(0, steps - 1)}")
            if done and done[-1]["step"] >= steps:
                return run["run_id"]
        with contextlib.suppress(urllib.error.HTTPError):  # until the job is listed
            if prompt_id and server.get(f"/api/jobs/{prompt_id}")["status"] in ("completed", "failed", "cancelled"):
                raise AssertionError(ending(server, prompt_id))
        time.sleep(0.02)
    raise TimeoutError(name)


def ending(server: Host, prompt_id: str) -> str:
    """How a job has ended: the sentence of its error, or the last thing that the host says of it."""
    server.finish(prompt_id)
    entry = server.get(f"/history/{prompt_id}")[prompt_id]
    return error_message(entry) or entry["status"]["messages"][-1][0]
