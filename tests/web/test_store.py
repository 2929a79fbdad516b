"""The page's store of runs, as the browser runs it."""

from __future__ import annotations

import pytest

WATCH = """async () => {
    const { run } = await import("/extensions/athanor/athanor/store.js");
    window.unwatch = run("far").watch(() => {});
}"""


@pytest.fixture
def vue() -> bool:
    return False


def test_a_run_of_another_process_is_read_again_when_it_is_shown_again(page):
    """It sends no broadcasts to this page, which would show it as it was when another run was chosen."""
    asked = []
    summary = {"live": False, "elsewhere": True, "status": "", "step": 1, "steps": 9, "checkpoints": []}
    summary["events"] = [
        {"event": "probed", "step": step, "percent": percent}
        for step, percent in ((0, 100.0), (2, 90.0), (1, None), (2, None))
    ]

    def answer(route):
        if "metrics" not in route.request.url:
            asked.append(route.request.url)
        route.fulfill(json=[] if "metrics" in route.request.url else summary)

    page.page.route("**/athanor/runs/far**", answer)
    for times in (1, 2):
        page.page.evaluate(WATCH)
        page.page.wait_for_timeout(1200)  # the store reads a run once a second at most, and that of another every five
        assert len(asked) == times
        page.page.evaluate("() => window.unwatch()")
    probes = page.page.evaluate("async () => (await import('/extensions/athanor/athanor/store.js')).run('far').probes")
    assert probes == [[0, 100]]  # a look at the probe that gave no number is no point
