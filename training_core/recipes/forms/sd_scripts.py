"""The forms of sd-scripts' recipes, and of programs that have the same words."""

from __future__ import annotations

from ..form import Form
from . import easy_training, lora_scripts, sd_scripts_command, sd_scripts_config, sd_scripts_dataset, sd_scripts_prompts
from .sd_scripts_words import SD_SCRIPTS

DATASET = Form(title="sd-scripts dataset TOML", program=SD_SCRIPTS, read=sd_scripts_dataset.read, speaks=2)
EASY_TRAINING = Form(title="LoRA Easy Training Scripts TOML", program=SD_SCRIPTS, read=easy_training.read)
LORA_SCRIPTS = Form(title="LoRA-scripts TOML", program=SD_SCRIPTS, read=lora_scripts.read)
LORA_SCRIPTS_SCRIPT = Form(title="LoRA-scripts script", program=SD_SCRIPTS, read=lora_scripts.read_script)
CONFIG = Form(title="sd-scripts config TOML", program=SD_SCRIPTS, read=sd_scripts_config.read)
COMMAND = Form(title="sd-scripts command", program=SD_SCRIPTS, read=sd_scripts_command.read, speaks=1)
PROMPTS = Form(title="sample prompts", program=SD_SCRIPTS, read=sd_scripts_prompts.read, speaks=3)
