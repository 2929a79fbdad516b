"""A ComfyUI of their own for tests that end one: a comparison is killed in the middle, a training asked to end by SIGTERM.

It is started twice for the first, runs on for LoRA files that are broken, and ends with the last: in this order no start is
needed for that. What signals do at many moments is tried in tests/fuzz/test_signalled.py.
"""

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import comparing
import forked_host
import graphs
import loras
import psutil
import pytest
import runs_on_disk
import whole_run
from comparing import axis
from host import Host
from PIL import Image
from safetensors.torch import load_file, save_file
from waiting import until

EPOCHS = 12


@pytest.fixture(scope="module")
def started(comfyui, checkpoints, tmp_path_factory) -> Iterator[Host]:
    """A ComfyUI that may be killed."""
    base = tmp_path_factory.mktemp("own")
    host = forked_host.new(comfyui, base)
    (base / "models" / "checkpoints" / "sd3.safetensors").symlink_to(checkpoints["sd3"])
    for epoch in range(1, EPOCHS + 1):
        name = f"char-{epoch:06d}.safetensors"
        loras.write(base / "models" / "loras" / name, checkpoints["sd3"], "sd3", epoch, epoch=epoch)
    graphs.draw_dataset(base / "input" / "ds" / "2_thing")
    with host:
        graphs.learn_defaults(host.get("/object_info"))
        yield host


@pytest.fixture
def own_server(started: Host) -> Host:
    """The same, started again if a test has ended it."""
    if started._process is None or started._process.poll() is not None:
        started.start()
    return started


def resident(host: Host) -> float:
    """Megabytes of main memory that the host has."""
    return psutil.Process(host._process.pid).memory_info().rss / 2**20


def test_killed_and_resumed(own_server):
    """A kill costs one cell at most; memory stays flat; patches are what the plan says."""
    grid = comparing.comparison(
        "sd3", x=axis("LoRA strength", "0.5, 1"), y=graphs.node("AthanorLoRARunAxis", source="char"), width=32, height=32,
        steps=1, cfg=1.0,
    )  # fmt: skip
    cells = 1 + 2 * EPOCHS
    root = own_server.base / "output" / "athanor" / "compare"
    before = set(root.glob("*"))

    def there() -> list[Path]:
        return [path for path in root.glob("*/cells/*.png") if path.parents[1] not in before]

    own_server.queue(grid)
    until(lambda: len(there()) >= 6, every=0.02)
    os.kill(own_server._process.pid, 9)
    own_server._process.wait()
    drawn = {path.stem for path in there()}  # of the last one, cells.jsonl may not tell yet
    done = len(drawn)
    assert 6 <= done < cells
    (folder,) = set(root.iterdir()) - before
    lines = [json.loads(line) for line in (folder / "cells.jsonl").read_text().splitlines()]
    assert done - 1 <= len(lines) <= done
    for path in there():
        graphs.pixels(path)  # whole
    own_server.start()
    memory: list[tuple[int, float]] = []
    prompt_id = own_server.queue(grid)
    own_server.finish(prompt_id, poll=lambda: memory.append((len(there()), resident(own_server))))
    memory.append((len(there()), resident(own_server)))
    entry = own_server.get(f"/history/{prompt_id}")[prompt_id]
    assert (
        comparing.text_of(entry).splitlines()[0] == f"{cells} pictures, {cells - done} drawn now, {done} were on disk"
    )
    document = json.loads((folder / "plan.json").read_text())
    assert document["counts"] == {"models": 1, "patches": 2 * EPOCHS}
    loras_left = {
        (cell["at"]["checkpoint of char"], cell["at"]["LoRA strength"])
        for cell in graphs.cells(folder)
        if cell["path"].stem not in drawn and cell["graph"] and graphs.settings_of(cell["graph"])["loras"]
    }
    patches = next(
        part for part in comparing.text_of(entry).replace("\n", ", ").split(", ") if part.endswith("patches")
    )
    assert len(loras_left) <= int(patches.split()[0]) <= len(loras_left) + 1
    tail = [mb for count, mb in memory if count >= done + 4]
    assert max(tail) - tail[0] < 40, memory[:: max(1, len(memory) // 20)]
    for page in entry["outputs"]["compare"]["images"]:
        width, height = Image.open(folder / page["filename"]).size
        assert max(width, height) <= 16383 and width * height <= 16e6
    labels = document["axes"][1]["values"]
    assert labels[:3] == ["base model", "epoch 1", "epoch 2"] and labels[-1] == f"epoch {EPOCHS}"


def test_a_lora_that_does_not_fit_makes_tiles_and_the_rest_goes_on(own_server, checkpoints):
    root = own_server.base / "models" / "loras"
    loras.write(root / "foreign.safetensors", checkpoints["sd15"], "sd15", 1)
    (root / "broken.safetensors").write_bytes(b"no safetensors at all")
    own = loras.write(root / "partly.safetensors", checkpoints["sd3"], "sd3", 3)
    count = len(load_file(own)) // 3
    save_file(load_file(own) | load_file(root / "foreign.safetensors"), own)
    seeds = axis("seed", "21-24")
    entry = own_server.run(comparing.comparison("sd3", x=axis("LoRA", "none, foreign, broken, partly"), y=seeds))
    lines = comparing.text_of(entry).splitlines()
    assert lines[0] == "16 pictures, 8 drawn now, 8 could not be drawn, 0 were on disk"
    said = [re.fullmatch(rf"{count} of (\d+) weights of partly.safetensors fit this model; .*", line) for line in lines]
    assert sum(bool(match and int(match[1]) > count) for match in said) == 1
    assert "failed: foreign, 21: The LoRA foreign.safetensors does not match this model" in comparing.text_of(entry)
    assert "failed: broken, 24: broken.safetensors cannot be read" in comparing.text_of(entry)
    folder = graphs.folder(own_server, entry)
    assert len(graphs.cells(folder)) == 8
    lines = [json.loads(line) for line in (folder / "cells.jsonl").read_text().splitlines()]
    assert sum(line["status"] == "failed" for line in lines) == 8
    blocks = {"x": axis("LoRA", "partly"), "y": axis("LoRA blocks", "layers0 0"), "seeds": "25", "steps": 1}
    said = comparing.text_of(own_server.run(comparing.comparison("sd3", **blocks)))
    assert f"\n{count} of " in said and "of partly.safetensors fit this model" in said  # with blocks, nothing was said
    ports = {"model": ["ckpt", 0], "clip": ["ckpt", 1]}
    looked = {"info": graphs.node("AthanorLoRAInfo", lora_name="partly.safetensors", **ports)}
    looked |= {key: node for key, node in comparing.comparison("sd3").items() if key == "ckpt"}
    looked["text"] = graphs.node("PreviewAny", source=["info", 0])
    assert f"{count} of " in own_server.run(looked)["outputs"]["text"]["text"][0]
    # Queued again, it tries again what failed, and only that.
    loras.write(root / "broken.safetensors", checkpoints["sd3"], "sd3", 5)
    fewer = comparing.comparison("sd3", x=axis("LoRA", "none, broken, partly"), y=seeds)
    again = comparing.text_of(own_server.run(fewer))
    assert again.startswith("12 pictures, 4 drawn now, 8 were on disk") and "failed" not in again


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send this signal there")
def test_sigterm_in_mid_training_loses_nothing(own_server, models, monkeypatch):
    """LoRA and state of the last step are there when ComfyUI has ended; gone on with in this process, the bytes are those of a
    run that nobody stopped."""
    base, loras_folder = own_server.base, own_server.base / "models" / "loras"
    train = {"output_name": "ended", "max_train_steps": 24, "save_every_n_epochs": 0, "save_precision": "float"}
    own_server.queue(graphs.training("sd3", train=train, network={"rank": 4, "dropout": 0.1}))
    until(lambda: runs_on_disk.steps_done(base, "ended") >= 3 or own_server._process.poll() is not None, every=0.01)
    own_server._process.send_signal(signal.SIGTERM)
    assert own_server._process.wait(300) == -signal.SIGTERM
    folder, steps = runs_on_disk.run_folder(base, "ended"), runs_on_disk.steps_done(base, "ended")
    last = runs_on_disk.events(base, "ended")[-1]
    assert (last["event"], last["why"]) == ("interrupted", "ComfyUI was asked to end (SIGTERM)") and 3 <= steps < 24
    assert [path.name for path in loras_folder.glob("ended*")] == [f"ended-step{steps:08d}.safetensors"]
    assert [path.stem for path in (folder / "state").iterdir()] == [f"step{steps:08d}"]
    assert not runs_on_disk.torn(base) and not (folder / "owner.json").exists()
    on_with, whole = (gone_on_with(folder, name, models, monkeypatch) for name in ("ended", "whole"))
    assert len(runs_on_disk.steps(base, "ended")) == 24 and whole_run.weights(on_with) == whole_run.weights(whole)


def gone_on_with(folder: Path, name: str, models: tuple, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Train the job of a run's folder under a name in this process; the path of the LoRA."""
    import folder_paths
    from athanor.training_core.data import plan, scan
    from athanor.training_core.host import guard
    from athanor.training_core.run.train import train
    from athanor.training_core.settings import Job

    base, values = folder.parents[3], json.loads((folder / "job.json").read_text())
    values.pop("graph", None)
    values["training"]["output_name"] = name
    job = Job.model_validate(values)
    extensions = folder_paths.folder_names_and_paths["loras"][1]
    for place in ("output", "user"):
        monkeypatch.setattr(folder_paths, f"{place}_directory", str(base / place))
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(base / "models" / "loras")], extensions))
    dataset = scan.scan(job.datasets[0], base / "input" / "ds")
    assert (name == "ended") == (job.run_id == folder.name) and dataset.fingerprint == job.dataset_fingerprint
    with guard.training():
        list(train(job, plan.sort_into_buckets(dataset, job.buckets), *models))
    return base / "models" / "loras" / f"{name}.safetensors"


@pytest.mark.long
def test_a_sweep_killed_in_its_second_run_goes_on(own_server):
    """The first run is not trained again, the second goes on, and all files are those of a sweep that nobody has killed."""
    from athanor.training_core.history import registry

    def sweep(name):
        parts = {"network": {"rank": 4}, "train": {"output_name": name, "max_train_steps": 12, "save_every_n_steps": 3}}
        graph = graphs.training("sd3", **parts)
        text = "learning_rate: 1e-3, 2e-3, 4e-3"
        graph["sweep"] = graphs.node("AthanorSweep", run=["train", 0], settings=text)
        del graph["curve"]
        return graph

    def record(name):
        runs = own_server.base / "output" / "athanor" / "runs"
        found = [run for run in registry.records(runs) if run.output_name == name]
        return found[0] if found else None

    names = [f"killed_lr{rate}" for rate in ("1e-3", "2e-3", "4e-3")]
    own_server.queue(sweep("killed"))
    until(lambda: (second := record(names[1])) and len(second.saved) > 1, every=0.02)
    os.kill(own_server._process.pid, 9)
    own_server._process.wait()
    first, second = record(names[0]), record(names[1])
    assert first.done and second.status == "killed" and record(names[2]) is None
    metrics = (first.folder / "metrics.jsonl").read_bytes()
    own_server.start()
    own_server.run(sweep("killed"))
    assert (first.folder / "metrics.jsonl").read_bytes() == metrics
    resumed = [event for event in record(names[1]).events if event["event"] == "resumed"]
    assert [0 < event["step"] < 12 for event in resumed] == [True]
    own_server.run(sweep("whole"))
    for name in names:
        whole = record(name.replace("killed", "whole"))
        assert record(name).done and whole.done
        assert record(name).saved[-1]["hash"] == whole.saved[-1]["hash"]
