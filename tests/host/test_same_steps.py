"""A run whose process was killed and that went on is shown with the same steps everywhere."""

import json

import graphs
import same_steps


def test_a_killed_and_resumed_run_is_shown_with_its_eight_steps(server):
    """Of a real run: its logs as a process leaves them that is killed after step 5, with a state at step 2."""
    prompt = graphs.training(
        "sd3",
        train={"output_name": "died_once", "epochs": 2, "save_every_n_steps": 2},
        optimizer={"optimizer_type": "Prodigy", "learning_rate": 1.0},
        validation={"validate_every_n_steps": 1},
    )
    server.run(prompt)
    run = next(run for run in server.get("/athanor/runs") if run["name"] == "died_once")
    folder = server.base / "output" / "athanor" / "runs" / run["run_id"]
    metrics = (folder / "metrics.jsonl").read_text().splitlines()
    assert len(metrics) == 8
    same_steps.check(server, prompt, "died_once", 8)

    lost = [json.dumps(json.loads(line) | {"loss": 9.0}) for line in metrics[2:5]]  # done again with other numbers
    lines = [*metrics[:2], *lost, metrics[5][:30], *metrics[2:]]
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    resumed = next(event for event in events if event["event"] == "started") | {"event": "resumed", "step": 2}
    until = [event for event in events if event.get("step", 0) <= 2]
    dead = [event | {"percent": 900.0} for event in events if event["event"] == "probed" and 2 < event["step"] <= 5]
    later = [event for event in events if event.get("step", 0) > 2]
    text = "".join(json.dumps(event) + "\n" for event in [*until, *dead, resumed, *later])
    (folder / "events.jsonl").write_text(text)
    same_steps.check(server, prompt, "died_once", 8)
    points = server.get(f"/athanor/runs/{run['run_id']}/metrics")
    assert [p["loss"] for p in points] == [json.loads(line)["loss"] for line in metrics]
