"""What a script asks of runs over HTTP: states, commands, and what is wrong; of folders as a run leaves them, without training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import routes
import run_folders
from aiohttp.test_utils import TestClient
from athanor.training_core.history import registry
from athanor.training_core.resume import lock
from athanor.training_core.run import control
from safetensors.numpy import save_file


@pytest.fixture
def base(comfy, tmp_path, monkeypatch) -> Path:
    """The folder that ComfyUI's folders lie in; a run of the name cat has ended there."""
    routes.comfyui_folders(tmp_path, monkeypatch)
    run_folders.write(tmp_path / "output" / "athanor" / "runs", tmp_path / "models" / "loras")
    return tmp_path


@pytest.fixture
def folder(base) -> Path:
    return next((base / "output" / "athanor" / "runs").iterdir())


@pytest.fixture
def ask(base, monkeypatch) -> Callable[..., list[tuple[int, Any]]]:
    """Ask "METHOD /path" or "METHOD /path body" one after the other; status and JSON of each answer."""
    table = routes.table(monkeypatch)

    async def answers(client: TestClient, requests: tuple[str, ...]) -> list[tuple[int, Any]]:
        result = []
        for method, path, *body in (request.split(maxsplit=2) for request in requests):
            sent = json.loads(body[0]) if body else {"file": "cat.safetensors"}
            async with client.request(method, path, json=sent) as got:
                text = await got.text()
                assert "json" in got.headers["Content-Type"], (path, text)
                result.append((got.status, json.loads(text) if text else None))
        return result

    return lambda *requests: routes.served(table, lambda client: answers(client, requests))


def goes_on(folder: Path) -> None:
    """Let a run's log be that of one that has been resumed."""
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"event": "resumed", "time": 9e9, "step": 4, "steps": 12, "epochs": 3}\n')


def test_a_killed_run_is_told_as_killed(ask, folder):
    """Its process wrote no end: it was "resumed" for ever."""
    goes_on(folder)
    told = ask(
        "GET /athanor/runs",
        "GET /athanor/runs?short=1",
        "GET /athanor/runs?since=0",
        f"GET /athanor/runs/{folder.name}",
    )
    rows = [told[0][1][0], told[1][1][0], told[2][1]["rows"][0], told[3][1]]
    assert [(row["status"], row["live"], row["elsewhere"], row["step"]) for row in rows] == 4 * [
        ("killed", False, False, 4)
    ]
    with lock.held(folder, "It"):
        for _, row in ask(f"GET /athanor/runs/{folder.name}"):
            assert (row["status"], row["live"], row["elsewhere"]) == ("resumed", False, True)
        with control.listening(folder.name):
            for _, row in ask(f"GET /athanor/runs/{folder.name}"):
                assert (row["status"], row["live"], row["elsewhere"]) == ("resumed", True, False)


def test_runs_tell_what_they_were_made_of(ask, folder):
    """All that a script wants to know without reading job.json and events.jsonl."""
    row, whole = (
        ask("GET /athanor/runs", f"GET /athanor/runs/{folder.name}")[0][1][0],
        ask(f"GET /athanor/runs/{folder.name}")[0][1],
    )
    assert row.items() <= whole.items()
    size = {"width": 64, "height": 64, "min_bucket_reso": 64}
    assert whole["settings"] == {
        "buckets": size, "training": {"output_name": "cat", "epochs": 3}, "noise": {"noise_offset": 0.1}
    }  # fmt: skip
    assert whole["resolved"] == ["noise_offset 0.1 (asked for: 0.0)"]
    assert whole["dataset"] == {
        "folders": [{"folder": "cats", "pictures": 2, "repeats": 1}], "pictures": 2, "samples": 2
    }  # fmt: skip
    assert (whole["target"], whole["batch_size"], whole["epochs"], whole["prompt_id"]) == ("cat.safetensors", 1, 3, "")
    assert whole["times"]["created"] <= whole["times"]["ended"] and whole["times"]["seconds"] < 60
    assert "datasets" not in whole["settings"] and str(folder.parents[2]) not in json.dumps({**whole, "events": []})


def test_runs_are_chosen_by_name_job_and_status(ask, folder):
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"event": "preparing", "time": 8e9, "prompt_id": "the-job", "queued": 7e9}\n')
    ids = {
        query: [run["run_id"] for run in ask(f"GET /athanor/runs?{query}")[0][1]]
        for query in ("name=cat", "name=dog", "prompt_id=the-job", "prompt_id=other", "status=killed", "status=done,killed",
                      "status=done&status=killed", "status=done", "limit=1", "limit=0", "status=killed&prompt_id=the-job&short=1")
    }  # fmt: skip
    assert {query for query, found in ids.items() if found == [folder.name]} == {
        "name=cat", "prompt_id=the-job", "status=killed", "status=done,killed", "status=done&status=killed", "limit=1",
        "status=killed&prompt_id=the-job&short=1"
    }  # fmt: skip
    assert ask("GET /athanor/runs?status=lost")[0][0] == ask("GET /athanor/runs?limit=x")[0][0] == 400
    assert ask(f"GET /athanor/runs/{folder.name}")[0][1]["times"]["queued"] == 7e9


def test_commands_reach_a_run_of_another_process(ask, folder):
    goes_on(folder)
    commands = [f"POST /athanor/runs/{folder.name}/{command}" for command in ("stop", "save", "sample")]
    refused = [(409, {"error": f"run {folder.name} is not training: it is killed"})] * 3
    assert ask(*commands) == refused
    other = control.Control(folder)  # as the process that trains it has
    with lock.held(folder, "It"):
        no_samples = {"error": f"run {folder.name} has no Sample Config: connect one to Train LoRA's samples"}
        stop, save, sample = ask(*commands)
        assert (
            stop == (200, {"run_id": folder.name, "asked": "stop"}) and save[0] == 200 and sample == (409, no_samples)
        )
        other._looked = 0.0
        assert [other.take(command) for command in ("stop", "save", "sample")] == [True, True, False]
        job = json.loads((folder / "job.json").read_text())
        (folder / "job.json").write_text(json.dumps(job | {"sampling": {"sample_prompts": ""}}))
        assert ask(commands[2])[0][0] == 200 and (folder / "sample").is_file()
        assert ask(f"POST /athanor/runs/{folder.name}/discard") == [
            (409, {"error": f"run {folder.name} is training; stop it first"})
        ]
        with control.listening(folder.name) as here:
            assert ask(commands[0])[0][0] == 200 and here.take("stop") and not (folder / "stop").exists()


@pytest.mark.parametrize(
    "bad", ["0123456789abcdef", "..%2f..", "..%2f..%2fsecret", "0123456789ABCDEF", "%00", "x" * 300]
)
def test_unknown_runs_are_404_in_json(ask, bad):
    paths = ("", "/metrics", "/review", "/graph", "/report", "/samples/a.png", "/pictures/0", "/nothing", "/a/b/c")
    got = ask(*(f"GET /athanor/runs/{bad}{path}" for path in paths))
    got += ask(*(f"POST /athanor/runs/{bad}/{command}" for command in ("stop", "sample", "star", "copy", "discard")))
    assert {status for status, _ in got} == {404} and all(body["error"] for _, body in got)
    assert ask(f"HEAD /athanor/runs/{bad}") == [(404, None)]


def test_a_run_that_is_deleted_meanwhile_is_404(ask, folder, monkeypatch):
    """Its folder goes away behind the first look at it."""
    paths = ("", "/metrics", "/review", "/graph", "/report", "/samples/cat_000000_00_1.png", "/pictures/0")
    kept, is_run = folder.with_name("kept"), registry.is_run

    def seen_once(path: Path) -> bool:
        there = is_run(path)
        if there and not kept.exists():
            path.rename(kept)
        return there

    monkeypatch.setattr(registry, "is_run", seen_once)
    for request in (*(f"GET {path}" for path in paths), "POST /stop", "POST /star", "POST /discard"):
        method, _, path = request.partition(" ")
        (got,) = ask(f"{method} /athanor/runs/{folder.name}{path}")
        assert got[0] == 404 and got[1]["error"], (request, got)
        kept.rename(folder)
    shutil.rmtree(folder)
    assert ask("GET /athanor/runs") == [(200, [])]


def test_no_answer_holds_a_path_of_the_server(ask, base, folder):
    """Events told where files lie on the server: a client needs the names by which it fetches them."""
    run_folders.with_line(
        folder / "events.jsonl",
        lambda line: (
            line | {"event": "failed", "why": f"The disk is full ({base}/models/loras/a.safetensors): free some space."}
        ),
    )
    routes_ = (
        "",
        f"/{folder.name}",
        f"/{folder.name}/metrics",
        f"/{folder.name}/review",
        f"/{folder.name}/graph",
        f"/{folder.name}/files",
    )
    answers = ask(*(f"GET /athanor/runs{path}" for path in routes_))
    assert [status for status, _ in answers] == [200] * len(routes_)
    assert str(base) not in json.dumps(answers)
    whole = answers[1][1]
    assert whole["why"] == "The disk is full (models/loras/a.safetensors): free some space."
    named = {kind: {e["file"] for e in whole["events"] if e["event"] == kind} for kind in ("saved", "sampled")}
    assert named["saved"] == {file["file"] for file in whole["checkpoints"]}
    assert named["sampled"] == {sample["file"] for sample in whole["samples"]}


def test_labels_are_told_and_change_nothing_else(ask, base, folder):
    before = {path: path.read_bytes() for path in run_folders.files(folder) if path.name not in ("labels.json", "lock")}
    note = '{"note": "the eyes are sharp", "rating": 5}'
    first, changed, listed, wrong = ask(
        "GET /athanor/runs?since=0",
        f"POST /athanor/runs/{folder.name}/labels {note}",
        "GET /athanor/runs?since=0",
        f'POST /athanor/runs/{folder.name}/labels {{"rating": 9}}',
    )
    names = ("label", "note", "rating", "tags", "archived", "starred", "base_model", "probe")
    assert [first[1]["rows"][0][name] for name in names] == ["Cat", "", 4, ["keep"], False, True, "", 76.0]
    assert changed[1] == listed[1]["rows"][0] and listed[1]["revision"] > first[1]["revision"]
    assert (changed[1]["note"], changed[1]["rating"], changed[1]["label"]) == ("the eyes are sharp", 5, "Cat")
    assert wrong == (422, {"error": "rating is '9': it must be a whole number from 0 (none) to 5."})
    for other in ("{}", "[]", '{"file": "x"}'):
        assert ask(f"POST /athanor/runs/{folder.name}/labels {other}")[0][0] == {"{}": 200, "[]": 400}.get(other, 422)
    assert {path: path.read_bytes() for path in before} == before


def test_differences_of_runs_side_by_side(ask, base, folder):
    other = run_folders.write(folder.parent, base / "models" / "loras", "dog")
    job = json.loads((other / "job.json").read_text())
    job["optimizer"]["learning_rate"] = 5e-4
    (other / "job.json").write_text(json.dumps(job))
    ids = json.dumps({"runs": [folder.name, other.name]})
    (status, told), missing = ask(f"POST /athanor/differences {ids}", 'POST /athanor/differences {"runs": ["x"]}')
    rows = {(row["group"], row["name"]): row["values"] for row in told["rows"]}
    assert status == 200 and told["runs"] == [folder.name, other.name] and missing[0] == 404
    assert rows == {("training", "output_name"): ["cat", "dog"], ("optimizer", "learning_rate"): [1e-4, 5e-4]}


def test_averages_that_are_files_are_counted_and_deleted(ask, base, folder):
    """Only those that an axis has made: what a user has put beside them stays."""
    made, own = (base / "models/loras/athanor-averages" / f"{name}.safetensors" for name in ("made", "own"))
    made.parent.mkdir()
    save_file({"x": np.zeros(8)}, made, {"athanor_edit": "{}"})
    save_file({"x": np.zeros(8)}, own)
    before, deleted, again = ask("GET /athanor/disk", "POST /athanor/averages/delete {}", "GET /athanor/disk")
    assert before[1]["averages"] > 0 == again[1]["averages"] and deleted == (200, {"deleted": 1})
    assert own.exists() and not made.exists()


def test_the_trash_over_http(ask, base, folder):
    """Thrown away, it is in no list; a live run stays; the rest of a batch goes on."""
    files = {path: path.read_bytes() for path in (base / "models").rglob("*.safetensors")}
    one = json.dumps({"runs": [folder.name, "x", 3], "loras": True})
    with control.listening(folder.name):
        ((_, told),) = ask(f"POST /athanor/trash {one}")
        assert [each["why"] for each in told["refused"]] == [
            "The run cat is being trained: stop it first.", "there is no such run", "there is no such run"
        ]  # fmt: skip
    disk, thrown, listed, trash = ask(
        "GET /athanor/disk", f"POST /athanor/trash {one}", "GET /athanor/runs", "GET /athanor/trash"
    )
    assert disk[1]["runs"][folder.name]["loras"] == sum(map(len, files.values())) and disk[1]["trash"] == 0
    (entry,) = thrown[1]["entries"]
    assert listed == (200, []) and trash[1]["entries"] == [entry] and trash[1]["bytes"] >= entry["bytes"] > 0
    assert entry["loras"] == ["cat-000001.safetensors", "cat-000002.safetensors", "cat.safetensors"]
    assert not any(path.exists() for path in files) and str(base) not in json.dumps([thrown, trash])
    assert ask(f"GET /athanor/runs/{folder.name}")[0][0] == 404
    names = json.dumps({"names": [entry["name"], "../runs", 3]})
    restored, again, run = ask(
        f"POST /athanor/trash/restore {names}", f"POST /athanor/trash/empty {names}", f"GET /athanor/runs/{folder.name}"
    )
    assert [each["run_id"] for each in restored[1]["restored"]] == [folder.name] and run[1]["status"] == "done"
    assert restored[1]["refused"] == [{"name": "../runs", "why": "'../runs' is not in the trash any more."}]
    assert again[1] == {"deleted": 0} and {path: path.read_bytes() for path in files} == files
    ((_, states),) = ask(f"POST /athanor/trash/states {one}")
    assert [each["kind"] for each in states["entries"]] == ["states"] and not (folder / "state").exists()
    names = json.dumps({"names": [states["entries"][0]["name"]]})
    empty, trash = ask(f"POST /athanor/trash/empty {names}", "GET /athanor/trash")
    assert empty[1] == {"deleted": 1} and trash[1] == {"entries": [], "bytes": 0}
