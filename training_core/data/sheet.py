"""Show buckets as a contact sheet, and say them in words."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from ..drawing import INK, MUTED, PAPER, font_for, wrap
from . import images
from .plan import Buckets


def summary(buckets: Buckets) -> str:
    """Buckets, counts and warnings as text."""
    pictures, size = buckets.dataset.pictures, buckets.settings.batch_size
    groups = buckets.by_size()
    seen = sum(map(len, groups.values()))
    lines = [
        f"{len(pictures)} pictures, {seen} with repeats, {len(groups)} buckets, "
        f"{buckets.batches_per_epoch} batches of {size} per epoch",
        "",
        "bucket        pictures  x repeats  batches",
    ]
    for (width, height), entries in groups.items():
        name = f"{width}x{height}"
        lines.append(f"{name:<12}  {len(set(entries)):>8}  {len(entries):>9}  {math.ceil(len(entries) / size):>7}")
    hints = list(buckets.dataset.warnings)
    for picture, placement in zip(pictures, buckets.placements, strict=True):
        width, height = picture.size
        if max(width, height) > 2 * min(width, height):
            hints.append(f"{picture.name} is {width}x{height}, over 1:2; better crop it or leave it out.")
        if placement.resized[0] > 2 * width:
            hints.append(f"{picture.name} is {width}x{height} and is enlarged more than twice.")
    small = [f"{w}x{h}" for (w, h), entries in groups.items() if len(entries) < size]
    if small:
        hints.append(f"Fewer pictures than batch_size ({size}) in: {', '.join(small)}; these batches stay small.")
    return "\n".join(lines + (["", *hints] if hints else []))


def contact_sheet(buckets: Buckets, limit: int = 60, thumb: int = 160, columns: int = 6) -> Image.Image:
    """Up to `limit` pictures with what the crop cuts off darkened, sorted by bucket."""
    pictures = buckets.dataset.pictures
    order = sorted(range(len(pictures)), key=lambda i: (buckets.placements[i].bucket, pictures[i].name))[:limit]
    columns = min(columns, len(order))
    cell_w, cell_h, pad = thumb, thumb + 46, 10
    rows = math.ceil(len(order) / columns)
    head = 34
    sheet = Image.new("RGB", (columns * (cell_w + pad) + pad, head + rows * (cell_h + pad)), PAPER)
    pen = ImageDraw.Draw(sheet)
    more = f" (first {limit} shown)" if len(pictures) > limit else ""
    title = f"{len(pictures)} pictures in {len(buckets.by_size())} buckets{more}"
    pen.text((pad, 9), title, font=font_for(title, 15), fill=INK)
    repeats = buckets.dataset.repeats
    for n, index in enumerate(order):
        x, y = pad + n % columns * (cell_w + pad), head + n // columns * (cell_h + pad)
        picture, placement = pictures[index], buckets.placements[index]
        image = images.decode(picture.path)
        scale = thumb / max(image.size)
        image = image.resize(
            (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.LANCZOS
        )
        sheet.paste(_with_crop(image, placement), (x + (thumb - image.width) // 2, y + (thumb - image.height) // 2))
        label = f"{placement.bucket[0]}x{placement.bucket[1]}" + (f"  x{repeats[index]}" if repeats[index] != 1 else "")
        pen.text((x, y + thumb + 2), label, font=font_for(label, 12), fill=INK)
        caption = picture.caption.replace("\n", " | ") or "(no caption)"
        for line, text in enumerate(wrap(caption, font_for(caption, 11), cell_w, 2)):
            pen.text((x, y + thumb + 17 + 13 * line), text, font=font_for(caption, 11), fill=MUTED)
    return sheet


def _with_crop(image: Image.Image, placement: images.Placement) -> Image.Image:
    """Darken the parts of a thumbnail that the crop cuts off, and frame what stays."""
    (rw, rh), (bw, bh), (left, top) = placement.resized, placement.bucket, placement.crop
    sx, sy = image.width / rw, image.height / rh
    box = (round(left * sx), round(top * sy), round((left + bw) * sx), round((top + bh) * sy))
    result = Image.blend(image, Image.new("RGB", image.size, "black"), 0.65)
    result.paste(image.crop(box), box[:2])
    ImageDraw.Draw(result).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), outline=(90, 200, 120))
    return result
