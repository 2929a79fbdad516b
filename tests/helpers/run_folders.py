"""A finished run's folder with every file that a run can leave, written by the pack's own writers and without training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch
from athanor.training_core import settings as s
from athanor.training_core.data.buckets import Placement
from athanor.training_core.data.dataset import Control, Dataset, Picture
from athanor.training_core.data.plan import BucketEntry, Buckets
from athanor.training_core.history import graph, labels, marks, registry, resolved
from athanor.training_core.history.events import Probed, Sampled, Saved, Started, Stepped
from athanor.training_core.history.graph import Graph
from athanor.training_core.history.log import RunLog
from athanor.training_core.network.files import save_lora
from athanor.training_core.optim.averaging import Ema
from athanor.training_core.resume import metadata_rewrite, state
from athanor.training_core.resume.compute_plan import ComputePlan, MemoryPlan, plan_settings
from athanor.training_core.resume.progress import RunProgress
from athanor.training_core.resume.resumable import Resumable
from PIL import Image

STEPS = 12
GRAPH = Graph("7", {"7": {"class_type": "AthanorTrainLoRA", "inputs": {"model": ["1", 0]}},
                    "1": {"class_type": "Load", "inputs": {}}})  # fmt: skip


class Probe:
    def __init__(self) -> None:
        self.first = torch.ones(2)


def job(name: str = "cat", **training: object) -> s.Job:
    return s.Job(
        datasets=(s.DatasetSettings(folder="cats"),),
        buckets=s.BucketSettings(width=64, height=64, min_bucket_reso=64),
        training=s.TrainingSettings(output_name=name, epochs=3, **training),
        dataset_fingerprint="d",
        model_fingerprint="m",
    )


def resumable() -> Resumable:
    """A layer and its optimizer after one step, with a running mean and a probe."""
    torch.manual_seed(0)
    module = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    module(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    plan = ComputePlan(
        settings=plan_settings(job()), device="cpu", memory=MemoryPlan("off"), swapped=0, deterministic=True
    )
    return Resumable(
        module=module,
        optimizer=optimizer,
        scaler=torch.amp.GradScaler("cpu", enabled=False),
        ema=Ema(list(module.parameters()), 0.9),
        probe=Probe(),
        plan=lambda: plan,
        finished_epochs=lambda step, noted: noted,
    )


def write(root: Path, loras: Path, name: str = "cat", end: str = "done") -> Path:
    """Write the run below `root`, its LoRA files into `loras`; returns its folder."""
    asked = job(name)
    folder, target = root / asked.run_id, loras / f"{name}.safetensors"
    pictures = []
    for i in range(2):
        path = root.parent / "input" / "cats" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (80, 64), (40 * i, 90, 10)).save(path)
        controls = (Control(path, "k", (80, 64)),) * i  # the second is one of an edit pair
        pictures.append(
            Picture(
                path=path,
                name=path.name,
                content=f"c{i}",
                size=(80, 64),
                caption=f"a cat, {i}",
                repeats=1,
                controls=controls,
            )
        )
    entries = tuple(BucketEntry(i, Placement((64, 64), (80, 64), (8, 0))) for i in range(2))
    log = RunLog(
        folder,
        asked,
        Buckets(dataset=Dataset(asked.datasets, tuple(pictures)), settings=asked.buckets, entries=entries),
        target,
        STEPS,
        GRAPH,
    )
    graph.save_graph(folder, GRAPH.node, {"prompt": GRAPH.prompt, "workflow": {"nodes": []}})
    wanted = metadata_rewrite.Wanted(job=asked, choice="all", graph={}, copies=loras / "copies")
    metadata_rewrite.note(folder, wanted, {"athanor_run_id": asked.run_id})
    trained = asked.model_copy(update={"noise": s.NoiseSettings(noise_offset=0.1)})
    resolved.write(folder, asked, trained)
    log.add(Started(run_id=asked.run_id, steps=STEPS, epochs=3, trained="64 layers", steps_per_epoch=4))
    for step in range(STEPS + 1):
        if step:
            log.add(Stepped(step=step, epoch=1 + (step - 1) // 4, loss=0.2 - step / 100, lr=1e-4, grad_norm=0.1, seconds=0.1,
                            pictures=(0, 1), timesteps=(100.0, 800.0), losses=(0.1, 0.3)))  # fmt: skip
        if step % 2 == 0:
            log.add(Probed(step, 0.2, 100.0 - 2 * step, "training pictures"))
        if step % 4 == 0:
            sample = folder / "samples" / f"{name}_{step:06d}_00_1.png"
            sample.parent.mkdir(exist_ok=True)
            Image.new("RGB", (32, 32), (9, 9, 20 * step)).save(sample)
            log.add(Sampled(path=sample, step=step, epoch=step // 4, index=0, prompt="a cat", seed=1))
        if step and step % 4 == 0:
            path = target if step == STEPS else target.with_name(f"{name}-{step // 4:06d}.safetensors")
            save_lora(path, {"a": torch.zeros(4)}, {"athanor_run_id": asked.run_id})
            log.add(Saved(path=path, step=step, epoch=step // 4, hash="h", kind="last" if path == target else "epoch"))
    state.write(folder / "state", resumable().capture(RunProgress(step=STEPS, epoch=3)))
    log.note(end, step=STEPS)
    record = registry.read(folder)
    assert record is not None and record.status == end and not record.trouble
    marks.star(record, target, True)
    labels.change(folder, {"label": "Cat", "rating": 4, "tags": ["keep"]})
    return folder


def files(folder: Path) -> list[Path]:
    """All files below a run's folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def with_line(path: Path, change: Callable[[dict], object], at: int = -1) -> None:
    """Change one line of a .jsonl file: `change` is given its object."""
    lines = path.read_text(encoding="utf-8").splitlines()
    value = json.loads(lines[at])
    changed = change(value)
    lines[at] = json.dumps(value if changed is None else changed)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def as_folder(path: Path) -> None:
    """Put a folder, which is not empty, where a file was."""
    path.unlink()
    (path / "inside").mkdir(parents=True)
