"""What a run that was interrupted or stopped has kept, and how it goes on: one sentence for its node, the page and the log."""

from __future__ import annotations

from collections.abc import Callable

from .. import advice
from . import registry
from .registry import Record, RunSummary

_WORDS = {"interrupted": "Interrupted", "stopped": "Stopped"}


def sentence(record: Record, name_of: Callable[[str], str]) -> str:
    """Return how a run has ended before its end, what is saved and what to do to go on; '' for a run that has not.

    Args:
        record: of the run.
        name_of: path of a saved file -> how the host lists it.
    """
    word, step = _WORDS.get(record.status, ""), RunSummary.of(record).step
    if not word:
        return ""
    if not step:
        return f"{word} {_before_the_first_step(record)}. {advice.again().capitalize()} to go on."
    if not record.saved:
        return f"{word} at step {step} of {record.steps}; its files are gone. {advice.again().capitalize()} to go on."
    newest = record.saved[-1]
    name, far = name_of(newest["path"]), newest["step"] >= step
    if record.status == "stopped" and record.why:  # by its sweep
        return f"{record.why} {name} of step {newest['step']} is saved."
    kept = f"{name} is saved" if far else f"{name} of step {newest['step']} is the last file"
    return (
        f"{word} at step {max(step, newest['step'])} of {record.steps}: {kept}; {advice.again()} to go on from there."
    )


def _before_the_first_step(record: Record) -> str:
    """Return when a run without a step has ended and what it has kept, in words that follow "Interrupted"."""
    if record.status == "stopped" and record.why:  # "asked to stop while it encoded ...: nothing was trained, ..."
        return record.why.removeprefix("asked to stop ")
    cached = (registry.job(record.folder).get("cache") or {}).get("cache_to_disk", True)
    cache = "what is encoded is kept" if cached else "what is encoded is not kept, since cache_to_disk is off"
    return f"before its first step: nothing was trained, {cache}"
