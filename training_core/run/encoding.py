"""Encode what a run needs before it makes steps, until all is there or the run is asked to stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..data.plan import PlannedBatch
from ..history.events import Encoded, Event, Warned, ended_together
from .control import Control
from .prepare import Prepared
from .ranks import Ranks


class Encoding:
    """Encodes for one session; a stop is obeyed behind the batch of pictures, or the caption, that is under way."""

    def __init__(self, run: Prepared, control: Control, ranks: Ranks) -> None:
        """Encode nothing until `first` is read."""
        self._run, self._control, self._ranks = run, control, ranks
        self._first: list[PlannedBatch] = []
        self._last: Encoded | None = None
        self._asked = False
        self.stopped = False  # whether a process was asked to stop meanwhile, as all of them have agreed

    def first(self, clip: Any, batches: list[PlannedBatch], more: Sequence[PlannedBatch] = ()) -> Iterator[Event]:
        """Tell what is to be known before, then encode what the probe, the samples, the steps of the first epoch and `more` need.

        Args:
            clip: encodes the samples' prompts; None: a trained text encoder encodes them anew for every picture.
            batches: of the first epoch, of all processes.
        """
        yield from (Warned(text, note=True) for text in self._run.notes)
        yield from map(Warned, self._run.warnings)
        yield from self._until_asked(self._run.probe.prepare())
        if clip is not None:
            yield from self._until_asked(self._run.samples.prepare(clip))
        yield from self._until_asked(self._run.samples.prepare_scores())
        yield from self._epoch(batches, more)
        self._first = batches

    def epoch(self, batches: list[PlannedBatch]) -> Iterator[Event]:
        """Encode this process' part of an epoch's batches, unless it is the first one."""
        if batches != self._first:
            yield from self._epoch(batches, ())

    def _epoch(self, batches: list[PlannedBatch], more: Sequence[PlannedBatch]) -> Iterator[Event]:
        """Encode an epoch; name the pictures that no process can train on."""
        encodings, own = self._run.encodings, [batch for _, batch in self._ranks.shard(batches)]
        yield from self._until_asked(encodings.fill([*own, *more]))
        (self.stopped,) = self._ranks.any(self._asked)
        if not self.stopped:
            yield from encodings.left_out.warnings(batches, self._ranks.any)

    def _until_asked(self, events: Iterator[Event]) -> Iterator[Event]:
        """Yield events until this process or another is asked to stop."""
        with ended_together(events):
            for event in () if self._asked else events:
                yield event
                if isinstance(event, Encoded) and not event.done:
                    continue  # what is begun is encoded, and kept
                self._asked = self._ranks.asked(self._control.take("stop"))
                if self._asked:
                    self._last = event if isinstance(event, Encoded) else None
                    return

    def why(self, step: int, kept: bool) -> str:
        """Return in words what a run has that was stopped here: nothing trained since `step`, and what is encoded, if it is `kept`."""
        at = self._last
        how = f"while it encoded {at.what} ({at.done} of {at.total})" if at else "before its first step"
        trained = f"no step was made after step {step}" if step else "nothing was trained"
        cache = "what is encoded is kept" if kept else "what is encoded is not kept, since cache_to_disk is off"
        return f"asked to stop {how}: {trained}, {cache}"
