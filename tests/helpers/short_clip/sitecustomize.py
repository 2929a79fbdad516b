"""ComfyUI builds CLIP-L as its file has it: with 3 narrow layers in the small checkpoints of these tests (`tiny.py`), which a CPU
computes eight times as fast as the 12 that ComfyUI knows from a table. Files that have all 12, as the demo base's, are built as ever.
What is there when the first is built, which is all of ComfyUI, is no longer looked through at each `gc.collect`: one follows each run.

Python runs this when it starts in every process whose PYTHONPATH names this folder (`device.short_clip`).
"""

from __future__ import annotations

import gc
import importlib.util
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

WIDTH = 768
"""Of CLIP-L, by which it is told from other text encoders."""
_frozen = False


def shape(states: Any) -> dict[str, int]:
    """Layers, and the width between them, of the CLIP-L among these state dicts; {} if there is none."""
    for state in states if isinstance(states, list) else [states]:
        for start in ("clip_l.transformer.text_model.encoder.layers.", "text_model.encoder.layers."):
            between = state.get(f"{start}0.mlp.fc1.weight")
            if between is not None and between.shape[1] == WIDTH:
                layers = {key[len(start) :].partition(".")[0] for key in state if key.startswith(start)}
                return {"num_hidden_layers": len(layers), "intermediate_size": between.shape[0]}
    return {}


def shorten(sd: Any) -> None:
    """Let `comfy.sd` do so."""
    build = sd.CLIP.__init__
    if hasattr(build, "fits_its_file"):
        return

    def __init__(self: Any, *args: Any, **options: Any) -> None:
        if found := shape(options.get("state_dict", [])):
            options["model_options"] = {"clip_l_model_config": found, **options.get("model_options", {})}
        global _frozen
        if not _frozen:  # `gc.get_freeze_count` would count a million objects at each clone
            gc.freeze()
            _frozen = True
        build(self, *args, **options)

    __init__.fits_its_file = True
    sd.CLIP.__init__ = __init__


class _Finder(MetaPathFinder):
    """Does it as soon as `comfy.sd` is imported."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != "comfy.sd":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def executed(module: Any) -> None:
            execute(module)
            shorten(module)

        spec.loader.exec_module = executed
        return spec


if __name__ == "sitecustomize":
    sys.meta_path.insert(0, _Finder())
