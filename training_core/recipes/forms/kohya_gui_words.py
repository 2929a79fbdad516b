"""What fields of the kohya GUI mean here that say nothing, and those that sd-scripts has no option for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...errors import quoted
from ..rules import Meaningless, Paths, Said, Turned, Vocabulary
from ..values import whole
from .reasons import lacking
from .sd_scripts_words import SD_SCRIPTS, WORDS

EMPTY, OFF, ANOTHER_TYPE, ANOTHER_MODEL = "(empty)", "(off)", "(another type)", "(another model)"
ANOTHER_NOISE, DECIDED, NO_WARMUP, OF_THE_GUI = "(another noise)", "(decided)", "(no warm-up)", "(of the GUI)"


def _unknown_type(value: Any, _said: Said) -> Paths:
    raise ValueError(f"{quoted(value)} is no type of LoRA that is known here: choose algo in Network Config.")


_OWN: Vocabulary = {
    EMPTY: Meaningless(why="It is empty: nothing is set."),
    OFF: Meaningless(why="It is switched off, or has the value that changes nothing."),
    ANOTHER_TYPE: Meaningless(why="The chosen type of LoRA has no such setting."),
    ANOTHER_MODEL: Meaningless(why="It is for another kind of model than the one that is trained."),
    ANOTHER_NOISE: Meaningless(why="noise_offset_type says that the other kind of noise is used."),
    DECIDED: Meaningless(why="Another field of the file decides it."),
    NO_WARMUP: Meaningless(why="The schedule constant has no warm-up, there and here."),
    OF_THE_GUI: Meaningless(why="It is about the GUI, not about the training."),
    "noise_offset_type": Meaningless(why="It says which of the two kinds of noise is used, and that one is taken."),
    "LoRA_type": Turned(to=_unknown_type, why="The kind of network."),
    "lowvram": Meaningless(why="ComfyUI manages memory here."),
    "train_lora_ggpo": Meaningless(why="ggpo_sigma and ggpo_beta say it."),
    "bucket_reso_steps": Turned(
        to=lambda value, _: {"buckets.bucket_reso_steps": max(8, whole(value))},
        why="The least step here is 8 pixels, which are one of the latent; smaller ones came to the same.",
        same=True,
    ),
    "network_args algo": Turned(to=lambda value, _: {"network.algo": value}, why="The kind of network.", same=True),
    "additional_parameters": lacking("It holds no options that are known here."),
    "extra_accelerate_launch_args": Meaningless(
        why="ComfyUI runs the training itself: there is no launcher with options."
    ),
    "train_inpainting": lacking("Inpainting models are known by their files here, and are trained with masks."),
}

KOHYA_GUI = replace(SD_SCRIPTS, title="kohya's GUI", vocabulary={**WORDS, **_OWN})
"""bmaltais' kohya_ss, which hands its fields to sd-scripts under the names of its options."""
