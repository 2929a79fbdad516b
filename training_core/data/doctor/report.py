"""Draw Dataset Doctor's report as a picture."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageDraw

from ...charts.bars import Bar
from ...drawing import ACCENT, INK, LINE, MUTED, PAPER, font_for, shorten, wrap
from ...pictures import UnreadablePicture
from ...wording import plural
from ..dataset import Dataset
from .examine import Diagnosis
from .finding import Finding
from .measure import PixelSource, control_sources, load, source_of
from .panels import COLOURS, NAME, PANEL, bar_panel, bars_height, mark, text, thumbnail

WIDTH, PAD, GAP = 1200, 24, 10
TALLEST = 4000
INDENT = 94  # of a finding's text, behind its mark
SIDES = (120, 92, 68, 0)
"""Sides of thumbnails in pixels: the first with which all findings fit is used; 0: no thumbnails."""

MOST_THUMBNAILS, MOST_OF_GROUP, MOST_ROWS = 8, 4, 12


def draw(diagnosis: Diagnosis) -> Image.Image:
    """Return the report as an RGB picture, 1200 pixels wide and at most 4000 high."""
    sheet = Image.new("RGB", (WIDTH, TALLEST), PAPER)
    pen = ImageDraw.Draw(sheet)
    y = _head(pen, diagnosis)
    below = _panels_height(diagnosis)
    y = _findings(sheet, diagnosis, y, TALLEST - below - PAD)
    y = _panels(pen, diagnosis, y)
    return sheet.crop((0, 0, WIDTH, min(TALLEST, y + PAD - GAP)))


def _head(pen: ImageDraw.ImageDraw, diagnosis: Diagnosis) -> int:
    title = f"Dataset Doctor: {diagnosis.title}"
    text(pen, (PAD, 20), shorten(title, font_for(title, 24), WIDTH - 2 * PAD), 24, INK)
    worst = diagnosis.findings[0].level if diagnosis.findings else None
    colour = ACCENT if worst in (None, "hint") else COLOURS[worst]
    pen.rounded_rectangle((PAD, 62, PAD + 5, 84), 2, fill=colour)
    text(pen, (PAD + 14, 63), diagnosis.verdict, 17, colour)
    pen.line((PAD, 100, WIDTH - PAD, 100), fill=LINE)
    return 116


def _findings(sheet: Image.Image, diagnosis: Diagnosis, y: int, bottom: int) -> int:
    """Draw the findings from `y` down and return where they end; those below `bottom` are only counted.

    Thumbnails are as large as the room allows.
    """
    findings, width = diagnosis.findings, WIDTH - 2 * PAD - INDENT
    lines = [wrap(finding.text, font_for(finding.text, 15), width, 4) for finding in findings]

    def height(number: int, side: int) -> int:
        return _text_height(lines[number]) + (side + NAME + 8 if side and findings[number].pictures else 0) + GAP

    side = next((s for s in SIDES if y + sum(height(n, s) for n in range(len(findings))) <= bottom), 0)
    pen, pixels = ImageDraw.Draw(sheet), _pixels(diagnosis.dataset)
    for number, finding in enumerate(findings):
        if y + height(number, side) > bottom - 30 and number < len(findings) - 1:
            rest = f"... and {len(findings) - number} more findings: see the text output."
            text(pen, (PAD + INDENT, y), rest, 15, MUTED)
            return y + 34
        mark(pen, (PAD, y), finding.level)
        text(pen, (PAD + INDENT, y + 1), finding.kind.capitalize(), 15, COLOURS[finding.level])
        for n, line in enumerate(lines[number]):
            pen.text((PAD + INDENT, y + 23 + 20 * n), line, font=font_for(finding.text, 15), fill=INK)
        if side and finding.pictures:
            _thumbnails(sheet, (PAD + INDENT, y + _text_height(lines[number])), side, finding, pixels)
        y += height(number, side)
    return y + (6 if findings else 0)


def _text_height(lines: list[str]) -> int:
    return 23 + 20 * len(lines) + 6


def _thumbnails(
    sheet: Image.Image,
    at: tuple[int, int],
    side: int,
    finding: Finding,
    pixels: Callable[[int, bool], tuple[str, Image.Image | None] | None],
) -> None:
    """Draw the first pictures of a finding in a row; a frame surrounds those of one group, or a pair."""
    x, y = at
    pen, left = ImageDraw.Draw(sheet), MOST_THUMBNAILS
    kinds = (True, False) if finding.shows_controls else (False,)
    for group in finding.groups or tuple((i,) for i in finding.pictures):
        shown = [each for i in group[:MOST_OF_GROUP] for is_control in kinds if (each := pixels(i, is_control))]
        if len(shown) > left or x + len(shown) * (side + 4) > WIDTH - PAD:
            break
        if len(shown) > 1:
            right = x + len(shown) * (side + 4) + 2
            pen.rounded_rectangle((x - 4, y - 4, right, y + side + NAME + 2), 5, fill=PANEL, outline=LINE)
        for name, image in shown:
            thumbnail(sheet, (x, y), side, image, name)
            x += side + 4
        x, left = x + GAP, left - len(shown)


def _pixels(dataset: Dataset) -> Callable[[int, bool], tuple[str, Image.Image | None] | None]:
    """Return a function: index of a picture -> its name and a small copy (None if unreadable), loaded once.

    With True it gives those of the first control picture, None if there is none.
    """
    loaded: dict[PixelSource, Image.Image | None] = {}

    def pixels(index: int, is_control: bool) -> tuple[str, Image.Image | None] | None:
        picture = dataset.pictures[index]
        if is_control and not picture.controls:
            return None
        source = control_sources(dataset, picture)[0] if is_control else source_of(dataset, picture)
        if source not in loaded:
            try:
                image = load(source, 2 * SIDES[0])
                image.thumbnail((2 * SIDES[0], 2 * SIDES[0]))
                loaded[source] = image
            except UnreadablePicture:
                loaded[source] = None
        return ("control" if is_control else picture.name), loaded[source]

    return pixels


def _columns(diagnosis: Diagnosis) -> tuple[list[tuple[str, list[Bar], str]], list[tuple[str, list[Bar], str]]]:
    """Return the panels of the left and of the right column, each as (title, bars, line below)."""
    total = max(1, diagnosis.captioned)
    frequent = [Bar(label=tag, value=n, text=f"{n} ({n * 100 // total} %)") for tag, n in diagnosis.frequent]
    title = f"Most frequent {'tags' if diagnosis.has_tags else 'words'}"
    left = [(title, frequent, "" if frequent else "No captions.")]
    return left, [_bucket_panel(diagnosis), _balance_panel(diagnosis)]


def _bucket_panel(diagnosis: Diagnosis) -> tuple[str, list[Bar], str]:
    buckets = diagnosis.buckets
    size, resolution = buckets.settings.batch_size, buckets.settings.width
    rows = []
    for (width, height), entries in buckets.by_size().items():
        pictures = len({buckets.entries[e].picture for e in entries})
        small = len(entries) < size
        count = f"{pictures}" + (f", {len(entries)} with repeats" if len(entries) != pictures else "")
        colour = COLOURS["warning"] if small else ACCENT
        rows.append(Bar(label=f"{width}x{height}", value=pictures, text=count, colour=colour))
    fullest = sorted(rows, key=lambda row: -row.value)[:MOST_ROWS]
    more = f"and {len(rows) - len(fullest)} smaller buckets" if len(rows) > len(fullest) else ""
    return f"Pictures by bucket at {resolution} pixels", [row for row in rows if row in fullest], more


def _balance_panel(diagnosis: Diagnosis) -> tuple[str, list[Bar], str]:
    groups = sorted(diagnosis.groups, key=lambda group: -group.seen)
    total = max(1, sum(group.seen for group in groups))
    rows = [
        Bar(
            label=group.name + (" (regularization)" if group.is_reg else ""),
            value=group.seen,
            text=f"{plural(len(group.pictures), 'picture')}, {group.seen} seen ({group.seen * 100 // total} %)",
            colour=LINE if group.is_reg else ACCENT,
        )
        for group in groups[:MOST_ROWS]
    ]
    more = f"and {len(groups) - len(rows)} smaller folders" if len(groups) > len(rows) else ""
    return "Seen per epoch, by folder", rows, more


def _panels_height(diagnosis: Diagnosis) -> int:
    return max(sum(bars_height(len(rows), more) + GAP for _, rows, more in column) for column in _columns(diagnosis))


def _panels(pen: ImageDraw.ImageDraw, diagnosis: Diagnosis, top: int) -> int:
    """Draw the panels (tags on the left, buckets and balance on the right) from `top` down; return where they end."""
    width = (WIDTH - 2 * PAD - GAP) // 2
    for number, column in enumerate(_columns(diagnosis)):
        y = top
        for title, rows, more in column:
            y += bar_panel(pen, (PAD + number * (width + GAP), y), width, title, rows, more) + GAP
    return top + _panels_height(diagnosis)
