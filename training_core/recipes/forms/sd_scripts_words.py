"""The words of sd-scripts: each option of its LoRA scripts, and what becomes of it here.

Most options are settings here under the name that the settings themselves tell (`flag`, training_core/settings); the tables beside this
file have those that are said in another way, and those that have no meaning here. kohya's GUI, LoRA-scripts and the metadata of LoRA
files use the same words.
"""

from __future__ import annotations

from ...settings import JOB_GROUPS, info
from ..rules import Rule, Same, Vocabulary
from ..translate import Program
from . import (
    sd_scripts_flow,
    sd_scripts_network,
    sd_scripts_optimizer,
    sd_scripts_pictures,
    sd_scripts_reasons,
    sd_scripts_training,
)
from .sd_scripts_defaults import implied
from .sd_scripts_settle import settle


def _same() -> dict[str, Rule]:
    """Return the options that a setting names as its own, without those that several settings share."""
    groups = JOB_GROUPS
    return {
        each.flag: Same(path=f"{group}.{each.name}")
        for group, settings in groups.items()
        for each in info(settings)
        if each.flag and "," not in each.flag and '"' not in each.flag and len(each.flag) > 1
    }


WORDS: Vocabulary = {
    **_same(),
    **sd_scripts_reasons.reasons(),
    **sd_scripts_network.rules(),
    **sd_scripts_optimizer.rules(),
    **sd_scripts_pictures.rules(),
    **sd_scripts_training.rules(),
    **sd_scripts_flow.rules(),
}
"""Option without its dashes ("network_dim"), an argument with its option before it ("network_args conv_dim") -> its rule."""

SD_SCRIPTS = Program(title="sd-scripts", vocabulary=WORDS, implied=implied, settle=settle)
"""kohya's sd-scripts; its defaults were read from version 0.10.1."""
