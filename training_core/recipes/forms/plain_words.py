"""What the names in posts mean here: sd-scripts' words, and those that people use for several settings or for none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..own_lines import PATHS
from ..rules import Meaningless, Paths, Said, Same, Translated, Vocabulary
from . import plain_names as names
from .lora_family import titled
from .sd_scripts_words import SD_SCRIPTS, WORDS


def _nothing(_said: Said) -> dict[str, Any]:
    return {}


def _family(value: Any, _said: Said) -> Paths:
    title = titled(value)
    if not title:
        raise ValueError("No model of this name is known here: choose the model yourself.")
    return {"model.family": title}


def _kind(value: Any, said: Said) -> Paths:
    """A network of LyCORIS is one on all layers where nobody says otherwise, which is LyCORIS' own default."""
    lycoris = value in ("locon", "loha", "lokr", "glora", "ia3", "full") and not said.get("network_args preset")
    return {"network.algo": value} | ({"network.preset": "full"} if lycoris else {})


_OWN: Vocabulary = {
    **{f"{names.OWN}{path}": Same(path=path) for path in PATHS},
    names.FAMILY: Translated(to=_family, why="The kind of the model, by what people call it."),
    names.KIND: Translated(
        to=_kind, why="The kind of network; those of LyCORIS train all layers where nothing else is said.", same=True
    ),
    names.PICTURES: Meaningless(why="How many pictures there are is seen in your folder."),
    names.TRIGGER: Meaningless(why="It belongs in your captions, or in caption_prefix of Dataset Loader."),
    names.ABOUT: Meaningless(why="It is about the author's work, not about how the LoRA is trained."),
    names.ALTERNATIVE: Translated(
        to=lambda _v, _s: {}, why="The text gives several values for this: the first one is taken."
    ),
    names.DECIDED: Meaningless(why="They follow from the epochs: how many they are depends on your pictures."),
}

POST = replace(SD_SCRIPTS, title="A list of settings", vocabulary={**WORDS, **_OWN}, implied=_nothing)
"""Settings in a post, of whichever program: what they do not say is at its default here."""
