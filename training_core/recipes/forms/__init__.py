"""The forms of recipes that are read, one file for each program's words and one for each form's reader."""

from __future__ import annotations

from ..form import Form
from . import kohya_gui, lora_file, own, sd_scripts

FORMS: tuple[Form, ...] = (
    lora_file.LORA,
    own.JOB,
    own.API,
    own.PAGE,
    kohya_gui.GUI,
    lora_file.DUMP,
    sd_scripts.DATASET,
    sd_scripts.EASY_TRAINING,
    sd_scripts.LORA_SCRIPTS,
    sd_scripts.CONFIG,
    sd_scripts.LORA_SCRIPTS_SCRIPT,
    sd_scripts.COMMAND,
    sd_scripts.PROMPTS,
)
"""All of them, in the order in which they are tried: those that show more clearly what they are come first. Which of several files
of one program speaks last is told by `Form.speaks`."""
