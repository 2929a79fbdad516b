"""Small text encoders in the real classes of each family, with random weights."""

from __future__ import annotations

import torch

CLIP_L = {"num_hidden_layers": 3, "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 2}
CLIP_G = {"num_hidden_layers": 3, "hidden_size": 96, "intermediate_size": 64, "num_attention_heads": 2}
T5 = {"num_layers": 2, "d_ff": 32, "d_kv": 16, "num_heads": 2, "vocab_size": 32128}


def load(family: str, state: dict[str, torch.Tensor] | None = None):
    """A CLIP object for "sd15", "sdxl", "refiner", "sd3", "flux" or "pixart"; with the weights of `state`, as the host's loader
    gives them to it."""
    import comfy.sd
    from comfy import sd1_clip, sdxl_clip
    from comfy.text_encoders import flux, pixart_t5, sd3_clip

    # SD3 pads CLIP's width to 4096; Flux's T5 stands alone.
    t5 = T5 | (
        {"d_model": 4096, "vocab_size": 10000} if family == "sd3" else {"d_model": 64}
    )  # common words come first
    options = {"clip_l_model_config": CLIP_L, "clip_g_model_config": CLIP_G, "t5xxl_model_config": t5}
    options |= {"dtype": torch.float32}
    classes = {
        "sd15": (sd1_clip.SD1ClipModel, sd1_clip.SD1Tokenizer),
        "sdxl": (sdxl_clip.SDXLClipModel, sdxl_clip.SDXLTokenizer),
        "refiner": (sdxl_clip.SDXLRefinerClipModel, sdxl_clip.SDXLTokenizer),
        "sd3": (sd3_clip.SD3ClipModel, sd3_clip.SD3Tokenizer),
        "flux": (flux.FluxClipModel, flux.FluxTokenizer),
        "pixart": (pixart_t5.PixArtT5XXL, pixart_t5.PixArtTokenizer),
    }

    class Target:
        params: dict = {}  # noqa: RUF012
        clip, tokenizer = classes[family]

    clip = comfy.sd.CLIP(Target, model_options=options, state_dict=state or [])
    if state is not None:
        return clip
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, value in clip.cond_stage_model.named_parameters():
            if "norm" in name and name.endswith("weight"):
                value.fill_(1.0)
            elif value.ndim < 2:
                value.zero_()
            else:
                size = 1.0 if "embed" in name or "shared" in name else 2.0 * value.shape[-1] ** -0.5
                value.copy_(torch.randn(value.shape, generator=generator) * size)
    return clip
