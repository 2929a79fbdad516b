"""A run's folder, looked back on and written up."""

import json
from pathlib import Path

import pytest
import run_folders
import torch
from athanor.training_core.errors import AthanorError
from athanor.training_core.history import marks, registry, report, review
from athanor.training_core.network.files import save_lora
from athanor.training_core.resume import lock
from PIL import Image

EVIL = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


@pytest.fixture
def folder(tmp_path):
    """300 steps: low timesteps get worse, the others better; picture 2 stands out; a name that is markup."""
    folder = tmp_path / "runs" / "0123456789abcdef"
    (folder / "samples").mkdir(parents=True)
    loras = tmp_path / "loras"
    target = loras / "x.safetensors"
    identity = {"run_id": folder.name, "line_id": "l", "output_name": f"x{EVIL}", "target": str(target), "steps": 300}
    (folder / "run.json").write_text(json.dumps(identity))
    pictures = [
        {"name": f"{i}.png", "path": str(tmp_path / f"{i}.png"), "caption": EVIL, "repeats": 1} for i in range(4)
    ]
    (folder / "dataset.json").write_text(json.dumps(pictures))
    lines = []
    for step in range(1, 301):
        t = [50.0, 950.0] if step % 2 else [450.0, 950.0]
        seen = [step % 4, (step + 1) % 4]
        base = [0.1 + step / 1000 if t[0] < 200 else 0.3 - step / 3000, 0.9 - step / 1000]
        losses = [b * (2.0 if p == 2 else 1.0) for b, p in zip(base, seen, strict=True)]
        lines.append({"step": step, "epoch": 1 + step // 100, "loss": sum(losses) / 2, "lr": 1e-4, "pictures": seen, "timesteps": t,
            "losses": losses, "seconds": 0.1, "memory": 1.0})  # fmt: skip
    (folder / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in lines))
    events = [{"event": "started", "time": 1.0}]
    for step in range(0, 301, 50):
        events.append(
            {
                "event": "probed",
                "time": 2.0,
                "step": step,
                "loss": 1,
                "percent": 100 - step / 10,
                "label": "training pictures",
            }
        )
        picture = folder / "samples" / f"s_{step}.png"
        Image.new("RGB", (300, 200), (step % 255, 9, 9)).save(picture)
        events.append({"event": "sampled", "time": 2.0, "path": str(picture), "step": step, "epoch": step // 100, "index": 0,
            "prompt": EVIL, "seed": 1})  # fmt: skip
    for step, path in ((100, loras / "x-000001.safetensors"), (300, target)):
        save_lora(path, {"a": torch.zeros(8)}, {"athanor_run_id": folder.name})
        events.append({"event": "saved", "time": 3.0, "path": str(path), "step": step, "epoch": step // 100, "hash": "h",
            "kind": "last" if path == target else "epoch"})  # fmt: skip
    save_lora(loras / "x-000001-ema.safetensors", {"a": torch.zeros(8)}, {})
    events.append({"event": "done", "time": 4.0, "step": 300})
    (folder / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))
    return folder


def test_bands_and_pictures(folder):
    reviewed = review.review(registry.read(folder))
    bands = {(b["from"], b["to"]): b for b in reviewed["bands"]["bands"]}
    assert bands[0, 200]["count"] == 150 and bands[400, 600]["count"] == 150 and bands[800, 1000]["count"] == 300
    assert bands[0, 200]["last"] > 1.3 * bands[0, 200]["first"]
    assert bands[800, 1000]["last"] < bands[800, 1000]["first"]
    assert bands[200, 400]["count"] == 0 and set(bands[200, 400]["means"]) == {None}
    assert reviewed["pictures"][0]["picture"] == 2 and reviewed["pictures"][0]["relative"] > 1.4
    assert all(p["relative"] < 1.1 for p in reviewed["pictures"][1:])
    table = [(c["epoch"], c["step"], c["probe"]) for c in reviewed["checkpoints"]]
    assert table == [(1, 100, 90.0), (3, 300, 70.0)]
    assert reviewed["verdict"][0]["kind"] == "good" and reviewed["probes"][0] == [0, 100.0]


def test_what_a_run_was_warned_of_is_part_of_its_verdict(folder):
    with (folder / "events.jsonl").open("a", encoding="utf-8") as file:
        for text in ("Careful <b>.", "The disk is slow.", "Careful <b>."):  # a session that goes on says it again
            file.write(json.dumps({"event": "warned", "time": 5.0, "text": text}) + "\n")
    record = registry.read(folder)
    notes = [s["text"] for s in review.review(record)["verdict"] if s["kind"] == "note"]
    assert notes == ["Careful <b>.", "The disk is slow."]
    assert '<p class="note">! Careful &lt;b&gt;.</p>' in report.page(record)
    with (folder / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write(
            json.dumps({"event": "warned", "time": 5.0, "text": "Blocks are computed twice.", "note": True}) + "\n"
        )
    row = registry.summary(folder)
    assert row.warnings == 2 and not row.harmed and row.state == "done"
    with (folder / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"event": "probed", "time": 6.0, "step": 301, "loss": 1, "percent": 195.0}) + "\n")
    assert registry.summary(folder).harmed


def test_an_empty_run_is_reviewed(tmp_path):
    (tmp_path / "run.json").write_text(
        json.dumps(
            {"run_id": "r", "line_id": "l", "output_name": "n", "target": str(tmp_path / "n.safetensors"), "steps": 5}
        )
    )
    record = registry.read(tmp_path)
    assert review.review(record)["verdict"][0]["kind"] == "unknown"
    assert "Not enough evidence" in report.page(record)


def test_the_report_is_whole_and_runs_nothing(folder):
    report.write(folder)
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text and "<img src=x" not in text and "&lt;script&gt;" in text
    assert "://" not in text and 'src="data:image/jpeg;base64,' in text
    assert text.count("<svg") == 3 and "The LoRA has learned" in text and "x-000001.safetensors" in text
    assert len(text) < 200_000


def test_a_report_that_cannot_be_written_ends_nothing(folder, caplog):
    (folder / "report.html").mkdir()
    report.write(folder)
    assert "could not be written" in caplog.text


def test_discard_takes_one_file_and_its_copies(folder):
    record = registry.read(folder)
    first, last = (Path(e["path"]) for e in record.saved)
    copies = folder.parent / "copies"
    save_lora(copies / "x-000001-diffusers.safetensors", {"a": torch.zeros(8)}, {})
    save_lora(copies / "x-diffusers.safetensors", {"a": torch.zeros(8)}, {})
    marks.discard(record, first, copies)
    assert [path.stem for path in copies.iterdir()] == ["x-diffusers"]
    assert not first.exists() and not first.with_name("x-000001-ema.safetensors").exists() and last.exists()
    assert [e["step"] for e in registry.read(folder).saved] == [300]
    for path in (first, folder / "run.json"):
        with pytest.raises(AthanorError, match="is not a file of run"):
            marks.discard(record, path)
    assert (folder / "run.json").exists()


def test_what_changes_on_disk_is_seen(folder):
    assert registry.read(folder).status == "done"
    assert registry.read(folder) is registry.read(folder)
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"event": "resumed", "time": 9}\n')
    assert (registry.read(folder).state, registry.read(folder).status) == ("resumed", "killed")  # nobody holds its lock
    with lock.held(folder, "The run"):
        assert registry.read(folder).status == registry.summaries(folder.parent)[0].status == "resumed"
        assert "resumed at step" in report.page(registry.read(folder))
    assert registry.summaries(folder.parent)[0].status == "killed"
    assert "killed at step" in report.page(registry.read(folder))


def test_two_thousand_runs_are_listed_at_once(folder):
    root = folder.parent
    text = {name: (folder / name).read_text() for name in ("run.json", "events.jsonl")}
    for number in range(2000):
        other = root / f"{number:016x}"
        other.mkdir()
        for name, content in text.items():
            (other / name).write_text(content)
    listed = registry.summaries(root)
    assert len(listed) == 2001
    again = registry.summaries(root)  # from memory: nothing has changed on disk
    assert {id(run) for run in again} == {id(run) for run in listed}
    with (root / f"{7:016x}" / "events.jsonl").open("a") as file:
        file.write('{"event": "failed", "why": "no memory", "time": 99}\n')
    assert registry.summaries(root)[0].run_id == f"{7:016x}"  # as its folder is called: a copy of another run
    assert registry.summaries(root)[0].why == "no memory"
    with (root / f"{7:016x}" / "events.jsonl").open("a") as file:
        file.write('{"event": "interrupted", "why": "InterruptProcessingException", "time": 100}\n')
    assert (registry.summaries(root)[0].status, registry.summaries(root)[0].why) == ("interrupted", "")
    assert len(registry._records) < 100  # whole records are kept of a few
    assert sum(len(record.saved) for record in registry.records(root)) == 2 * 2001


def test_a_run_is_called_as_its_files_are(tmp_path: Path):
    """Of two runs of one name the second has files named name_2: a list must tell them apart."""

    def titled(name: str, target: str) -> str:
        record = registry.Record(
            folder=tmp_path,
            run_id="r",
            lineage_id="l",
            output_name=name,
            target=tmp_path / target,
            steps=1,
            events=(),
        )
        return registry.RunSummary.of(record).title

    assert titled("x", "x.safetensors") == "x"
    assert titled("sub\\x", "sub/x_2.safetensors") == titled("sub/x", "sub/x_2.safetensors") == "sub/x_2"


def test_a_verdict_on_steps_without_gradient_or_rate(tmp_path):
    record = registry.read(run_folders.write(tmp_path / "runs", tmp_path / "loras"))
    step = {"step": 1, "epoch": 1, "loss": 0.1, "lr": 1e-4, "grad_norm": 0.1, "lrs": []}
    for change, still in (
        ({"grad_norm": 0.0}, True),
        ({"lr": 0.0}, True),
        ({"lr": 0.0, "lrs": [0.0, 1e-4]}, False),
        ({}, False),
    ):
        (first, *_) = review.verdict(record, [step | change, (step | change) | {"step": 2}])
        assert first.text.startswith("Nothing was learned") is still, change
    (first, *_) = review.verdict(record, [step | {"lr": 0.0}])  # of a warm-up, which begins at 0
    assert not first.text.startswith("Nothing was learned")
