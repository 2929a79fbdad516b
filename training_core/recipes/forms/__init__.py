"""The forms of recipes that are read, one file for each program's words and one for each form's reader."""

from __future__ import annotations

from ..form import Form
from . import onetrainer

FORMS: tuple[Form, ...] = (*onetrainer.FORMS,)
"""All of them, in the order in which they are tried: those that show more clearly what they are come first. Of one program, what
comes later speaks last: a dataset's file overrides the command."""
