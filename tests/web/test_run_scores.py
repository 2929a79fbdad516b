"""The scores of a run in the sidebar, at its narrowest: charts, what they say in words, and nothing that is cut off."""

SHOW = """async () => {
    const { RunScores } = await import("/extensions/athanor/athanor/run_scores.js");
    const { style } = await import("/extensions/athanor/athanor/dom.js");
    style("./athanor.css");
    style("../viewer/viewer.css");
    const frames = async (n) => { while (n--) await new Promise(requestAnimationFrame); };
    const run = { id: "r", last: { step: 400 }, points: [], summary: { steps: 400, epochs: 4 } };
    const steps = [100, 200, 300, 400];
    const line = (name, title, from, by) => ({ name, title, points: steps.map((s, i) => [s, from + by * i, i ? 0.01 : null, 4]) });
    const at = (mean) => ({ mean, error: 0.01, n: 4 });
    const points = [1, 2, 3, 4].map((e) => ({ label: `epoch ${e}`, group: "run", x: at(0.3 - e / 100), y: at(0.5 + e / 10),
        copies: e === 4 ? 2 : 0, best: e < 4 }));
    points.push({ label: "before training", group: "", x: at(0.28), y: at(-5), copies: 0, best: false });
    const scores = { title: "colours and edges (weak)", weak: true, copies: [[400, 4, 2, 4]],
        panels: [[line("likeness", "likeness", 0.5, 0.1), line("held_out", "likeness to held-out", 0.5, 0.02)],
            [line("variety", "variety", 0.4, -0.05)]],
        trade_off: { x: "variety", y: "likeness", note: "The prompt was not scored.", points } };
    const box = document.createElement("div");
    box.className = "athanor athanor-board";
    box.style.width = "300px";
    document.body.append(box);
    const shown = new RunScores();
    box.append(shown.element);
    const state = () => ({ hidden: shown.element.hidden, note: shown.note.textContent,
        charts: box.querySelectorAll(".athanor-chart").length,
        words: [...box.querySelectorAll(".athanor-chart")].map((one) => one.getAttribute("aria-label")),
        legends: [...box.querySelectorAll(".athanor-legend")].map((one) => one.textContent),
        far: [...box.querySelectorAll(".athanor-trade-off .far")].map((one) => one.getAttribute("aria-label")),
        names: [...box.querySelectorAll(".athanor-trade-off .name")].map((one) => one.textContent),
        points: [...box.querySelectorAll(".athanor-trade-off .point")].map((one) => one.getAttribute("aria-label")),
        lacking: shown.trade.textContent, width: box.scrollWidth });
    const told = [state()];
    for (const given of [scores, { ...scores, copies: [], trade_off: null }, { ...scores, panels: scores.panels.slice(1) }, null]) {
        shown.show(run, given);
        await frames(6);
        told.push(state());
    }
    return told;
}"""


def test_scores_of_a_run_in_three_hundred_pixels(bare):
    before, shown, less, fewer, none = bare.evaluate(SHOW)
    assert before["hidden"] and not shown["hidden"] and shown["width"] <= 300
    assert shown["note"] == (
        "Measured by colours and edges (weak) on the samples. No score decides by itself. Look like copies: epoch 4: 2 of 4."
    )
    assert shown["charts"] == 2 and shown["legends"] == ["likenesslikeness to held-out", "variety"]
    assert shown["words"] == [
        "likeness: 0.8 after step 400, highest 0.8 after step 400; likeness to held-out: 0.56 after step 400, highest 0.56 after step 400",
        "variety: 0.25 after step 400, highest 0.4 after step 100",
    ]
    assert shown["points"][3] == "epoch 4: likeness 0.900 ± 0.010 (4), variety 0.260 ± 0.010 (4), 2 copies"
    assert (
        shown["points"][0].endswith("no other is better in both")
        and "of the differences. The prompt was not scored." in shown["lacking"]
    )
    # One that is joined with none does not press the others on a heap: it stands at the edge.
    assert shown["far"] == ["before training: likeness -5.000 ± 0.010 (4), variety 0.280 ± 0.010 (4)"]
    assert "before training ↓" in shown["names"] and "arrow: farther off" in shown["lacking"]
    assert "copies" not in less["note"] and less["points"] == [] and "two seeds of a prompt" in less["lacking"]
    assert fewer["charts"] == 1 and fewer["legends"] == ["variety"] and none["hidden"]
