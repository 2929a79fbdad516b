"""Show buckets as a contact sheet, and summarise them as text."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from PIL import Image, ImageDraw

from ..drawing import INK, MUTED, PAPER, font_for, wrap
from ..text_files import one_line
from ..wording import first_few, plural
from . import decode, hints
from .buckets import Placement
from .control_views import controls_of
from .doctor.texts import training_text
from .plan import BucketEntry, Buckets, CropVariant

MASKED = (40, 70, 190)
"""Colour over the parts that a mask leaves out."""

ARROW, MOST_CONTROLS = 30, 4
"""Pixels between a control picture and its picture, and control pictures that are shown of one; of more their number."""

MANY_STEPS = 5000
"""Steps per epoch above which repeats set too high are likely."""


def summary(buckets: Buckets) -> str:
    """Return a table of buckets with their counts, the steps per epoch, and warnings, as text."""
    pictures, size = buckets.dataset.pictures, buckets.settings.batch_size
    groups = buckets.by_size()
    seen = sum(map(len, groups.values()))
    used = len({entry.picture for entry in buckets.entries})
    batches = buckets.batches_per_epoch
    resolutions = ", ".join(f"{w}x{h}" for w, h in buckets.settings.resolutions)
    lines = [
        f"{used} pictures, {seen} with repeats, {plural(len(groups), 'bucket')} for {resolutions}",
        f"{batches} steps per epoch at batch size {size}; "
        + ", ".join(f"{batches * epochs} in {epochs} epochs" for epochs in (5, 10, 20)),
        "",
        "bucket        pictures  x repeats  batches",
    ]
    for (width, height), entries in groups.items():
        name = f"{width}x{height}"
        lines.append(f"{name:<12}  {len(set(entries)):>8}  {len(entries):>9}  {math.ceil(len(entries) / size):>7}")
    notes = [one_line(warning) for warning in (*buckets.dataset.warnings, *buckets.warnings)]
    long = [p.name for p in pictures if max(p.size) > 2 * min(p.size)]
    if long:
        notes.append(f"{_count(long)} longer than 1:2; crop or remove: {first_few(long)}.")
    if small := hints.small_pictures(buckets):
        notes.append(small)
    short = [f"{w}x{h}" for (w, h), entries in groups.items() if len(entries) < size]
    if short:
        notes.append(f"Fewer pictures than batch_size ({size}) in: {first_few(short, 6)}; their batches are smaller.")
    if batches > MANY_STEPS:
        notes.append(f"{batches} steps per epoch are a lot: check the repeats, or raise batch_size.")
    return "\n".join(lines + (["", *notes] if notes else []))


def _count(names: list[str]) -> str:
    return "1 picture is" if len(names) == 1 else f"{len(names)} pictures are"


def contact_sheet(buckets: Buckets, limit: int = 120, thumb: int = 160) -> Image.Image:
    """Draw up to `limit` pictures sorted by bucket, with bucket, repeats and caption; control pictures with an arrow to theirs.

    Of pairs half as many are shown, as they take twice the place.
    What the crop cuts off is darkened, of control pictures with control_size "same"; what the mask leaves out is blue.
    `thumb` is the side of a picture in pixels.
    """
    entries = sorted(buckets.entries, key=lambda e: (e.placement.bucket, buckets.dataset.pictures[e.picture].name))
    has_pairs = any(buckets.dataset.pictures[entry.picture].controls for entry in entries)
    limit //= 1 + has_pairs
    shown = _spread(entries, limit)
    wide = 2 * thumb + ARROW if has_pairs else thumb  # with the place of control pictures on the left
    columns = min((6 if len(shown) <= 36 else 10) // (1 + has_pairs), len(shown))
    cell_w, cell_h, pad, head = wide, thumb + 46, 24 if has_pairs else 10, 34  # pairs stand apart from each other
    rows = math.ceil(len(shown) / columns)
    width = max(columns * (cell_w + pad) + pad, 380)
    sheet = Image.new("RGB", (width, head + rows * (cell_h + pad)), PAPER)
    pen = ImageDraw.Draw(sheet)
    more = f" ({limit} shown)" if len(entries) > limit else ""
    title = f"{len({e.picture for e in entries})} pictures in {plural(len(buckets.by_size()), 'bucket')}{more}"
    pen.text((pad, 9), title, font=font_for(title, 15), fill=INK)
    with decode.strict(), ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        thumbs = list(pool.map(lambda entry: _pair(buckets, entry, thumb, wide), shown))
    repeats = buckets.dataset.repeats
    for n, (entry, image) in enumerate(zip(shown, thumbs, strict=True)):
        x, y = pad + n % columns * (cell_w + pad), head + n // columns * (cell_h + pad)
        bucket = entry.placement.bucket
        sheet.paste(image, (x, y))
        label = f"{bucket[0]}x{bucket[1]}" + (f"  x{repeats[entry.picture]}" if repeats[entry.picture] != 1 else "")
        pen.text((x, y + thumb + 2), label, font=font_for(label, 12), fill=INK)
        caption = one_line(_caption(buckets, entry)) or "(no caption)"
        for line, text in enumerate(wrap(caption, font_for(caption, 11), cell_w, 2)):
            pen.text((x, y + thumb + 17 + 13 * line), text, font=font_for(caption, 11), fill=MUTED)
    return sheet


def _caption(buckets: Buckets, entry: BucketEntry) -> str:
    """Return what a picture is trained on; where every sample draws one of several lines, all of them."""
    picture = buckets.dataset.pictures[entry.picture]
    settings = buckets.dataset.subsets[picture.subset]
    if settings.enable_wildcard:
        return picture.caption.replace("\n", " | ")
    return training_text(picture.caption, settings)


def _spread(entries: list[BucketEntry], limit: int) -> list[BucketEntry]:
    """Return at most `limit` entries at even distances, so that every large bucket is shown."""
    return entries if len(entries) <= limit else [entries[i * len(entries) // limit] for i in range(limit)]


def _pair(buckets: Buckets, entry: BucketEntry, size: int, width: int) -> Image.Image:
    """Draw a picture into the right square of `size` pixels of a cell `width` wide, what it is made from and an arrow left of it."""
    cell = Image.new("RGB", (width, size), PAPER)
    _centre(cell, _thumbnail(buckets, entry, size), width - size, 0, size)
    picture, pen, middle = buckets.dataset.pictures[entry.picture], ImageDraw.Draw(cell), size // 2
    if not picture.controls:
        if width > size:
            words = "no control picture"
            pen.text((size // 2, middle), words, font=font_for(words, 12), fill=MUTED, anchor="mm")
        return cell
    start, end = size + 5, width - size - 5
    pen.line((start, middle, end, middle), fill=MUTED, width=2)
    pen.polygon([(end + 1, middle), (end - 6, middle - 5), (end - 6, middle + 5)], fill=MUTED)
    controls = buckets.dataset.controls(replace(picture, controls=picture.controls[:MOST_CONTROLS]))
    part = size if len(controls) == 1 else size // 2 - 2  # one as large as the picture, or up to four in a square
    cuts = []
    if buckets.settings.control_size == "same":  # else they are whole, or the model, which is not known here, decides
        variant = CropVariant(picture=entry.picture, placement=entry.placement)
        cuts = [each.placement for each in controls_of(buckets, variant, "same")]
    for n, control in enumerate(controls):
        top = n // 2 * (part + 4) if len(controls) > 2 else (size - part) // 2
        small = _fitted(control, part)
        _centre(cell, _with_crop(small, cuts[n]) if cuts else small, n % 2 * (part + 4), top, part)
    if more := len(picture.controls) - len(controls):
        pen.text((start, middle - 18), f"+{more}", font=font_for("+", 12), fill=MUTED)
    return cell


def _fitted(image: Image.Image, side: int) -> Image.Image:
    """Return a picture scaled so that its longest side has `side` pixels."""
    scale = side / max(image.size)
    small = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(small, Image.Resampling.LANCZOS)


def _centre(sheet: Image.Image, image: Image.Image, left: int, top: int, side: int) -> None:
    sheet.paste(image, (left + (side - image.width) // 2, top + (side - image.height) // 2))


def _thumbnail(buckets: Buckets, entry: BucketEntry, size: int) -> Image.Image:
    """Draw a picture of at most `size` pixels with its crop, and blue where its mask leaves it out."""
    picture = buckets.dataset.pictures[entry.picture]
    image = _fitted(buckets.dataset.image(picture), size)
    mask = buckets.dataset.mask(picture)
    if mask is not None:
        hidden = mask.resize(image.size).point([round((255 - v) * 0.6) for v in range(256)])
        image = Image.composite(Image.new("RGB", image.size, MASKED), image, hidden)
    return _with_crop(image, entry.placement)


def _with_crop(image: Image.Image, placement: Placement) -> Image.Image:
    """Return the thumbnail with the parts that the crop cuts off darkened, and a frame around the rest."""
    (rw, rh), (bw, bh), (left, top) = placement.resized, placement.bucket, placement.crop
    sx, sy = image.width / rw, image.height / rh
    x, y = min(round(left * sx), image.width - 1), min(round(top * sy), image.height - 1)
    # Of a strip of 600x1 the crop is less than a pixel of the thumbnail.
    box = (x, y, max(x + 1, round((left + bw) * sx)), max(y + 1, round((top + bh) * sy)))
    result = Image.blend(image, Image.new("RGB", image.size, "black"), 0.65)
    result.paste(image.crop(box), box[:2])
    ImageDraw.Draw(result).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), outline=(90, 200, 120))
    return result
