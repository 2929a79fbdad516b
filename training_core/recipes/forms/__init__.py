"""The forms of recipes that are read, one file for each program's words and one for each form's reader."""

from __future__ import annotations

from ..form import Form
from . import (
    ai_toolkit,
    diffusion_pipe,
    kohya_gui,
    lora_file,
    lora_own,
    musubi,
    onetrainer,
    own,
    plain_lines,
    sd_scripts,
)

FORMS: tuple[Form, ...] = (
    lora_own.OWN_LORA,
    onetrainer.LORA,
    lora_file.LORA,
    own.JOB,
    own.API,
    own.PAGE,
    kohya_gui.GUI,
    *onetrainer.FORMS,
    *ai_toolkit.FORMS,
    lora_file.DUMP,
    sd_scripts.DATASET,
    diffusion_pipe.DATASET,
    diffusion_pipe.MAIN,
    diffusion_pipe.POSTED,
    diffusion_pipe.COMMAND,
    musubi.DATASET,
    musubi.PROJECT,
    musubi.CONFIG,
    musubi.COMMAND,
    sd_scripts.EASY_TRAINING,
    sd_scripts.LORA_SCRIPTS,
    sd_scripts.CONFIG,
    sd_scripts.LORA_SCRIPTS_SCRIPT,
    sd_scripts.COMMAND,
    sd_scripts.PROMPTS,
    plain_lines.LINES,
)
"""All of them, in the order in which they are tried: those that show more clearly what they are come first. Which of several files
of one program speaks last is told by `Form.speaks`."""
