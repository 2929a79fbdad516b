"""What to do next, in the words of where it is read, ComfyUI's page or a terminal: the same advice has other words there."""

from __future__ import annotations

_terminal = False


def at_a_terminal(terminal: bool) -> None:
    """Say where the sentences of this process are read from now on; at first on the page."""
    global _terminal
    _terminal = terminal


def again() -> str:
    """Return how to start the same training once more, as the middle of a sentence."""
    return "run the same command again" if _terminal else "queue the graph again"


def switch_on(name: str) -> str:
    """Return how to switch on a setting of Train LoRA, as the middle of a sentence."""
    return f"add --set {name}=true" if _terminal else f"switch {name} on"


def shows_the_log() -> bool:
    """Return whether who reads what a node shows at its end has read the warnings in the log before."""
    return _terminal
