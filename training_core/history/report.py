"""report.html in a run's folder: its charts, files and pictures in one file that needs neither script nor network."""

from __future__ import annotations

import base64
import html
import io
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ..byte_size import format_bytes
from ..charts import svg
from ..charts.curve import loss_curve
from ..charts.scale import ema
from ..files import write_atomically
from ..pictures import opened
from ..text_files import whole_characters
from . import epochs, handle, registry, report_facts, report_scores, resolved, results, review, series

log = logging.getLogger("athanor")

ROWS, COLUMNS, SIDE = 16, 8, 160
"""Sample pictures that are embedded, and the longest side of each."""

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --paper: #fff; --ink: #1c1c20; --muted: #60606a; --line: #d4d4da; --loss: #1d8a4a; --probe: #b4610c;
  --lr: #3c66c4; --c3: #a23ca2; --bad: #b3261e; }}
@media (prefers-color-scheme: dark) {{ :root {{ --paper: #1c1c20; --ink: #e8e8ec; --muted: #a0a0aa; --line: #46464f; --loss: #5ac878;
  --probe: #f0aa50; --lr: #8ab0ff; --c3: #e08ae0; --bad: #ff9a90; }} }}
body {{ background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 24px auto;
  padding: 0 16px; }}
h1 {{ font-size: 22px; margin: 0; overflow-wrap: anywhere; }} h2 {{ font-size: 16px; margin: 28px 0 6px; }}
p {{ margin: 4px 0; }} .muted, .legend {{ color: var(--muted); }} .bad {{ color: var(--bad); }}
svg {{ width: 100%; height: auto; display: block; }} svg text {{ font-size: 12px; fill: var(--muted); }}
svg path {{ fill: none; stroke-width: 2; }} svg .grid {{ stroke: var(--line); stroke-width: 1; }}
svg .mark {{ stroke: var(--muted); stroke-width: 1; stroke-dasharray: 2 4; opacity: .6; }}
svg .raw {{ stroke: var(--loss); opacity: .35; stroke-width: 1; }} svg .b0, svg .loss {{ stroke: var(--loss); }}
svg .b1, svg .probe {{ stroke: var(--probe); stroke-dasharray: 7 3; }} svg .b2, svg .lr {{ stroke: var(--lr); stroke-dasharray: 2 3; }}
svg .b3 {{ stroke: var(--c3); stroke-dasharray: 10 3 2 3; }} svg .b4 {{ stroke: var(--ink); stroke-dasharray: 14 4; }}
svg circle.probe {{ fill: var(--probe); stroke: none; }} svg circle.b0, svg path.b0.band {{ fill: var(--loss); }}
svg circle.b1, svg path.b1.band {{ fill: var(--probe); }} svg circle.b2, svg path.b2.band {{ fill: var(--lr); }}
svg circle.b3, svg path.b3.band {{ fill: var(--c3); }} svg circle.b4, svg path.b4.band {{ fill: var(--ink); }}
svg path.band {{ stroke: none; opacity: .2; }} svg .error {{ stroke: var(--muted); stroke-width: 1; }} svg .good {{ fill: var(--loss); }}
svg .copies {{ fill: var(--bad); }} svg .ring {{ fill: none; stroke: var(--loss); stroke-width: 2; }}
table {{ border-collapse: collapse; width: 100%; }} th, td {{ text-align: left; padding: 3px 10px 3px 0; vertical-align: top;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }} td.n, th.n {{ text-align: right; }}
td.k {{ white-space: nowrap; }}
.samples {{ overflow-x: auto; }} .samples table {{ width: auto; }}
.samples td, .samples th {{ border: 0; font-weight: 400; font-size: 13px;
  min-width: 90px; }}
.samples img {{ display: block; max-width: {side}px; }}
</style>
<h1>{title}</h1>
{body}
</html>
"""


def write(folder: Path) -> None:
    """Write report.html and loss_curve.png into a run's folder; what goes wrong is logged, for neither must end a run."""
    try:
        record = registry.read(folder)
        if record:
            text = page(record)
            write_atomically(folder / "report.html", lambda t: t.write_text(text, encoding="utf-8"), durable=False)
            _write_curve(record)
    except Exception as error:  # whatever it is, the training counts for more
        log.warning("Athanor: the report of run %s could not be written (%s)", folder.name, error)


def _write_curve(record: registry.Record) -> None:
    """Write the picture that Train LoRA gives as loss_curve; a run without a step has none."""
    run = handle.of_record(record, lambda path: path.name)
    if len(run.losses):
        image = loss_curve(f"{run.name}  ({run.run_id})", run.losses, run.lrs, run.epochs, run.probes)
        write_atomically(record.folder / results.CURVE, lambda t: image.save(t, "PNG"), durable=False)


def page(record: registry.Record) -> str:
    """Return the page as HTML."""
    points, reviewed = series.points(record.folder, most=1500), review.review(record)
    last = points[-1] if points else {"step": 0}
    ended = registry.RunSummary.of(record).time
    when = "" if ended is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(ended))
    why = f": {_text(record.why)}" if record.why else ""
    body = [
        f'<p class="muted">Run {_text(record.run_id)}, {_text(record.status)} at step {last["step"]} of {record.steps}'
        f"{why}. {when}</p>",
        *(f'<p class="bad">{_mark("bad")} {_text(sentence)}</p>' for sentence in reviewed["trouble"]),
        _section(
            "Verdict",
            *(f'<p class="{s["kind"]}">{_mark(s["kind"])} {_text(s["text"])}</p>' for s in reviewed["verdict"]),
        ),
        *_facts(record),
        *_curves(record, points, reviewed),
        *_scores(record),
        *_bands(reviewed["bands"]),
        *_table(reviewed["checkpoints"]),
        *_settings(record.folder),
        *_samples(record),
        *_worst(reviewed["pictures"]),
    ]
    return _PAGE.format(title=_text(record.title), body="\n".join(body), side=SIDE)


def _text(value: object) -> str:
    return html.escape(whole_characters(str(value)), quote=True)


def _mark(kind: str) -> str:
    """Return a sign that tells the kind of a sentence without its colour."""
    return {"good": "✓", "bad": "✗", "note": "!", "unknown": "?"}[kind]


def _section(title: str, *parts: str) -> str:
    return f"<h2>{title}</h2>\n" + "\n".join(part for part in parts if part)


def _facts(record: registry.Record) -> list[str]:
    """Return the table of what was trained on what, and for how long."""
    rows = [f"<tr><td class='k'>{what}</td><td>{_text(words)}</td></tr>" for what, words in report_facts.facts(record)]
    return [_section("The run", f"<table>{''.join(rows)}</table>")] if rows else []


def _curves(record: registry.Record, points: Sequence[dict[str, Any]], reviewed: dict[str, Any]) -> list[str]:
    if not points:
        return []
    steps = [p["step"] for p in points]
    good = [(p["step"], p["mean"]) for p in points if p["mean"] is not None]
    smooth = ema([value for _, value in good], max(1.0, len(good) / 20))
    mean = list(zip([step for step, _ in good], smooth, strict=True))
    epoch_of = epochs.counter(record.events)
    saved = [(e["step"], f"saved: epoch {epoch_of(e)}, step {e['step']}") for e in record.saved]
    lines = [
        svg.Line(label="loss of a step", points=list(zip(steps, [p["loss"] for p in points], strict=True)), style="raw")
    ]
    lines.append(svg.Line(label="loss, mean", points=mean, style="loss"))
    probes = handle.probes(record)
    if len(probes) > 1:
        lines.append(svg.Line(label="probe, % of the start", points=probes, style="probe", right=True, dots=True))
    legend = "Green: loss of each step (faint) and its running mean. Orange, dashed, right axis: the probe "
    legend += f"({_text(reviewed['probe_label'])}) in % of the start. Vertical: saved files."
    rates = [(p["step"], series.rate(p)) for p in points]
    return [
        _section("Loss", svg.chart("Loss over steps", lines, 320, saved), f'<p class="legend">{legend}</p>'),
        _section(
            "Learning rate",
            svg.chart("Learning rate over steps", [svg.Line(label="learning rate", points=rates, style="lr")], 120),
        ),
    ]


def _scores(record: registry.Record) -> list[str]:
    parts = report_scores.parts(record.scores)
    return [_section("Scores", *parts)] if parts else []


def _bands(by_noise: dict[str, Any]) -> list[str]:
    shown = [b for b in by_noise["bands"] if b["count"]]
    if len(by_noise["steps"]) < 2 or not shown:
        return []
    signs = ["———", "– – –", "· · ·", "– · –", "—  —"]
    lines, words = [], []
    for i, band in enumerate(shown):
        label = f"timesteps {band['from']} to {band['to']}"
        lines.append(
            svg.Line(label=label, points=list(zip(by_noise["steps"], band["means"], strict=True)), style=f"b{i}")
        )
        both = band["first"] and band["last"] is not None
        change = f", {100 * (band['last'] / band['first'] - 1):+.0f} % from first to last third" if both else ""
        words.append(f"<p class='legend'>{signs[i]} {label} ({band['count']} samples){change}</p>")
    return [
        _section(
            "Loss by noise level (1000 is pure noise)", svg.chart("Loss by noise level", lines, 240, log=True), *words
        )
    ]


def _table(files: Sequence[dict[str, Any]]) -> list[str]:
    if not files:
        return []
    rows = [
        f"<tr><td>{_text(Path(f['path']).name)}</td><td class='n'>{f['epoch']}</td><td class='n'>{f['step']}</td>"
        f"<td class='n'>{'' if f['loss'] is None else format(f['loss'], '.4f')}</td>"
        f"<td class='n'>{'' if f['probe'] is None else format(f['probe'], '.1f') + ' %'}</td>"
        f"<td class='n'>{format_bytes(f['bytes'])}</td></tr>"
        for f in files
    ]
    heads = "".join(
        f"<th{' class=n' if i else ''}>{h}</th>"
        for i, h in enumerate(("file", "epoch", "step", "loss", "probe", "size"))
    )
    return [_section("Files", f"<table><tr>{heads}</tr>{''.join(rows)}</table>")]


def _settings(folder: Path) -> list[str]:
    """Return what was trained with, as far as it is not the default, and what was asked for instead."""
    rows = [
        f"<tr><td class='k'>{_text(group)}</td><td>{_text(words)}</td></tr>" for group, words in resolved.rows(folder)
    ]
    if not rows:
        return []
    otherwise = [f"<p class='legend'>{_text(line)}</p>" for line in resolved.read(folder)[1]]
    return [_section("Trained with", f"<table>{''.join(rows)}</table>", *otherwise)]


def _samples(record: registry.Record) -> list[str]:
    """Return the matrix of sample pictures: a row per step (evenly thinned, the first kept), a column per prompt."""
    drawn = record.samples
    steps, columns = sorted({e["step"] for e in drawn}), sorted({e["index"] for e in drawn})[:COLUMNS]
    if not drawn:
        return []
    if len(steps) > ROWS:
        steps = [steps[round(i * (len(steps) - 1) / (ROWS - 1))] for i in range(ROWS)]
    at = {(e["step"], e["index"]): e for e in drawn}
    prompts = {e["index"]: e["prompt"] for e in drawn}
    head = "".join(f"<th>{_text(prompts[c])}</th>" for c in columns)
    rows = []
    for step in steps:
        cells = "".join(f"<td>{_embedded(record.folder, at.get((step, c)))}</td>" for c in columns)
        rows.append(f"<tr><th>{f'step {step}' if step else 'before training'}</th>{cells}</tr>")
    return [_section("Samples", f'<div class="samples"><table><tr><th></th>{head}</tr>{"".join(rows)}</table></div>')]


def _embedded(folder: Path, event: dict[str, Any] | None) -> str:
    if event is None:
        return ""
    try:
        data = thumbnail(folder / "samples" / Path(event["path"]).name, SIDE)
    except OSError:
        return ""
    source = base64.b64encode(data).decode()
    return f'<img alt="{_text(event["prompt"])}, step {event["step"]}" src="data:image/jpeg;base64,{source}">'


def _worst(pictures: Sequence[dict[str, Any]]) -> list[str]:
    if not pictures:
        return []
    rows = [
        f"<tr><td>{_text(p['name'])}</td><td class='n'>{p['relative']:.2f}</td><td class='n'>{p['seen']}</td>"
        f"<td>{_text(p['caption'][:160])}</td></tr>"
        for p in pictures[:12]
    ]
    note = (
        '<p class="legend">Loss as a multiple of the mean at the same noise level, in the second half of the run.</p>'
    )
    heads = "<tr><th>picture</th><th class='n'>loss</th><th class='n'>seen</th><th>caption</th></tr>"
    return [_section("Pictures with the highest loss", note, f"<table>{heads}{''.join(rows)}</table>")]


def thumbnail(path: Path, side: int) -> bytes:
    """Return a picture as a JPEG whose longest side has at most `side` pixels.

    Raises:
        UnreadablePicture: it cannot be read as a picture.
    """
    with opened(path) as image:
        image.draft("RGB", (side * 2, side * 2))
        image.thumbnail((side, side))
        plain = image.convert("RGBA")
    white = Image.new("RGBA", plain.size, "white")
    white.alpha_composite(plain)
    buffer = io.BytesIO()
    white.convert("RGB").save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
