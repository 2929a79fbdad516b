"""The page's store of runs, as the browser runs it."""

from __future__ import annotations

import time

import pytest

WATCH = """async () => {
    const { run } = await import("/extensions/athanor/athanor/store.js");
    window.unwatch = run("far").watch(() => {});
}"""


ORDER = """async () => {
    const order = await import("/extensions/athanor/athanor/run_order.js");
    const row = (title, values) => ({ title, run_id: title, label: "", note: "", tags: [], status: "done", time: 0, ...values });
    const rows = [
        row("b9", { time: 1, status: "killed", tags: ["x"], probe: 90 }),
        row("A", { time: 3, archived: true, base_model: "sdxl" }),
        row("b10", { time: 2, note: "My own note", starred: true, probe: 95, archived: false }),
    ].map((each) => ({ archived: false, ...each }));
    const names = (found) => found.map((each) => each.title);
    const sorted = (key, falls, disk) => names(order.sorted(rows, { key, falls }, disk));
    const found = (filter) => names(rows.filter((each) => order.matches(each, filter))).sort().join(" ");
    const filters = { "": {}, archived: { state: "archived" }, failed: { state: "failed" }, running: { state: "running" },
        "my note": { text: "NOTE  my" }, "note killed": { text: "note killed" }, tag: { tag: "x" }, star: { starred: true } };
    const live = rows.map((each) => ({ ...each, live: each.title === "b9", prompt_id: each.title }));
    const job = (name, running) => ({ name, running, prompt_id: name });
    const queued = [job("b9", true), job("begins", true), job("waits", false)];
    const line = ({ group, row, queued }) => group ?? row?.title ?? queued.name;
    const grouped = order.lines(live, queued).map(line);
    const range = (...values) => order.between(["1", "2", "3", "4"], ...values);
    return [
        sorted("disk", true, { b10: { bytes: 5 } }), sorted("name", false), sorted("probe", false), sorted("probe", true),
        Object.fromEntries(Object.entries(filters).map(([name, filter]) => [name, found(filter)])),
        grouped, order.lines(rows.slice(1)).map(line),
        [range("2", "2"), range("4", "3"), range("gone", "4"), range("3", "1")],
        order.asText(["one", "two"], [{ name: "lr", values: [1, "2\\t3"] }]),
    ];
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
        end = time.monotonic() + 120
        while len(asked) < times and time.monotonic() < end:
            page.page.wait_for_timeout(100)
        page.page.wait_for_timeout(1200)  # the store reads a run once a second at most, and that of another every five
        assert len(asked) == times
        page.page.evaluate("() => window.unwatch()")
    probes = page.page.evaluate("async () => (await import('/extensions/athanor/athanor/store.js')).run('far').probes")
    assert probes == [[0, 100]]  # a look at the probe that gave no number is no point


def test_what_a_route_refuses_is_shown_as_a_sentence(page):
    """Not as the JSON that holds it; what a proxy answers is shown as it is."""
    answers = [
        {"status": 409, "json": {"error": "run far is not training: it is killed"}},
        {"status": 502, "body": "Bad Gateway"},
    ]
    page.page.route("**/athanor/runs/far/stop", lambda route: route.fulfill(**answers.pop(0)))
    told = page.page.evaluate("""async () => {
        const { run } = await import("/extensions/athanor/athanor/store.js");
        const refused = () => run("far").command("stop").catch((error) => [error.message, error.status]);
        return [await refused(), await refused()];
    }""")
    assert told == [["run far is not training: it is killed", 409], ["Bad Gateway", 502]]
    # The page's word for that state is the same; it was "ended unexpectedly".
    word, means = page.page.evaluate("""async () => {
        const { word, means } = (await import("/extensions/athanor/athanor/format.js")).stateOf({ status: "killed" });
        return [word, means];
    }""")
    assert word == "killed" and "goes on from its last saved state" in means
    # While pictures are encoded a run can be stopped; the other buttons need a step.
    disabled = page.page.evaluate("""async () => {
        const row = (await import("/extensions/athanor/athanor/panel.js")).commands();
        const seen = (...now) => (row.enable(...now), [...row.children].map((button) => button.disabled));
        return [seen(true, false), seen(true, true), seen(false, true)];
    }""")
    assert disabled == [[False, True, True], [False] * 3, [True] * 3]
    assert page.page.evaluate(ORDER) == [
        ["b10", "A", "b9"], ["A", "b9", "b10"], ["b9", "b10", "A"], ["b10", "b9", "A"],
        {"": "b10 b9", "archived": "A", "failed": "b9", "running": "", "my note": "b10", "note killed": "", "tag": "b9", "star": "b10"},
        ["queued", "waits", "running", "begins", "b9", "finished", "A", "b10"], ["A", "b10"],
        [["2"], ["3", "4"], ["4"], ["1", "2", "3"]], "\tone\ttwo\nlr\t1\t2 3",
    ]  # fmt: skip
    assert all(
        "409 (Conflict)" in error or "502 (Bad Gateway)" in error for error in page.errors
    )  # the browser's own lines
    page.errors.clear()
