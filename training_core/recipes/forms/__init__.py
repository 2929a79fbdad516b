"""The forms of recipes that are read, one file for each program's words and one for each form's reader."""

from __future__ import annotations

from ..form import Form
from . import kohya_gui, lora_file, plain_lines

FORMS: tuple[Form, ...] = (
    lora_file.LORA,
    kohya_gui.GUI,
    lora_file.DUMP,
    plain_lines.LINES,
)
"""All of them, in the order in which they are tried: those that show more clearly what they are come first. Which of several files
of one program speaks last is told by `Form.speaks`."""
