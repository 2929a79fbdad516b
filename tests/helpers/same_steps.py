"""Whether every place that shows a run shows the same steps of it."""

from __future__ import annotations

import re
import urllib.request
from typing import Any

import graphs
import numpy as np


def check(host: Any, training: dict[str, Any], name: str, steps: int) -> None:
    """Loss Compare by wire, by name and by id, the sidebar's routes and report.html agree on a finished run.

    Args:
        host: a ComfyUI that has trained it.
        training: the graph that did; the run is used again, not trained.
        name: of the run's LoRA.
        steps: that it has.
    """
    run = next(run for run in host.get("/athanor/runs") if run["name"] == name)
    of_run = f"/athanor/runs/{run['run_id']}"
    nodes = {
        "by_wire": {"first": ["train", 0]},
        "by_name": {"runs": name},
        "by_id": {"runs": run["run_id"]},
    }
    compare = {key: graphs.node("AthanorLossCompare", **inputs) for key, inputs in nodes.items()}
    show = {f"{key}_shown": graphs.node("PreviewImage", images=[key, 0]) for key in nodes}
    entry = host.run(training | compare | show)
    pictures = [graphs.saved(host, entry, f"{key}_shown") for key in nodes]
    assert all(np.array_equal(picture, pictures[0]) for picture in pictures[1:])

    numbers = list(range(1, steps + 1))
    points = host.get(f"{of_run}/metrics")
    assert [point["step"] for point in points] == numbers
    assert (run["step"], run["steps"]) == (steps, steps)
    probes = [step for step, _ in host.get(f"{of_run}/review")["probes"]]
    assert probes == sorted(set(probes))

    with urllib.request.urlopen(f"{host.url}{of_run}/report", timeout=120) as answer:
        page = answer.read().decode()
    assert f"at step {steps} of {steps}" in page
    drawn = re.findall(r'<path class="(raw|lr|probe)" d="([^"]*)"', page)
    counts = {kind: len(re.findall("[ML]", path)) for kind, path in drawn}
    assert (counts["raw"], counts["lr"]) == (steps, steps)
    assert counts.get("probe", len(probes)) == len(probes)
