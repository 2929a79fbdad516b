"""A base directory that is moved in the middle of a run, to a ComfyUI elsewhere: the run goes on to the same bytes."""

from __future__ import annotations

import shutil

import graphs
import pytest
import runs_on_disk
import whole_run
from device import on_cpu
from host import Host
from waiting import until

# Two more ComfyUIs; history/test_moved.py has the places of files alone.
pytestmark = pytest.mark.long


def prompt(name: str) -> dict:
    train = {"epochs": 40, "output_name": name, "save_precision": "float"}
    return graphs.training("sd3", network={"rank": 2}, train=train)


def test_a_run_goes_on_where_its_base_directory_was_moved(comfyui, checkpoints, tmp_path):
    base, moved = tmp_path / "base", tmp_path / "elsewhere" / "base"
    graphs.draw_dataset(base / "input" / "ds" / "2_thing")
    with Host(comfyui, base, cpu=on_cpu()) as host:
        (base / "models" / "checkpoints" / "sd3.safetensors").symlink_to(checkpoints["sd3"])
        graphs.learn_defaults(host.get("/object_info"))
        host.finish(host.queue(prompt("whole")))
        host.queue(prompt("stopped"))
        until(lambda: runs_on_disk.steps_done(base, "stopped") > 20)
        host.post("/interrupt", {})
        until(lambda: host.get("/athanor/runs?name=stopped")[0]["status"] == "interrupted")
    moved.parent.mkdir()
    shutil.move(base, moved)
    with Host(comfyui, moved, cpu=on_cpu()) as host:
        before = host.get("/athanor/runs?name=stopped")[0]
        assert before["status"] == "interrupted" and len(before["checkpoints"]) > 4
        for name in ("stopped", "whole"):
            host.finish(host.queue(prompt(name)))
        (run,), (finished,) = (host.get(f"/athanor/runs?name={name}") for name in ("stopped", "whole"))
        told = [host.get(f"/athanor/runs/{each['run_id']}")["events"] for each in (run, finished)]
    resumed = [[event["step"] for event in events if event["event"] == "resumed"] for events in told]
    assert resumed == [[before["step"]], []]  # the finished one was not trained again
    loras = moved / "models" / "loras"
    assert whole_run.weights(loras / "stopped.safetensors") == whole_run.weights(loras / "whole.safetensors")
