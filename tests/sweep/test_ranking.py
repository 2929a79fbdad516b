"""The ranking of a sweep: the best first, and what cannot be told apart shares a place."""

from __future__ import annotations

from athanor.training_core.sweep import picture, ranking
from athanor.training_core.sweep.ranking import Row


def row(label, best=None, **more):
    values = {
        "values": (label,),
        "name": f"cat_{label}",
        "status": "done",
        "step": 100,
        "steps": 100,
        "noise": 0.5,
        "held_out": True,
    }
    if best is not None:
        values |= {"best": best, "best_step": 80, "last": best + 1}
    return Row(label=label, **values | more)


def places(rows):
    return [(each.label, each.place) for each in ranking.ranked(rows)]


def test_differences_below_the_noise_are_ties():
    rows = [row("a", 95.0), row("b", 90.0), row("c", 90.6), row("d", 92.0), row("e", 90.7)]
    assert places(rows) == [("b", "1-3"), ("c", "1-3"), ("e", "1-3"), ("d", "4"), ("a", "5")]
    (first, *_) = ranking.sentences(ranking.ranked(rows))
    assert (
        first
        == "The first 3 lie within the noise of the probe and cannot be told apart: decide by pictures, size or time."
    )
    assert ranking.sentences(ranking.ranked([row("a", 95), row("b", 90)])) == ["Best: b."]
    assert ranking.sentences(ranking.ranked([row("a", 90.1), row("b", 90)]))[0].startswith(
        "All 2 runs lie within the noise"
    )


def test_ended_and_failed_runs_have_no_place():
    rows = [
        row("nan", status="failed", note="NaN"),
        row("early", 80.0, status="stopped", step=25),
        row("later", 85.0, status="stopped", step=50),
        row("whole", 90.0),
        row("out", status="left out", note="left out: no room"),  # had been counted as failed
    ]
    assert places(rows) == [("whole", "1"), ("later", ""), ("early", ""), ("nan", ""), ("out", "")]
    text = ranking.text(ranking.ranked(rows))
    assert (
        "1 run failed: nan (NaN)." in text
        and "| failed | nan |" in text
        and text.endswith("nan: NaN\nout: left out: no room")
    )
    assert "no order yet" in ranking.text([row("x", status="failed", note="full")])


def test_it_says_what_it_cannot_tell():
    rows = ranking.ranked([row("a", 90.0, held_out=False, noise=None), row("b", 95.0, held_out=False)])
    told = " ".join(ranking.sentences(rows))
    assert told.startswith("Lowest: a, by a probe whose noise is not known.") and "Best" not in told
    assert "uses training pictures" in told and "too few times" in told
    equal = ranking.ranked([row("a", 90.0, noise=None), row("b", 90.0, noise=None)])
    assert ranking.sentences(equal)[0].startswith("All 2 runs lie within the noise")
    by_loss = ranking.ranked([row("a", loss=0.2), row("b", loss=0.1)])
    assert [each.label for each in by_loss] == ["b", "a"] and "There is no probe" in ranking.sentences(by_loss)[1]


def test_seeds_tell_more_than_one_run():
    probes = {"8": (90.0, 90.4, 90.2), "16": (95.0, 95.2, 95.1)}
    rows = [row(f"{r}{s}", best, values=(r, str(s))) for r, bests in probes.items() for s, best in enumerate(bests)]
    (told,) = ranking.over_seeds(rows, 1)
    assert told.startswith("Lowest probe over the seeds, mean and standard error: 8: 90.2 ± 0.1 %; 16: 95.1 ± 0.1 %.")
    assert told.endswith("The first two differ by more than two standard errors.")
    (told,) = ranking.over_seeds([each for each in rows if each.values[1] != "2"], 1)
    assert told.endswith("Errors of 2 seeds are themselves uncertain: use 3 or more.")
    assert ranking.over_seeds(rows, None) == [] == ranking.over_seeds(rows[:1], 1)


def test_the_picture_has_a_line_for_each_run():
    known = {"loss": 0.1, "minutes": 3.0, "bytes": 2**24, "likeness": (0.8, 0.01)}
    many = [row(f"learning_rate {i}e-4, optimizer_type AdamW8bit_{'x' * 90}", 90.0 + i, **known) for i in range(5)]
    rows = ranking.ranked([*many, row("none", status="failed", note="out of memory " * 20)])
    drawn = picture.draw("Sweep of cat", rows)
    assert drawn.width == picture.WIDTH > picture.draw("x", [row("a", 90.0)]).width and drawn.height > 6 * picture.ROW
    assert picture.draw("x", []).height < drawn.height
    assert picture.SHORT[0] <= picture.draw("x", rows, short=True).width <= picture.SHORT[1]
    two = row("a", 90.0, told=(("rank", "8"), ("seed", "1")))
    assert ranking.short_heads([two])[1] == "rank, seed" and ranking.short_cells(two) == ("-", "8, 1", "90.0 ± 0.5 %")
    assert ranking.cells(rows[0])[-1] == "0.800 ± 0.010" and ranking.heads(rows)[-1] == "likeness"
