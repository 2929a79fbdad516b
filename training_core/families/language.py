"""Families that read a language model's hidden states: Krea 2, Ideogram 4, ERNIE-Image and Lens."""

from __future__ import annotations

from .record import SAME, Family, Layers

KREA2 = Family(
    title="Krea 2",
    model_class="comfy.model_base.Krea2",
    base_version="krea2",
    architecture="krea-2",
    implementation="https://github.com/krea-ai/krea-2",
    timestep_sampling="shift",
    shift=2.5,
    source="musubi-tuner, docs/krea2.md",
    diffusers_map="krea2_to_diffusers",
    layers=Layers(
        blocks=("comfy.ldm.krea2.model.SingleStreamBlock", "comfy.ldm.krea2.model.TextFusionBlock"),
        attentions=("comfy.ldm.krea2.model.Attention",),
    ),
)
IDEOGRAM4 = Family(
    title="Ideogram 4",
    model_class="comfy.model_base.Ideogram4",
    base_version="ideogram4",
    architecture="ideogram-4",
    timestep_sampling="shift",
    shift=3.0,
    source="diffusion-pipe, docs/supported_models.md (logit_normal, shift 3); musubi-tuner has ideogram4_shift, by size",
    layers=Layers(
        blocks=("comfy.ldm.ideogram4.model.Ideogram4TransformerBlock",),
        attentions=("comfy.ldm.ideogram4.model.Ideogram4Attention",),
    ),
)
ERNIE_IMAGE = Family(
    title="ERNIE-Image",
    model_class="comfy.model_base.ErnieImage",
    base_version="ernie_image",
    architecture="ernie-image",
    timestep_sampling="shift",
    shift=3.0,
    source="diffusion-pipe, docs/supported_models.md (logit_normal, shift 3)",
    diffusers_map=SAME,
    layers=Layers(
        blocks=("comfy.ldm.ernie.model.ErnieImageSharedAdaLNBlock",),
        attentions=("comfy.ldm.ernie.model.ErnieImageAttention",),
    ),
)
LENS = Family(
    title="Lens",
    model_class="comfy.model_base.Lens",
    base_version="lens",
    architecture="lens",
    implementation="https://github.com/microsoft/Lens",
    timestep_sampling="shift",
    shift=6.2277,  # exp(1.829)
    source="ComfyUI's sampling shift, comfy/supported_models.py: no trainer has published one",
    layers=Layers(
        blocks=("comfy.ldm.lens.model.LensTransformerBlock",),
        attentions=("comfy.ldm.lens.model.LensJointAttention",),
    ),
)
