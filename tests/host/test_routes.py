"""What the page reads of runs and may change, and that nothing else can be reached."""

import csv
import io
import json
from itertools import pairwise

import graphs
import pytest
from answers import answer
from PIL import Image


@pytest.fixture(scope="module")
def run(server) -> dict:
    samples = {"sample_prompts": "red circle", "sample_every_n_epochs": 2, "width": 64, "height": 64, "steps": 1}
    prompt = graphs.training(
        "sd3",
        train={"output_name": "looked_at", "epochs": 4, "save_every_n_epochs": 1},
        validation={"validate_every_n_steps": 2},
    )
    prompt["samples"] = graphs.node("AthanorSampleConfig", **samples)
    prompt["train"]["inputs"]["samples"] = ["samples", 0]
    entry = server.run(prompt)
    found = next(r for r in server.get("/athanor/runs") if r["name"] == "looked_at")
    assert entry["outputs"]["train"]["athanor_run"] == [found["run_id"]]
    return found | {"prompt": prompt}


def test_review(server, run):
    told = server.get(f"/athanor/runs/{run['run_id']}/review")
    assert [c["epoch"] for c in told["checkpoints"]] == [1, 2, 3, 4]
    assert [c["file"] for c in told["checkpoints"]] == [c["file"] for c in run["checkpoints"]]
    assert all(c["bytes"] > 10_000 and c["loss"] > 0 for c in told["checkpoints"])
    assert len(told["probes"]) > 4 and told["probes"][0] == [0, 100.0] and told["probe_label"] == "training pictures"
    assert sum(b["count"] for b in told["bands"]["bands"]) == told["steps_read"] * 2 == 32
    assert {p["picture"] for p in told["pictures"]} <= set(range(4))
    assert told["verdict"][0]["text"]


def test_only_runs_of_a_name(server, run):
    assert [r["run_id"] for r in server.get("/athanor/runs?name=looked_at")] == [run["run_id"]]
    assert server.get("/athanor/runs?name=nobody") == []


def test_the_graph_comes_back(server, run):
    kept = server.get(f"/athanor/runs/{run['run_id']}/graph")
    assert kept["node"] == "train" and kept["prompt"]["train"]["class_type"] == "AthanorTrainLoRA"
    assert server.get(f"/athanor/runs/{run['run_id']}")["node"] == "train"


def test_pictures_of_the_dataset_by_their_numbers_alone(server, run):
    base = f"/athanor/runs/{run['run_id']}/pictures"
    status, data, headers = answer(server, f"{base}/0")
    assert status == 200 and headers["Content-Type"] == "image/jpeg" and headers["X-Content-Type-Options"] == "nosniff"
    with Image.open(io.BytesIO(data)) as image:
        assert max(image.size) <= 192
    for index in ("4", "99999999", "-1", "0.png", "..%2f..%2fjob.json", "%C2%B2"):
        assert answer(server, f"{base}/{index}")[0] == 404, index


def test_a_list_that_names_other_files_gives_no_pictures(server, run):
    """dataset.json is a file like any other: what it names is only ever sent as a small JPEG made from a picture."""
    path = server.base / "output" / "athanor" / "runs" / run["run_id"] / "dataset.json"
    kept = path.read_text()
    try:
        path.write_text(
            json.dumps([{"path": str(path.with_name("job.json"))}, {"path": "/etc/passwd"}, {}, {"path": "\0"}])
        )
        for index in range(4):
            assert answer(server, f"/athanor/runs/{run['run_id']}/pictures/{index}")[0] == 404
    finally:
        path.write_text(kept)


def test_the_report_is_on_disk_and_runs_nothing(server, run):
    status, data, headers = answer(server, f"/athanor/runs/{run['run_id']}/report")
    assert status == 200 and b"<svg" in data and b"<script" not in data and b"data:image/jpeg" in data
    assert b"content=\"default-src 'none'; style-src" in data and headers["X-Content-Type-Options"] == "nosniff"
    report = server.base / "output" / "athanor" / "runs" / run["run_id"] / "report.html"
    assert "looked_at" in report.read_text(encoding="utf-8")


def test_what_a_worker_posts_and_takes_home(server, run):
    """Its graph ends in Train LoRA, as job.json has it; the LoRA comes by /history and /view, and by our own route."""
    folder = server.base / "output" / "athanor" / "runs" / run["run_id"]
    graph = json.loads((folder / "job.json").read_text())["graph"]
    assert "curve" in run["prompt"] and "curve" not in graph["prompt"]
    told = server.run(graph["prompt"])["outputs"]["train"]
    assert [f["epoch"] for f in told["files"]] == [4, 3, 2, 1] and {f["kind"] for f in told["files"]} == {"lora"}
    assert [f["filename"] for f in told["images"]] == ["loss_curve.png"]
    assert server.get(f"/athanor/runs/{run['run_id']}/files") == told["files"] + told["images"]
    for file in told["files"] + told["images"]:
        content = (server.base / "output" / file["subfolder"] / file["filename"]).read_bytes()
        view = "&".join(f"{name}={file[name]}" for name in ("filename", "subfolder", "type"))
        assert answer(server, f"/view?{view}")[:2] == (200, content)
        assert answer(server, f"/athanor/runs/{run['run_id']}/files/{file['filename']}")[:2] == (200, content)
    lora = server.base / "models" / "loras" / run["checkpoints"][-1]["file"]
    assert lora.samefile(folder / "files" / lora.name)


def test_files_of_a_run_in_parts_by_head_and_no_others(server, run):
    base = f"/athanor/runs/{run['run_id']}/files"
    lora = server.base / "models" / "loras" / "looked_at.safetensors"
    whole = lora.read_bytes()
    status, data, headers = answer(server, f"{base}/looked_at.safetensors", headers={"Range": "bytes=100-"})
    assert (status, data) == (206, whole[100:])
    assert headers["Content-Range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    status, data, headers = answer(server, f"{base}/looked_at.safetensors", method="HEAD")
    assert (status, data, int(headers["Content-Length"])) == (200, b"", len(whole))
    status, data, headers = answer(server, f"{base}/report.html")
    assert status == 200 and b"<svg" in data and headers["Content-Disposition"] == "attachment"
    assert json.loads(answer(server, f"{base}/job.json")[1])["training"]["output_name"] == "looked_at"
    server.run(graphs.training("sd3", train={"output_name": "of_another_run"}))
    for name in ("of_another_run.safetensors", "run.json", "..%2fjob.json", "..%2f..%2f..%2f..%2fmodels%2floras%2flooked_at.safetensors",
                 "%2fetc%2fpasswd", "x", "%00.safetensors"):  # fmt: skip
        assert answer(server, f"{base}/{name}")[0] in (400, 404), name


def test_bad_ids_and_numbers(server, run):
    for name in ("review", "graph", "report", "metrics", "pictures/0", "files", "files/job.json"):
        for bad in ("0123456789abcdef", "..%2f..", "0123456789ABCDEF", "a" * 17):
            assert answer(server, f"/athanor/runs/{bad}/{name}")[0] == 404
    for query in ("after=x", "after=-1", "until=x", "points=%C2%B2", "after=" + "9" * 30):
        assert answer(server, f"/athanor/runs/{run['run_id']}/metrics?{query}")[0] == 400


def test_a_part_of_the_curve_and_a_table_of_all(server, run):
    whole = server.get(f"/athanor/runs/{run['run_id']}/metrics")
    part = server.get(f"/athanor/runs/{run['run_id']}/metrics?after=3&until=6")
    assert part == whole[3:6] and all(a["trained"] < b["trained"] for a, b in pairwise(whole))
    status, data, headers = answer(server, f"/athanor/metrics.csv?runs={run['run_id']},{run['run_id']}")
    assert status == 200 and headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    assert [float(row["loss"]) for row in rows] == [step["loss"] for step in whole] * 2
    assert float(rows[-1]["seconds"]) == whole[-1]["trained"]
    for ids, refused in (("", 400), ("..", 400), ("0123456789abcdef", 404), (",".join([run["run_id"]] * 21), 400)):
        assert answer(server, f"/athanor/metrics.csv?runs={ids}")[0] == refused


def test_a_star_and_a_copy(server, run):
    base, file = f"/athanor/runs/{run['run_id']}", run["checkpoints"][2]["file"]
    loras = server.base / "models" / "loras"
    told = server.get(f"{base}/review")["checkpoints"]
    assert not any(c["starred"] for c in told) and told[0]["norm"] > 0
    assert answer(server, f"{base}/star", {"file": file, "on": True})[0] == 200
    assert [c["file"] for c in server.get(f"{base}/review")["checkpoints"] if c["starred"]] == [file]
    assert answer(server, f"{base}/star", {"file": file, "on": False})[0] == 200
    assert not any(c["starred"] for c in server.get(f"{base}/review")["checkpoints"])
    status, data, _ = answer(server, f"{base}/copy", {"file": file, "name": "sub/kept_copy"})
    assert status == 200 and (loras / json.loads(data)["file"]).read_bytes() == (loras / file).read_bytes()
    for name, words in (
        ("sub/kept_copy", b"exists already"),
        ("../out", b"is outside the loras folder"),
        ("", b"give the LoRA a name"),
        (3, b"name"),
    ):
        status, data, _ = answer(server, f"{base}/copy", {"file": file, "name": name})
        assert status == 422 and words in data
    for command in ("star", "copy"):
        assert answer(server, f"{base}/{command}", {"file": "other.safetensors", "name": "x", "on": True})[0] == 404
        assert answer(server, f"{base}/{command}", b"[]")[0] == 400
    assert not (loras.parent / "out.safetensors").exists()


def test_discard_is_strict(server):
    server.run(graphs.training("sd3", train={"output_name": "discarded", "epochs": 4, "save_every_n_epochs": 1}))
    (run,) = server.get("/athanor/runs?name=discarded")
    base, file = f"/athanor/runs/{run['run_id']}/discard", run["checkpoints"][1]["file"]
    path = server.base / "models" / "loras" / file
    for body in (b"", b"[]", b'{"file": 3}', b"\xff"):
        assert answer(server, base, body)[0] == 400
    assert answer(server, base, {"file": file}, "text/plain")[0] == 400
    for name in ("../../input/ds/2_thing/0.png", "other.safetensors", str(path), ""):
        assert answer(server, base, {"file": name})[0] == 404
    assert answer(server, base)[0] in (404, 405)  # GET
    assert path.is_file()
    second = server.base / "output" / "athanor" / "runs" / run["run_id"] / "files" / file
    assert second.is_file() and answer(server, base, {"file": file})[0] == 200
    assert not second.exists() and not path.exists() and answer(server, base, {"file": file})[0] == 404
    left = server.get(f"/athanor/runs/{run['run_id']}")
    assert [c["epoch"] for c in left["checkpoints"]] == [1, 3, 4] and left["status"] == "done"
