"""Shows the progress of a run on its node, and sends it to all open pages."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence

from ..training_core import advice
from ..training_core.history import epochs, kept, registry
from ..training_core.history.events import (
    Encoded,
    Event,
    Phase,
    Probed,
    Resumed,
    Sampled,
    Saved,
    Scored,
    Started,
    Stepped,
    Warned,
)
from ..training_core.history.handle import Run
from ..training_core.history.registry import Record
from ..training_core.host import folders
from ..training_core.host.redacted_paths import without_roots
from ..training_core.wording import plural
from .broadcasts import Broadcasts, rate
from .progress import Progress, Rate
from .run_rows import listed

log = logging.getLogger("athanor")

WORTH_A_WORD = 10.0
"""Seconds that a run must have waited for data before advice is given: the first batch of a short one waits as well."""


class Display:
    """Turns a run's events into the node's bar and text, and into broadcasts `athanor.run`."""

    def __init__(self, node_id: str, run_id: str, broadcasts: Broadcasts, panel: bool = False) -> None:
        """Show nothing yet; `broadcasts` tells the run's pages.

        Args:
            panel: the page that has queued it shows the run on the node, where the host's text would say the same once more.
        """
        self.node_id, self.run_id, self._panel = node_id, run_id, panel
        self._progress, self._rate, self._broadcasts = Progress(node_id), Rate(), broadcasts
        self._started: Started | Resumed | None = None
        self._recent: deque[float] = deque(maxlen=50)  # losses of the last steps
        self._seconds, self._waited, self._skipped = 0.0, 0.0, 0  # of all steps
        self._probed: list[Probed] = []
        self._warnings: list[str] = []
        self._sent = 0.0  # time.monotonic() of the last step, or part of encoding, that was sent to the pages
        self._encoding = "", 0.0, 0  # what is encoded, time.monotonic() of its begin, how much of it was there then

    def show(self, event: Event) -> None:
        """Show an event of the run on the node, and send it to all open pages."""
        match event:
            case Phase():
                self._text(event.what, always=True)
                self._broadcasts.tell(
                    "phase", text=event.what, planned=not registry.is_run(folders.run_folder(self.run_id))
                )
            case Encoded():
                self._encoded(event)
            case Warned():
                self._warnings.append(event.text)
                log.warning("Athanor: %s", event.text)
                self._broadcasts.tell("warning", text=event.text)
            case Started() | Resumed():
                self._started, self._sent = event, 0.0
                start = f"resumes from step {event.step}" if isinstance(event, Resumed) else "starts"
                log.info("Athanor: run %s %s: %d steps, training %s", event.run_id, start, event.steps, event.trained)
                self._tell_start(event)
            case Stepped():
                self._stepped(event)
            case Probed():
                if math.isfinite(event.percent):
                    self._probed.append(event)
                self._broadcasts.tell("probe", step=event.step, percent=event.percent)
            case Sampled():
                # Not as the host's preview: the page's panel has it, and a Vue node would grow by a second one.
                self._broadcasts.tell("sample", step=event.step, file=event.path.name)
            case Scored():
                told = {"epoch": event.epoch, "values": dict(event.values), "copies": event.copies}
                self._broadcasts.tell("scored", step=event.step, weak=event.weak, title=event.title, **told)
            case Saved():
                per_epoch = self._started.steps_per_epoch if self._started else 0
                epoch = epochs.of_step(event.step, per_epoch) if per_epoch else event.epoch
                what = "saved %s (epoch %d, step %d); loaded again, it differs by %.1e of its effect"
                log.info(f"Athanor: {what}", event.path, epoch, event.step, event.deviation)
                told = {"step": event.step, "epoch": epoch, "file": event.path.name, "why": event.kind}
                self._broadcasts.tell("checkpoint", **told)
                if event.trouble:
                    self.show(Warned(f"{event.path.name}: {event.trouble}"))

    def told(self, what: str) -> Callable[[str, int, int], None]:
        """Return what shows progress on the node, see `Progress.told`."""
        return self._progress.told(what)

    def _text(self, text: str, always: bool = False) -> None:
        """Show a text on the node, unless its panel tells the same."""
        if not self._panel:
            self._progress.text(text, always)

    def _encoded(self, event: Encoded) -> None:
        """Show how much is encoded, with the time that the rest takes once some of it is known."""
        if not event.done or self._encoding[0] != event.what:
            self._encoding = event.what, time.monotonic() - 1e-9, event.done
        _, begin, before = self._encoding
        made, now = event.done - before, time.monotonic()
        left = (now - begin) / made * (event.total - event.done) if made else None
        last = event.done in (0, event.total)
        self._progress.bar(event.done, event.total)
        self._text(f"encoding {event.what}: {event.done} of {event.total}", last)
        if last or now - self._sent > 0.25:
            self._sent = now
            told = {"text": f"encoding {event.what}", "done": event.done, "total": event.total, "left": left}
            self._broadcasts.tell("encoding", **told)

    def _stepped(self, event: Stepped) -> None:
        started = self._started
        if started is None:
            raise RuntimeError("a step came before the run had started")
        self._recent.append(event.loss)
        self._seconds, self._waited = self._seconds + event.seconds, self._waited + event.data_wait
        self._skipped += not math.isfinite(event.grad_norm)
        self._rate.add(event.seconds)
        self._progress.bar(event.step, started.steps)
        recent = [loss for loss in self._recent if math.isfinite(loss)]
        mean = sum(recent) / len(recent) if recent else None
        loss = "loss NaN" if mean is None else f"loss {mean:.4f}"
        last = event.step == started.steps
        self._text(
            f"step {event.step} of {started.steps}, epoch {event.epoch} of {started.epochs}\n"
            f"{loss}, {self._rate.speed}, {self._rate.left(started.steps - event.step)} left{self._probe()}",
            last,
        )
        now = time.monotonic()
        if last or now - self._sent > 0.25:
            self._sent = now
            told = {"step": event.step, "steps": started.steps, "epoch": event.epoch, "loss": mean}
            self._broadcasts.tell("step", **told, lr=rate(event.lr, event.d_lr), seconds=self._rate.seconds)

    def _tell_start(self, event: Started | Resumed) -> None:
        """Tell all open pages that steps begin, and the name that the run's files have really got."""
        record = registry.read(folders.run_folder(event.run_id))
        step, status = (event.step, "resumed") if isinstance(event, Resumed) else (0, "started")
        told = {"status": status, "step": step, "steps": event.steps, "epochs": event.epochs}
        self._broadcasts.tell("started", **told, title=record.title if record else "")

    def _probe(self) -> str:
        """Return the last value of the probe as a line that starts with a line break; "" before the second one."""
        if len(self._probed) < 2:
            return ""
        last = self._probed[-1]
        return f"\nprobe {last.percent:.1f} % of the start ({last.label})"

    def ended_early(self, record: Record) -> None:
        """Show on the node and in the log what a run has kept that was interrupted, or stopped before it had a LoRA."""
        text = kept.sentence(record, listed)
        self._text(text, always=True)
        if text and not (record.status == "stopped" and advice.shows_the_log()):
            log.info("Athanor: %s", text)

    def summary(self, run: Run, record: Record, notes: Sequence[str] = ()) -> str:
        """Show a summary of the finished or stopped run with `notes` on the node, and return it with the run's warnings behind it:
        on the node they stand in a list of their own."""
        last = run.checkpoints[-1]
        lines = [
            f"{last.lora_name}: {last.step} steps, {plural(len(run.checkpoints), 'checkpoint')}",
            f"sshs_model_hash {last.hash}",
            *self._probe().strip().splitlines(),
        ]
        if record.status == "stopped":
            lines.append(kept.sentence(record, listed))
            if not advice.shows_the_log():
                log.info("Athanor: %s", lines[-1])
        elif record.why:
            lines.append(record.why)
        if record.status != "stopped" and self._started is None:
            how = advice.switch_on("retrain")
            lines.append(f"This run is already finished, so its LoRA is reused; {how} to train it again.")
        waited = self._waited / max(1e-9, self._seconds)
        if waited > 0.05 and self._waited > WORTH_A_WORD:
            lines.append(
                f"{waited:.0%} of the time was spent waiting for data: use a faster disk, or switch cache_to_disk off."
            )
        if self._skipped:
            lines.append(f"{self._skipped} steps gave NaN or infinity and were skipped.")
        warnings = [] if advice.shows_the_log() else self._warnings
        self._text(without_roots("\n".join([*lines, *notes])), always=True)
        return without_roots("\n".join([*lines, *notes, *warnings]))
