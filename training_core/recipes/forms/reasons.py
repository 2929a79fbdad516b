"""Reasons that the words of several programs share, and the rule of a setting that there is nothing like here."""

from __future__ import annotations

from typing import Any

from ..rules import Meaningless
from ..values import is_on, number

ATTENTION = "ComfyUI chooses how attention is computed; the result is the same but for rounding."
MEMORY = "How memory is saved is chosen here: what is learned stays the same."
SHOWN = "It changes what the program shows, not what is trained."
STATE = "The state of a run is kept by itself, and a stopped run goes on where it was."
STATE_OF_ANOTHER = "Its state is not continued here: network_weights of Network Config goes on from a LoRA."
TRACKER = (
    "The curves are in the sidebar, and nothing is sent anywhere because a recipe says so: log_with of Train LoRA is for a tracker "
    "of your own."
)
TRACKER_KEY = (
    "Weights & Biases asks for its key by itself. A key does not belong in a recipe: renew it if you have passed it on."
)
NOT_MERGED = (
    "No LoRA is merged into the model before training here: put Load LoRA between the loader and Train LoRA for it."
)
LAYER_RATES = "Learning rates of single layers are set by reg_lrs of Block Config here."
ALL_TIMESTEPS = "eps and v models are trained on all timesteps alike here."
NO_DISTRIBUTION = "There is no such distribution of timesteps here: the one that is usual for the model is used."
NO_FAMILY = "Models of this kind are not trained here; the other settings are taken over."
NO_ENCODERS = "Where the model itself is trained, its text encoders are not: train a LoRA for that."
NOTHING_TRAINED = "Nothing would be trained; here it is the diffusion model."


def lacking(what: str, usual: Any = None) -> Meaningless:
    """Return the rule of a setting that there is nothing like here.

    Args:
        what: the sentence about it, which counts only where the setting is switched on.
        usual: a value that is no request either, the other program's default; off, 0 and empty never are.
    """
    return Meaningless(
        why="It is off, or at its default: nothing is lost.",
        unless=lambda value: value != usual and _asks(value),
        otherwise=what,
    )


def _asks(value: Any) -> bool:
    """Return whether a value asks for something: what is off, 0 or empty does not."""
    if not value:
        return False
    try:
        return number(value) != 0
    except ValueError:
        return is_on(value, unclear=True)
