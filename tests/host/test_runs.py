"""Runs that stop and go on, are used again, drawn from, and asked for something, on a real ComfyUI."""

import json
import time

import aiohttp
import graphs
import numpy as np
import pytest
from athanor.training_core.history import scores
from heard import listening
from PIL import Image
from runs_on_disk import events
from served_runs import final, folder, run_named, runs, steps_of, wait_for
from waiting import until

STEPS = {"epochs": 5, "save_every_n_epochs": 2}
"""sd3 with the fixture's four pictures, batch 2, two shapes, repeats 2: four steps per epoch."""


DIFFICULT = {
    "dataset": {"shuffle_caption": True, "flip_aug": True},
    "network": {"rank": 4, "dropout": 0.1},
    "optimizer": {"optimizer_type": "Prodigy", "learning_rate": 1.0, "lr_scheduler": "cosine", "ema_decay": 0.9},
    "noise": {"noise_offset": 0.05},
}


@pytest.mark.parametrize(
    "parts",
    [pytest.param({}, marks=pytest.mark.long), DIFFICULT],  # all that is random in the one is in the other
    ids=["plain", "difficult"],
)
def test_interrupted_and_queued_again_is_never_having_stopped(server, parts):
    name = "difficult" if parts else "easy"
    server.run(graphs.training("sd3", train={"output_name": f"{name}_whole", **STEPS}, **parts))
    prompt = graphs.training("sd3", train={"output_name": f"{name}_broken", **STEPS}, **parts)
    stopped_at = 0
    for at in (3, 9):
        prompt_id = server.queue(prompt)
        wait_for(server, f"{name}_broken", max(at, stopped_at + 1))
        server.post("/interrupt", {})
        assert server.finish(prompt_id)["status"] == "cancelled"
        run = run_named(server, f"{name}_broken")
        assert run["status"] == "interrupted"
        stopped_at = run["step"]
    server.run(prompt)
    assert final(server, f"{name}_broken") == final(server, f"{name}_whole")
    whole, broken = steps_of(server, f"{name}_whole"), steps_of(server, f"{name}_broken")
    assert whole == broken == list(range(1, len(whole) + 1))
    assert [e["event"] for e in events(server.base, f"{name}_broken") if e["event"] in ("started", "resumed", "interrupted")] == [
        "started", "interrupted", "resumed", "interrupted", "resumed"
    ]  # fmt: skip
    files = {path.stem for path in (server.base / "models" / "loras").glob(f"{name}_broken*")}
    assert {f"{name}_broken", f"{name}_broken-000002", f"{name}_broken-000004"} <= files
    for epoch in (2, 4):
        a, b = (final(server, f"{name}_{which}-{epoch:06d}") for which in ("whole", "broken"))
        assert a == b


def test_a_finished_run_is_used_again(server):
    prompt = graphs.training("sd3", train={"output_name": "again", "epochs": 1})
    server.run(prompt)
    written = graphs.lora_file(server, "again").stat().st_mtime_ns
    # Two times: the host may serve its own memory, and must not serve too old an answer.
    for _ in range(2):
        entry = server.run(
            prompt | graphs.compare("ckpt", ["train", 0], prompts="a", strengths="1", seeds=str(time.time_ns() % 10**9))
        )
        assert len(events(server.base, "again", "started")) == 1
    assert "compare" in entry["outputs"]
    assert graphs.lora_file(server, "again").stat().st_mtime_ns == written
    forced = json.loads(json.dumps(prompt))
    forced["train"]["inputs"]["retrain"] = True
    server.run(forced)
    assert graphs.lora_file(server, "again").stat().st_mtime_ns != written


def test_a_lost_file_is_put_back_or_written_again_from_the_state_and_said(server):
    prompt = graphs.training("sd3", train={"output_name": "lost", "epochs": 2})
    server.run(prompt)
    before, steps = final(server, "lost"), steps_of(server, "lost")
    run, told = run_named(server, "lost"), "lost.safetensors was deleted, moved or renamed: it is put back"
    graphs.lora_file(server, "lost").unlink()
    entry = server.run(prompt)
    assert told in entry["outputs"]["train"]["text"][0] and told in server.log()
    assert final(server, "lost") == before and not events(server.base, "lost", "resumed")
    server.post(f"/athanor/runs/{run['run_id']}/discard", {"file": "lost.safetensors"})  # its second name goes as well
    entry = server.run(prompt)
    told = (
        "lost.safetensors of this finished run was deleted, moved or renamed: it is written again from the saved state."
    )
    assert told in entry["outputs"]["train"]["text"][0] and told in server.log()
    assert final(server, "lost") == before and steps_of(server, "lost") == steps
    assert len(events(server.base, "lost", "resumed")) == 1


def test_another_caption_trains(server):
    prompt = graphs.training("sd3", folder="recaptioned", train={"output_name": "recaptioned", "epochs": 1})

    source = server.base / "input" / "ds" / "2_thing"
    target = server.base / "input" / "recaptioned"
    target.mkdir(exist_ok=True)
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    server.run(prompt)
    first = run_named(server, "recaptioned")["run_id"]
    (target / "0.txt").write_text("something else", encoding="utf-8")
    server.run(prompt)
    assert len([r for r in runs(server) if r["name"] == "recaptioned"]) == 2
    second = run_named(server, "recaptioned")["run_id"]
    assert second != first
    # It is deleted, and queued again: not what the host remembers of it.
    server.post("/athanor/trash", {"runs": [second], "loras": True})
    server.run(prompt)
    assert run_named(server, "recaptioned")["run_id"] == second


def test_more_epochs_go_on_with_a_finished_run(server):
    """constant: exactly as if trained at once; cosine: says what happens."""
    train = {"save_every_n_epochs": 2}
    server.run(graphs.training("sd3", train={"output_name": "long", "epochs": 3, **train}))
    server.run(graphs.training("sd3", train={"output_name": "grown", "epochs": 1, **train}))
    entry = server.run(graphs.training("sd3", train={"output_name": "grown", "epochs": 3, **train}))
    assert final(server, "grown") == final(server, "long")
    assert "from step 4" in entry["outputs"]["train"]["text"][0]
    assert steps_of(server, "grown") == steps_of(server, "long")
    # The end of the shorter run keeps its own name.
    assert graphs.metadata(graphs.lora_file(server, "grown-000001"))["ss_epoch"] == "1"
    cosine = {"lr_scheduler": "cosine"}
    server.run(graphs.training("sd3", train={"output_name": "waves", "epochs": 1, **train}, optimizer=cosine))
    entry = server.run(graphs.training("sd3", train={"output_name": "waves", "epochs": 2, **train}, optimizer=cosine))
    assert "lr_scheduler cosine depends on the length" in entry["outputs"]["train"]["text"][0]


def test_a_continued_run_that_is_stopped_keeps_its_names(server):
    """The shorter run's files are not in its way when it goes on."""
    train = {"output_name": "further", "save_every_n_epochs": 1}
    server.run(graphs.training("sd3", train=train | {"epochs": 2}))
    longer = graphs.training("sd3", train=train | {"epochs": 5})
    prompt_id = server.queue(longer)
    wait_for(server, "further", 10)
    server.post("/interrupt", {})
    assert server.finish(prompt_id)["status"] == "cancelled"
    server.run(longer)
    assert graphs.metadata(graphs.lora_file(server, "further"))["ss_steps"] == "20"
    assert not list((server.base / "models" / "loras").glob("further_2*"))


def test_a_changed_setting_is_named(server):
    prompt = graphs.training("sd3", train={"output_name": "altered", "epochs": 200, "save_every_n_epochs": 0})
    prompt_id = server.queue(prompt)
    wait_for(server, "altered", 3)
    server.post("/interrupt", {})
    server.finish(prompt_id)
    train = {"output_name": "altered", "epochs": 1, "save_every_n_epochs": 0}
    train |= {"save_state_on_train_end": False}  # does not matter
    entry = server.run(graphs.training("sd3", train=train, optimizer={"learning_rate": 2e-3}))
    said = entry["outputs"]["train"]["text"][0]
    assert "is not continued, since settings that matter have changed" in said
    assert "learning_rate was 0.001, is 0.002" in said and "epochs was 200, is 1" in said and "save_state" not in said


def test_stop_and_keep_then_go_on(server):
    """Must-show 6: the rest of the graph works with what there is; queued again, the run is finished."""
    server.run(graphs.training("sd3", train={"output_name": "through", "epochs": 4, "save_every_n_epochs": 2}))
    prompt = graphs.training("sd3", train={"output_name": "halfway", "epochs": 4, "save_every_n_epochs": 2})
    prompt |= graphs.compare("ckpt", ["train", 0], prompts="red circle", strengths="1", seeds="3", steps=2)
    prompt_id = server.queue(prompt)
    run_id = wait_for(server, "halfway", 5)
    assert server.post(f"/athanor/runs/{run_id}/stop", {})["asked"] == "stop"
    assert server.finish(prompt_id)["status"] == "completed"
    stopped = server.get(f"/history/{prompt_id}")[prompt_id]
    assert "queue the graph again to go on from there" in stopped["outputs"]["train"]["text"][0]
    assert run_named(server, "halfway")["status"] == "stopped"
    grid = graphs.saved(server, stopped, "compare")
    entry = server.run(prompt)
    assert final(server, "halfway") == final(server, "through")
    assert graphs.saved(server, entry, "compare").shape[0] > grid.shape[0]  # more epochs in it


def test_save_and_sample_when_asked(server):
    samples = {"sample_every_n_epochs": 0, "sample_at_first": False, "width": 64, "height": 64, "steps": 2}
    prompt = graphs.training("sd3", train={"output_name": "asked", "epochs": 300, "save_every_n_epochs": 0})
    prompt["samples"] = graphs.node("AthanorSampleConfig", **samples, sampling_model=["ckpt", 0])
    prompt["train"]["inputs"]["samples"] = ["samples", 0]
    prompt_id = server.queue(prompt)
    run_id = wait_for(server, "asked", 2)
    for command in ("save", "sample"):
        server.post(f"/athanor/runs/{run_id}/{command}", {})
    until(lambda: run_named(server, "asked")["samples"] and run_named(server, "asked")["checkpoints"])
    assert run_named(server, "asked")["live"]
    picture = run_named(server, "asked")["samples"][0]["file"]
    with Image.open(folder(server, "asked") / "samples" / picture) as image:
        assert image.text["parameters"].endswith(", Model: sd3")
    server.post(f"/athanor/runs/{run_id}/stop", {})
    assert server.finish(prompt_id)["status"] == "completed"
    assert "is not training: it is stopped" in server.post(f"/athanor/runs/{run_id}/stop", {})["error"]


@pytest.mark.parametrize(("what", "steps"), [pytest.param("unet", 11, marks=pytest.mark.long), ("text encoder", 3)])
def test_samples_change_nothing(server, what, steps):
    """Must-show 5, and what the pictures are."""
    name, every = f"drawn_{what[:4]}", 5 if steps > 5 else 2
    train = {"max_train_steps": steps, "save_every_n_epochs": 0}
    parts = {"network": {"rank": 2, "train": what, "dropout": 0.1}, "validation": graphs.SMALL_PROBE}
    server.run(graphs.training("sd3", train={"output_name": f"{name}_without", **train}, **parts))
    prompt = graphs.training("sd3", train={"output_name": f"{name}_with", **train}, **parts)
    prompt["samples"] = graphs.node(
        "AthanorSampleConfig",
        sample_prompts="red circle --d 7 --w 96\n# not this one\ngreen cross --n bad --s 3 --l 3.5",
        sample_every_n_epochs=0, sample_every_n_steps=every, width=64, height=64, steps=2, cfg=3.0, likeness=["like", 0],
    )  # fmt: skip
    prompt["like"] = graphs.node("AthanorLikeness", dataset=["dataset", 0])
    prompt["train"]["inputs"]["samples"] = ["samples", 0]
    server.run(prompt)
    assert final(server, f"{name}_with") == final(server, f"{name}_without")
    drawn = sorted(path.name for path in (folder(server, f"{name}_with") / "samples").iterdir())
    looked = range(0, steps + 1, every)
    scored = scores.of_events(events(server.base, f"{name}_with"))
    prompt["like"]["inputs"]["k"] = 1  # another scorer, after the run: its samples are measured, and nothing is trained
    server.run(prompt)
    later = scores.of_events(events(server.base, f"{name}_with"))
    assert [each.step for each in later] == list(looked) and {each.scorer for each in later}.isdisjoint(
        e.scorer for e in scored
    )
    assert [p.nearest for each in later for p in each.pictures] == [p.nearest for each in scored for p in each.pictures]
    server.run(prompt)
    assert len(events(server.base, f"{name}_with", "scored")) == 2 * len(looked)
    assert [each.step for each in scored] == list(looked) and all(each.values["likeness"].n == 2 for each in scored)
    assert drawn == [f"{name}_with_{step:06d}_{i:02d}_{seed}.png" for step in looked for i, seed in ((0, 7), (1, 43))]
    with Image.open(folder(server, f"{name}_with") / "samples" / drawn[-2]) as image:
        assert image.size == (96, 64) and image.text["parameters"].startswith("red circle\nNegative prompt: ")
    # Before training they are what the plain graph draws; afterwards they are not.
    plain = graphs.plain("ckpt", "red circle", None, seed=7, steps=2)
    plain["platent"]["inputs"]["width"] = 96
    want = graphs.saved(server, server.run({"ckpt": prompt["ckpt"]} | plain), "psave")
    first, last = (graphs.pixels(folder(server, f"{name}_with") / "samples" / f) for f in (drawn[0], drawn[-2]))
    assert np.abs(first.astype(int) - want).max() <= 1
    assert not np.array_equal(first, last)


def test_routes(server):
    server.run(graphs.training("sd3", train={"output_name": "routes", "epochs": 4}))
    run = run_named(server, "routes")
    assert run["status"] == "done" and not run["live"] and run["step"] == run["steps"] == 16
    assert [c["kind"] for c in run["checkpoints"]] == ["epoch", "epoch", "epoch", "last"]
    base = f"/athanor/runs/{run['run_id']}"
    everything, later = server.get(f"{base}/metrics"), server.get(f"{base}/metrics?after=11")
    assert [m["step"] for m in later] == [12, 13, 14, 15, 16] and len(everything) == 16
    few = server.get(f"{base}/metrics?points=5")
    assert len(few) <= 6 and few[0]["step"] == 1 and few[-1]["step"] == 16
    entry = everything[0]
    assert {"loss", "mean", "low", "high", "lr", "grad_norm", "seconds", "data_wait", "memory"} <= entry.keys()
    assert not {"losses", "timesteps", "pictures"} & entry.keys()  # as long as a batch: they stay on disk
    (short,) = server.get("/athanor/runs?short=1&name=routes")
    assert short.items() <= run.items() and not {"checkpoints", "samples"} & short.keys()
    listed = server.get("/athanor/runs?since=0")
    assert short in listed["rows"] and len(listed["rows"]) == listed["total"]
    assert server.get(f"/athanor/runs?since={listed['revision']}") == listed | {"rows": []}
    assert server.get(base)["events"][-1]["event"] == "done"
    for path in ("/athanor/runs/0123456789abcdef", "/athanor/runs/..%2f..", f"{base}/samples/..%2fjob.json"):
        with pytest.raises(Exception, match="404"):
            server.get(path)


def test_broadcasts_reach_a_page(server):
    """What a page hears while a run trains."""
    with listening(server, "listener") as messages:

        def told() -> list[dict]:
            texts = [json.loads(m.data) for m in list(messages) if m.type is aiohttp.WSMsgType.TEXT]
            return [text["data"] for text in texts if text["type"] == "athanor.run"]

        entry = server.run(graphs.training("sd3", train={"output_name": "heard", "epochs": 3}))
        until(lambda: (heard := told()) and heard[-1]["kind"] == "ended")
        heard = told()
    kinds = [h["kind"] for h in heard]
    assert kinds[0] in ("warning", "phase", "encoding", "started") and kinds[-1] == "ended"
    assert {"started", "checkpoint", "probe"} <= set(kinds) and {h["name"] for h in heard} == {"heard"}
    steps = [h for h in heard if h["kind"] == "step"]
    run = server.get(f"/athanor/runs/{steps[0]['run_id']}")
    assert {h["prompt_id"] for h in heard} == {entry["prompt"][1], run["prompt_id"]}
    assert (steps[-1]["lr"], steps[-1]["status"], heard[-1]["lr"]) == (1e-3, "started", 1e-3)
    told = {name: heard[-1][name] for name in ("status", "why", "step", "steps", "title", "reused")}
    assert told == {"status": "done", "why": "", "step": 12, "steps": 12, "title": "heard", "reused": False}
    assert run["status"] == "done" and run["times"]["queued"] <= run["times"]["started"] <= run["times"]["ended"]
    assert steps[-1]["step"] == 12 and all(h["run_id"] == run_named(server, "heard")["run_id"] for h in heard)
