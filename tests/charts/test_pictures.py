"""Charts as pictures and SVG: sizes, and that what is drawn stands where its numbers say."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from athanor.training_core.charts import bars, paint, rates, run_curves, scatter, svg, timesteps
from athanor.training_core.charts.bars import Bar
from athanor.training_core.charts.curve import loss_curve
from athanor.training_core.charts.run_curves import Curve, Score, Shown
from athanor.training_core.charts.scale import Panel
from athanor.training_core.drawing import ACCENT


def columns(image, colour) -> np.ndarray:
    return np.argwhere((np.asarray(image) == colour).all(2))[:, 1]


@pytest.mark.parametrize("losses", [[], [0.5], [0.0, 0.0], [1.0, math.nan, 0.5], [math.nan] * 3, [0.3] * 5000])
def test_the_curve_of_an_odd_run_is_drawn(losses):
    n = len(losses)
    image = loss_curve("t", losses, [1e-4] * n, [1 + i // 4 for i in range(n)], ((0, 100.0), (n, 90.0)))
    assert image.size == (960, 480)
    assert (len(columns(image, ACCENT)) > 0) == any(map(math.isfinite, losses))


def test_a_gap_in_a_line_stays_a_gap_however_long_it_is():
    for count in (10, 10_000):
        image, pen = paint.canvas((120, 100))
        panel = Panel(box=(10, 10, 110, 90), x=(0, count), y=(0, 1))
        points = [(i, math.nan if 0.4 * count <= i <= 0.6 * count else 0.5) for i in range(count + 1)]
        paint.line(pen, panel, points, ACCENT)
        drawn = set(columns(image, ACCENT).tolist())
        assert {11, 39, 81, 109} <= drawn and not drawn & set(range(53, 67)), count


def test_bars_are_as_long_as_their_values():
    rows = [
        Bar(label="a", value=10, text="10"),
        Bar(label="b", value=5, text="5", rest=1),
        Bar(label="c", value=0, text="0"),
    ]
    image = bars.chart("title", "note", rows)
    pixels = np.asarray(image)
    lengths = []
    for i in range(3):
        row = pixels[64 + bars.ROW * i + 9]
        lengths.append(int(((row == ACCENT).all(1) | (row == paint.ORANGE).all(1)).sum()))
    assert image.width == 900 and lengths[0] == pytest.approx(2 * lengths[1], abs=3) and lengths[2] <= 3
    orange = (pixels[64 + bars.ROW + 9] == paint.ORANGE).all(1).sum()
    assert orange == pytest.approx(lengths[1] / 5, abs=3)
    assert bars.chart("nothing", "", []).width == 900


def test_long_labels_are_cut_before_the_bars():
    image = bars.chart("t", "n", [Bar(label="word " * 80, value=1, text="x", note="9.99")])
    assert columns(image, ACCENT).min() < 360 and columns(image, ACCENT).max() > 800


def test_rates_and_timesteps():
    flat = [(step, 1e-4) for step in range(1, 101)]
    image = rates.draw("t", 100, {"U-Net": flat, "text encoder 1": []})
    drawn = columns(np.asarray(image)[76:], ACCENT)
    assert image.size == (960, 400) and drawn.min() < 90 and drawn.max() > 930
    assert rates.draw("t", 1, {"U-Net": [(1, 0.0)]}).size == rates.draw("t", 1, {}).size == (960, 400)
    picture = timesteps.draw("t", [0.0, 2.0], [1.0, 0.0], [0.0, 2.0])
    drawn = columns(np.asarray(picture)[76:], paint.faint(ACCENT, 0.52))
    assert picture.size == (960, 480) and drawn.min() >= 480  # only the upper half is trained


def test_svg_has_every_point_and_leaves_gaps():
    line = svg.Line(
        label="a <b>", points=[(1, 1.0), (2, None), (3, math.nan), (4, 2.0), (5, 3.0)], style="x", dots=True
    )
    other = svg.Line(label="c", points=[(1, 50.0), (5, 60.0)], style="y", right=True)
    text = svg.chart('t"<', [line, other], marks=[(2, "here"), (99, "outside")])
    path = re.search(r'<path class="x" d="([^"]*)"', text)
    assert path and [len(re.findall(sign, path[1])) for sign in "ML"] == [2, 1] and text.count("<circle") == 3
    assert "a &lt;b&gt;" in text and "outside" not in text and "t&quot;&lt;" in text
    assert svg.chart("t", []) == ""
    heights = [float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", path[1])]
    assert heights[0] > heights[1] > heights[2] > 0  # larger values stand higher
    log = svg.chart("t", [svg.Line(label="l", points=[(1, 0.01), (2, 0.0), (3, 1.0)], style="x")], log=True)
    assert log.count("L") == 0 and len(re.findall(r"M[\d.]+ [\d.]+", log.split('class="x"')[1])) == 2


def test_points_with_errors_stand_where_their_numbers_say():
    def dot(label, x, y, **more):
        return scatter.Dot(**{"label": label, "group": "a", "x": x, "y": y, "x_error": None, "y_error": 0.1,
                              "ring": False, "square": False} | more)  # fmt: skip

    drawn = scatter.chart(
        "t", [dot("<1>", 0.0, 0.0), dot("2", 1.0, 1.0, ring=True), dot("3", 2.0, 0.5, square=True)], ("x", "y")
    )
    (ax, ay), (bx, by) = [
        (float(x), float(y)) for x, y in re.findall(r'class="good" cx="([\d.]+)" cy="([\d.]+)"', drawn)
    ]
    assert ax < bx and ay > by and drawn.count("<rect") == 1 and drawn.count('class="ring"') == 1
    crowd = scatter.chart(
        "t",
        [*(dot(f"epoch {n}", 0.0, 0.0) for n in range(6)), dot("best", 0.0, 0.0, ring=True), dot("far", 9.0, 1.0)],
        ("x", "y"),
    )
    names = re.findall(
        r'<text x="([\d.]+)" y="([\d.]+)" text-anchor="\w+">(epoch \d|best|far)<', crowd
    )  # no two in one place
    assert {"best", "far"} < {name for *_, name in names} and len(names) == len({(x, y) for x, y, _ in names}) < 8
    assert crowd.count("<title>epoch") == 6
    assert "&lt;1&gt;" in drawn and drawn.count('class="error"') == 3 and drawn.count('class="mark"') == 1


def test_scores_make_the_plot_of_runs_higher():
    """A panel for each kind with the name of the scorer; runs without scores are drawn as before."""
    score = Score(title="likeness", scorer="CLIP", points=[(2, 0.5, 0.1), (4, 0.6, 0.0)])
    plain = Curve(name="a", epochs=[0.5, 1, 1.5, 2], losses=[1.0, 0.9, 0.8, 0.7], lrs=[1e-4] * 4, probes=())
    scored = replace(plain, name="b", scores=[score])
    shown = Shown(x_axis="step", half_life=2, log_scale=False, raw=True, learning_rate=True, probe=True)
    before = run_curves.draw([plain, plain], shown)
    assert run_curves.draw([plain, scored], shown).height == before.height + 138
    off = run_curves.draw([plain, replace(scored, name="a")], replace(shown, scores=False))
    assert off.tobytes() == before.tobytes()
