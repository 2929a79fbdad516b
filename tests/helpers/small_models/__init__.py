"""A custom node pack for the tests' ComfyUI: its stock loaders take small files of families whose sizes it knows from tables.

In models/diffusion_models a file has the name of its layout (tests/helpers/layouts), in models/text_encoders Qwen3-0.6B is as narrow
as `QWEN3`. A family whose encoder or VAE cannot be made small gets its CLIP and VAE from the node SmallParts.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

_HELPERS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_HELPERS), str(_HELPERS.parents[1] / "demo"), str(Path(__file__).resolve().parent)]

QWEN3 = {
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}


def take_small_files() -> None:
    """Let `comfy.sd` do so, from now on."""
    import comfy.sd
    import comfy.text_encoders.llama as llama
    import tiny_layouts

    load, detect = comfy.sd.load_diffusion_model, comfy.sd.detect_te_model

    def load_small(path: str, *args: Any, **options: Any) -> Any:
        layout = tiny_layouts.LAYOUTS.get(Path(path).stem)
        if layout is None:
            return load(path, *args, **options)
        with tiny_layouts._shrunk(layout), layout.small_parts():
            return load(path, *args, **options)

    def detect_small(state: Any) -> Any:
        embedding = state.get("model.embed_tokens.weight")
        is_small = embedding is not None and embedding.shape[1] == QWEN3["hidden_size"]
        return comfy.sd.TEModel.QWEN3_06B if is_small else detect(state)

    comfy.sd.load_diffusion_model, comfy.sd.detect_te_model = load_small, detect_small
    llama.Qwen3_06BConfig = partial(llama.Qwen3_06BConfig, **QWEN3)


class SmallParts:
    """CLIP and VAE that fit a MODEL of a family's case."""

    RETURN_TYPES, FUNCTION, CATEGORY = ("CLIP", "VAE"), "parts", "tests"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"model": ("MODEL",), "case": ("STRING", {"default": ""})}}

    def parts(self, model: Any, case: str) -> tuple[Any, Any]:
        import parts
        import tiny_layouts

        return parts.clip_of(tiny_layouts.CASES[case]), parts.vae_of(model.model.latent_format)


NODE_CLASS_MAPPINGS = {"SmallParts": SmallParts}


if __name__ != "small_models":  # ComfyUI names a pack by its folder's path; a test imports it for its sizes alone
    take_small_files()
