"""A form of recipes: what it is called, whose words it uses, and what a file that has it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .document import Document
from .rules import Contents
from .translate import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form that recipes have."""

    title: str
    """What readers know it as: "sd-scripts command"."""
    program: Program
    read: Callable[[Document], Contents | None]
    """What a file says; None where it has another form. AthanorError where it has this form and cannot be read."""
    speaks: int = 0
    """Of several files of one program the one with the larger number speaks last: a dataset's file overrides the command."""
