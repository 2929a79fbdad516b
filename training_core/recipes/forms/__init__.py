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
    # Of LoRA files, those that hold a whole recipe come before those that hold sd-scripts' fields alone.
    lora_own.OWN_LORA,
    onetrainer.LORA,
    lora_file.LORA,
    # JSON and YAML, told by members that no other program has.
    own.JOB,
    own.API,
    own.PAGE,
    kohya_gui.GUI,
    *onetrainer.FORMS,
    *ai_toolkit.FORMS,
    lora_file.DUMP,
    # TOML and commands: musubi-tuner shares most names with sd-scripts, so what only it has is looked for first.
    sd_scripts.DATASET,  # its datasets have subsets, those of musubi-tuner folders
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
    # What nearly any text could be comes last.
    sd_scripts.PROMPTS,
    plain_lines.LINES,
)
"""All of them, in the order in which they are tried: the first whose reader knows the text is its form. Where several files of one
program are read together, `Form.speaks` tells which one is heard last and overrides the others; of equals the later in this list."""
