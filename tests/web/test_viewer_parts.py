"""The parts of the viewer that only compute, as the browser runs them."""

from __future__ import annotations

import json

DATA = """{
    axes: [
        { title: "LoRA", common: "style", values: ["none", "a"], names: ["base model", "style a"] },
        { title: "seed", common: "", values: ["1", "2", "3"], names: ["1", "2", "3"] },
        { title: "cfg", common: "", values: ["7"], names: ["7"] },
    ],
    cells: ["a", "b", "c", "d", "e", "f"], sizes: {}, failed: { f: "out of memory" },
}"""


MOUNT = """async () => {
    const { mount } = await import("/extensions/athanor/viewer/viewer.js");
    const { style, make } = await import("/extensions/athanor/athanor/dom.js");
    style("../viewer/viewer.css");
    await new Promise((done) => setTimeout(done, 300));
    const root = make("div", { style: "position: fixed; inset: 0; z-index: 9999; height: 700px" });
    document.body.append(root);
    const axis = (title, values) => ({ title, common: "", values, names: values });
    const data = {
        title: "t", name: "n", failed: {}, marks: {}, axes: [axis("a_shift.of", ["1", "x".repeat(300)]), axis("checkpoint", ["1", "2"])],
        cells: ["a", "b", "c", "d"], sizes: { a: [64, 96], b: [64, 96], c: [64, 96], d: [64, 96] },
    };
    const remove = mount(root, data, () => "data:,", { keys: root, bar: null });
    const bottom = () => root.querySelector("table").getBoundingClientRect().bottom;
    const before = bottom();
    root.querySelector("[name=fit]").click();
    const labels = [...root.querySelectorAll(".corner .label")].map((one) =>
        one.innerHTML.replace(/ ?<span.*?>(.*?)<.span>/, "$1").replace(" ", ""));
    const found = [labels, [...root.querySelectorAll(".label")].map((one) => one.title), before, bottom()];
    remove();
    root.remove();
    return found;
}"""


KEEP = """async () => {
    const { mount } = await import("/extensions/athanor/viewer/viewer.js");
    const data = { title: "t", name: "n", failed: {}, marks: {}, cells: ["a", "b"], sizes: { a: [64, 64], b: [64, 64] },
        axes: [{ title: "LoRA", common: "", values: ["1", "2"], names: ["1", "2"] }], virtual: { b: ["loras"] } };
    const found = [], asked = [];
    for (const keep of [null, (...given) => asked.push(given)]) {
        const root = document.createElement("div");
        document.body.append(root);
        const remove = mount(root, data, () => "data:,", { keys: root, bar: null, keep });
        const press = (target) => target.dispatchEvent(new KeyboardEvent("keydown", { key: "l", bubbles: true }));
        for (const image of [...root.querySelectorAll("td img")]) press(image);
        root.querySelector("[data-cell=b]").click();
        found.push([root.querySelector("[name=keep]")?.textContent, root.innerText.includes("save as LoRA")]);
        press(root.querySelector(".popup"));
        root.querySelector("[name=keep]")?.click();
        remove();
    }
    return [found, asked];
}"""


SCORES = """async () => {
    const { mount } = await import("/extensions/athanor/viewer/viewer.js");
    localStorage.setItem("athanor-viewer-scores", "off");
    const written = [], bar = { read: () => "", write: (text) => written.push(text), listen: (moved) => { bar.moved = moved; } };
    const scores = { title: "t", kinds: [{ name: "likeness", title: "likeness", high: true, blind: "" }], pictures: {}, checkpoints: [],
        cells: { a: { values: { likeness: 0.5 } }, b: { values: { likeness: 0.7 } } }, verdict: "", references: 3, trade_off: null };
    const data = { title: "t", name: "n", failed: {}, marks: {}, cells: ["a", "b"], sizes: { a: [64, 64], b: [64, 64] }, scores,
        axes: [{ title: "LoRA", common: "", values: ["1", "2"], names: ["1", "2"] }] };
    const root = document.createElement("div");
    document.body.append(root);
    const remove = mount(root, data, () => "data:,", { keys: root, bar });
    const named = (name) => root.querySelector(`[name=${name}]`), begun = [written.length, named("score").value];
    named("score").focus();
    named("score").value = "likeness";
    named("score").dispatchEvent(new Event("change"));
    const chosen = [...written, document.activeElement.name];
    bar.moved();
    const back = named("score").value;
    const left = new KeyboardEvent("keydown", { key: "ArrowLeft", altKey: true, bubbles: true, cancelable: true });
    const isFree = root.querySelector(".cell > img").dispatchEvent(left);
    named("scores").click();
    root.querySelector(".popup [name=back]").click();
    const closed = document.activeElement.name;
    root.querySelector("th .hide").click();
    const found = [begun, chosen, back, isFree, closed, document.activeElement.name];
    remove();
    root.remove();
    localStorage.clear();
    return found;
}"""


def test_scores_that_are_off_are_no_step_and_the_keyboard_keeps_its_place(bare):
    """Back would bring them on again; a header that is drawn anew, a hidden value and a closed screen leave the focus in it."""
    begun, chosen, back, free, closed, hidden = bare.evaluate(SCORES)
    assert begun == [0, "off"] and chosen == ["score=likeness", "score"] and back == "off"
    assert free and (closed, hidden) == ("scores", "hidden")  # alt and arrow are the browser's Back


def test_loras_are_saved_only_where_there_is_a_server(bare):
    """In the folder alone there is neither button nor key; else one for a picture whose LoRAs are no file as it is."""
    found, asked = bare.evaluate(KEEP)
    assert found == [[None, False], ["save this LoRA", True]] and asked == [["b", ["loras"]]] * 3


def run(bare, module: str, script: str):
    return bare.evaluate(
        f"""async () => {{
            const {{ Comparison }} = await import("/extensions/athanor/viewer/comparison.js");
            const module = await import("/extensions/athanor/viewer/{module}.js");
            const comparison = new Comparison({DATA});
            {script} }}"""
    )


SAVE = """async ([ends, closes]) => {
    const { app } = await import("/scripts/app.js"), { open } = await import("/extensions/athanor/athanor/keep.js");
    const said = [], asked = window.asked = [];
    app.extensionManager = { toast: { add: (one) => said.push(one.detail), error: (text, { description }) => said.push(description) } };
    app.extensionManager.toast.dismiss = () => {};
    const until = async (look) => { for (let i = 0; i < 2000 && !look(); i++) await new Promise((r) => setTimeout(r, 5)); return look(); };
    const next = async (path) => {
        const one = await until(() => asked.find((each) => !each.done && each.path.startsWith(`/athanor${path}`)));
        one.done = true;
        return one;
    };
    let made = 0;
    const told = [];
    open({ offer: "/offer", make: "/make", body: { cell: "c" }, made: () => { made += 1; }, tell: (text) => told.push(text) });
    const offer = { name: "new", files: [], ranks: [0], rank: 0, precisions: ["fp16"], precision: "fp16", text: [], trouble: "" };
    (await next("/offer")).answer(offer, 200);
    (await next("/making")).answer({}, 200);
    const dialog = document.querySelector("dialog");
    const button = (text) => [...dialog.querySelectorAll("button")].find((one) => one.textContent === text);
    await until(() => !button("Save").disabled);
    button("Save").click();
    const work = { id: 7, name: "new", state: "making", done: 1, total: 4 };
    (await next("/make")).answer(work, 200);
    await until(() => !dialog.querySelector("progress").hidden);
    const away = button("Stop").hidden || document.activeElement !== dialog;
    const shown = [dialog.querySelector("progress").value, dialog.querySelector("[role=status]").textContent, away];
    if (closes) dialog.close();
    const look = await next("/making?id=7");
    look.answer(...ends);
    await until(() => said.length || (dialog.isConnected && !button("Save")?.disabled));
    const text = dialog.isConnected ? dialog.textContent : "";
    if (dialog.isConnected) dialog.close();
    await until(() => !dialog.isConnected);  // a little later, and the next one shall be the only one
    return [shown, said, made, text, told];
}"""


def test_a_file_that_is_made_is_followed_to_its_end(bare):
    """In the dialog, or at the edge of the page once that is closed; a server that was started anew knows nothing of it."""
    made = {"file": "new.safetensors", "text": ["Equal to the sum of the originals."], "axis": ""}
    work = {"id": 7, "name": "new", "done": 4, "total": 4}
    ends = [
        (
            [work | {"state": "done", "made": made}, 200],
            "new.safetensors is saved",
            "Equal to the sum of the originals.",
        ),
        (
            [work | {"state": "stopped", "error": "Stopped: nothing was written."}, 200],
            "new: Stopped",
            "Stopped: nothing was written.",
        ),
        ([work | {"state": "failed", "error": "The disk is full."}, 200], "The disk is full.", "The disk is full."),
        ([{"error": "there is no such file"}, 404], "ComfyUI was restarted", "ComfyUI was restarted"),
    ]
    for answer, edge, inside in ends:
        for closes in (True, False):
            (value, status, hidden), said, count, text, told = bare.evaluate(SAVE, [answer, closes])
            assert (value, status, hidden) == (0.25, "new is being made; you may close this. 1 of 4 layers", False)
            assert [one[: len(edge)] for one in said] == ([edge] if closes else []), said
            assert count == (edge == ends[0][1]) and (closes or inside in text)
            assert edge in "".join(told) if closes else not told  # in the viewer, which covers the edge


def test_places_views_marks_and_votes(bare):
    assert run(bare, "comparison", "return [comparison.cell([1, 2, 0]), comparison.describe([1, 2, 0])];") == [
        "f",
        "LoRA: style a  ·  seed: 3",
    ]
    assert run(
        bare, "comparison", "return [comparison.basePlace([1, 2, 0]), comparison.neighbour([0, 2, 0], 1, 1)];"
    ) == [
        [0, 2, 0],
        [0, 0, 0],
    ]
    why = "comparison.data.failed.e = ''; return ['e', 'f'].map((id) => Object.values(comparison.lacking(id)).join(': '));"
    assert run(bare, "comparison", why) == ["undrawn: not drawn yet", "failed: failed: out of memory"]
    blocks = run(bare, "comparison", "return comparison.blocks({ x: 1, y: null, z: 0, at: [0, 0, 0] });")
    assert [block["title"] for block in blocks] == ["LoRA (style): none", "LoRA (style): a"]
    assert blocks[1]["columns"] == [{"label": label, "value": i} for i, label in enumerate("123")]
    assert blocks[1]["rows"] == [{"label": "", "value": 0, "places": [[1, 0, 0], [1, 1, 0], [1, 2, 0]]}]
    hidden = (
        "comparison.hidden = [[1, 1], [0, 0]]; return [comparison.indices(1), comparison.neighbour([1, 0, 0], 1, 1), "
    )
    hidden += "comparison.neighbour([1, 1, 0], 1, 1), comparison.blocks({ x: 1, y: 0, z: null, at: [0, 0, 0] })[0].rows.length];"
    assert run(bare, "comparison", hidden) == [[0, 2], [1, 2, 0], [1, 2, 0], 1]

    # Control pictures are those of all cells of a row or column, else of none; most comparisons have none.
    made = "comparison.data.controls = { a: ['red'], d: ['red'], b: ['blue'] };"
    places = "[[[0, 0, 0], [1, 0, 0]], [[0, 0, 0], [0, 1, 0]], [[0, 2, 0]]].map((at) => comparison.sharedControls(at))"
    assert run(bare, "comparison", f"{made} return {places};") == [["red"], [], []]
    assert run(bare, "comparison", f"return {places};") == [[], [], []]

    # An axis that takes another's place gives it its own; an address is only followed if it fits the axes.
    first = run(bare, "view", "return module.firstView(comparison);")
    assert (first["x"], first["y"], first["z"]) == (0, 1, None)
    swapped = run(bare, "view", "return module.placed(module.firstView(comparison), 'x', 1);")
    assert (swapped["x"], swapped["y"]) == (1, 0)
    made = "const { firstView } = await import('/extensions/athanor/viewer/view.js');"
    made += "const first = { ...firstView(comparison), picture: null, pin: null, mode: 'plain', zoom: null };"
    made += "const view = { ...first, ...%s }; const text = module.toText(view, first);"
    made += "return [text, module.fromText(text, comparison)];"
    assert run(bare, "address", made % "{}") == ["", {}]
    view = {"x": 1, "y": None, "at": [1, 2, 0], "size": 96, "show": "not rejected", "hidden": [[1, 2], [0, 1]]}
    view |= {"picture": [0, 1, 0], "pin": [1, 1, 0], "mode": "wipe", "zoom": [2.5, 0.125, -0.2]}
    text, again = run(bare, "address", made % json.dumps(view))
    assert again == view and text == (
        "x=1&y=-&at=1.2.0&size=96&show=not+rejected&hidden=1.2_0.1&picture=0.1.0&pin=1.1.0&mode=wipe&zoom=2.5_0.125_-0.2"
    )
    for old in (
        "%7B%22x%22%3A1%7D",
        "x=7&at=0.9.0&size=x&show=none&mode=&zoom=0_1&pin=0&picture=&hidden=0.0_0.1&sort=a",
        "%E0%A4%A",
    ):
        assert run(bare, "address", f"return module.fromText({json.dumps(old)}, comparison);") == {}

    # Scores: the best first, those without one last; the mean of a row counts each picture once; an address keeps what fits.
    given = """const data = { kinds: [{ name: 'likeness', title: 'likeness', high: true }, { name: 'variety', title: 'v', high: true }],
        cells: { a: { values: { likeness: 0.5 } }, b: { values: { likeness: 0.7 } }, d: { values: { likeness: 0.9 }, copy: true } } };
        comparison.scores = new module.Scores(data); const view = { x: 1, y: 0, z: null, at: [0, 0, 0], score: 'likeness' };"""
    orders = "return [comparison.scores.names, ['rows', 'columns', 'blocks', 'pictures'].map((sort) => module.orderOf(comparison, "
    orders += "{ ...view, sort })), module.bestFirst(comparison, view).map((at) => comparison.cell(at)).join('')];"
    names, order, pictures = run(bare, "scores", given + orders)
    assert names == ["likeness", "off"] and order == [{"0": [1, 0]}, {"1": [0, 1, 2]}, {}, {}] and pictures == "dbacef"
    low = given.replace("high: true", "high: false", 1) + "comparison.order = { 1: [2, 0, 1] };"
    low += "return [module.bestFirst(comparison, view).map((at) => comparison.cell(at)).join(''), comparison.neighbour([0, 2, 0], 1, 1),"
    assert run(bare, "scores", low + "comparison.scores.part(0.9, 'likeness')];") == ["abdcfe", [0, 0, 0], 0]
    kept = """const { Scores } = await import('/extensions/athanor/viewer/scores.js');
        const read = (text) => module.fromText(text, comparison);
        const before = read('score=likeness&sort=rows'); comparison.scores = new Scores({ kinds: [{ name: 'likeness' }],
        cells: { a: { values: { likeness: 1 } } } }); return [before, read('score=likeness&sort=rows&panel=scores&beside=nearest')];"""
    assert run(bare, "address", kept) == [
        {"sort": "rows"},
        {"score": "likeness", "sort": "rows", "panel": "scores", "beside": "nearest"},
    ]

    # A draw is half a win; what was never shown has no rate; a failed picture is not drawn for a duel.
    votes = "const tally = new module.Tally(3); tally.count([0, 1], 1); tally.count([1, 0], null);"
    assert run(bare, "duel", votes + "return [tally.pairs, tally.wins, tally.ranking()];") == [
        2,
        [0.5, 1.5, 0],
        [{"value": 1, "rate": 0.75}, {"value": 0, "rate": 0.25}, {"value": 2, "rate": None}],
    ]
    pair = "return module.drawPair(comparison, 1, [9, 0, 0], () => 0.6).map((at) => at[1]).sort();"
    assert run(bare, "duel", pair) == [0, 1]
    assert run(bare, "duel", "return module.drawPair(comparison, 2, [0]);") is None
    shown = (
        "comparison.hidden = [[0, 1]]; return module.drawPair(comparison, 1, [9, 0, 0], () => 0.6).map((at) => at[0]);"
    )
    assert run(bare, "duel", shown) == [0, 0]

    marks = """const marks = module.fromJson(JSON.stringify({ marks: { a: { star: 1, note: "n" }, x: { star: true } } }),
        { a: [8, 8] }); return marks;"""
    assert run(bare, "marks", marks) == [["a", {"star": False, "reject": False, "note": "n"}]]

    # Labels of a logarithmic axis are round values, however narrow or wide it is; uPlot's were 0.1002, 0.2002, 0.5002.
    ticks = "(await import('/extensions/athanor/athanor/ticks.js')).logTicks"
    ranges = [[0.1002, 0.93, 5], [0.0523, 0.0917, 5], [0.121, 0.148, 4], [1e-6, 1, 4], [0, 1, 4]]
    assert bare.evaluate(f"async (all) => {{ const ticks = {ticks}; return all.map((r) => ticks(...r)); }}", ranges) == [
        [0.2, 0.5], [0.06, 0.07, 0.08, 0.09], [0.13, 0.14], [1e-6, 1e-4, 1e-2, 1], []]  # fmt: skip

    # Long names break where their parts meet and are whole as titles; "fit" fills the window.
    corner, titles, before, after = bare.evaluate(MOUNT)
    assert corner == ["a_<wbr>shift.<wbr>of→", "checkpoint↓"] and titles[0] == "a_shift.of" and "x" * 300 in titles
    assert before > 700 and after <= 700
