"""The parts of the viewer that only compute, as the browser runs them."""

from __future__ import annotations

import pytest

DATA = """{
    axes: [
        { title: "LoRA", common: "style", values: ["none", "a"], names: ["base model", "style a"] },
        { title: "seed", common: "", values: ["1", "2", "3"], names: ["1", "2", "3"] },
        { title: "cfg", common: "", values: ["7"], names: ["7"] },
    ],
    cells: ["a", "b", "c", "d", "e", "f"], sizes: {}, failed: { f: "out of memory" },
}"""


@pytest.fixture
def vue() -> bool:
    return False


def run(page, module: str, script: str):
    return page.page.evaluate(
        f"""async () => {{
            const {{ Comparison }} = await import("/extensions/athanor/viewer/comparison.js");
            const module = await import("/extensions/athanor/viewer/{module}.js");
            const comparison = new Comparison({DATA});
            {script} }}"""
    )


def test_places_views_marks_and_votes(page):
    assert run(page, "comparison", "return [comparison.cell([1, 2, 0]), comparison.describe([1, 2, 0])];") == [
        "f",
        "LoRA: style a  ·  seed: 3",
    ]
    assert run(
        page, "comparison", "return [comparison.basePlace([1, 2, 0]), comparison.neighbour([0, 2, 0], 1, 1)];"
    ) == [
        [0, 2, 0],
        [0, 0, 0],
    ]
    blocks = run(page, "comparison", "return comparison.blocks({ x: 1, y: null, z: 0, at: [0, 0, 0] });")
    assert [block["title"] for block in blocks] == ["LoRA (style): none", "LoRA (style): a"]
    assert blocks[1]["columns"] == ["1", "2", "3"]
    assert blocks[1]["rows"] == [{"label": "", "places": [[1, 0, 0], [1, 1, 0], [1, 2, 0]]}]

    # An axis that takes another's place gives it its own; an address is only followed if it fits the axes.
    first = run(page, "view", "return module.firstView(comparison);")
    assert (first["x"], first["y"], first["z"]) == (0, 1, None)
    swapped = run(page, "view", "return module.placed(module.firstView(comparison), 'x', 1);")
    assert (swapped["x"], swapped["y"]) == (1, 0)
    read = "const { lengths } = comparison, view = { ...module.firstView(comparison), size: 5000, ...%s };"
    read += "return module.fromHash(module.toHash(view), lengths);"
    assert run(page, "view", read % "{ at: [1, 2, 0] }") == {"x": 0, "y": 1, "z": None, "at": [1, 2, 0], "size": 1024}
    assert run(page, "view", read % "{ at: [1, 3, 0] }") == run(page, "view", read % "{ x: 3 }") == {}

    # A draw is half a win; what was never shown has no rate; a failed picture is not drawn for a duel.
    votes = "const tally = new module.Tally(3); tally.count([0, 1], 1); tally.count([1, 0], null);"
    assert run(page, "duel", votes + "return [tally.pairs, tally.wins, tally.ranking()];") == [
        2,
        [0.5, 1.5, 0],
        [{"value": 1, "rate": 0.75}, {"value": 0, "rate": 0.25}, {"value": 2, "rate": None}],
    ]
    pair = "return module.drawPair(comparison, 1, [9, 0, 0], () => 0.6).map((at) => at[1]).sort();"
    assert run(page, "duel", pair) == [0, 1]
    assert run(page, "duel", "return module.drawPair(comparison, 2, [0]);") is None

    marks = """const marks = module.fromJson(JSON.stringify({ marks: { a: { star: 1, note: "n" }, x: { star: true } } }),
        { a: [8, 8] }); return marks;"""
    assert run(page, "marks", marks) == [["a", {"star": False, "reject": False, "note": "n"}]]
