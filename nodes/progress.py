"""Progress on a node, shown with the host's own progress bar and text line."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from server import PromptServer

from ..training_core.host import node_tools
from ..training_core.pictures import opened


class Progress:
    """A bar and a line of text on one node; text at most four times a second."""

    def __init__(self, node_id: str) -> None:
        self._node_id, self._bar, self._sent = node_id, None, 0.0

    def bar(self, done: int, total: int, picture: Path | None = None) -> None:
        """Set the progress bar, and show a picture file beside it."""
        if self._bar is None or self._bar.total != total:
            self._bar = node_tools.progress_bar(total, self._node_id)
        preview = None
        if picture is not None:
            with opened(picture) as image:
                preview = ("JPEG", image.convert("RGB"), 512)
        self._bar.update_absolute(done, total, preview)

    def told(self, what: str) -> Callable[[str, int, int], None]:
        """Return what shows that `done` of `total` things are done: called with (things, done, total)."""

        def say(things: str, done: int, total: int) -> None:
            self.bar(done, total)
            self.text(f"{what} {things} {done} of {total}")

        return say

    def picture(self, image: Image.Image, side: int = 512) -> None:
        """Show a picture on the node without moving the bar; its longer side is scaled to at most `side` pixels."""
        if self._bar is not None:
            self._bar.update_absolute(self._bar.current, self._bar.total, ("JPEG", image, side))

    def text(self, text: str, always: bool = False) -> None:
        """Show `text` on the node in all open pages; unless `always`, it is left out within 0.25 s of the last one."""
        now = time.monotonic()
        if always or now - self._sent > 0.25:
            self._sent = now
            PromptServer.instance.send_progress_text(text, self._node_id)


class Rate:
    """Seconds per item, as an exponential mean that starts at the second item: the first one warms caches up."""

    def __init__(self) -> None:
        self.seconds, self._count = 0.0, 0

    def add(self, seconds: float) -> None:
        """Add the seconds of one more item to the mean."""
        self._count += 1
        self.seconds += (0.1 if self._count > 2 else 1.0) * (seconds - self.seconds)

    @property
    def speed(self) -> str:
        """The speed as text, for example '3.20 it/s' or '1.50 s/it'."""
        return f"{self.seconds:.2f} s/it" if self.seconds >= 1 else f"{1 / max(self.seconds, 1e-9):.2f} it/s"

    def left(self, items: int) -> str:
        """Return the time for `items` more, as 1:02:03 or 2:03."""
        minutes, seconds = divmod(round(items * self.seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
