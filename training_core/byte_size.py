"""Sizes of files, disks and memory as text: KB, MB and GB are powers of 1024 everywhere, as in ComfyUI's options and on cards."""

from __future__ import annotations

KB, MB, GB = 2**10, 2**20, 2**30
"""Bytes; a drive's maker counts in powers of 1000, --max-upload-size, Windows and what a GPU has in these."""


def format_bytes(count: float) -> str:
    """Return a number of bytes with three digits in the unit that fits, such as "1.50 MB"; the page's `formatBytes` does the same."""
    unit, size = ("GB", GB) if count >= GB else ("MB", MB) if count >= MB else ("KB", KB)
    value = count / size
    return f"{value:.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f} {unit}"
