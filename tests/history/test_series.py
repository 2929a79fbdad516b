"""metrics.jsonl a piece at a time: the same answers, whatever its length."""

import json
from itertools import pairwise

from athanor.training_core.history import series, stretches


def line(step: int, loss: float | None = None, epoch: int = 1) -> str:
    return json.dumps({"step": step, "epoch": epoch, "loss": float(step) if loss is None else loss, "lr": 1e-4, "losses": [0.1, 0.2],
        "timesteps": [100.0, 900.0], "pictures": [step % 7, 1]})  # fmt: skip


def write(folder, steps, extra: str = ""):
    (folder / "metrics.jsonl").write_text("".join(line(s) + "\n" for s in steps) + extra)
    return folder


def steps_of(entries):
    return [e["step"] for e in entries]


def test_short_files_are_read_whole(tmp_path):
    write(tmp_path, range(1, 101))
    assert steps_of(series.points(tmp_path)) == list(range(1, 101))
    assert steps_of(series.points(tmp_path, after=97)) == [98, 99, 100]
    few = series.points(tmp_path, most=6)
    assert steps_of(few)[0] == 1 and steps_of(few)[-1] == 100 and len(few) <= 6
    # Each stands for the steps since the one before.
    assert [e["mean"] for e in few[1:3]] == [sum(range(2, 27)) / 25, sum(range(27, 52)) / 25]
    assert len(series.points(tmp_path, most=2)) == 2
    assert series.points(tmp_path / "none") == []


def test_lines_of_a_killed_process_and_steps_done_again(tmp_path):
    text = (
        "".join(line(s) + "\n" for s in range(1, 18))
        + '{"step": 18, "lo\n'
        + "".join(line(s, 0.5) + "\n" for s in range(15, 17))
    )
    (tmp_path / "metrics.jsonl").write_text(text)
    found = series.points(tmp_path)
    # It was cut short again at 16: step 17 is not a part of this run any more.
    assert steps_of(found) == list(range(1, 17)) and [e["loss"] for e in found[-2:]] == [0.5, 0.5]
    assert steps_of(series.points(tmp_path, after=14)) == [15, 16]


def test_a_loss_that_is_no_number(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "epoch": 1, "loss": null, "lr": 1.0}\n' + line(2, 0.5) + "\n")
    assert [e["mean"] for e in series.points(tmp_path)] == [None, 0.5]


def test_large_files_give_the_same_curve(tmp_path):
    count = 60_000
    write(tmp_path, range(1, count + 1), '{"step": 60001, "ep')
    assert (tmp_path / "metrics.jsonl").stat().st_size > 1.5 * series.WHOLE
    found = series.points(tmp_path, most=500)
    steps = steps_of(found)
    assert 480 <= len(found) <= 500 and steps == sorted(set(steps)) and steps[0] == 1 and steps[-1] == count
    gaps = [b - a for a, b in pairwise(steps)]
    assert max(gaps) < 3 * count / 500
    assert all(abs(e["mean"] - e["step"]) < 200 for e in found)
    # Nothing is passed over: together they stand for every step.
    assert (
        found[1]["low"] == 1 and found[-1]["high"] == count and all(e["low"] <= e["mean"] <= e["high"] for e in found)
    )
    assert all(b["low"] == a["high"] + 1 for a, b in pairwise(found[1:]))
    # The tail is exact, wherever it begins.
    for after in (1, 31_234, count - 3, count):
        later = steps_of(series.points(tmp_path, after=after, most=10**6))
        assert later[:1] == ([after + 1] if after < count else []) and all(s > after for s in later)
    assert steps_of(series.points(tmp_path, after=count - 40)) == list(range(count - 39, count + 1))


def test_steps_done_again_in_a_large_file(tmp_path):
    write(tmp_path, [*range(1, 40_001), *range(39_500, 45_001)])
    for after in (39_000, 39_600, 40_000, 44_990):
        assert steps_of(series.points(tmp_path, after=after, most=10**6)) == list(range(after + 1, 45_001))


def test_extremes_and_numbers_that_are_none_are_kept_at_any_length(tmp_path):
    """One wild step among many is seen, and so is a file that grows, is written anew, or ends in half a line."""
    for count in (3_000, 70_000):
        losses = dict.fromkeys(range(1, count + 1), 0.5) | {count // 3: 9.0, count // 2: 0.01}
        lines = [line(step, loss) for step, loss in losses.items()]
        lines[count // 4] = json.dumps({"step": count // 4 + 1, "epoch": 1, "loss": None, "lr": 1e-4})
        (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
        found = series.points(tmp_path, most=50)
        assert 45 <= len(found) <= 50 and max(e["high"] for e in found) == 9.0 and min(e["low"] for e in found) == 0.01
        wild = next(e for e in found if e["high"] == 9.0)
        assert wild["step"] >= count // 3 > wild["step"] - 2 * count / 48 and wild["mean"] < 1
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write(line(70_001, 12.0) + "\n" + line(70_002, 99.0)[:40])
    assert series.points(tmp_path, most=50)[-1]["step"] == 70_001
    assert max(e["high"] for e in series.points(tmp_path, most=50)) == 12.0
    assert stretches._known[tmp_path / "metrics.jsonl"].length > stretches.LENGTH  # a bounded number, however long


def test_long_files_are_read_in_part(tmp_path, monkeypatch):
    """A look reads what 2,000 points need, not the whole file."""
    with (tmp_path / "metrics.jsonl").open("w") as file:
        file.writelines(f"{line(0).replace('0', str(step), 1)}\n" for step in range(1, 100_001))
    for ask in (
        lambda: series.points(tmp_path),
        lambda: series.points(tmp_path, 99_900),
        lambda: series.sampled(tmp_path),
    ):
        found = ask()
        assert found[-1]["step"] > 99_000 and len(found) < 50_000


def test_a_chart_of_ten_thousand_steps_parses_what_it_shows(tmp_path, monkeypatch):
    """Below a limit of 4 MB every line was parsed: a chart of 9,000 steps cost more than one of a million."""
    parsed = []
    monkeypatch.setattr(series, "parse_lines", lambda data, parse=series.parse_lines: parsed.append(1) or parse(data))
    with (tmp_path / "metrics.jsonl").open("w") as file:
        file.writelines(f'{line(step)[:-1]}, "lrs": {[0.0] * 40}}}\n' for step in range(1, 9_001))
    assert 3_000_000 < (tmp_path / "metrics.jsonl").stat().st_size < 4_000_000
    found = series.points(tmp_path, most=500)
    assert len(found) == 499 and found[-1]["step"] == 9_000 and len(parsed) <= 501
    assert [b["low"] - a["high"] for a, b in pairwise(found[1:])] == [1] * 497
    assert len(series.points(tmp_path)) == 1999


def timed(step: int, seconds: float) -> str:
    return line(step)[:-1] + f', "seconds": {seconds}}}\n'


def test_the_seconds_that_a_step_was_trained_for_do_not_hang_on_what_is_asked(tmp_path):
    """A step that was done again counts once, and a part of the curve goes on where the one before has ended."""
    for count, most in ((400, 1e-9), (20_000, 9.0 * 8)):  # seconds: of a long file to a stretch of four lines or two
        again = range(count // 2, count + 1)
        lines = [timed(step, 9.0) for step in range(1, count // 2 + 7)] + [timed(step, 0.5) for step in again]
        folder = tmp_path / str(count)
        folder.mkdir()
        (folder / "metrics.jsonl").write_text("".join(lines))
        first = 9.0 * (count // 2 - 1)
        exact = [
            first + 0.5 * (step - count // 2 + 1) if step >= count // 2 else 9.0 * step for step in range(count + 1)
        ]
        for after, until in ((0, None), (count // 3, None), (count // 4, 3 * count // 4), (count - 5, count - 2)):
            found = series.points(folder, after, 50, until)
            assert found[0]["step"] == after + 1 and found[-1]["step"] <= (until or count) and len(found) <= 50
            assert (until or count) - found[-1]["step"] <= most
            assert all(abs(e["trained"] - exact[e["step"]]) <= most for e in found)
        whole = list(series.every(folder))
        assert steps_of(whole) == list(range(1, count + 1)) and [e["trained"] for e in whole] == exact[1:]
