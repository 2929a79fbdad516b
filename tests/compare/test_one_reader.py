"""A run that was killed and went on: every place that shows it shows the same steps."""

import dataclasses
import json
import math
import re
from pathlib import Path

import pytest
import torch
from athanor.training_core.charts.curve import loss_curve
from athanor.training_core.data.dataset import Dataset
from athanor.training_core.data.plan import Buckets
from athanor.training_core.errors import AthanorError
from athanor.training_core.history import events, handle, registry, report, review, series
from athanor.training_core.history.log import RunLog
from athanor.training_core.network.files import save_lora
from athanor.training_core.resume import lock
from athanor.training_core.settings import BucketSettings, CurvesSettings, Job

STEPS, STATE, KILLED = 8, 2, 5


@pytest.fixture
def host(comfy, tmp_path):
    """Its output and loras folders are empty ones."""
    import folder_paths

    output, loras = folder_paths.get_output_directory(), folder_paths.folder_names_and_paths["loras"]
    folder_paths.set_output_directory(str(tmp_path / "output"))
    (tmp_path / "loras").mkdir()
    folder_paths.folder_names_and_paths["loras"] = ([str(tmp_path / "loras")], loras[1])
    folder_paths.filename_list_cache.pop("loras", None)
    yield tmp_path
    folder_paths.set_output_directory(output)
    folder_paths.folder_names_and_paths["loras"] = loras
    folder_paths.filename_list_cache.pop("loras", None)


def stepped(step: int, loss: float) -> events.Stepped:
    """As Prodigy's: lr is 1, and what it really uses d * lr."""
    return events.Stepped(
        step=step, epoch=(step + 3) // 4, loss=loss, lr=1.0, grad_norm=1.0, seconds=0.1, d_lr=step * 1e-5
    )


@pytest.fixture
def record(host):
    """Killed after step 5, two of whose steps are in a state and a file; then it went on and ended at 8."""
    from athanor.training_core.host import folders

    job = Job(datasets=(), buckets=BucketSettings(), dataset_fingerprint="d", model_fingerprint="m")
    folder, target = folders.run_folder(job.run_id), host / "loras" / "my_lora.safetensors"

    def saved(step: int, kind: str) -> events.Saved:
        path = target if kind == "last" else target.with_name(f"{target.stem}-step{step:08d}.safetensors")
        digest = save_lora(path, {"a": torch.full((2,), float(step))}, {"athanor_run_id": job.run_id, "ss_steps": step})
        return events.Saved(path=path, step=step, epoch=step // 4, hash=str(digest), kind=kind)

    def session(first: int, last: int, salt: float) -> None:
        log = RunLog(folder, job, Buckets(dataset=Dataset((), ()), settings=job.buckets, entries=()), target, STEPS)
        values = {"run_id": job.run_id, "steps": STEPS, "epochs": 2, "trained": "1 layer"}
        log.add(events.Resumed(step=first, **values) if first else events.Started(**values))
        for step in range(first, last + 1):
            if step > first:
                log.add(stepped(step, salt + step / 10))
            log.add(events.Probed(step, salt, 100 - salt - step, "training pictures"))
            if step == STATE and first < STATE:
                log.add(saved(step, "step"))
        if last == STEPS:
            log.add(saved(last, "last"))
            log.note("done", step=last)

    session(0, KILLED, 0.0)
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 6, "epo')  # the process died in the middle of a line
    session(STATE, STEPS, 1.0)
    found = registry.read(folder)
    assert found
    return found


LOSSES = [0.1, 0.2, *(1 + step / 10 for step in range(3, 9))]
LRS = [step * 1e-5 for step in range(1, 9)]
PROBES = [(0, 100.0), (1, 99.0), *((step, 99.0 - step) for step in range(2, 9))]


def test_the_same_eight_steps_everywhere(record):
    from athanor.training_core.compare import curves, runs

    by_wire = curves.of_run(handle.of_record(record, lambda path: path.name))
    for text in ("my_lora", record.run_id, "*"):
        (by_name,) = curves.find(text if text != "my_lora" else record.output_name)
        assert by_name == by_wire
    assert list(by_wire.losses) == pytest.approx(LOSSES) and list(by_wire.lrs) == pytest.approx(LRS)
    assert list(by_wire.probes) == PROBES
    # The sidebar's route answers with these:
    shown = series.points(record.folder)
    assert [(p["step"], p["loss"], p["d_lr"]) for p in shown] == list(
        zip(range(1, 9), by_wire.losses, by_wire.lrs, strict=True)
    )
    assert [tuple(probe) for probe in review.review(record)["probes"]] == PROBES
    assert registry.RunSummary.of(record).step == STEPS
    # And the report draws these:
    page = (record.folder / "report.html").read_text(encoding="utf-8")
    assert "done at step 8 of 8" in page and page == report.page(record)
    paths = {kind: re.findall(rf'<path class="{kind}" d="([^"]*)"', page) for kind in ("raw", "loss", "lr", "probe")}
    assert {kind: [len(re.findall("[ML]", path)) for path in found] for kind, found in paths.items()} == {
        "raw": [8], "loss": [8], "lr": [8], "probe": [9]
    }  # fmt: skip
    assert runs.find(record.run_id).probes == tuple(PROBES)


def test_a_run_that_is_being_done_again_has_no_later_steps_yet(record):
    """Just resumed at 2: what the killed session had done after it is gone from every curve."""
    from athanor.training_core.compare import curves

    for name in ("events.jsonl", "metrics.jsonl"):
        lines = (record.folder / name).read_text().splitlines()
        cut = next(i for i, line in enumerate(lines) if '"resumed"' in line or '"loss": 1.3' in line)
        (record.folder / name).write_text("".join(f"{line}\n" for line in lines[: cut + 1]))
    half = registry.read(record.folder)
    assert half and half.state == "resumed" and registry.RunSummary.of(half).step == STATE
    curve = curves.of_record(half)
    assert curve.name == "my_lora"  # not that of its newest file, which is another one after every save
    assert list(curve.losses) == pytest.approx(LOSSES[:3])
    assert [p["step"] for p in series.points(record.folder)] == [1, 2, 3]
    assert curve.probes == ((0, 100.0), (1, 99.0), (2, 98.0))


@pytest.mark.parametrize("some", [True, False], ids=["some", "all"])
def test_no_number_is_no_point(record, some):
    """Whatever float of a run's logs is null, a LoRA is chosen, charts and pages are made, and events can be shown again."""
    from athanor.training_core.compare import curves, epochs, runs

    for name in ("events.jsonl", "metrics.jsonl"):
        lines = [json.loads(line) for line in (record.folder / name).read_text().splitlines() if line.endswith("}")]
        for line in lines[2 if some else 0 :]:
            line |= {key: None for key, value in line.items() if isinstance(value, float) and key != "time"}
        (record.folder / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        shown = [event for line in lines if (event := events.from_line(line))]
        assert all(value is not None for event in shown for key, value in _vars_of(event).items() if key != "d_lr")
    again = registry.read(record.folder)
    assert again and again.done
    run = handle.of_record(again, lambda path: path.name)
    assert len(run.losses) == len(run.lrs) == STEPS and math.isnan(run.lrs[-1])
    assert loss_curve("x", run.losses, run.lrs, run.epochs, run.probes).size == (960, 480)
    healthy = dataclasses.replace(
        run, name="healthy", losses=(0.5,) * STEPS, lrs=(1e-4,) * STEPS, probes=((0, 100.0),) * 2
    )
    for shown in ([run], [run, healthy]):
        assert curves.draw([curves.of_run(one) for one in shown], CurvesSettings(log_scale=True)).size == (1280, 800)
    assert "at step 8 of 8" in report.page(again)
    assert all(isinstance(percent, float) for _, percent in review.review(again)["probes"])
    points = runs.find(record.run_id)
    assert points.probes == run.probes and len(points.checkpoints) == 2
    if some:
        assert [c.step for c in epochs.choose(points, "best 1")] == [2]
    else:
        with pytest.raises(AthanorError, match="has no probe to find the best by; use all"):
            epochs.choose(points, "best 1")


def _vars_of(event) -> dict:
    return {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}


def test_steps_without_a_usable_picture_are_not_blamed_on_settings(record):
    """All pictures of the step were left out: its loss is null, and no picture is named."""
    lines = [
        json.loads(line) for line in (record.folder / "metrics.jsonl").read_text().splitlines() if line.endswith("}")
    ]
    for line in lines[-3:]:
        line |= {"loss": None, "pictures": []}
    (record.folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert not any("NaN" in sentence["text"] for sentence in review.review(record)["verdict"])


def test_a_cut_file_is_no_checkpoint(record):
    from athanor.training_core.compare import runs

    first, last = (checkpoint.path for checkpoint in runs.find(record.run_id).checkpoints)
    sources = (record.run_id, "my_lora", "my_lora*")
    assert all([c.path for c in runs.find(source).checkpoints] == [first, last] for source in sources)
    beside = record.target.with_name("my_lora-diffusers.safetensors")  # an older version's copy is not one more LoRA
    save_lora(beside, {"a": torch.zeros(1)}, {"athanor_run_id": record.run_id})
    assert [c.path for c in runs.find("my_lora*").checkpoints] == [first, last]
    run = handle.of_record(record, lambda path: path.name)
    last.write_bytes(last.read_bytes()[:-3])
    for source in sources:
        points = runs.find(source)
        assert [(c.path, c.step) for c in points.checkpoints] == [(first, STATE)] and points.probes == tuple(PROBES)
    assert [c.path for c in runs.of_run(run).checkpoints] == [first]
    first.write_bytes(b"")
    with pytest.raises(AthanorError, match=r"my_lora-step00000002\.safetensors is incomplete"):
        runs.find("my_lora-step00000002")
    with pytest.raises(AthanorError, match="are incomplete"):
        runs.find("my_lora*")
    with pytest.raises(AthanorError, match="has no LoRA file yet"):
        runs.find(record.run_id)
    with pytest.raises(AthanorError, match="None of the 2 LoRA files"):
        runs.of_run(run)


def test_a_file_that_the_log_does_not_name_yet_is_a_checkpoint(record):
    """Its process was killed between the file and its line; the running mean beside it is none."""
    from athanor.training_core.compare import runs

    for name, run_id in (("-000001", record.run_id), ("-000001-ema", record.run_id), ("-000003", "f" * 16)):
        path = record.target.with_name(f"my_lora{name}.safetensors")
        save_lora(path, {"a": torch.zeros(1)}, {"athanor_run_id": run_id, "ss_steps": 4, "ss_epoch": 1})
    found = runs.find(record.run_id).checkpoints
    assert [(c.step, c.epoch) for c in found] == [(2, 0), (4, 1), (8, 2)]


def test_a_run_folder_of_an_older_version_is_read(record):
    """run.json names the lineage line_id, as it always did."""
    values = json.loads((Path(record.folder) / "run.json").read_text())
    assert set(values) == {"run_id", "line_id", "output_name", "target", "steps"}
    assert [run.run_id for run in registry.summaries(record.folder.parent, lineage_id=values["line_id"])] == [
        record.run_id
    ]


def test_a_run_is_found_by_the_name_that_lists_show(record):
    """Its files are named my_lora_2, because another run had taken my_lora: so all lists call it."""
    from athanor.training_core.compare import curves, runs
    from athanor.training_core.host import folders

    second = folders.run_folder("f" * 16)
    second.mkdir()
    target = record.target.with_name("my_lora_2.safetensors")
    registry.write_run(dataclasses.replace(record, folder=second, run_id=second.name, target=target))
    (second / "metrics.jsonl").write_text('{"step": 1, "epoch": 1, "loss": 0.5, "lr": 1e-4}\n')
    (second / "events.jsonl").write_text('{"event": "started", "time": 1.0}\n')
    assert [curve.name for curve in curves.find("my_lora_2\nmy_lora")] == ["my_lora_2", "my_lora"]
    with pytest.raises(
        AthanorError, match=rf"The run my_lora_2 \({second.name}\) has no LoRA file yet; it is not training \(killed"
    ):
        runs.find("my_lora_2")
    with lock.held(second, "It"), pytest.raises(AthanorError, match="has no LoRA file yet; wait for its first"):
        runs.find("my_lora_2")
    path = target.with_name("my_lora_2-000001.safetensors")
    save_lora(path, {"a": torch.zeros(1)}, {"athanor_run_id": second.name, "ss_epoch": 1})
    assert runs.find(second.name).name == "my_lora_2"  # its epochs stand beside those of my_lora in one axis
    found = registry.read(second)
    assert found and "<h1>my_lora_2</h1>" in report.page(found)
